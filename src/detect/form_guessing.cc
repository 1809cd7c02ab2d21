// Passwords guessed at a web form.
//
// Method: OWASP's testing guide (WSTG-ATHN-03) and MITRE ATT&CK T1110: one client sends a form with a password to one
// path over and over within a while, and is answered the same each time. A form says no in words of its own, so that
// status, place (Location) and length of the answer tell: what most answers are is the refusal, and one that is
// otherwise at the end, which sets no more of the same, is taken as the one that got in.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "detect/detector.h"
#include "protocol/http/http.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t tries = 20;            ///< forms with a password of one client to one path within the window
  double window_seconds = 600;       ///< a script that logs in once a minute is none
  double alike_share = 0.7;          ///< least share of answers that are alike
  double length_tolerance = 0.1;     ///< of an answer's length, within which two are alike
  std::uint32_t body_window = 2048;  ///< bytes
  std::size_t max_forms = 20'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "form_guessing",
      "One client sends a web form with a password again and again, and is refused alike; and whether one got in.",
      "OWASP Web Security Testing Guide, WSTG-ATHN-03; MITRE ATT&CK T1110",
      {"T1110.001", "T1110.003"},
      "A script or a monitor that logs in for each of its requests: it gets in; many people behind one proxy: they "
      "seldom "
      "fail alike.",
      {{"tries", fmt::format("{}", p.tries), "forms with a password of one client to one path within the window"},
       {"window", fmt::format("{} s", p.window_seconds), "the window"},
       {"alike_share", fmt::format("{}", p.alike_share), "least share of answers that are alike"},
       {"length_tolerance", fmt::format("{}", p.length_tolerance),
        "of an answer's length, within which two are alike"}}};
  return d;
}

struct Try {
  record::Head head;
  std::uint64_t status = 0, length = 0, location = 0, account = 0;  // the last two are digests
};

