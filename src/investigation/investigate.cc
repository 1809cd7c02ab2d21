#include "investigation/investigate.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "asset/inventory.h"
#include "attribution/model/actor_table.h"
#include "engine/store_writer.h"
#include "knowledge/networks/networks.h"
#include "store/store.h"

namespace whodunit::investigation {
namespace {

/// Hands each batch to those who asked for its type, and counts rows.
class Fold : public engine::Consumer {
 public:
  Fold(std::vector<std::unique_ptr<detect::Detector>>& detectors, asset::Inventory& inventory,
       std::map<std::string, std::uint64_t>& counts)
      : inventory_(inventory), counts_(counts) {
    for (const auto& detector : detectors) {
      for (const std::string_view name : detector->needs().records) {
        const record::Schema* schema = record::find_schema(name);
        if (schema == nullptr) continue;
        const auto id = static_cast<std::size_t>(schema->id);
        if (takers_.size() <= id) takers_.resize(id + 1);
        takers_[id].push_back(detector.get());
      }
    }
  }
  /// Rows of record types that nobody takes are only counted.
  bool wants(const record::Schema& schema) const {
    const auto id = static_cast<std::size_t>(schema.id);
    return (id < takers_.size() && !takers_[id].empty()) || schema.name == "conn" || schema.name == "weird";
  }
  void count(const record::Schema& schema, std::uint64_t rows) { counts_[std::string(schema.name)] += rows; }
  bool take(const record::Batch& batch) override {
    counts_[std::string(batch.schema().name)] += batch.rows();
    inventory_.take(batch);
    const auto id = static_cast<std::size_t>(batch.schema().id);
    if (id < takers_.size())
      for (detect::Detector* detector : takers_[id]) detector->take(batch);
    return true;
  }

