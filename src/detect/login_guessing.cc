// Password guessing and spraying where the protocol tells of refused logins: NTLM, Kerberos, FTP, HTTP, POP3, IMAP,
// SMTP, RADIUS, MySQL, VNC, LDAP, SIP. (SSH, whose outcomes are inferred, has a detector of its own.)
//
// Method: refused logins per source and service in a sliding window, as Zeek's FTP brute-forcing policy counts them (20
// in 15 minutes there; somewhat fewer here, at less confidence); few tries on each of many accounts are spraying
// (T1110.003), many on few are guessing (T1110.001). Kerberos: KDC_ERR_PREAUTH_FAILED (24) and KDC_ERR_CLIENT_REVOKED
// (18) refuse a password, KDC_ERR_C_PRINCIPAL_UNKNOWN (6) says that there is no such account (RFC 4120 7.5.9), which
// names them by the dozen where asked for (T1087.002).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "detect/detector.h"
#include "protocol/ftp/ftp.h"
#include "protocol/http/http.h"
#include "protocol/krb/krb.h"
#include "protocol/ldap/ldap.h"
#include "protocol/mailbox/mailbox.h"
#include "protocol/mysql/mysql.h"
#include "protocol/ntlm/ntlm.h"
#include "protocol/radius/radius.h"
#include "protocol/rfb/rfb.h"
#include "protocol/sip/sip.h"
#include "protocol/smtp/smtp.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t refused = 12;      ///< refused logins within the window, of two accounts or more
  std::size_t refused_one = 20;  ///< of one account, or of none that is told
  double window_seconds = 900;
  std::size_t sprayed_accounts = 8;   ///< distinct accounts refused within the window
  std::size_t unknown_accounts = 12;  ///< distinct accounts that do not exist, as Kerberos or NTLM says
  double refused_share = 0.5;         ///< least share of refusals among the source's logins
  std::size_t max_sources = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "login_guessing",
      "Many refused logins from one host at one kind of service: passwords guessed, one password tried on many "
      "accounts, or accounts enumerated.",
      "Zeek's FTP::Bruteforcing policy; RFC 4120 7.5.9; MITRE ATT&CK T1110",
      {"T1110.001", "T1110.003", "T1087.002"},
      "A service with an old password repeats one account for days; terminal servers and proxies log in for many "
      "users, most of whom get in.",
      {{"refused", fmt::format("{}", p.refused), "refused logins within the window, of two accounts or more"},
       {"refused_one", fmt::format("{}", p.refused_one), "refused logins within the window, of one account"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"sprayed_accounts", fmt::format("{}", p.sprayed_accounts), "distinct accounts refused within the window"},
       {"unknown_accounts", fmt::format("{}", p.unknown_accounts), "distinct accounts that do not exist"},
       {"refused_share", fmt::format("{}", p.refused_share), "least share of refusals among the source's logins"}}};
  return d;
}

struct Login {
  base::Time ts;
  std::string account;
  base::Address server;
  bool success = false, unknown = false;
  std::uint64_t times = 1;
};

struct Source {
  std::vector<Login> logins;
  std::vector<record::Head> heads;     // of refusals
  std::vector<record::Head> in_heads;  // of successes
  std::string_view record;
};