class FormGuessing : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"http"}, .http_body_window = parameters_.body_window}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::http::Http::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const auto h = protocol::http::Http::read(batch, row);
      const std::size_t mark = h.uri.find('?');
      const std::string_view query = mark == std::string_view::npos ? std::string_view() : h.uri.substr(mark + 1);
      const std::string_view fields = h.method == "POST" ? h.request_body : query;
      if (fields.empty() || !h.status_code || !field(fields, kPasswords, nullptr)) continue;
      const Key key{
          h.head.id.orig_h, h.head.id.resp_h,
          std::string(h.host.substr(0, 128)) + std::string(h.uri.substr(0, std::min<std::size_t>(mark, 256)))};
      if (full(forms_, key, parameters_.max_forms)) continue;
      std::vector<Try>& tries = forms_[key];
      if (tries.size() >= 20'000 || !afford(sizeof(Try))) continue;
      std::string_view account;
      field(fields, kAccounts, &account);
      tries.push_back(
          {h.head, *h.status_code, h.response_body_len, base::fast_hash(h.location), base::fast_hash(account)});
    }
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (auto& [key, tries] : forms_) judge(key, tries, out);
  }

 private:
  using Key = std::tuple<base::Address, base::Address, std::string>;
  static constexpr std::string_view kPasswords[] = {
      "password", "passwd", "pass", "pwd", "user_pass", "passwort", "psw", "userpassword", "login_password", "log_pwd"};
  static constexpr std::string_view kAccounts[] = {"username", "user", "login", "email",   "uname",
                                                   "userid",   "name", "log",   "account", "user_login"};

  /// Whether one of `names` is a field of a form's text: name=value&…, or "name":"value" in JSON.
  template <std::size_t N>
  static bool field(std::string_view form, const std::string_view (&names)[N], std::string_view* value) {
    const bool json = form.front() == '{';
    while (!form.empty()) {
      const std::size_t end = form.find_first_of(json ? ",}" : "&");
      std::string_view part = form.substr(0, end);
      form.remove_prefix(end == std::string_view::npos ? form.size() : end + 1);
      const std::size_t equal = part.find(json ? ':' : '=');
      if (equal == std::string_view::npos) continue;
      std::string name;
      for (const char c : part.substr(0, equal))
        if (c != '"' && c != '{' && c != ' ') name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (std::find(std::begin(names), std::end(names), name) == std::end(names)) continue;
      if (value != nullptr) *value = part.substr(equal + 1);
      return true;
    }
    return false;
  }

  bool alike(const Try& a, const Try& b) const {
    const double longer = static_cast<double>(std::max(a.length, b.length));
    const double apart = longer - static_cast<double>(std::min(a.length, b.length));
    return a.status == b.status && a.location == b.location &&
           apart <= std::max(16.0, parameters_.length_tolerance * longer);
  }

  void judge(const Key& key, std::vector<Try>& tries, std::vector<Finding>& out) const {
    if (tries.size() < parameters_.tries) return;
    std::stable_sort(tries.begin(), tries.end(), [](const Try& a, const Try& b) { return a.head.ts < b.head.ts; });
    std::size_t from = 0, best = 0;
    for (std::size_t to = 0; to < tries.size(); ++to) {
      while ((tries[to].head.ts - tries[from].head.ts).seconds() > parameters_.window_seconds) ++from;
      best = std::max(best, to - from + 1);
    }
    if (best < parameters_.tries) return;
    // The refusal: what the most answers are like, of the first ones.
    const Try* refusal = nullptr;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(tries.size(), 8); ++i) {
      const auto n = static_cast<std::size_t>(
          std::count_if(tries.begin(), tries.end(), [&](const Try& t) { return alike(t, tries[i]); }));
      if (n > refused) {
        refused = n;
        refusal = &tries[i];
      }
    }
    if (static_cast<double>(refused) < parameters_.alike_share * static_cast<double>(tries.size())) return;
    std::vector<const Try*> others;
    std::set<std::uint64_t> accounts;
    for (const Try& t : tries) {
      if (accounts.size() < 1000) accounts.insert(t.account);
      if (!alike(t, *refusal)) others.push_back(&t);
    }
    // Few, late, and no error: it got in.
    const Try* in = nullptr;
    if (!others.empty() && others.size() <= 1 + tries.size() / 20 &&
        others.front() > &tries[std::min<std::size_t>(4, tries.size() - 1)] && others.front()->status < 400)
      in = others.front();
    const auto& [client, server, path] = key;
    Finding f;
    f.detector = "form_guessing";
    f.techniques = {accounts.size() > 8 && accounts.size() * 2 > tries.size() ? "T1110.003" : "T1110.001"};
    f.phase = in != nullptr ? Phase::kEntry : Phase::kAssault;
    f.outcome = in != nullptr ? Outcome::kSucceeded : Outcome::kAttempted;
    f.severity = in != nullptr ? Severity::kHigh : Severity::kMedium;
    f.confidence = in != nullptr ? 0.65 : tries.size() >= 2 * parameters_.tries ? 0.8 : 0.65;
    f.attacker = host(client);
    f.victim = host(server);
    if (in != nullptr) f.add("http", in->head);
    for (const Try& t : tries) f.add("http", t.head);
    f.evidence_total = tries.size();
    f.statement = fmt::format(
        "{} sent a form with a password to {} {} times, {} of them answered alike (status {}){}", client.to_string(),
        path, tries.size(), refused, refusal->status,
        in != nullptr ? "; one answer is otherwise: it seems to have got in" : "; none got in that we can tell");
    f.fact("service", "HTTP form");
    f.fact("path", path);
    f.fact("accounts", fmt::format("{}", accounts.size()));
    out.push_back(std::move(f));
  }

  Parameters parameters_;
  std::map<Key, std::vector<Try>> forms_;
};

}  // namespace

std::unique_ptr<Detector> make_form_guessing(const Environment&) { return std::make_unique<FormGuessing>(); }

}  // namespace whodunit::detect
