// Commands to controllers: writes and restarts over Modbus and DNP3.
//
// Method: MITRE ATT&CK for ICS: T0855 (unauthorized command message), T0836 (modify parameter), T0816 (device restart),
// T0888 (remote system information discovery), by the functions of Modbus (Modbus Application Protocol 1.1b3, 6) and
// DNP3 (IEEE 1815 4.2.2.5). A master writes all day: that a command was sent is information. It is an attack by its
// context: from outside the defended network, from a host that others found to be an attacker or entered, or from one
// that tries functions until the device knows one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "detect/suspects.h"
#include "protocol/dnp3/dnp3.h"
#include "protocol/modbus/modbus.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t refused_functions = 4;  ///< distinct functions of a master that a device does not know
  std::size_t units = 20;             ///< distinct devices behind one address that a master asks for
  std::size_t max_pairs = 20'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "industrial_control",
      "A controller is written to, restarted or stopped over Modbus or DNP3: information, and an attack where the host "
      "that does it is outside, suspect, or tries what the device can do.",
      "MITRE ATT&CK for ICS; Modbus Application Protocol 1.1b3, 6 and 7; IEEE 1815 4.2.2.5",
      {"T0855", "T0836", "T0816", "T0888"},
      "Masters write to their devices all day; engineers restart and load them; commissioning asks for devices that "
      "are "
      "not there.",
      {{"refused_functions", fmt::format("{}", p.refused_functions),
        "distinct functions of a master that a device does not know"},
       {"units", fmt::format("{}", p.units), "distinct devices behind one address that a master asks for"}}};
  return d;
}

enum class Kind : std::uint8_t { kNone, kWrite, kOperate, kRestart };

Kind kind_of(std::string_view function) {
  for (const std::string_view f : {"COLD_RESTART", "WARM_RESTART", "STOP_APPL", "INITIALIZE_APPL", "INITIALIZE_DATA",
                                   "FIRMWARE_REPLACEMENT", "DELETE_FILE"})
    if (function == f) return Kind::kRestart;
  for (const std::string_view f :
       {"OPERATE", "DIRECT_OPERATE", "DIRECT_OPERATE_NR", "WRITE_SINGLE_COIL", "WRITE_MULTIPLE_COILS"})
    if (function == f) return Kind::kOperate;
  for (const std::string_view f : {"WRITE", "WRITE_SINGLE_REGISTER", "WRITE_MULTIPLE_REGISTERS", "MASK_WRITE_REGISTER",
                                   "READ_WRITE_MULTIPLE_REGISTERS", "WRITE_FILE_RECORD", "DISABLE_UNSOLICITED"})
    if (function == f) return Kind::kWrite;
  return Kind::kNone;
}

