// Windows remote procedure calls that intruders use: services, tasks and WMI to run code elsewhere; account and service
// listings; replication of secrets; calls that are exploits by themselves.
//
// Method: the calls that MITRE's BZAR analytics watch (github.com/mitre-attack/bzar), by interface and operation, with
// the combinations that turn a single call into an act (a service created and started; many failed authentications
// with a zero credential). What administrators do looks the same: the confidence says so, and rises with what is around
// it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/dce_rpc/dce_rpc.h"

namespace whodunit::detect {
namespace {

enum class Act : std::uint8_t {
  kService,
  kTask,
  kWmi,
  kWmiSubscription,
  kDcom,
  kPrinter,
  kListing,
  kServices,
  kReplication,
  kSecrets,
  kLogs,
  kShutdown,
  kRegistry,
  kCoercion,
  kCount
};

struct Call {
  std::string_view interface;
  std::string_view operation;  ///< begins with
  Act act;
  bool decisive;  ///< the act itself, not what leads to it
};

constexpr Call kCalls[] = {
    {"svcctl", "CreateService", Act::kService, true},
    {"svcctl", "RCreateService", Act::kService, true},
    {"svcctl", "CreateWowService", Act::kService, true},
    {"svcctl", "StartService", Act::kService, true},
    {"svcctl", "RStartService", Act::kService, true},
    {"svcctl", "ChangeServiceConfig", Act::kService, true},
    {"svcctl", "ControlService", Act::kService, false},
    {"svcctl", "DeleteService", Act::kService, false},
    {"svcctl", "EnumServicesStatus", Act::kServices, true},
    {"svcctl", "EnumDependentServices", Act::kServices, true},
    {"svcctl", "OpenSCManager", Act::kServices, false},
    {"atsvc", "JobAdd", Act::kTask, true},
    {"atsvc", "NetrJobAdd", Act::kTask, true},
    {"ITaskSchedulerService", "SchRpcRegisterTask", Act::kTask, true},
    {"ITaskSchedulerService", "SchRpcRun", Act::kTask, true},
    {"ITaskSchedulerService", "SchRpcDelete", Act::kTask, false},
    {"ITaskSchedulerService", "SchRpcEnableTask", Act::kTask, true},
    {"IWbemServices", "ExecMethod", Act::kWmi, true},
    {"IWbemServices", "PutInstance", Act::kWmiSubscription, true},
    {"IWbemServices", "PutClass", Act::kWmiSubscription, true},
    {"IWbemServices", "ExecQuery", Act::kWmi, false},
    {"IDispatch", "Invoke", Act::kDcom, true},
    {"spoolss", "RpcAddPrinterDriverEx", Act::kPrinter, true},
    {"spoolss", "AddPrinterDriverEx", Act::kPrinter, true},
    {"IRemoteWinspool", "RpcAsyncAddPrinterDriver", Act::kPrinter, true},
    {"IRemoteWinspool", "AsyncAddPrinterDriver", Act::kPrinter, true},
    {"samr", "SamrEnumerateUsersInDomain", Act::kListing, true},
    {"samr", "SamrEnumerateGroupsInDomain", Act::kListing, true},
    {"samr", "SamrEnumerateAliasesInDomain", Act::kListing, true},
    {"samr", "SamrGetMembersInGroup", Act::kListing, true},
    {"samr", "SamrGetMembersInAlias", Act::kListing, true},
    {"samr", "SamrQueryDisplayInformation", Act::kListing, true},
    {"samr", "SamrGetAliasMembership", Act::kListing, false},
    {"samr", "SamrGetGroupsForUser", Act::kListing, false},
    {"srvsvc", "NetrSessionEnum", Act::kListing, true},
    {"srvsvc", "NetSessEnum", Act::kListing, true},
    {"wkssvc", "NetrWkstaUserEnum", Act::kListing, true},
    {"drsuapi", "DRSGetNCChanges", Act::kReplication, true},
    {"efsrpc", "EfsRpc", Act::kCoercion, true},
    {"efsrpc2", "EfsRpc", Act::kCoercion, true},
    {"spoolss", "RpcRemoteFindFirstPrinterChangeNotification", Act::kCoercion, true},
    {"netdfs", "NetrDfsAddStdRoot", Act::kCoercion, true},
    {"netdfs", "NetrDfsRemoveStdRoot", Act::kCoercion, true},
    {"FileServerVssAgent", "IsPath", Act::kCoercion, true},
    {"eventlog", "ElfrOpenBELW", Act::kCoercion, true},
    {"drsuapi", "DRSReplicaSync", Act::kReplication, false},
    {"drsuapi", "DRSReplicaAdd", Act::kReplication, true},
    {"lsarpc", "LsarRetrievePrivateData", Act::kSecrets, true},
    {"BackupKey", "BackuprKey", Act::kSecrets, true},
    {"eventlog", "ElfrClearELF", Act::kLogs, true},
    {"eventlog6", "EvtRpcClearLog", Act::kLogs, true},
    {"IEventService", "EvtRpcClearLog", Act::kLogs, true},
    {"initshutdown", "BaseInitiateShutdown", Act::kShutdown, true},
    {"InitShutdown", "BaseInitiateShutdown", Act::kShutdown, true},
    {"winreg", "BaseRegSetValue", Act::kRegistry, true},
    {"winreg", "BaseRegSaveKey", Act::kSecrets, true},
};

struct Meaning {
  std::string_view verb;
  std::string_view attempt;  ///< the same, of one who only tried
  std::string_view technique, technique2;
  Phase phase;
  Severity severity;
  double confidence;
};
constexpr Meaning kMeanings[] = {
    {"created or started a service on", "create or start a service on", "T1569.002", "T1021.002", Phase::kSpread,
     Severity::kHigh, 0.7},
    {"registered or ran a scheduled task on", "register or run a scheduled task on", "T1053.005", "T1021",
     Phase::kSpread, Severity::kHigh, 0.65},
    {"ran a WMI method on", "run a WMI method on", "T1047", "T1021.003", Phase::kSpread, Severity::kHigh, 0.65},
    {"put a WMI instance or class on", "put a WMI instance or class on", "T1546.003", "T1047", Phase::kSpread,
     Severity::kHigh, 0.65},
    {"drove an application by DCOM on", "drive an application by DCOM on", "T1021.003", "T1559.001", Phase::kSpread,
     Severity::kHigh, 0.6},
    {"installed a printer driver on", "install a printer driver on", "T1068", "T1547.012", Phase::kEntry,
     Severity::kHigh, 0.8},
    {"listed accounts, groups or sessions of", "list accounts, groups or sessions of", "T1087.002", "T1069.002",
     Phase::kDoorRattling, Severity::kLow, 0.4},
    {"listed services of, or asked for control of services on,", "list services of, or get control of services on,",
     "T1007", "T1021.002", Phase::kDoorRattling, Severity::kLow, 0.4},
    {"asked for the directory's secrets by replication from", "get the directory's secrets by replication from",
     "T1003.006", "", Phase::kTheft, Severity::kHigh, 0.6},
    {"read secrets of", "read secrets of", "T1003.004", "T1003.002", Phase::kTheft, Severity::kHigh, 0.6},
    {"cleared event logs of", "clear event logs of", "T1070.001", "", Phase::kHarm, Severity::kHigh, 0.8},
    {"had shut down", "have shut down", "T1529", "", Phase::kHarm, Severity::kMedium, 0.6},
    {"wrote registry values of", "write registry values of", "T1112", "", Phase::kSpread, Severity::kMedium, 0.5},
    {"made a server log on elsewhere:", "make a server log on elsewhere:", "T1187", "T1210", Phase::kAssault,
     Severity::kHigh, 0.85},
};

struct Parameters {
  std::size_t zero_attempts =
      16;  ///< NetrServerAuthenticate calls of one pair within a minute (one in 256 succeeds by chance)
  std::size_t max_pairs = 100'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "remote_procedure",
      "Windows RPC that runs code, lists accounts, takes secrets or exploits: services, tasks, WMI, DCOM, SAMR, "
      "DRSUAPI, Zerologon, PrintNightmare, forced log-ons (PetitPotam, PrinterBug, DFSCoerce, ShadowCoerce).",
      "MITRE BZAR (Bro/Zeek ATT&CK-based analytics and reporting); CVE-2020-1472 as T. Tervoort describes it (Secura, "
      "2020); forced log-ons after L. Gilles (PetitPotam, 2021) and p0dalirius (Coercer, 2022)",
      {"T1021.002", "T1021.003", "T1047", "T1053.005", "T1569.002", "T1546.003", "T1087.002", "T1069.002", "T1049",
       "T1033", "T1007", "T1003.006", "T1210", "T1068", "T1187"},
      "Administrators and management software do the same from a few hosts, every day; domain controllers replicate "
      "with each other.",
      {{"zero_attempts", fmt::format("{}", p.zero_attempts),
        "authentications of one pair within a minute that are called Zerologon"}}};
  return d;
}

/// What an operation returned says that it was not done: an error of Win32, an NTSTATUS or an HRESULT. Some numbers
/// only say that there is more to fetch, or that a program that was started is none of the service manager's kind.
bool is_error(std::uint64_t value, Act act) {
  if (value >= 0x80000000u) return !(act == Act::kCoercion && value == 0x80070035u);
  switch (value) {
    case 0:     // done
    case 122:   // ERROR_INSUFFICIENT_BUFFER
    case 234:   // ERROR_MORE_DATA
    case 259:   // ERROR_NO_MORE_ITEMS, ERROR_MORE_ENTRIES of NTSTATUS
    case 261:   // STATUS_MORE_ENTRIES
    case 1053:  // ERROR_SERVICE_REQUEST_TIMEOUT: it ran, and did not report as a service does
    case 1056:  // ERROR_SERVICE_ALREADY_RUNNING
      return false;
    case 53:  // ERROR_BAD_NETPATH: a server that was made to log on elsewhere went there, and found no share
      return act != Act::kCoercion;
    default:
      return true;
  }
}

bool is_denied(std::uint64_t value) {
  constexpr std::uint64_t kDenied[] = {5, 1314, 0xc0000022, 0xc0000061, 0x80070005, 0x80041003};
  return std::find(std::begin(kDenied), std::end(kDenied), value) != std::end(kDenied);
}

struct Seen {
  std::uint64_t decisive = 0, leading = 0, faults = 0, answered = 0;
  std::uint64_t errors = 0, denied = 0;  // returned errors, and of these refusals
  std::uint64_t error = 0;               // the last one
  std::set<std::string> operations;
  std::set<std::string> strings;
  std::vector<record::Head> heads;
  base::Time first, last;
};

struct Logons {
  std::vector<base::Time> attempts;
  std::uint64_t password_set = 0, granted = 0, refused = 0;
  std::vector<record::Head> heads;
};

struct Pair {
  base::Address from, to;
  auto operator<=>(const Pair&) const = default;
};

class RemoteProcedure : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"dce_rpc"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::dce_rpc::DceRpc::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::dce_rpc::DceRpc::read(batch, row));
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [key, s] : seen_) report(key.first, key.second, s, home, out);
    for (const auto& [pair, l] : logons_) report_zerologon(pair, l, out);
  }

 private:
  void take(const protocol::dce_rpc::DceRpc& r) {
    const Pair pair{r.head.id.orig_h, r.head.id.resp_h};
    if (r.endpoint == "netlogon") {
      const bool authenticate = r.operation.find("NetrServerAuthenticate") != std::string_view::npos;
      const bool set = r.operation.find("NetrServerPasswordSet") != std::string_view::npos;
      if ((authenticate || set) && !full(logons_, pair, parameters_.max_pairs)) {
        Logons& l = logons_[pair];
        if (authenticate && l.attempts.size() < 65536 && afford(8)) l.attempts.push_back(r.head.ts);
        l.password_set += set;
        if (authenticate && r.return_value) (*r.return_value == 0 ? l.granted : l.refused) += 1;
        // The one that is granted among hundreds is what to look at.
        const bool telling = set || (authenticate && r.return_value.value_or(1) == 0);
        if (l.heads.size() < Finding::kMaxEvidence || telling) {
          if (l.heads.size() >= Finding::kMaxEvidence) l.heads.pop_back();
          l.heads.push_back(r.head);
        }
      }
      return;
    }
    for (const Call& call : kCalls) {
      if (r.endpoint != call.interface || r.operation.substr(0, call.operation.size()) != call.operation) continue;
      if (call.act == Act::kCoercion && !elsewhere(r)) return;
      if (full(seen_, {pair, call.act}, parameters_.max_pairs)) return;
      Seen& s = seen_[{pair, call.act}];
      if (s.decisive + s.leading == 0) s.first = r.head.ts;
      s.last = std::max(s.last, r.head.ts);
      (call.decisive ? s.decisive : s.leading) += 1;
      s.faults += !r.fault.empty();
      const bool failed = r.return_value && is_error(*r.return_value, call.act);
      if (failed) {
        ++s.errors;
        s.denied += is_denied(*r.return_value);
        s.error = *r.return_value;
      }
      s.answered += r.rtt.has_value() && r.fault.empty() && !failed;
      if (s.operations.size() < 8) s.operations.emplace(r.operation);
      for (const std::string_view text : r.strings)
        if (s.strings.size() < 6 && text.size() >= 3) s.strings.emplace(text.substr(0, 80));
      if (s.heads.size() < Finding::kMaxEvidence) s.heads.push_back(r.head);
      return;
    }
  }

  /// A path names, by address, another host than the server that is asked: \\\\192.0.2.1\\share, or
  /// \\??\\UNC\\192.0.2.1. Clients that mean well give names, and paths of the server itself.
  static bool elsewhere(const protocol::dce_rpc::DceRpc& r) {
    for (std::string_view text : r.strings) {
      constexpr std::string_view kUnc = "\\??\\UNC\\";
      if (text.substr(0, kUnc.size()) == kUnc)
        text.remove_prefix(kUnc.size());
      else
        text.remove_prefix(std::min(text.find_first_not_of('\\'), text.size()));
      text = text.substr(0, text.find_first_of("\\/@"));
      const auto address = base::Address::parse(text);
      if (address && *address != r.head.id.resp_h) return true;
    }
    return false;
  }

  void report(const Pair& pair, Act act, const Seen& s, const Home& home, std::vector<Finding>& out) const {
    const Meaning& m = kMeanings[static_cast<std::size_t>(act)];
    if (s.decisive == 0 && act != Act::kServices) return;
    if (act == Act::kServices && s.decisive == 0) {
      // Control of services was asked for, and nothing came of it: an administrator's right tried out.
      if (seen_.count({pair, Act::kService}) != 0 && seen_.at({pair, Act::kService}).decisive != 0) return;
    }
    // Controllers of one domain replicate with each other in both directions.
    if (act == Act::kReplication && seen_.count({Pair{pair.to, pair.from}, Act::kReplication}) != 0) return;
    Finding f;
    f.detector = "remote_procedure";
    f.techniques.emplace_back(m.technique);
    if (!m.technique2.empty()) f.techniques.emplace_back(m.technique2);
    if (act == Act::kListing) {
      // Sessions and who is logged on are asked for by calls of their own.
      for (const std::string& o : s.operations) {
        if (o.find("SessionEnum") != std::string::npos || o.find("SessEnum") != std::string::npos)
          f.techniques.emplace_back("T1049");
        if (o.find("WkstaUserEnum") != std::string::npos) f.techniques.emplace_back("T1033");
      }
    }
    f.phase = m.phase;
    f.severity = m.severity;
    f.confidence = m.confidence;
    const bool failed = s.faults + s.errors != 0 && s.answered == 0;
    f.outcome = failed ? Outcome::kAttempted : s.answered != 0 ? Outcome::kSucceeded : Outcome::kUnknown;
    if (!home.networks.empty() && !home.contains(pair.from) && home.contains(pair.to))
      f.confidence = std::min(0.95, f.confidence + 0.2);  // from outside: nobody administers so
    f.attacker = host(pair.from);
    f.victim = host(pair.to);
    for (const record::Head& head : s.heads) f.add("dce_rpc", head);
    f.evidence_total = s.decisive + s.leading;
    f.first = s.first;
    f.last = s.last;
    std::string operations, strings;
    for (const std::string& o : s.operations) operations += (operations.empty() ? "" : ", ") + o;
    for (const std::string& t : s.strings) strings += (strings.empty() ? "" : ", ") + t;
    const std::string how = !failed                          ? ""
                            : s.faults == 0 && s.denied == 0 ? fmt::format("; it failed (error {:#x})", s.error)
                                                             : "; refused";
    f.statement = fmt::format("{} {} {} ({}{}){}", pair.from.to_string(),
                              failed ? fmt::format("tried to {}", m.attempt) : std::string(m.verb), pair.to.to_string(),
                              operations, strings.empty() ? "" : ": " + strings, how);
    f.fact("operations", operations);
    if (!strings.empty()) f.fact("arguments", strings);
    if (act == Act::kPrinter) f.fact("cve", "CVE-2021-1675");
    out.push_back(std::move(f));
  }

  void report_zerologon(const Pair& pair, const Logons& l, std::vector<Finding>& out) const {
    std::size_t best = 0, from = 0;
    std::vector<base::Time> t = l.attempts;
    std::sort(t.begin(), t.end());
    for (std::size_t to = 0; to < t.size(); ++to) {
      while ((t[to] - t[from]).seconds() > 60) ++from;
      best = std::max(best, to - from + 1);
    }
    if (best < parameters_.zero_attempts) return;
    // Computers that log on all day, and are let in.
    if (l.granted > l.refused && l.password_set == 0) return;
    Finding f;
    f.detector = "remote_procedure";
    f.techniques = {"T1210", "T1068"};
    f.phase = l.password_set != 0 ? Phase::kSpread : Phase::kAssault;
    // Most are refused until one is granted by chance. Where all are granted nobody guesses.
    const bool granted = l.granted != 0 && l.refused > l.granted;
    f.outcome = l.password_set != 0 || granted ? Outcome::kSucceeded
                : l.refused != 0               ? Outcome::kAttempted
                                               : Outcome::kUnknown;
    f.severity = Severity::kCritical;
    f.confidence = 0.95;
    f.attacker = host(pair.from);
    f.victim = host(pair.to);
    for (const record::Head& head : l.heads) f.add("dce_rpc", head);
    f.evidence_total = l.attempts.size();
    f.first = t.front();
    f.last = t.back();
    f.statement = fmt::format(
        "{} tried to log on to the domain controller {} as a machine {} times within a minute (Zerologon){}",
        pair.from.to_string(), pair.to.to_string(), best,
        l.password_set != 0 ? "; then it set that machine's password"
        : granted           ? "; at last it was let in without knowing the password"
        : l.refused != 0    ? "; each was refused"
                            : "");
    f.fact("cve", "CVE-2020-1472");
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<std::pair<Pair, Act>, Seen> seen_;
  std::map<Pair, Logons> logons_;
};

}  // namespace

std::unique_ptr<Detector> make_remote_procedure(const Environment&) { return std::make_unique<RemoteProcedure>(); }

}  // namespace whodunit::detect
