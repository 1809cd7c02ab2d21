#include "report/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "record/uid.h"
#include "report/json_logs.h"

namespace whodunit::report {
namespace {

using store::Condition;
using store::Evidence;

// Uids asked for in one statement.
constexpr std::size_t kUidsAtATime = 500;
// Rows of one table that a connection's trace shows; a connection may carry millions.
constexpr std::uint64_t kRowsOfConnection = 1000;

struct ConnectionFacts {
  record::Endpoints id;
  std::uint8_t protocol = 0;
};
using Connections = std::map<record::Uid, ConnectionFacts>;

std::size_t field_of(const record::Schema& schema, std::string_view name) {
  for (std::size_t i = 0; i < schema.fields.size(); ++i)
    if (schema.fields[i].name == name) return i;
  return SIZE_MAX;
}

/// Calls `take` for each row of the table whose column is one of the values.
template <class Take>
base::Result<void> rows_with(store::Store& store, const record::Schema& schema, std::string_view column,
                             const std::set<std::string>& values, Take take) {
  for (auto at = values.begin(); at != values.end();) {
    Condition condition{column, Condition::Is::kOneOf, {}};
    for (; at != values.end() && condition.values.size() < kUidsAtATime; ++at) condition.values.push_back(*at);
    store::Scan scan;
    scan.filter.where.push_back(std::move(condition));
    auto scanned = store.scan(schema, scan, [&](const record::Batch& batch) {
      for (std::size_t row = 0; row < batch.rows(); ++row) take(batch, row);
      return true;
    });
    if (!scanned) return scanned;
  }
  return {};
}

base::Result<Connections> connections_of(store::Store& store, const std::set<std::string>& uids) {
  Connections out;
  const record::Schema* conn = record::find_schema("conn");
  if (conn == nullptr) return out;
  const std::size_t ip_proto = field_of(*conn, "ip_proto");
  auto done = rows_with(store, *conn, "uid", uids, [&](const record::Batch& batch, std::size_t row) {
    ConnectionFacts facts;
    facts.id = batch.head(row).id;
    if (ip_proto != SIZE_MAX && batch.is_set(ip_proto, row))
      facts.protocol = static_cast<std::uint8_t>(batch.word_at(ip_proto, row));
    out.emplace(batch.head(row).uid, facts);
  });
  if (!done) return done.error();
  return out;
}

void complete(TracedRecord& record, const Connections& connections) {
  const auto connection = connections.find(record.evidence.uid);
  if (connection != connections.end()) {
    record.protocol = connection->second.protocol;
    if (record.evidence.id == record::Endpoints{}) record.evidence.id = connection->second.id;
  }
  record.display_filter = display_filter(record.evidence.id, record.protocol, record.evidence.place);
}

/// Finds the rows behind the evidence of all findings, a few statements in all.
base::Result<void> find_rows(store::Store& store, std::vector<TracedFinding>& findings) {
  std::set<std::string> uids;
  std::map<std::string, std::vector<TracedRecord*>> by_table;
  for (TracedFinding& f : findings) {
    for (TracedRecord& r : f.records) {
      by_table[r.evidence.record].push_back(&r);
      if (r.evidence.uid) uids.insert(r.evidence.uid.to_string());
    }
  }
  auto connections = connections_of(store, uids);
  if (!connections) return connections.error();
  for (auto& [table, records] : by_table) {
    const record::Schema* schema = record::find_schema(table);
    if (schema == nullptr) continue;
    std::set<std::string> table_uids, packets;
    std::multimap<std::pair<std::uint64_t, std::uint64_t>, TracedRecord*> wanted;  // by uid and first packet
    for (TracedRecord* r : records) {
      if (r->evidence.uid)
        table_uids.insert(r->evidence.uid.to_string());
      else
        packets.insert(std::to_string(r->evidence.place.first));
      wanted.emplace(std::pair(r->evidence.uid.value, r->evidence.place.first), r);
    }
    const auto take = [&](const record::Batch& batch, std::size_t row) {
      const record::Head& head = batch.head(row);
      const auto [begin, end] = wanted.equal_range({head.uid.value, head.place.first});
      for (auto at = begin; at != end; ++at)
        if (at->second->json.empty() && at->second->evidence.place.capture_first == head.place.capture_first)
          append_json_row(at->second->json, batch, row);
    };
    for (const auto& [column, values] :
         {std::pair<std::string_view, const std::set<std::string>&>("uid", table_uids),
          std::pair<std::string_view, const std::set<std::string>&>("place.first", packets)}) {
      auto done = rows_with(store, *schema, column, values, take);
      if (!done) return done;
    }
  }
  for (TracedFinding& f : findings)
    for (TracedRecord& r : f.records) complete(r, *connections);
  return {};
}

/// All records of a connection, conn first.
base::Result<std::vector<TracedRecord>> records_of(store::Store& store, record::Uid uid) {
  std::vector<TracedRecord> out;
  auto connections = connections_of(store, {uid.to_string()});
  if (!connections) return connections.error();
  std::vector<const record::Schema*> schemas(record::schemas().begin(), record::schemas().end());
  std::stable_partition(schemas.begin(), schemas.end(), [](const record::Schema* s) { return s->name == "conn"; });
  for (const record::Schema* schema : schemas) {
    store::Scan scan;
    scan.filter.uid = uid;
    scan.limit = kRowsOfConnection;
    auto scanned = store.scan(*schema, scan, [&](const record::Batch& batch) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        const record::Head& head = batch.head(row);
        TracedRecord r;
        r.evidence = {std::string(schema->name), head.uid, head.place, head.id, head.ts};
        append_json_row(r.json, batch, row);
        complete(r, *connections);
        out.push_back(std::move(r));
      }
      return true;
    });
    if (!scanned) return scanned.error();
  }
  return out;
}