class IndustrialControl : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"modbus", "dnp3"}}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::modbus::Modbus::schema) {
        const auto m = protocol::modbus::Modbus::read(batch, row);
        Pair* p = pair(m.head, "Modbus");
        if (p == nullptr) continue;
        if (m.exception == "ILLEGAL_FUNCTION" && p->refused.size() < 64 &&
            p->refused.insert(std::string(m.func)).second)
          keep(p->refusals, m.head);
        if (m.pdu_type != "REQ") continue;
        if (p->units.size() < 256) p->units.insert(m.unit);
        command(*p, "modbus", m.head, m.func);
      } else if (&batch.schema() == &protocol::dnp3::Dnp3::schema) {
        const auto d = protocol::dnp3::Dnp3::read(batch, row);
        Pair* p = pair(d.head, "DNP3");
        if (p == nullptr) continue;
        // IEEE 1815 4.2.2.6: IIN2.0, the function is not supported.
        if ((d.iin.value_or(0) & 1) != 0 && p->refused.size() < 64 &&
            p->refused.insert(std::string(d.fc_request)).second)
          keep(p->refusals, d.head);
        if (d.destination && p->units.size() < 256) p->units.insert(*d.destination);
        command(*p, "dnp3", d.head, d.fc_request);
      }
    }
  }
  void finish(const Home&, std::vector<Finding>&) override {}

  void conclude(const Home& home, std::span<const Finding> others, std::vector<Finding>& out) override {
    const auto suspected = suspects(others);
    for (const auto& [key, p] : pairs_) {
      const auto& [master, device] = key;
      if (p.refused.size() >= parameters_.refused_functions || p.units.size() >= parameters_.units)
        report_search(key, p, out);
      if (p.heads.empty()) continue;
      const auto suspicion = suspected.find(master);
      const bool outside = master.is_global() && !home.contains(master) && home.contains(device);
      const bool suspect = suspicion != suspected.end();
      Finding f;
      f.detector = "industrial_control";
      f.techniques = {p.restarts != 0 ? "T0816" : p.operates != 0 ? "T0855" : "T0836"};
      f.phase = Phase::kHarm;
      f.outcome = Outcome::kUnknown;
      f.severity = suspect ? Severity::kHigh : outside ? Severity::kMedium : Severity::kInformational;
      f.confidence = suspect ? 0.7 : outside ? 0.6 : 0.2;
      f.attacker = host(master);
      f.victim = host(device);
      for (const record::Head& head : p.heads) f.add(p.record, head);
      f.evidence_total = p.writes + p.operates + p.restarts;
      std::string functions;
      for (const std::string& name : p.functions) functions += (functions.empty() ? "" : ", ") + name;
      f.statement = fmt::format("{} gave {} command{} to {} over {} ({}){}", master.to_string(), f.evidence_total,
                                f.evidence_total == 1 ? "" : "s", device.to_string(), p.service, functions,
                                suspect   ? fmt::format("; it is suspect already ({})", suspicion->second.detector)
                                : outside ? "; it is outside the defended network"
                                          : ": a master's work, if it is one");
      f.fact("service", p.service);
      f.fact("functions", functions);
      out.push_back(std::move(f));
    }
  }

 private:
  using Key = std::pair<base::Address, base::Address>;
  struct Pair {
    std::string service;
    std::string_view record;
    std::uint64_t writes = 0, operates = 0, restarts = 0;
    std::set<std::string> functions, refused;
    std::set<std::uint64_t> units;
    std::vector<record::Head> heads, refusals;
  };

  Pair* pair(const record::Head& head, const char* service) {
    const Key key{head.id.orig_h, head.id.resp_h};
    if (full(pairs_, key, parameters_.max_pairs)) return nullptr;
    Pair& p = pairs_[key];
    if (p.service.empty()) {
      p.service = service;
      p.record = service[0] == 'M' ? "modbus" : "dnp3";
    }
    return &p;
  }
  void keep(std::vector<record::Head>& heads, const record::Head& head) {
    if (heads.size() < Finding::kMaxEvidence && afford(sizeof(record::Head))) heads.push_back(head);
  }
  void command(Pair& p, std::string_view record, const record::Head& head, std::string_view function) {
    const Kind kind = kind_of(function);
    if (kind == Kind::kNone) return;
    p.record = record;
    p.writes += kind == Kind::kWrite;
    p.operates += kind == Kind::kOperate;
    p.restarts += kind == Kind::kRestart;
    if (p.functions.size() < 16) p.functions.emplace(function);
    keep(p.heads, head);
  }

  void report_search(const Key& key, const Pair& p, std::vector<Finding>& out) const {
    const bool functions = p.refused.size() >= parameters_.refused_functions;
    Finding f;
    f.detector = "industrial_control";
    f.techniques = {"T0888"};
    f.phase = Phase::kDoorRattling;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kLow;
    f.confidence = 0.6;
    f.attacker = host(key.first);
    f.victim = host(key.second);
    for (const record::Head& head : functions ? p.refusals : p.heads) f.add(p.record, head);
    if (f.evidence.empty()) return;
    f.statement = functions ? fmt::format("{} tried {} {} functions that {} does not know: a look at what it can do",
                                          key.first.to_string(), p.refused.size(), p.service, key.second.to_string())
                            : fmt::format("{} asked {} for {} {} devices behind it: a search for them",
                                          key.first.to_string(), key.second.to_string(), p.units.size(), p.service);
    f.fact("service", p.service);
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<Key, Pair> pairs_;
};

}  // namespace

std::unique_ptr<Detector> make_industrial_control(const Environment&) { return std::make_unique<IndustrialControl>(); }

}  // namespace whodunit::detect
