// Searches in the directory that look for what an intruder needs: administrators, accounts to crack, computers, trusts.
//
// Method: the filters that tools for it send, by what they ask for (PowerShellMafia/PowerSploit, Recon/PowerView.ps1;
// cobbr/SharpSploit, Enumeration/Domain.cs; MITRE ATT&CK T1087.002, T1069.002, T1018, T1482, T1615): kinds of accounts
// by number, bits of userAccountControl ([MS-ADTS] 2.2.16) by their matching rule (3.1.1.3.4.4), administrative groups
// by name, attributes that hold secrets; and how many entries came of it. What a client asks for itself, or for one
// name, is its daily work.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "detect/detector.h"
#include "protocol/ldap/ldap.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  double weight = 1;            ///< least sum of weights of distinct kinds of searches
  std::uint64_t entries = 200;  ///< entries of one kind that make it a listing
  std::size_t max_pairs = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "directory_search",
      "LDAP searches for administrators, all accounts or computers, accounts whose tickets can be cracked, trusts or "
      "stored passwords, in the form of reconnaissance tools.",
      "PowerView and SharpSploit's filters; [MS-ADTS] 2.2.16; MITRE ATT&CK T1087.002, T1069.002, T1018, T1482",
      {"T1087.002", "T1069.002", "T1018", "T1482", "T1615", "T1558.003", "T1558.004", "T1552"},
      "Directory synchronisation, inventory and identity products search for all accounts on a schedule, from few "
      "hosts.",
      {{"weight", fmt::format("{}", p.weight), "least sum of the weights of the kinds of searches"},
       {"entries", fmt::format("{}", p.entries), "entries of one kind that make it a listing"}}};
  return d;
}

struct Kind {
  std::string_view what, technique;
  double weight;  ///< 1: says it alone
};
enum Search : std::size_t {
  kForm,
  kAdminGroup,
  kAdminCount,
  kServiceAccounts,
  kNoProof,
  kDelegation,
  kTrusts,
  kPolicies,
  kSecrets,
  kAllUsers,
  kAllComputers,
  kAllGroups,
  kSearches
};
constexpr Kind kKinds[kSearches] = {
    {"an account or a group by name, in PowerView's form", "T1087.002", 1.0},
    {"administrative groups", "T1069.002", 0.7},
    {"accounts with adminCount", "T1087.002", 0.8},
    {"users' accounts with service names", "T1558.003", 1.0},
    {"accounts that need no proof", "T1558.004", 1.0},
    {"hosts and accounts with delegation", "T1087.002", 0.8},
    {"trusts", "T1482", 0.4},
    {"group policies", "T1615", 0.3},
    {"stored passwords of local administrators", "T1552", 1.0},
    {"all users", "T1087.002", 0.4},
    {"all computers", "T1018", 0.4},
    {"all groups", "T1069.002", 0.4},
};

struct Seen {
  std::map<std::size_t, std::uint64_t> kinds;  // entries found
  std::vector<record::Head> heads;
  std::set<std::string> filters;
  std::uint64_t total = 0, entries = 0;
  bool answered = false;
};

