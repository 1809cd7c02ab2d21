// What password stealers send home by FTP and mail, in the names that they give it.
//
// Method: forms that samples show. Agent Tesla: mails with the subject "PW_user/HOST" (malware-traffic-analysis.net,
// 5 January 2023); files named KIND_user-HOST_time, as in the captures of corelight/zeek-agenttesla-detector; a form of
// one field, p, to its panel (scripts/agenttesla.sig there). Its kinds are PW, CO, KL, SC (passwords, cookies,
// keystrokes, screen). Snake Keylogger: "Pc Name: user | Snake Keylogger". The form decides, not a word.
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/ftp/ftp.h"
#include "protocol/http/http.h"
#include "protocol/smtp/smtp.h"

namespace whodunit::detect {
namespace {

const Description& describe() {
  static const Description d{
      "stealer_upload",
      "Files or mails go out in the form that password stealers give to what they took: Agent Tesla, Snake Keylogger.",
      "malware-traffic-analysis.net (5 January 2023); corelight/zeek-agenttesla-detector; Snake Keylogger's decompiled "
      "code",
      {"T1048.003", "T1555", "T1056.001"},
      "None known for the whole form: kind, user, host and time, in that order.",
      {{"kinds", "PW, CO, KL, SC, CA", "what a name must begin with"}}};
  return d;
}

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string_view kind(std::string_view s) {
  for (const auto& [tag, what] : {std::pair<std::string_view, std::string_view>{"PW_", "passwords"},
                                  {"CO_", "cookies"},
                                  {"KL_", "keystrokes"},
                                  {"SC_", "screen pictures"},
                                  {"CA_", "card data"}})
    if (s.substr(0, 3) == tag) return what;
  return {};
}

/// KIND_user-HOST_2024_03_07_19_00_36.html: the time is six numbers.
std::string_view stolen_file(std::string_view name) {
  const std::string_view what = kind(name);
  if (what.empty()) return {};
  const std::string_view stem = name.substr(0, name.rfind('.'));
  constexpr std::string_view kForm = "_dddd_dd_dd_dd_dd_dd";
  if (stem.size() < kForm.size() + 5) return {};
  const std::string_view time = stem.substr(stem.size() - kForm.size());
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'd' ? !digit(time[i]) : time[i] != '_') return {};
  return stem.substr(3, stem.size() - kForm.size() - 3).find_first_of("-/@") == std::string_view::npos
             ? std::string_view{}
             : what;
}

/// "PW_user/HOST"; "Pc Name: user | Snake Keylogger".
std::string_view stolen_mail(std::string_view subject) {
  if (const std::string_view what = kind(subject); !what.empty()) {
    const std::size_t slash = subject.find('/');
    if (slash != std::string_view::npos && slash > 3 && slash + 1 < subject.size() &&
        subject.find_first_of(" \t") == std::string_view::npos)
      return what;
  }
  // Snake Keylogger, as its decompiled code and its successor's mails have it: "Pc Name: user | Snake Keylogger".
  const std::size_t begin = subject.find_first_not_of(' ');
  if (begin != std::string_view::npos && subject.substr(begin, 9) == "Pc Name: ")
    for (const std::string_view tool : {"| Snake Keylogger", "| VIP Recovery"})
      if (subject.find(tool) != std::string_view::npos) return "credentials";
  return {};
}

/// POST to …/inc/0123456789abcd.php of a form with one field, p, that is base64 and nothing else.
bool panel(const protocol::http::Http& h) {
  if (h.method != "POST" || h.uri.size() < 23 || h.uri.substr(h.uri.size() - 4) != ".php") return false;
  if (h.uri.substr(h.uri.size() - 23, 5) != "/inc/") return false;
  for (const char c : h.uri.substr(h.uri.size() - 18, 14))
    if (!digit(c) && !(c >= 'a' && c <= 'f')) return false;
  if (h.request_body.size() < 64 || h.request_body.substr(0, 2) != "p=") return false;
  for (const char c : h.request_body.substr(2))
    if (!digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '/' && c != '+' && c != '%' && c != '=')
      return false;
  return true;
}

struct Sent {
  std::set<std::string> names;
  std::set<std::string> what;
  std::vector<std::pair<std::string_view, record::Head>> heads;
  std::uint64_t total = 0;
  std::string account;
};

class StealerUpload : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"ftp", "smtp", "http"}, .http_body_window = 256}; }

  void take(const record::Batch& batch) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (&batch.schema() == &protocol::ftp::Ftp::schema) {
        const protocol::ftp::Ftp f = protocol::ftp::Ftp::read(batch, row);
        if (f.command != "STOR" && f.command != "APPE") continue;
        const std::string_view name = f.arg.substr(f.arg.find_last_of('/') + 1);
        if (const std::string_view what = stolen_file(name); !what.empty()) add("ftp", f.head, name, what, f.user);
      } else if (&batch.schema() == &protocol::smtp::Smtp::schema) {
        const protocol::smtp::Smtp s = protocol::smtp::Smtp::read(batch, row);
        if (const std::string_view what = stolen_mail(s.subject); !what.empty())
          add("smtp", s.head, s.subject, what, s.auth_user.empty() ? s.mailfrom : s.auth_user);
      } else if (&batch.schema() == &protocol::http::Http::schema) {
        const protocol::http::Http h = protocol::http::Http::read(batch, row);
        if (panel(h)) add("http", h.head, h.uri, "encrypted data", h.host);
      }
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (const auto& [key, s] : sent_) {
      Finding f;
      f.detector = "stealer_upload";
      f.techniques = {"T1048.003"};
      for (const std::string& w : s.what) {
        if (w == "passwords" || w == "credentials") f.techniques.emplace_back("T1555");
        if (w == "keystrokes") f.techniques.emplace_back("T1056.001");
      }
      f.phase = Phase::kTheft;
      f.outcome = Outcome::kSucceeded;
      f.severity = Severity::kHigh;
      f.confidence = 0.9;
      f.attacker = host(key.second);
      f.victim = host(key.first);
      for (const auto& [record, head] : s.heads) f.add(record, head);
      f.evidence_total = s.total;
      std::string names, what;
      for (const std::string& n : s.names) names += (names.empty() ? "" : ", ") + n;
      for (const std::string& w : s.what) what += (what.empty() ? "" : ", ") + w;
      f.statement = fmt::format("{} sent {} to {} in a password stealer's form ({})", key.first.to_string(), what,
                                key.second.to_string(), names);
      f.fact("names", names);
      f.fact("drop", s.account);
      f.fact("tool", "Agent Tesla or a relative");
      out.push_back(std::move(f));
    }
  }

 private:
  void add(std::string_view record, const record::Head& head, std::string_view name, std::string_view what,
           std::string_view account) {
    const std::pair key{head.id.orig_h, head.id.resp_h};
    if (full(sent_, key, kMaxPairs)) return;
    Sent& s = sent_[key];
    ++s.total;
    if (s.names.size() < 6) s.names.emplace(name.substr(0, 120));
    s.what.emplace(what);
    if (s.heads.size() < Finding::kMaxEvidence) s.heads.emplace_back(record, head);
    if (s.account.empty()) s.account = account;
  }
  static constexpr std::size_t kMaxPairs = 50'000;
  std::map<std::pair<base::Address, base::Address>, Sent> sent_;
};

}  // namespace

std::unique_ptr<Detector> make_stealer_upload(const Environment&) { return std::make_unique<StealerUpload>(); }

}  // namespace whodunit::detect