base::Result<record::Uid> connection_of_file(store::Store& store, std::string_view id) {
  record::Uid uid;
  const record::Schema* files = record::find_schema("files");
  if (files == nullptr || field_of(*files, "fuid") == SIZE_MAX) return uid;
  auto done = rows_with(store, *files, "fuid", {std::string(id)}, [&](const record::Batch& batch, std::size_t row) {
    if (!uid) uid = batch.head(row).uid;
  });
  if (!done) return done.error();
  return uid;
}

std::string capture_name(const Trace& trace, std::uint32_t ordinal) {
  for (const store::Capture& c : trace.captures)
    if (c.ordinal == ordinal) return c.name;
  return fmt::format("capture {}", ordinal);
}

bool in_log(const Trace& trace, const record::Place& place) {
  for (const store::Capture& c : trace.captures)
    if (c.ordinal == place.capture_first) return store::is_log(c);
  return false;
}

std::string place_text(const Trace& trace, const record::Place& place) {
  if (place.first == 0) return "no packets known";
  if (in_log(trace, place))
    return place.first == place.last
               ? fmt::format("{} line {}", capture_name(trace, place.capture_first), place.first)
               : fmt::format("{} lines {}, {}", capture_name(trace, place.capture_first), place.first, place.last);
  const std::string first = capture_name(trace, place.capture_first);
  if (place.capture_first != place.capture_last)
    return fmt::format("{} packet {} to {} packet {}", first, place.first, capture_name(trace, place.capture_last),
                       place.last);
  if (place.first == place.last) return fmt::format("{} packet {}", first, place.first);
  return fmt::format("{} packets {}–{}", first, place.first, place.last);
}

std::string ends_text(const record::Endpoints& id) {
  if (id == record::Endpoints{}) return {};
  const auto end = [](const base::Address& a, record::Port p) {
    return a.is_v4() ? fmt::format("{}:{}", a.to_string(), p.value) : fmt::format("[{}]:{}", a.to_string(), p.value);
  };
  return fmt::format("  {} → {}", end(id.orig_h, id.orig_p), end(id.resp_h, id.resp_p));
}

void append_record(std::string& out, const Trace& trace, const TracedRecord& r, std::size_t number) {
  fmt::format_to(std::back_inserter(out), "  {}. {}{}{}  {}\n", number, r.evidence.record,
                 r.evidence.uid ? "  " + r.evidence.uid.to_string() : "", ends_text(r.evidence.id),
                 place_text(trace, r.evidence.place));
  if (!r.json.empty()) fmt::format_to(std::back_inserter(out), "     {}\n", r.json);
  if (!r.display_filter.empty() && !in_log(trace, r.evidence.place))
    fmt::format_to(std::back_inserter(out), "     filter: {}\n", r.display_filter);
}

void append_records(std::string& out, const Trace& trace, const std::vector<TracedRecord>& records, std::size_t most) {
  std::size_t number = 0;
  for (const TracedRecord& r : records) {
    if (most != 0 && number == most) {
      fmt::format_to(std::back_inserter(out), "  … and {} more (--all shows them)\n", records.size() - number);
      break;
    }
    append_record(out, trace, r, ++number);
  }
}

