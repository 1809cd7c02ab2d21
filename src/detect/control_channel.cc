// Remote-control frameworks that speak HTTP as they come: paths, clients and bodies of their default profiles.
//
// Method: what each framework's own source or a published detector gives as default, never one word alone: a client's
// name with two or more of the profile's paths, or a form that nothing else has.
// - Empire, lib/listeners/http.py, DefaultProfile: /admin/get.php, /news.php, /login/process.php with one user agent.
// - Covenant, Covenant/Data/Profiles (cobbr/Covenant): /en-us/index.html, docs.html, test.html with one user agent;
//   DefaultHttpProfile.yaml's form "i=a19ea23062db990386a3a478cb89d52e&data=".
// - Caldera, corelight/zeek-caldera-detector, scripts/main.zeek: sandcat, ragdoll, the names of its agents.
// - NetSupport, corelight/zeek-netsupport-detector, scripts/main.zeek: it names itself in the user agent.
// - Gozi, corelight/zeek-gozi-detector, scripts/main.zeek: base64 cut by slashes, with _2F and _2B; its modules.
// - Metasploit, lib/rex/payloads/meterpreter/uri_checksum.rb: the sum of a stager's path (92), and Cobalt Strike's kin
//   of it (92 and, for four letters, 93), answered by something large that is of no known type.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "detect/detector.h"
#include "protocol/http/http.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  std::size_t paths = 2;                ///< distinct paths of a profile
  std::uint64_t stage_bytes = 100'000;  ///< least size of what a stager fetches
  std::size_t max_pairs = 50'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "control_channel",
      "A host is steered by a remote-control framework over HTTP in its default form: Empire, Covenant, Caldera, "
      "Metasploit and Cobalt Strike stagers, Gozi, NetSupport.",
      "The frameworks' own default profiles (EmpireProject/Empire, cobbr/Covenant, rapid7/metasploit-framework) and "
      "Corelight's published detectors for Caldera, NetSupport and Gozi",
      {"T1071.001", "T1105", "T1219"},
      "Red teams use the same; NetSupport is sold for remote support, and is in use where its users know of it.",
      {{"paths", fmt::format("{}", p.paths), "distinct paths of a profile that are asked for"},
       {"stage_bytes", fmt::format("{}", p.stage_bytes), "least size of the answer to a stager, bytes"}}};
  return d;
}

constexpr std::string_view kEmpireAgent = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko";
constexpr std::string_view kCovenantAgent =
    "Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2228.0 Safari/537.36";

enum class Tool : std::uint8_t { kEmpire, kCovenant, kCaldera, kNetSupport, kGozi, kStager };
struct Name {
  std::string_view tool, software, how;
  double confidence;
};
constexpr Name kNames[] = {
    {"Empire", "Empire", "the client and paths of its default profile", 0.9},
    {"Covenant", "Covenant", "the client and paths of its default profile", 0.9},
    {"Caldera", "", "the paths and client of its agents", 0.85},
    {"NetSupport", "NetSupport", "its own name in the requests", 0.7},
    {"Gozi (ISFB)", "Ursnif", "a path of encoded data in its form", 0.85},
    {"a Metasploit or Cobalt Strike stager", "", "the checksum of its path, answered by a large file of no known type",
     0.6},
};

