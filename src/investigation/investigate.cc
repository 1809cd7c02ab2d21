#include "investigation/investigate.h"

#include <fmt/format.h>

#include <algorithm>

#include "asset/inventory.h"
#include "knowledge/networks/networks.h"

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

void describe_machines(Case& c, const Knowledge& knowledge) {
  std::map<std::string, std::string> roles;
  for (const detect::Finding& f : c.findings) {
    if (f.severity == detect::Severity::kInformational || f.attacker.type != "host") continue;
    const char* role = f.phase == detect::Phase::kFoothold       ? "controller"
                       : f.phase == detect::Phase::kTheft        ? "drop site"
                       : f.phase == detect::Phase::kDoorRattling ? "scanner"
                                                                 : "attacker";
    std::string& have = roles[f.attacker.value];
    if (have.find(role) == std::string::npos) have += (have.empty() ? "" : ", ") + std::string(role);
  }
  for (const auto& [address, role] : roles) {
    if (c.machines.size() >= 256) break;
    Machine m;
    m.address = address;
    m.role = role;
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
                 const std::function<bool(const engine::Progress&)>& keep_going) {
  Case c;
  const detect::Environment environment{knowledge.indicators, knowledge.networks};
  std::vector<std::unique_ptr<detect::Detector>> detectors;
  for (const detect::Entry& entry : detect::detectors()) detectors.push_back(entry.make(environment));
  asset::Inventory inventory;
  Fold fold(detectors, inventory, c.records);
  std::vector<engine::Consumer*> consumers{&fold};
  consumers.insert(consumers.end(), more.begin(), more.end());
  c.summary = engine::run(inputs, options.engine, consumers, keep_going);
  c.captures = inputs.captures();
  c.first_capture = options.engine.first_capture;
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
  for (const auto& detector : detectors) detector->finish(c.home, c.findings);
  std::vector<detect::Finding> concluded;
  for (const auto& detector : detectors) detector->conclude(c.home, c.findings, concluded);
  for (detect::Finding& f : concluded) c.findings.push_back(std::move(f));
  detect::seal(c.findings);
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

  if (knowledge.networks == nullptr || !knowledge.networks->has_countries())
    c.notes.emplace_back("no table of countries is installed: addresses are not placed (see whodunit doctor)");
  if (knowledge.indicators == nullptr)
    c.notes.emplace_back(
        "no indicators are loaded: nothing was compared with what others have seen (whodunit intel add)");
  note_logs(c, inputs);
  if (c.summary.evicted != 0)
    c.notes.push_back(
        fmt::format("the table of connections was full: {} connections were ended early", c.summary.evicted));
  if (c.summary.memory_refused != 0)
    c.notes.push_back(fmt::format("a memory limit was reached {} times: some connections were not looked into",
                                  c.summary.memory_refused));
  if (inventory.overflow() != 0)
    c.notes.push_back(fmt::format("{} appearances of hosts beyond the limit were not kept", inventory.overflow()));
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