nlohmann::ordered_json record_json(const Trace& trace, const TracedRecord& r) {
  nlohmann::ordered_json out;
  out["record"] = r.evidence.record;
  if (r.evidence.uid) out["uid"] = r.evidence.uid.to_string();
  if (r.evidence.place.first != 0) {
    out["capture"] = capture_name(trace, r.evidence.place.capture_first);
    if (r.evidence.place.capture_last != r.evidence.place.capture_first)
      out["capture_last"] = capture_name(trace, r.evidence.place.capture_last);
    const char* key = in_log(trace, r.evidence.place) ? "lines" : "packets";
    out[key] = nlohmann::ordered_json::array({{r.evidence.place.first, r.evidence.place.last}});
  }
  if (!r.display_filter.empty() && !in_log(trace, r.evidence.place)) out["display_filter"] = r.display_filter;
  if (!r.json.empty()) out["row"] = nlohmann::ordered_json::parse(r.json, nullptr, false);
  return out;
}

/// What was stored as JSON, or nothing where it is not.
nlohmann::ordered_json stored(const std::string& json) {
  auto parsed = nlohmann::ordered_json::parse(json, nullptr, false);
  return parsed.is_object() ? parsed : nlohmann::ordered_json::object();
}

}  // namespace

std::string display_filter(const record::Endpoints& id, std::uint8_t protocol, const record::Place& place) {
  std::string out;
  const auto add = [&](const std::string& condition) { out += (out.empty() ? "" : " && ") + condition; };
  if (id != record::Endpoints{}) {
    for (const base::Address* a : {&id.orig_h, &id.resp_h})
      add(fmt::format("{}.addr == {}", a->is_v4() ? "ip" : "ipv6", a->to_string()));
    const char* transport = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : protocol == 132 ? "sctp" : nullptr;
    if (transport != nullptr) {
      add(fmt::format("{}.port == {}", transport, id.orig_p.value));
      if (id.resp_p != id.orig_p) add(fmt::format("{}.port == {}", transport, id.resp_p.value));
    } else if (protocol == 1 || protocol == 58) {
      add(protocol == 1 ? "icmp" : "icmpv6");
    }
  }
  if (place.first != 0 && place.capture_first == place.capture_last) {
    if (place.first == place.last)
      add(fmt::format("frame.number == {}", place.first));
    else
      add(fmt::format("frame.number >= {} && frame.number <= {}", place.first, place.last));
  } else if (place.first != 0) {
    add(fmt::format("frame.number >= {}", place.first));
  }
  return out;
}

base::Result<Trace> trace(store::Store& store, std::string_view id) {
  Trace out;
  out.id = id;
  auto captures = store.captures();
  if (!captures) return captures.error();
  out.captures = std::move(*captures);
  const auto add_finding = [&](store::Finding finding) {
    TracedFinding traced;
    for (const Evidence& e : finding.evidence) traced.records.push_back({e, {}, 0, {}});
    traced.finding = std::move(finding);
    out.findings.push_back(std::move(traced));
  };

  auto finding = store.finding(id);
  if (!finding) return finding.error();
  auto assessments = store.assessments();
  if (!assessments) return assessments.error();
  for (store::Assessment& a : *assessments)
    if (a.subject == id) out.assessments.push_back(std::move(a));
  if (*finding) {
    add_finding(std::move(**finding));
    // Upwards: the incidents that it belongs to.
    auto incidents = store.incidents();
    if (!incidents) return incidents.error();
    for (store::Incident& i : *incidents)
      if (std::find(i.findings.begin(), i.findings.end(), id) != i.findings.end())
        out.incidents.push_back(std::move(i));
  } else {
    auto incident = store.incident(id);
    if (!incident) return incident.error();
    if (*incident) {
      for (const std::string& f : (*incident)->findings) {
        auto part = store.finding(f);
        if (!part) return part.error();
        if (*part) add_finding(std::move(**part));
      }
      out.incidents.push_back(std::move(**incident));
    }
  }
  if (!out.findings.empty()) {
    auto found = find_rows(store, out.findings);
    if (!found) return found.error();
    return out;
  }
  if (!out.incidents.empty() || !out.assessments.empty()) return out;

  record::Uid uid;
  // Ids of other sensors (Zeek's are longer than ours) are looked for as they were taken in.
  if (id.size() >= 12 && (id.front() == 'C' || id.front() == 'F')) {
    if (id.front() == 'C') {
      uid = record::uid_of_text(id);
    } else {
      auto of_file = connection_of_file(store, record::uid_of_text(id).to_string('F'));
      if (!of_file) return of_file.error();
      uid = *of_file;
    }
  }
  if (uid) {
    auto records = records_of(store, uid);
    if (!records) return records.error();
    out.records = std::move(*records);
  }
  if (out.records.empty())
    return base::Error{fmt::format("the case has nothing of the id {}", id), "",
                       "ids of findings begin with F-, of incidents with I-, of connections with C"};
  return out;
}

