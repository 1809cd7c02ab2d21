// Programs that come in under a false name, or to a client that is none, and test files for virus scanners.
//
// Method: the type by content (Windows PE, ELF, Mach-O) against what the name and the server say; a client that is a
// command line tool of Windows or a made-up word; an address where a name belongs; all as MITRE ATT&CK T1105 and T1036
// describe them, and as Zeek's MIME sniffing tells types. One sign is not enough: programs are downloaded all day.
// EICAR's test file (eicar.org, "Anti-Malware Testfile") is told by its string, or by its name and size.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "detect/detector.h"
#include "protocol/files/file_record.h"
#include "protocol/http/http.h"

namespace whodunit::detect {
namespace {

struct Parameters {
  double score = 2;  ///< least sum of signs
  std::size_t max_found = 20'000;
};

const Description& describe() {
  static const Parameters p;
  static const Description d{
      "program_download",
      "A program is fetched over HTTP under a false name or type, or by something that is no browser from a bare "
      "address; EICAR's test file.",
      "MITRE ATT&CK T1105 and T1036.008; types by content; eicar.org, Anti-Malware Testfile",
      {"T1105", "T1036.008", "T1570"},
      "Updaters fetch programs by name, with a client that names itself; games and drivers come from bare addresses at "
      "times, with one sign only.",
      {{"score", fmt::format("{}", p.score),
        "least sum of signs: a false extension or type (2 each), a made-up or command-line client (1.5), no client "
        "(1), "
        "a bare address (1), an address that names no program (0.5)"}}};
  return d;
}

bool program(std::string_view type) {
  return type == "application/x-dosexec" || type == "application/x-executable" || type == "application/x-sharedlib" ||
         type == "application/x-mach-o-executable" || type == "application/x-elf";
}

std::string_view extension(std::string_view name) {
  name = name.substr(0, name.find_first_of("?#"));
  name = name.substr(name.find_last_of('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot + 1 == name.size() ? std::string_view{} : name.substr(dot + 1);
}

bool one_of(std::string_view s, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), s) != all.end();
}

/// Extensions of what is looked at, not run.
bool looked_at(std::string_view e) {
  return one_of(
      e, {"jpg", "jpeg", "png",  "gif", "bmp",  "ico", "svg", "webp", "txt", "css", "htm",  "html", "xml", "json",
          "pdf", "doc",  "docx", "xls", "xlsx", "ppt", "rtf", "mp3",  "mp4", "avi", "woff", "ttf",  "log", "csv"});
}

/// A word without meaning: letters alone, in both cases and out of order, with hardly a vowel (words have two in five).
bool made_up(std::string_view agent) {
  if (agent.size() < 12 || agent.size() > 64) return false;
  std::size_t changes = 0, vowels = 0;
  for (std::size_t i = 0; i < agent.size(); ++i) {
    const char c = agent[i];
    const bool upper = c >= 'A' && c <= 'Z', low = c >= 'a' && c <= 'z';
    if (!upper && !low) return false;
    vowels += std::string_view("aeiouAEIOU").find(c) != std::string_view::npos;
    if (i != 0) changes += upper != (agent[i - 1] >= 'A' && agent[i - 1] <= 'Z');
  }
  return changes >= 4 && vowels * 4 <= agent.size();
}

/// Windows' own tools and interpreters ask so by default.
bool command_line(std::string_view agent) {
  for (const std::string_view s :
       {"CertUtil URL Agent", "Microsoft-CryptoAPI/", "WindowsPowerShell/", "WinHttp.WinHttpRequest"})
    if (agent.find(s) != std::string_view::npos) return true;
  return false;
}

class ProgramDownload : public Detector {
 public:
  const Description& description() const override { return describe(); }
  Needs needs() const override { return {.records = {"http", "files"}, .http_body_window = 128}; }

  void take(const record::Batch& batch) override {
    const record::Schema* schema = &batch.schema();
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (schema == &protocol::http::Http::schema) take(protocol::http::Http::read(batch, row));
      if (schema == &protocol::Files::schema) take(protocol::Files::read(batch, row));
    }
  }
  void finish(const Home& home, std::vector<Finding>& out) override {
    for (auto& [key, f] : found_) {
      // Programs that go out, or around inside by HTTP, are somebody's own business as a rule.
      const auto from = base::Address::parse(f.attacker.value), to = base::Address::parse(f.victim.value);
      if (f.fact("kind") == "program" && from && to && home.contains(*from)) continue;
      out.push_back(std::move(f));
    }
    found_.clear();
  }