std::string_view path_of(std::string_view uri) { return uri.substr(0, uri.find_first_of("?#")); }
bool begins(std::string_view s, std::string_view with) { return s.substr(0, with.size()) == with; }
bool letter_or_digit(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

/// /name/ and then base64 in pieces, where / and + stand as _2F and _2B; ended by a harmless looking extension.
bool gozi_path(std::string_view uri) {
  const std::size_t second = uri.find('/', 1), dot = uri.rfind('.');
  if (uri.size() < 200 || second == std::string_view::npos || dot == std::string_view::npos || dot < second)
    return false;
  std::size_t slashes = 0, escapes = 0, letters = 0;
  for (std::size_t i = second; i < dot; ++i) {
    if (uri[i] == '/') {
      ++slashes;
    } else if (uri[i] == '_') {
      // The pieces may be cut anywhere: _/2F, _2/F.
      std::string token;
      for (std::size_t k = i + 1; k < dot && token.size() < 2; ++k)
        if (uri[k] != '/') token += uri[k];
      if (token != "2F" && token != "2B" && token != "0A" && token != "0D") return false;
      ++escapes;
    } else if (letter_or_digit(uri[i])) {
      ++letters;
    } else {
      return false;
    }
  }
  return slashes > 4 && escapes >= 2 && letters >= 150;
}

bool gozi_module(std::string_view path) {
  for (const std::string_view m :
       {"/stilak32.rar", "/stilak64.rar", "/cook32.rar", "/cook64.rar", "/vnc32.rar", "/vnc64.rar"})
    if (path.size() >= m.size() && path.substr(path.size() - m.size()) == m) return true;
  return false;
}

bool stager_path(std::string_view uri) {
  if (uri.size() < 5 || uri.size() > 6 || uri[0] != '/') return false;
  unsigned sum = 0;
  bool lower = false, other = false;
  for (const char c : uri.substr(1)) {
    if (!letter_or_digit(c) && !(uri.size() == 6 && (c == '-' || c == '_'))) return false;
    sum += static_cast<unsigned char>(c);
    ((c >= 'a' && c <= 'z') ? lower : other) = true;
  }
  // Words are all of one case; made-up names seldom are.
  return lower && other && (sum % 256 == 92 || (uri.size() == 5 && sum % 256 == 93));
}

struct Seen {
  std::set<std::string> paths;
  std::vector<record::Head> heads;
  std::uint64_t total = 0, answered = 0;
  std::uint16_t port = 0;
  base::Time first, last;
};

class ControlChannel : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"http"}, .http_body_window = 64}; }

  void take(const record::Batch& batch) override {
    if (&batch.schema() != &protocol::http::Http::schema) return;
    for (std::size_t row = 0; row < batch.rows(); ++row) take(protocol::http::Http::read(batch, row));
  }

  void finish(const Home&, std::vector<Finding>& out) override {
    for (const auto& [key, s] : seen_) {
      const Tool tool = std::get<2>(key);
      const bool profile = tool == Tool::kEmpire || tool == Tool::kCovenant;
      if (profile && s.paths.size() < parameters_.paths) continue;
      const Name& name = kNames[static_cast<std::size_t>(tool)];
      const base::Address &from = std::get<0>(key), &to = std::get<1>(key);
      Finding f;
      f.detector = "control_channel";
      f.techniques = {tool == Tool::kNetSupport ? "T1219" : "T1071.001"};
      if (tool == Tool::kStager) f.techniques.emplace_back("T1105");
      f.phase = Phase::kFoothold;
      f.outcome = s.answered != 0 ? Outcome::kSucceeded : Outcome::kAttempted;
      f.severity = tool == Tool::kNetSupport || tool == Tool::kStager ? Severity::kMedium : Severity::kHigh;
      f.confidence = name.confidence;
      f.attacker = host(to);
      f.victim = host(from);
      for (const record::Head& head : s.heads) f.add("http", head);
      f.evidence_total = s.total;
      f.first = s.first;
      f.last = s.last;
      std::string paths;
      for (const std::string& p : s.paths) paths += (paths.empty() ? "" : ", ") + p;
      f.statement =
          fmt::format("{} is steered from {}:{} as {} does it: {} ({}), {} request{}, {} answered", from.to_string(),
                      to.to_string(), s.port, name.tool, name.how, paths, s.total, s.total == 1 ? "" : "s", s.answered);
      f.fact("tool", std::string(name.tool));
      if (!name.software.empty()) f.fact("software", std::string(name.software));
      f.fact("controller", to.to_string());
      out.push_back(std::move(f));
    }
  }

 private:
  void take(const protocol::http::Http& h) {
    const std::string_view path = path_of(h.uri);
    const auto any = [&path](std::initializer_list<std::string_view> of) {
      return std::find(of.begin(), of.end(), path) != of.end();
    };
    if (h.user_agent == kEmpireAgent && any({"/admin/get.php", "/news.php", "/login/process.php"}))
      add(Tool::kEmpire, h, path);
    if (h.user_agent == kCovenantAgent && any({"/en-us/index.html", "/en-us/docs.html", "/en-us/test.html"}))
      add(Tool::kCovenant, h, path);
    // One constant of the default form is enough: it is a hash of nothing in use elsewhere.
    if (begins(h.request_body, "i=a19ea23062db990386a3a478cb89d52e&data=")) {
      add(Tool::kCovenant, h, path);
      add(Tool::kCovenant, h, "the default form");
    }
    if (h.method == "POST" && ((path == "/beacon" && begins(h.user_agent, "Go-http-client/")) ||
                               (path == "/weather" && begins(h.user_agent, "python-requests/"))))
      add(Tool::kCaldera, h, path);
    if (path == "/file/download")
      for (const std::string_view name : h.resp_filenames)
        if (begins(name, "sandcat.go") || begins(name, "manx.go") || begins(name, "ragdoll.py"))
          add(Tool::kCaldera, h, name);
    if (begins(h.user_agent, "NetSupport Manager")) add(Tool::kNetSupport, h, path);
    if (gozi_path(h.uri) || gozi_module(path)) add(Tool::kGozi, h, path.substr(0, 40));
    if (h.method == "GET" && h.status_code.value_or(0) == 200 && h.response_body_len >= parameters_.stage_bytes &&
        h.referrer.empty() && stager_path(h.uri) && no_known_type(h))
      add(Tool::kStager, h, path);
  }
  static bool no_known_type(const protocol::http::Http& h) {
    return h.resp_mime_types.begin() == h.resp_mime_types.end() && h.resp_filenames.begin() == h.resp_filenames.end() &&
           h.content_encoding.empty();
  }
  void add(Tool tool, const protocol::http::Http& h, std::string_view what) {
    const auto key = std::make_tuple(h.head.id.orig_h, h.head.id.resp_h, tool);
    if (full(seen_, key, parameters_.max_pairs)) return;
    Seen& s = seen_[key];
    if (s.total++ == 0) s.first = h.head.ts;
    s.last = std::max(s.last, h.head.ts);
    s.port = h.head.id.resp_p.value;
    s.answered += h.status_code.has_value() && *h.status_code < 400;
    if (s.paths.size() < 8) s.paths.emplace(what);
    if (s.heads.size() < Finding::kMaxEvidence) s.heads.push_back(h.head);
  }
  Parameters parameters_;
  std::map<std::tuple<base::Address, base::Address, Tool>, Seen> seen_;
};

}  // namespace

std::unique_ptr<Detector> make_control_channel(const Environment&) { return std::make_unique<ControlChannel>(); }

}  // namespace whodunit::detect