std::vector<engine::Wanted> packets_of(const Trace& trace) {
  std::vector<engine::Wanted> out;
  const auto add = [&](const TracedRecord& r) {
    if (r.evidence.place.first != 0 && !in_log(trace, r.evidence.place))
      out.push_back({r.evidence.place, r.evidence.id, r.protocol});
  };
  for (const TracedFinding& f : trace.findings)
    for (const TracedRecord& r : f.records) add(r);
  // A connection's own row reaches over all the others of it.
  const auto conn = std::find_if(trace.records.begin(), trace.records.end(),
                                 [](const TracedRecord& r) { return r.evidence.record == "conn"; });
  if (conn != trace.records.end())
    add(*conn);
  else
    for (const TracedRecord& r : trace.records) add(r);
  return out;
}

std::string trace_text(const Trace& trace, std::size_t most) {
  std::string out;
  const auto line = std::back_inserter(out);
  for (const store::Assessment& a : trace.assessments)
    fmt::format_to(line, "assessment of {}, {}: {} with probability {:.2f}; confidence {}\n", a.subject, a.level,
                   a.leading, a.probability, a.confidence);
  for (const store::Incident& i : trace.incidents) {
    fmt::format_to(line, "{}  incident against {}, {} to {} UTC: {}, depth {}; {} finding{}\n", i.id, i.victim,
                   base::to_minutes(i.first), base::to_minutes(i.last), i.phase, i.depth, i.findings.size(),
                   i.findings.size() == 1 ? "" : "s");
  }
  for (const TracedFinding& f : trace.findings) {
    const store::Finding& x = f.finding;
    if (!out.empty()) out += '\n';
    fmt::format_to(line, "{}  {}\n", x.id, x.statement);
    fmt::format_to(line, "  {}, {}, {}, confidence {:.2f}; detector {}{}\n", x.phase, x.outcome, x.severity,
                   x.confidence, x.detector,
                   x.techniques.empty() ? "" : fmt::format("; ATT&CK {}", fmt::join(x.techniques, ", ")));
    fmt::format_to(line, "  {} to {}\n", base::to_rfc3339(x.first), base::to_rfc3339(x.last));
    if (!x.attacker.empty() || !x.victim.empty())
      fmt::format_to(line, "  {}{}{}\n",
                     x.attacker.empty() ? "" : fmt::format("attacker {} {}", x.attacker_type, x.attacker),
                     x.attacker.empty() || x.victim.empty() ? "" : ", ",
                     x.victim.empty() ? "" : fmt::format("victim {} {}", x.victim_type, x.victim));
    append_records(out, trace, f.records, most);
  }
  if (!trace.records.empty()) {
    if (!out.empty()) out += '\n';
    fmt::format_to(line, "{}\n", trace.id);
    append_records(out, trace, trace.records, most);
  }
  return out;
}

std::string trace_json(const Trace& trace) {
  nlohmann::ordered_json out;
  out["id"] = trace.id;
  out["assessments"] = nlohmann::ordered_json::array();
  for (const store::Assessment& a : trace.assessments) out["assessments"].push_back(stored(a.json));
  out["incidents"] = nlohmann::ordered_json::array();
  for (const store::Incident& i : trace.incidents) out["incidents"].push_back(stored(i.json));
  out["findings"] = nlohmann::ordered_json::array();
  for (const TracedFinding& f : trace.findings) {
    nlohmann::ordered_json finding = stored(f.finding.json);
    finding["id"] = f.finding.id;
    finding["statement"] = f.finding.statement;
    finding["evidence"] = nlohmann::ordered_json::array();
    for (const TracedRecord& r : f.records) finding["evidence"].push_back(record_json(trace, r));
    out["findings"].push_back(std::move(finding));
  }
  out["records"] = nlohmann::ordered_json::array();
  for (const TracedRecord& r : trace.records) out["records"].push_back(record_json(trace, r));
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace whodunit::report
