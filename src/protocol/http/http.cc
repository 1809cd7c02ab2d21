#include "protocol/http/http.h"

#include <algorithm>
#include <string_view>

#include "protocol/files/file_record.h"
#include "protocol/files/ocsp.h"
#include "protocol/files/pe.h"
#include "protocol/http/parser.h"

namespace whodunit::protocol::http {
namespace {

constexpr std::uint16_t kPorts[] = {80, 81, 631, 1080, 3128, 8000, 8080, 8888};
/// The longest request line that recognition waits for.
constexpr std::size_t kLongLine = 2048;

bool is_method_byte(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "HTTP/d.d" then a blank and three digits.
Match status_line(std::string_view s) {
  constexpr std::string_view kStart = "HTTP/";
  if (s.substr(0, kStart.size()) != kStart.substr(0, std::min(s.size(), kStart.size()))) return Match::kNo;
  if (s.size() < 12) return Match::kNeedMore;
  return is_digit(s[5]) && s[6] == '.' && is_digit(s[7]) && is_blank(s[8]) && is_digit(s[9]) && is_digit(s[10]) &&
                 is_digit(s[11])
             ? Match::kYes
             : Match::kNo;
}

/// A method, a target and a version on one line; at HTTP's home ports a method that everybody knows and a path will do
/// (HTTP/0.9).
Match request_line(std::string_view s, bool port_hint) {
  while (!s.empty() && (s[0] == '\r' || s[0] == '\n')) s.remove_prefix(1);  // RFC 9112 2.2
  std::size_t method = 0;
  while (method < s.size() && method < 24 && is_method_byte(s[method])) ++method;
  if (method == s.size()) return Match::kNeedMore;
  if (method < 3 || !is_blank(s[method])) return Match::kNo;
  const std::size_t end = s.find_first_of("\r\n");
  const std::string_view line = s.substr(0, end);
  const std::size_t version = line.rfind("HTTP/");
  if (version != std::string_view::npos && version > method && is_blank(line[version - 1]) &&
      line.size() >= version + 8 && is_digit(line[version + 5]) && line[version + 6] == '.' &&
      is_digit(line[version + 7])) {
    return line[version + 5] == '2' ? Match::kNo : Match::kYes;  // HTTP/2's preface (RFC 9113 3.4)
  }
  if (end == std::string_view::npos) return s.size() < kLongLine ? Match::kNeedMore : Match::kNo;
  const std::string_view name = line.substr(0, method);
  const std::string_view target = skip_blanks(line.substr(method));
  const bool known = name == "GET" || name == "POST" || name == "HEAD";
  return port_hint && known && !target.empty() && (target[0] == '/' || target.substr(0, 7) == "http://") ? Match::kMaybe
                                                                                                         : Match::kNo;
}

Match recognise(Bytes data, Direction direction, bool port_hint) {
  const std::string_view s = base::as_text(data);
  if (const Match reply = status_line(s); reply != Match::kNo) return reply;
  const Match request = request_line(s, port_hint);
  // At a web server's port the server may yet say that what the client sent was (bad) HTTP.
  if (request == Match::kNo && port_hint && direction == Direction::kOriginator) return Match::kNeedMore;
  return request;
}

std::unique_ptr<Parser> make() { return std::make_unique<HttpParser>(); }
std::unique_ptr<Parser> make_shadow() { return std::make_unique<HttpParser>(true); }

/// RTSP, SIP and others borrow HTTP's methods.
bool resembles(Bytes first) {
  constexpr std::string_view kBorrowed[] = {"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"};
  const std::string_view s = base::as_text(first);
  return std::any_of(std::begin(kBorrowed), std::end(kBorrowed), [s](std::string_view method) {
    return s.size() > method.size() && s.substr(0, method.size()) == method && is_blank(s[method.size()]);
  });
}

record::Schema* const kSchemas[] = {&Http::schema, &Files::schema, &Pe::schema, &Ocsp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "http",
    .stream = true,
    .recognise = recognise,
    .ports = kPorts,
    .make = make,
    .schemas = kSchemas,
    .make_shadow = make_shadow,
    .resembles = resembles,
};

}  // namespace whodunit::protocol::http