 private:
  asset::Inventory& inventory_;
  std::map<std::string, std::uint64_t>& counts_;
  std::vector<std::vector<detect::Detector*>> takers_;
};

/// The detectors with what feeds them.
struct Looking {
  explicit Looking(const detect::Environment& environment)
      : detectors(make(environment)), fold(detectors, inventory, counts) {}
  static std::vector<std::unique_ptr<detect::Detector>> make(const detect::Environment& environment) {
    std::vector<std::unique_ptr<detect::Detector>> out;
    for (const detect::Entry& entry : detect::detectors()) out.push_back(entry.make(environment));
    return out;
  }
  std::vector<std::unique_ptr<detect::Detector>> detectors;
  asset::Inventory inventory;
  std::map<std::string, std::uint64_t> counts;
  Fold fold;
};

// A case is looked over in stretches of time, so that detectors see the record types go forward together, as in a run.
constexpr std::uint64_t kRowsOfStretch = 100'000;
constexpr std::uint64_t kMostStretches = 64;

/// All records of the case through the detectors; the case's captures and sums into `c`.
base::Result<void> look_over(store::Store& kept, Case& c, Fold& fold) {
  const auto captures = kept.captures();
  if (!captures) return captures.error();
  c.captures = engine::captures_of_case(*captures);
  c.first_capture = 0;
  c.ordinals.clear();
  base::Time first{INT64_MAX}, last;
  c.summary.packets = c.summary.unread = c.summary.lines = c.summary.lines_unread = 0;
  for (std::size_t i = 0; i < c.captures.size(); ++i) {
    const capture::CaptureInfo& info = c.captures[i];
    c.ordinals.push_back((*captures)[i].ordinal);
    c.summary.packets += info.packets;
    c.summary.lines += info.lines;
    (info.is_log ? c.summary.lines_unread : c.summary.unread) += info.unread;
    if (info.packets + info.lines == 0) continue;
    first = std::min(first, info.first);
    last = std::max(last, info.last);
  }
  c.summary.first = first;
  c.summary.last = last;
  const auto tables = kept.tables();
  if (!tables) return tables.error();
  std::uint64_t rows = 0;
  for (const store::TableInfo& table : *tables) rows += table.rows;
  const std::uint64_t stretches =
      last.ns <= first.ns ? 1 : std::clamp<std::uint64_t>(rows / kRowsOfStretch, 1, kMostStretches);
  const std::int64_t width = stretches == 1 ? 0 : (last.ns - first.ns) / static_cast<std::int64_t>(stretches) + 1;
  for (std::uint64_t n = 0; n < stretches; ++n) {
    store::Scan scan;
    if (n != 0) scan.filter.from = base::Time{first.ns + static_cast<std::int64_t>(n) * width};
    if (n + 1 != stretches) scan.filter.to = base::Time{first.ns + static_cast<std::int64_t>(n + 1) * width};
    for (const record::Schema* schema : record::schemas()) {
      if (!fold.wants(*schema)) continue;
      auto scanned = kept.scan(*schema, scan, [&](const record::Batch& batch) { return fold.take(batch); });
      if (!scanned) return scanned;
    }
  }
  for (const record::Schema* schema : record::schemas()) {
    if (fold.wants(*schema)) continue;
    for (const store::TableInfo& table : *tables)
      if (table.name == schema->name && table.rows != 0) fold.count(*schema, table.rows);
  }
  // What earlier runs could not look into stays said.
  const auto verdict = kept.document("verdict");
  if (!verdict) return verdict.error();
  if (*verdict) {
    const auto document = nlohmann::json::parse(**verdict, nullptr, false);
    const auto seen = document.is_object() ? document.find("visibility") : document.end();
    const auto add = [&](const char* key, std::uint64_t& to) {
      if (document.is_object() && seen != document.end() && seen->is_object() && seen->contains(key) &&
          (*seen)[key].is_number_unsigned())
        to += (*seen)[key].get<std::uint64_t>();
    };
    add("not_ip", c.summary.not_ip);
    add("dropped", c.summary.memory_refused);
    add("evicted", c.summary.evicted);
  }
  return {};
}

detect::Phase phase_of(std::string_view word) {
  for (const auto phase :
       {detect::Phase::kDoorRattling, detect::Phase::kAssault, detect::Phase::kEntry, detect::Phase::kFoothold,
        detect::Phase::kSpread, detect::Phase::kTheft, detect::Phase::kHarm})
    if (to_string(phase) == word) return phase;
  return detect::Phase::kDoorRattling;
}
detect::Outcome outcome_of(std::string_view word) {
  for (const auto outcome : {detect::Outcome::kAttempted, detect::Outcome::kSucceeded, detect::Outcome::kUnknown})
    if (to_string(outcome) == word) return outcome;
  return detect::Outcome::kUnknown;
}

/// The findings that the case has, as they were.
base::Result<void> earlier_findings(store::Store& kept, std::vector<detect::Finding>& out) {
  const auto stored = kept.findings();
  if (!stored) return stored.error();
  for (const store::Finding& s : *stored) {
    detect::Finding f;
    f.id = s.id;
    f.detector = s.detector;
    f.techniques = s.techniques;
    f.phase = phase_of(s.phase);
    f.outcome = outcome_of(s.outcome);
    detect::parse_severity(s.severity, f.severity);
    f.confidence = s.confidence;
    f.attacker = {s.attacker_type, s.attacker};
    f.victim = {s.victim_type, s.victim};
    f.first = s.first;
    f.last = s.last;
    f.statement = s.statement;
    for (const store::Evidence& e : s.evidence) f.evidence.push_back({e.record, e.uid, e.id, e.place, e.ts});
    f.evidence_total = f.evidence.size();
    const auto json = nlohmann::json::parse(s.json, nullptr, false);
    if (json.is_object()) {
      if (const auto total = json.find("evidence_total"); total != json.end() && total->is_number_unsigned())
        f.evidence_total = total->get<std::uint64_t>();
      if (const auto facts = json.find("facts"); facts != json.end() && facts->is_object())
        for (const auto& [name, value] : facts->items())
          if (value.is_string()) f.fact(name, value.get<std::string>());
      if (const auto victims = json.find("victims"); victims != json.end() && victims->is_array())
        for (const auto& v : *victims)
          if (v.is_object()) f.victims.push_back({v.value("type", ""), v.value("value", "")});
    }
    out.push_back(std::move(f));
  }
  return {};
}

/// Keeps those of earlier runs that are not among the findings, and that no finding stands for (the same detector and
/// attacker, over all of its time): the indicators of then may not be loaded now.
void keep_earlier(Case& c, std::vector<detect::Finding> earlier) {
  std::size_t kept = 0;
  for (detect::Finding& old : earlier) {
    const bool stands = std::any_of(c.findings.begin(), c.findings.end(), [&](const detect::Finding& f) {
      return f.id == old.id || (f.detector == old.detector && f.attacker == old.attacker && !(old.first < f.first) &&
                                !(f.last < old.last) && (f.victim == old.victim || f.detector != "indicator"));
    });
    if (stands) continue;
    // Of a capture that was taken out there is nothing left to show for it.
    if (std::none_of(old.evidence.begin(), old.evidence.end(),
                     [&](const detect::EvidenceRef& e) { return c.capture(e.place.capture_first) != nullptr; }))
      continue;
    c.findings.push_back(std::move(old));
    ++kept;
  }
  if (kept == 0) return;
  std::stable_sort(c.findings.begin(), c.findings.end(),
                   [](const detect::Finding& a, const detect::Finding& b) { return a.first < b.first; });
  c.notes.push_back(fmt::format("{} of an earlier run {} kept, and could not be made again with what is known now",
                                kept == 1 ? std::string("one finding") : fmt::format("{} findings", kept),
                                kept == 1 ? "was" : "were"));
}

void describe_machines(Case& c, const Knowledge& knowledge) {
  struct Part {
    std::string role, type, server;
  };
  std::map<std::string, Part> parts;
  for (const detect::Finding& f : c.findings) {
    const bool machine =
        f.attacker.type == "host" || f.attacker.type == "domain" || f.attacker.type == "hardware_address";
    if (f.severity == detect::Severity::kInformational || !machine) continue;
    const char* role = f.phase == detect::Phase::kFoothold       ? "controller"
                       : f.phase == detect::Phase::kTheft        ? "drop site"
                       : f.phase == detect::Phase::kDoorRattling ? "scanner"
                                                                 : "attacker";
    Part& part = parts[f.attacker.value];
    part.type = f.attacker.type;
    if (part.server.empty()) part.server = f.fact("server");
    if (part.role.find(role) == std::string::npos) part.role += (part.role.empty() ? "" : ", ") + std::string(role);
  }
  for (const auto& [address, part] : parts) {
    if (c.machines.size() >= 256) break;
    Machine m;
    m.address = address;
    m.role = part.role;
    // Who asks a resolver does not see whose server answers at last.
    if (part.type == "domain")
      m.kind = part.server.empty() ? "a domain" : "a domain, asked of " + part.server;
    else if (part.type == "hardware_address")
      m.kind = "a machine of the local network";
    const auto parsed = base::Address::parse(address);
    if (parsed && c.home.contains(*parsed)) {
      m.country = "defended network";
    } else if (parsed && knowledge.networks != nullptr) {
      const knowledge::AddressFacts facts = knowledge.networks->facts(*parsed);
      m.country = facts.reserved.empty() ? facts.country_words() : std::string(facts.reserved);
      if (const knowledge::AddressSystem* s = facts.system()) m.network = fmt::format("AS{} {}", s->number, s->name);
      if (facts.leading_kind() != knowledge::NetworkKind::kUnknown) m.kind = knowledge::to_string(facts.leading_kind());
      for (const auto& country : facts.countries)
        m.sources.push_back(fmt::format("{}: {}", country.source->name, country.country));
      for (const auto& kind : facts.kinds)
        m.sources.push_back(fmt::format("{}: {}", kind.source->name, knowledge::to_string(kind.kind)));
    }
    c.machines.push_back(std::move(m));
  }
}

/// What logs cannot say, where records came in as logs.
void note_logs(Case& c, const engine::Inputs& inputs) {
  std::size_t logs = 0;
  bool eve = false;
  for (const capture::CaptureInfo& info : c.captures) {
    logs += info.is_log;
    eve |= info.is_log && info.format.rfind("eve", 0) == 0;
  }
  if (logs == 0) return;
  c.notes.push_back(
      fmt::format("the records of {} came in as logs of another sensor: there are no packets behind them, and "
                  "what it did not log (bodies, payloads, most of the files) cannot be known{}",
                  logs == 1 ? std::string("one file") : fmt::format("{} files", logs),
                  eve ? "; payload bytes and the order of TCP flags are estimated from EVE's counts" : ""));
  if (logs == c.captures.size()) {
    static constexpr std::pair<std::string_view, std::string_view> kNeeded[] = {
        {"conn", "scans, floods and beacons"},
        {"dns", "tunnels in DNS and names that were asked for"},
        {"http", "attacks in web requests"},
        {"ssl", "names and certificates of TLS"}};
    std::string missing;
    for (const auto& [record, what] : kNeeded)
      if (c.records.count(std::string(record)) == 0)
        missing += fmt::format("{}no {} records: {}", missing.empty() ? "" : "; ", record, what);
    if (!missing.empty()) c.notes.push_back(missing + " could not have been seen");
  }
  std::string left;
  for (const std::string& name : inputs.logs_passed_over) left += (left.empty() ? "" : ", ") + name;
  if (inputs.logs)
    for (const std::string& what : inputs.logs->passed_over()) left += (left.empty() ? "" : ", ") + what;
  if (!left.empty()) c.notes.push_back("passed over, for there is no record type for it: " + left);
}

}  // namespace

std::string settings_text(const Options& options) {
  std::string home;
  for (const base::Network& n : options.home) home += (home.empty() ? "" : ",") + n.to_string();
  std::string zones;
  for (const incident::Zone& z : options.zones) {
    zones += fmt::format("{}{}/{} {}", zones.empty() ? "" : ",", z.organisation, z.name,
                         z.level_known ? to_string(z.level) : "inferred");
    for (const base::Network& n : z.networks) zones += " " + n.to_string();
  }
  const connection::Settings& s = options.engine.connection;
  return fmt::format(
      "connections_per_shard={};dns_session={};home={};icmp_inactivity={};ignore_checksums={};"
      "interactive_inactivity={};memory_limit={};other_inactivity={};reassembly_bytes={};reassembly_segments={};"
      "tcp_attempt_delay={};tcp_close_delay={};tcp_handshake_inactivity={};tcp_inactivity={};udp_inactivity={};"
      "zones={}",
      s.connections_per_shard, s.dns_session.seconds(), home.empty() ? "inferred" : home, s.icmp_inactivity.seconds(),
      s.ignore_checksums, s.interactive_inactivity.seconds(), options.engine.memory_limit, s.other_inactivity.seconds(),
      s.reassembly_bytes, s.reassembly_segments, s.tcp_attempt_delay.seconds(), s.tcp_close_delay.seconds(),
      s.tcp_handshake_inactivity.seconds(), s.tcp_inactivity.seconds(), s.udp_inactivity.seconds(),
      zones.empty() ? "inferred" : zones);
}

void add_needs(engine::Settings& engine, const Knowledge& knowledge) {
  const detect::Environment environment{knowledge.indicators, knowledge.networks};
  for (const detect::Entry& entry : detect::detectors()) {
    const detect::Needs needs = entry.make(environment)->needs();
    engine.plan.http_body_window = std::max(engine.plan.http_body_window, needs.http_body_window);
    engine.plan.http_code_headers |= needs.http_code_headers;
    engine.plan.file_md5 |= needs.file_md5;
    engine.plan.file_sha1 |= needs.file_sha1;
    engine.plan.file_sha256 |= needs.file_sha256;
  }
}

Case investigate(engine::Inputs& inputs, const Options& options, const Knowledge& knowledge,
                 std::span<engine::Consumer* const> more,
                 const std::function<bool(const engine::Progress&)>& keep_going, const Whole* whole) {
  Case c;
  const detect::Environment environment{knowledge.indicators, knowledge.networks};
  auto looking = std::make_unique<Looking>(environment);
  std::vector<engine::Consumer*> consumers{&looking->fold};
  consumers.insert(consumers.end(), more.begin(), more.end());
  c.summary = engine::run(inputs, options.engine, consumers, keep_going);
  c.captures = inputs.captures();
  c.first_capture = options.engine.first_capture;
  std::vector<detect::Finding> earlier;
  if (whole != nullptr) {
    auto again = std::make_unique<Looking>(environment);
    auto read = whole->settle(c.summary);
    if (read) read = look_over(*whole->store, c, again->fold);
    if (read) read = earlier_findings(*whole->store, earlier);
    if (read)
      looking = std::move(again);
    else
      c.notes.push_back("the conclusions are of this run alone, for the case could not be read back: " +
                        read.error().message());
  }
  c.records = std::move(looking->counts);
  const asset::Inventory& inventory = looking->inventory;
  c.seen = inventory.seen();
  c.first = inventory.first();
  c.last = inventory.last();

  if (options.home.empty()) {
    c.home = inventory.infer_home();
  } else {
    c.home.networks = options.home;
    c.home.inferred = false;
    c.home.why = "as configured";
  }
  for (const auto& detector : looking->detectors) detector->finish(c.home, c.findings);
  std::vector<detect::Finding> concluded;
  for (const auto& detector : looking->detectors) detector->conclude(c.home, c.findings, concluded);
  for (detect::Finding& f : concluded) c.findings.push_back(std::move(f));
  detect::seal(c.findings);
  keep_earlier(c, std::move(earlier));
  for (const asset::Host* h : inventory.hosts()) {
    ++c.hosts;
    c.hosts_home += c.home.contains(h->address);
  }
  c.zones = options.zones;
  const incident::ZoneMap zones(options.zones, c.home, inventory);
  c.visibility = incident::visibility(zones, inventory);
  c.incidents = incident::join(c.findings, zones);
  c.campaigns = incident::campaigns(c.incidents, c.findings);
  describe_machines(c, knowledge);

  for (const auto& detector : looking->detectors)
    if (detector->dropped() != 0)
      c.notes.push_back(fmt::format("{}: its memory was used up; {} records were not weighed any more",
                                    detector->description().name, detector->dropped()));
  if (inventory.overflow() != 0)
    c.notes.push_back(
        fmt::format("the inventory of hosts was full; {} of others' records are not in it", inventory.overflow()));
  if (knowledge.networks == nullptr || !knowledge.networks->has_countries())
    c.notes.emplace_back("no table of countries is installed: addresses are not placed (see whodunit doctor)");
  if (knowledge.indicators == nullptr)
    c.notes.emplace_back(
        "no indicators are loaded: nothing was compared with what others have seen (whodunit intel add)");
  if (knowledge.actors == nullptr || knowledge.actors->actors().empty())
    c.notes.emplace_back("no table of known groups is installed: none can be named (see whodunit doctor)");
  note_logs(c, inputs);
  if (c.summary.evicted != 0)
    c.notes.push_back(
        fmt::format("the table of connections was full: {} connections were ended early", c.summary.evicted));
  if (c.summary.memory_refused != 0)
    c.notes.push_back(fmt::format("a memory limit was reached {} times: some connections were not looked into",
                                  c.summary.memory_refused));
  c.made_with = {options.program, settings_text(options), knowledge.digest, ""};

  // One set of assessments, about the gravest incident that is directed at the defended network; without one, about the
  // case as a whole.
  const incident::Incident* gravest = nullptr;
  for (const incident::Incident& i : c.incidents) {
    if (i.outbound) continue;
    gravest = &i;
    break;
  }
  attribution::CaseFacts facts = facts_of(c, gravest, knowledge);
  facts.manual = options.manual;
  c.assessments = attribution::assess(facts, knowledge.actors, options.attribution);
  return c;
}

}  // namespace whodunit::investigation