class LoginGuessing : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override {
    return {.records = {"ntlm", "kerberos", "ftp", "mailbox", "smtp", "radius", "mysql", "rfb", "http", "ldap", "sip"}};
  }

  void take(const record::Batch& batch) override {
    const record::Schema* schema = &batch.schema();
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (schema == &protocol::ntlm::Ntlm::schema) {
        const auto n = protocol::ntlm::Ntlm::read(batch, row);
        if (n.username.empty()) continue;
        // Servers that refuse seldom finish the negotiation; the carrying protocol's status says why ([MS-ERREF] 2.3).
        if (n.success.value_or(false) || n.status == "SUCCESS")
          add("ntlm", "NTLM", n.head, n.username, true);
        else if (n.success || refuses(n.status))
          add("ntlm", "NTLM", n.head, n.username, false, n.status == "NO_SUCH_USER");
      } else if (schema == &protocol::krb::Kerberos::schema) {
        const auto k = protocol::krb::Kerberos::read(batch, row);
        if (k.request_type != "AS" || !k.success) continue;
        const std::uint64_t code = k.error_code.value_or(0);
        if (*k.success || code == 24 || code == 18 || code == 6)
          add("kerberos", "Kerberos", k.head, k.client, *k.success, code == 6);
      } else if (schema == &protocol::ftp::Ftp::schema) {
        const auto f = protocol::ftp::Ftp::read(batch, row);
        if (f.command == "PASS" && f.reply_code) {
          if (*f.reply_code == 230 || *f.reply_code == 430 || *f.reply_code == 530)
            add("ftp", "FTP", f.head, f.user, *f.reply_code == 230);
        }
      } else if (schema == &protocol::mailbox::Mailbox::schema) {
        const auto m = protocol::mailbox::Mailbox::read(batch, row);
        if (m.auth_success)
          add("mailbox", m.protocol == "imap" ? "IMAP" : "POP3", m.head, m.user, *m.auth_success, false,
              std::max<std::uint64_t>(1, m.auth_attempts));
      } else if (schema == &protocol::smtp::Smtp::schema) {
        const auto s = protocol::smtp::Smtp::read(batch, row);
        if (s.auth_success) add("smtp", "SMTP", s.head, s.auth_user, *s.auth_success);
      } else if (schema == &protocol::radius::Radius::schema) {
        const auto r = protocol::radius::Radius::read(batch, row);
        if (r.request == "access" && (r.result == "success" || r.result == "failed"))
          add("radius", "RADIUS", r.head, r.username, r.result == "success");
      } else if (schema == &protocol::http::Http::schema) {
        // Basic credentials (RFC 7617) that the server turned down (401, RFC 9110 15.5.2), or took.
        const auto h = protocol::http::Http::read(batch, row);
        const std::uint64_t status = h.status_code.value_or(0);
        if (!h.username.empty() && (status == 401 || (status >= 200 && status < 400)))
          add("http", "HTTP", h.head, h.username, status != 401);
      } else if (schema == &protocol::mysql::Mysql::schema) {
        const auto m = protocol::mysql::Mysql::read(batch, row);
        if (m.cmd == "login" && m.success) add("mysql", "MySQL", m.head, m.arg, *m.success);
      } else if (schema == &protocol::rfb::Rfb::schema) {
        const auto r = protocol::rfb::Rfb::read(batch, row);
        if (r.auth) add("rfb", "VNC", r.head, "", *r.auth);
      } else if (schema == &protocol::ldap::Ldap::schema) {
        const auto l = protocol::ldap::Ldap::read(batch, row);
        if (l.opcode.substr(0, 4) != "bind" || (l.object.empty() && l.opcode == "bind simple")) continue;
        if (l.result == "success" || l.result == "invalid credentials")
          add("ldap", "LDAP", l.head, l.object, l.result == "success");
      } else if (schema == &protocol::sip::Sip::schema) {
        // A first request is always turned down, with a challenge (RFC 3261 22.2): only answers to credentials count.
        const auto s = protocol::sip::Sip::read(batch, row);
        const std::uint64_t status = s.status_code.value_or(0);
        if (s.auth_user.empty() || (s.method != "REGISTER" && s.method != "INVITE")) continue;
        if (status == 200 || status == 401 || status == 403 || status == 404 || status == 407)
          add("sip", "SIP", s.head, s.auth_user, status == 200, status == 404);
      }
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [key, s] : sources_) judge(key.first, key.second, s, out);
  }

 private:
  static bool refuses(std::string_view status) {
    for (const std::string_view s : {"LOGON_FAILURE", "WRONG_PASSWORD", "NO_SUCH_USER", "ACCOUNT_LOCKED_OUT",
                                     "ACCOUNT_DISABLED", "ACCOUNT_RESTRICTION"})
      if (status == s) return true;
    return false;
  }

  void add(std::string_view record, std::string_view service, const record::Head& head, std::string_view account,
           bool success, bool unknown = false, std::uint64_t times = 1) {
    const std::pair key{head.id.orig_h, std::string(service)};
    if (full(sources_, key, parameters_.max_sources)) return;
    Source& s = sources_[key];
    s.record = record;
    if (s.logins.size() >= 20'000 || !afford(sizeof(Login) + account.size())) return;
    s.logins.push_back({head.ts, std::string(account.substr(0, 80)), head.id.resp_h, success, unknown,
                        std::min<std::uint64_t>(times, 1000)});
    std::vector<record::Head>& heads = success ? s.in_heads : s.heads;
    if (heads.size() < Finding::kMaxEvidence) heads.push_back(head);
  }

  void judge(const base::Address& source, const std::string& service, Source& s, std::vector<Finding>& out) const {
    std::stable_sort(s.logins.begin(), s.logins.end(), [](const Login& a, const Login& b) { return a.ts < b.ts; });
    std::uint64_t refused = 0, got_in = 0;
    std::set<base::Address> servers;
    for (const Login& l : s.logins) {
      (l.success ? got_in : refused) += l.times;
      if (!l.success) servers.insert(l.server);
    }
    if (static_cast<double>(refused) < parameters_.refused_share * static_cast<double>(refused + got_in)) return;
    std::size_t from = 0, best_from = 0;
    std::uint64_t in_window = 0, best = 0;
    std::size_t most_accounts = 0, most_unknown = 0;
    std::map<std::string, std::size_t> accounts, unknown;
    for (std::size_t to = 0; to < s.logins.size(); ++to) {
      const Login& l = s.logins[to];
      if (l.success) continue;
      in_window += l.times;
      if (!l.account.empty()) ++(l.unknown ? unknown : accounts)[l.account];
      for (; (l.ts - s.logins[from].ts).seconds() > parameters_.window_seconds; ++from) {
        const Login& old = s.logins[from];
        if (old.success) continue;
        in_window -= old.times;
        auto& table = old.unknown ? unknown : accounts;
        const auto at = table.find(old.account);
        if (at != table.end() && --at->second == 0) table.erase(at);
      }
      if (in_window > best) {
        best = in_window;
        best_from = from;
      }
      most_accounts = std::max(most_accounts, accounts.size());
      most_unknown = std::max(most_unknown, unknown.size());
    }
    const bool spraying = most_accounts >= parameters_.sprayed_accounts,
               enumeration = most_unknown >= parameters_.unknown_accounts;
    std::set<std::string> names;
    for (const Login& l : s.logins)
      if (!l.success && !l.account.empty()) names.insert(l.account);
    const std::size_t enough = names.size() >= 2 ? parameters_.refused : parameters_.refused_one;
    if (best < enough && !spraying && !enumeration) return;
    const Login* in = nullptr;
    for (std::size_t i = best_from; i < s.logins.size() && in == nullptr; ++i)
      if (s.logins[i].success && i > best_from) in = &s.logins[i];
    Finding f;
    f.detector = "login_guessing";
    if (spraying) f.techniques.emplace_back("T1110.003");
    if (!spraying && best >= enough && !enumeration) f.techniques.emplace_back("T1110.001");
    if (enumeration) f.techniques.emplace_back("T1087.002");
    f.phase = in != nullptr && !enumeration ? Phase::kEntry
              : enumeration && !spraying    ? Phase::kDoorRattling
                                            : Phase::kAssault;
    f.outcome = in != nullptr ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = in != nullptr ? Severity::kHigh : Severity::kMedium;
    // One account, one server, one pace is more often a forgotten password than a guess.
    f.confidence = spraying || enumeration                                   ? 0.85
                   : names.size() <= 1 && best < 2 * parameters_.refused_one ? 0.5
                                                                             : 0.75;
    f.attacker = host(source);
    f.victim = servers.empty() ? Entity{} : host(*servers.begin());
    for (const base::Address& a : servers)
      if (f.victims.size() < 256) f.victims.push_back(host(a));
    for (const record::Head& head : s.heads) f.add(s.record, head);
    if (in != nullptr && !s.in_heads.empty()) f.add(s.record, s.in_heads.back());
    f.evidence_total = refused;
    f.first = s.logins.front().ts;
    f.last = s.logins.back().ts;
    f.statement = fmt::format(
        "{} was refused {} logins by {} on {} host{}, {} account{}{}{}", source.to_string(), refused, service,
        servers.size(), servers.size() == 1 ? "" : "s", names.size(), names.size() == 1 ? "" : "s",
        enumeration ? "; most of them do not exist: accounts were enumerated"
        : spraying  ? ": few tries on each of many accounts"
                    : "",
        in != nullptr ? fmt::format("; {} got in{}", in->account.empty() ? "one" : in->account, " at last") : "");
    f.fact("service", service);
    f.fact("refused", fmt::format("{}", refused));
    f.fact("accounts", fmt::format("{}", names.size()));
    if (in != nullptr && !in->account.empty()) f.fact("account", in->account);
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<std::pair<base::Address, std::string>, Source> sources_;
};

}  // namespace

std::unique_ptr<Detector> make_login_guessing(const Environment&) { return std::make_unique<LoginGuessing>(); }

}  // namespace whodunit::detect