class DirectorySearch : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"ldap_search"}}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::ldap::LdapSearch::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::ldap::LdapSearch::read(batch, row));
  }

  void finish(const Home& home, std::vector<Finding>& out) override {
    for (const auto& [pair, s] : seen_) {
      double weight = 0;
      std::string what;
      std::set<std::string> techniques;
      for (const auto& [kind, entries] : s.kinds) {
        const bool listing = kind >= kAllUsers;
        // A listing is one where it came out long.
        weight += kKinds[kind].weight + (listing && entries >= parameters_.entries ? 0.4 : 0);
        what += (what.empty() ? "" : ", ") + std::string(kKinds[kind].what);
        techniques.emplace(kKinds[kind].technique);
        if (kind == kAdminGroup || kind == kForm) techniques.emplace(kind == kForm ? "T1087.002" : "T1069.002");
      }
      const bool foreign = !home.networks.empty() && !home.contains(pair.first);
      if (weight < parameters_.weight && !(foreign && weight > 0)) continue;
      Finding f;
      f.detector = "directory_search";
      f.techniques.assign(techniques.begin(), techniques.end());
      f.phase = Phase::kDoorRattling;
      f.outcome = s.entries != 0 ? Outcome::kSucceeded : s.answered ? Outcome::kAttempted : Outcome::kUnknown;
      f.severity = weight >= 2 || foreign ? Severity::kMedium : Severity::kLow;
      f.confidence = std::clamp(0.4 + 0.15 * weight + (foreign ? 0.2 : 0), 0.5, 0.9);
      f.attacker = host(pair.first);
      f.victim = host(pair.second);
      for (const record::Head& head : s.heads) f.add("ldap_search", head);
      f.evidence_total = s.total;
      f.statement = fmt::format("{} searched the directory of {} for {}: {} search{}, {} entr{}",
                                pair.first.to_string(), pair.second.to_string(), what, s.total,
                                s.total == 1 ? "" : "es", s.entries, s.entries == 1 ? "y" : "ies");
      std::string filters;
      for (const std::string& filter : s.filters) filters += (filters.empty() ? "" : " ") + filter;
      f.fact("filters", filters);
      out.push_back(std::move(f));
    }
  }

 private:
  void take(const protocol::ldap::LdapSearch& s) {
    if (s.scope == "base" || s.filter.empty()) return;
    std::string filter = base::lower(s.filter);
    // Everybody but the ticket service's own account: all of them.
    for (const std::string_view except : {"(!samaccountname=krbtgt)", "(!(samaccountname=krbtgt))"})
      if (const std::size_t at = filter.find(except); at != std::string::npos) filter.erase(at, except.size());
    // Impacket's GetUserSPNs.py leaves computers out.
    bool no_computers = false;
    for (const std::string_view except : {"(!(objectcategory=computer))", "(!objectcategory=computer)"})
      if (const std::size_t at = filter.find(except); at != std::string::npos) {
        filter.erase(at, except.size());
        no_computers = true;
      }
    const auto has = [&filter](std::string_view x) { return filter.find(x) != std::string::npos; };
    std::set<std::size_t> kinds;
    const bool one_name = has("samaccountname=") || has("(cn=") || has("(name=") || has("distinguishedname=") ||
                          has("objectsid=") || has("userprincipalname=") || has("(mail=") || has("dnshostname=");
    const bool users = has("samaccounttype=805306368"), computers = has("samaccounttype=805306369"),
               groups = has("samaccounttype=268435456");
    // PowerView joins what it looks for as (|(…)) even where it is one thing.
    if ((users || computers || groups || has("(objectcategory=group)")) && has("(|(samaccountname=")) {
      if (!two_terms(filter)) kinds.insert(kForm);
    }
    for (const std::string_view name : {"domain admins", "enterprise admins", "schema admins", "account operators",
                                        "backup operators", "dnsadmins", "=administrators)", "domain controllers)"})
      if (has(name)) kinds.insert(kAdminGroup);
    if (has("admincount=1")) kinds.insert(kAdminCount);
    if (has("serviceprincipalname=*)") && !has("(!(serviceprincipalname=*") &&
        (users || no_computers || has("(objectcategory=person)") || has("(objectcategory=user)")))
      kinds.insert(kServiceAccounts);
    if (has("1.2.840.113556.1.4.803:=4194304")) kinds.insert(kNoProof);
    if (has("1.2.840.113556.1.4.803:=524288") || has("msds-allowedtodelegateto=*")) kinds.insert(kDelegation);
    if (has("objectclass=trusteddomain")) kinds.insert(kTrusts);
    if (has("objectcategory=grouppolicycontainer")) kinds.insert(kPolicies);
    for (const std::string_view a : s.attributes)
      if (const std::string name = base::lower(a); name == "ms-mcs-admpwd" || name == "mslaps-password")
        kinds.insert(kSecrets);
    if (has("ms-mcs-admpwd=*")) kinds.insert(kSecrets);
    if (!one_name) {
      if (users || (has("(objectcategory=person)") && has("(objectclass=user)"))) kinds.insert(kAllUsers);
      if (computers || has("(objectcategory=computer)") || has("(objectclass=computer)")) kinds.insert(kAllComputers);
      if (groups || has("(objectcategory=group)") || has("(objectclass=group)")) kinds.insert(kAllGroups);
    }
    if (kinds.empty()) return;
    const std::pair pair{s.head.id.orig_h, s.head.id.resp_h};
    if (full(seen_, pair, parameters_.max_pairs)) return;
    Seen& x = seen_[pair];
    ++x.total;
    x.entries += s.result_count;
    x.answered |= !s.result.empty();
    for (const std::size_t kind : kinds) x.kinds[kind] += s.result_count;
    if (x.filters.size() < 6) x.filters.emplace(s.filter.substr(0, 200));
    if (x.heads.size() < Finding::kMaxEvidence) x.heads.push_back(s.head);
  }
  /// The alternatives are more than one.
  static bool two_terms(const std::string& filter) {
    const std::size_t at = filter.find("(|(");
    const std::size_t end = at == std::string::npos ? at : filter.find(')', at);
    return end != std::string::npos && end + 1 < filter.size() && filter[end + 1] == '(';
  }
  Parameters parameters_;
  std::map<std::pair<base::Address, base::Address>, Seen> seen_;
};

}  // namespace

std::unique_ptr<Detector> make_directory_search(const Environment&) { return std::make_unique<DirectorySearch>(); }

}  // namespace whodunit::detect