 private:
  void take(const protocol::http::Http& h) {
    constexpr std::string_view kEicar = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!";
    if (h.response_body.find(kEicar) != std::string_view::npos && h.response_body.size() <= 128)
      test_file("http", h.head, h.head.id.resp_h, h.head.id.orig_h, h.uri.substr(0, 80), true);
    if (h.request_body.find(kEicar) != std::string_view::npos && h.request_body.size() <= 128)
      test_file("http", h.head, h.head.id.orig_h, h.head.id.resp_h, h.uri.substr(0, 80), true);
    if (h.status_code.value_or(0) / 100 != 2) return;
    bool is_program = false;
    for (const std::string_view type : h.resp_mime_types) is_program |= program(type);
    if (!is_program) return;
    std::string name(h.uri);
    for (const std::string_view given : h.resp_filenames)
      if (!given.empty()) name = given;
    const std::string e = base::lower(extension(name)), of_uri = base::lower(extension(h.uri)),
                      type = base::lower(h.content_type);
    double score = 0;
    std::string why;
    const auto sign = [&](double weight, std::string_view what) {
      score += weight;
      why += (why.empty() ? "" : ", ") + std::string(what);
    };
    const bool renamed = looked_at(e) || looked_at(of_uri);
    if (renamed) sign(2, "its name is another kind of file's");
    const bool mistyped = type.substr(0, 6) == "image/" || type.substr(0, 9) == "text/html" ||
                          type.substr(0, 8) == "text/css" || type.substr(0, 15) == "application/pdf" ||
                          type.substr(0, 6) == "audio/" || type.substr(0, 6) == "video/";
    if (mistyped) sign(2, "the server gives another type");
    if (made_up(h.user_agent)) sign(1.5, "the client's name is a made-up word");
    if (command_line(h.user_agent)) sign(1.5, "a command line tool fetched it");
    if (h.user_agent.empty()) sign(1, "the client has no name");
    const std::string_view host_name = h.host.substr(0, h.host.find(':'));
    if (base::Address::parse(host_name)) sign(1, "from a bare address");
    if (of_uri.empty()) sign(0.5, "the address names no program");
    if (score < parameters_.score) return;
    const auto key = std::make_tuple(h.head.id.resp_h, h.head.id.orig_h, std::string(h.host.substr(0, 80)));
    if (full(found_, key, parameters_.max_found)) return;
    Finding& f = found_[key];
    f.add("http", h.head);
    if (!f.detector.empty()) return;
    f.detector = "program_download";
    f.techniques = {"T1105"};
    if (renamed || mistyped) f.techniques.emplace_back("T1036.008");
    f.techniques.emplace_back("T1071.001");
    f.phase = Phase::kFoothold;
    f.outcome = Outcome::kUnknown;
    f.severity = score >= 3 ? Severity::kHigh : Severity::kMedium;
    f.confidence = std::clamp(0.45 + 0.1 * score, 0.5, 0.85);
    f.attacker = host(h.head.id.resp_h);
    f.victim = host(h.head.id.orig_h);
    f.statement = fmt::format("{} fetched a program from {} ({}): {}", h.head.id.orig_h.to_string(),
                              h.host.empty() ? h.head.id.resp_h.to_string() : std::string(h.host.substr(0, 80)),
                              name.substr(0, 120), why);
    f.fact("kind", "program");
    f.fact("signs", why);
    if (!h.user_agent.empty()) f.fact("user_agent", std::string(h.user_agent));
    if (!h.host.empty() && !base::Address::parse(host_name)) f.fact("domain", std::string(host_name));
  }

  void take(const protocol::Files& file) {
    // 68 bytes, and up to 128 with white space behind.
    if (file.seen_bytes < 68 || file.seen_bytes > 128 || file.mime_type.substr(0, 5) != "text/") return;
    const std::string name = base::lower(file.filename.substr(file.filename.find_last_of("\\/") + 1));
    if (name.substr(0, 5) != "eicar") return;
    const auto& id = file.head.id;
    test_file("files", file.head, file.is_orig ? id.orig_h : id.resp_h, file.is_orig ? id.resp_h : id.orig_h,
              file.filename.substr(0, 80), false, file.source.substr(0, 3) == "SMB");
  }

  void test_file(std::string_view record, const record::Head& head, const base::Address& from, const base::Address& to,
                 std::string_view name, bool sure, bool shared = false) {
    const auto key = std::make_tuple(from, to, std::string("eicar"));
    if (full(found_, key, parameters_.max_found)) return;
    Finding& f = found_[key];
    f.add(record, head);
    if (!f.detector.empty()) return;
    f.detector = "program_download";
    f.techniques = {shared ? "T1570" : "T1105"};
    f.phase = shared ? Phase::kSpread : Phase::kFoothold;
    f.outcome = Outcome::kUnknown;
    f.severity = Severity::kLow;
    f.confidence = sure ? 0.95 : 0.7;
    f.attacker = host(from);
    f.victim = host(to);
    f.statement =
        fmt::format("{} sent {} the test file for virus scanners (EICAR{}), as {}: a test, which none stopped",
                    from.to_string(), to.to_string(), sure ? "" : ", by its name and size", name);
    f.fact("kind", "eicar");
  }

  Parameters parameters_;
  std::map<std::tuple<base::Address, base::Address, std::string>, Finding> found_;
};

}  // namespace

std::unique_ptr<Detector> make_program_download(const Environment&) { return std::make_unique<ProgramDownload>(); }

}  // namespace whodunit::detect
