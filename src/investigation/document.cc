// The case as the JSON object that INTERFACE.md promises.
#include <algorithm>

#include "base/json.h"
#include "investigation/case.h"

namespace whodunit::investigation {
namespace {

using base::JsonWriter;

void strings(JsonWriter& w, std::string_view key, const std::vector<std::string>& list) {
  w.key(key).begin_array();
  for (const std::string& s : list) w.string(s);
  w.end_array();
}

void entity(JsonWriter& w, std::string_view key, const detect::Entity& e) {
  w.key(key);
  if (e.empty()) {
    w.null();
    return;
  }
  w.begin_object().key("type").string(e.type).key("value").string(e.value).end_object();
}

void time(JsonWriter& w, std::string_view key, base::Time t) { w.key(key).string(base::to_rfc3339(t)); }

/// [first, last] per capture that the place touches; of a log, its lines.
void packets(JsonWriter& w, const Case& c, const record::Place& place) {
  const capture::CaptureInfo* first = c.capture(place.capture_first);
  const auto name = [&](std::uint32_t ordinal) {
    const capture::CaptureInfo* info = c.capture(ordinal);
    return info != nullptr ? std::string_view(info->name) : std::string_view();
  };
  w.key("capture").string(name(place.capture_first));
  if (first != nullptr && first->is_log) {
    w.key("packets").begin_array().end_array();
    w.key("lines").begin_array().begin_array().number(place.first).number(place.last).end_array().end_array();
    return;
  }
  w.key("packets").begin_array();
  if (place.capture_first == place.capture_last) {
    w.begin_array().number(place.first).number(place.last).end_array();
  } else {
    // From its first packet to that capture's end; the rest stands in the captures after it.
    const std::uint64_t end = first != nullptr ? first->packets : place.first;
    w.begin_array().number(place.first).number(std::max(end, place.first)).end_array();
  }
  w.end_array();
  if (place.capture_first != place.capture_last)
    w.key("capture_last").string(name(place.capture_last)).key("packet_last").number(place.last);
}

void finding(JsonWriter& w, const Case& c, const detect::Finding& f) {
  w.begin_object().key("id").string(f.id).key("detector").string(f.detector);
  strings(w, "techniques", f.techniques);
  w.key("phase").string(to_string(f.phase)).key("outcome").string(to_string(f.outcome));
  w.key("severity").string(to_string(f.severity)).key("confidence").number(f.confidence);
  entity(w, "attacker", f.attacker);
  entity(w, "victim", f.victim);
  if (!f.victims.empty()) {
    w.key("victims").begin_array();
    for (const detect::Entity& e : f.victims)
      w.begin_object().key("type").string(e.type).key("value").string(e.value).end_object();
    w.end_array();
  }
  time(w, "first", f.first);
  time(w, "last", f.last);
  w.key("statement").string(f.statement);
  w.key("facts").begin_object();
  for (const detect::Fact& fact : f.facts) w.key(fact.name).string(fact.value);
  w.end_object();
  w.key("evidence_total").number(f.evidence_total);
  w.key("evidence").begin_array();
  for (const detect::EvidenceRef& e : f.evidence) {
    w.begin_object().key("record").string(e.record);
    w.key("uid");
    if (e.uid)
      w.string(e.uid.to_string());
    else
      w.null();
    time(w, "ts", e.ts);
    w.key("orig").string(e.id.orig_h.to_string()).key("orig_p").number(std::uint32_t{e.id.orig_p.value});
    w.key("resp").string(e.id.resp_h.to_string()).key("resp_p").number(std::uint32_t{e.id.resp_p.value});
    packets(w, c, e.place);
    w.end_object();
  }
  w.end_array().end_object();
}

void incident(JsonWriter& w, const incident::Incident& i) {
  w.begin_object().key("id").string(i.id).key("victim").string(i.victim);
  w.key("organisation").string(i.organisation);
  strings(w, "attackers", i.attackers);
  time(w, "first", i.first);
  time(w, "last", i.last);
  w.key("phase").string(to_string(i.phase)).key("outcome").string(to_string(i.outcome));
  w.key("severity").string(to_string(i.severity));
  w.key("depth").string(to_string(i.depth)).key("depth_statement").string(i.depth_statement);
  w.key("outbound").boolean(i.outbound);
  w.key("sophistication").number(i.sophistication).key("sophistication_why").string(i.sophistication_why);
  w.key("headline").string(i.headline);
  strings(w, "findings", i.findings);
  w.key("path").begin_array();
  for (const incident::Step& s : i.path)
    w.begin_object()
        .key("from")
        .string(s.from)
        .key("to")
        .string(s.to)
        .key("finding")
        .string(s.finding)
        .key("zone")
        .string(to_string(s.level))
        .key("zone_name")
        .string(s.zone)
        .end_object();
  w.end_array().end_object();
}

/// The configured zones, for the verdict's first line.
void zones(JsonWriter& w, const std::vector<incident::Zone>& zones) {
  w.key("zones").begin_array();
  for (const incident::Zone& z : zones) {
    w.begin_object().key("organisation").string(z.organisation).key("name").string(z.name).key("level");
    if (z.level_known)
      w.string(to_string(z.level));
    else
      w.null();
    w.key("networks").begin_array();
    for (const base::Network& n : z.networks) w.string(n.to_string());
    w.end_array().end_object();
  }
  w.end_array();
}

}  // namespace

const capture::CaptureInfo* Case::capture(std::uint32_t ordinal) const {
  if (ordinals.empty()) {
    const std::uint32_t at = ordinal - first_capture;
    return at < captures.size() ? &captures[at] : nullptr;
  }
  const auto at = std::lower_bound(ordinals.begin(), ordinals.end(), ordinal);
  return at != ordinals.end() && *at == ordinal ? &captures[static_cast<std::size_t>(at - ordinals.begin())] : nullptr;
}

void write_campaign(base::JsonWriter& w, const incident::Campaign& campaign) {
  w.begin_object().key("id").string(campaign.id);
  strings(w, "incidents", campaign.incidents);
  w.key("links").begin_array();
  for (const incident::CampaignLink& l : campaign.links) {
    w.begin_object().key("a").string(l.a).key("b").string(l.b);
    w.key("weight").number(l.weight).key("reason").string(l.reason).end_object();
  }
  w.end_array().end_object();
}

std::string to_json(const Case& c) {
  std::string out;
  JsonWriter w(out);
  w.begin_object().key("version").number(1);
  w.key("made_with").begin_object();
  w.key("program").string(c.made_with.program).key("settings").string(c.made_with.settings);
  w.key("knowledge").string(c.made_with.knowledge).key("background").string(c.made_with.background).end_object();
  w.key("captures").begin_array();
  for (const capture::CaptureInfo& i : c.captures) {
    w.begin_object().key("name").string(i.name).key("sha256");
    if (i.sha256.empty())
      w.null();
    else
      w.string(i.sha256);
    w.key("format").string(i.format).key("link_type").begin_array();
    for (const std::uint32_t l : i.link_types) w.number(l);
    w.end_array();
    w.key("packets").number(i.packets).key("bytes").number(i.bytes);
    if (i.is_log) w.key("lines").number(i.lines);
    if (i.packets != 0 || (i.is_log && i.first != base::Time{})) {
      time(w, "first", i.first);
      time(w, "last", i.last);
    } else {
      w.key("first").null().key("last").null();
    }
    w.key("unread").number(i.unread).key("reason").string(i.reason).end_object();
  }
  w.end_array();
  w.key("home").begin_object().key("networks").begin_array();
  for (const base::Network& n : c.home.networks) w.string(n.to_string());
  w.end_array().key("inferred").boolean(c.home.inferred).key("why").string(c.home.why);
  zones(w, c.zones);
  w.end_object();
  w.key("visibility").begin_object();
  w.key("packets")
      .number(c.summary.packets)
      .key("unread")
      .number(c.summary.unread)
      .key("not_ip")
      .number(c.summary.not_ip);
  w.key("log_lines").number(c.summary.lines).key("log_lines_unread").number(c.summary.lines_unread);
  w.key("connections").number(c.seen.connections).key("one_sided").number(c.seen.one_sided);
  w.key("bytes").number(c.seen.bytes).key("gap_bytes").number(c.seen.gap_bytes);
  w.key("encrypted_bytes").number(c.seen.encrypted_bytes);
  w.key("encrypted_share")
      .number(c.seen.bytes == 0 ? 0.0
                                : static_cast<double>(c.seen.encrypted_bytes) / static_cast<double>(c.seen.bytes));
  w.key("dropped")
      .number(c.summary.memory_refused)
      .key("evicted")
      .number(c.summary.evicted)
      .key("weird")
      .number(c.seen.weird);
  w.key("hosts").number(std::uint64_t{c.hosts}).key("hosts_home").number(std::uint64_t{c.hosts_home});
  if (c.seen.connections != 0) {
    time(w, "first", c.first);
    time(w, "last", c.last);
  }
  w.key("zones").begin_array();
  for (const incident::Visibility& v : c.visibility) {
    w.begin_object().key("zone").string(to_string(v.level)).key("probability").number(v.probability);
    w.key("hosts_seen").number(std::uint64_t{v.hosts_seen}).key("hosts_known").number(std::uint64_t{v.hosts_known});
    w.key("encrypted_share")
        .number(v.encrypted_share)
        .key("lost_share")
        .number(v.lost_share)
        .key("statement")
        .string(v.statement)
        .end_object();
  }
  w.end_array().end_object();
  w.key("records").begin_object();
  for (const auto& [name, n] : c.records) w.key(name).number(n);
  w.end_object();
  w.key("findings").begin_array();
  for (const detect::Finding& f : c.findings) finding(w, c, f);
  w.end_array();
  w.key("incidents").begin_array();
  for (const incident::Incident& i : c.incidents) incident(w, i);
  w.end_array();
  w.key("campaigns").begin_array();
  for (const incident::Campaign& k : c.campaigns) write_campaign(w, k);
  w.end_array();
  w.key("machines").begin_array();
  for (const Machine& m : c.machines) {
    w.begin_object().key("address").string(m.address).key("role").string(m.role).key("country").string(m.country);
    w.key("network").string(m.network).key("kind").string(m.kind);
    strings(w, "sources", m.sources);
    w.end_object();
  }
  w.end_array();
  w.key("assessments").raw(attribution::to_json(c.assessments));
  strings(w, "notes", c.notes);
  w.end_object();
  out += '\n';
  return out;
}

}  // namespace whodunit::investigation
