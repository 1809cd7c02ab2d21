#include "protocol/http/body_text.h"

#include <cstdint>

namespace whodunit::protocol::http {
namespace {

/// Length of the UTF-8 sequence at `i`, or 0 (RFC 3629).
std::size_t utf8_length(std::string_view s, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint8_t>(s[k]); };
  const std::uint8_t c = byte(i);
  const std::size_t n = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
  if (n == 0 || s.size() - i < n) return 0;
  for (std::size_t k = 1; k < n; ++k)
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  const std::uint8_t d = byte(i + 1);
  if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
    return 0;
  return n;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_word(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool names_secret(std::string_view name) {
  std::string low;
  for (const char c : name) low += lower(c);
  for (const std::string_view part :
       {"pass", "pwd", "passwd", "secret", "token", "api_key", "apikey", "access_key", "auth_key"})
    if (low.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

void append_safe(std::string_view bytes, std::string& out) {
  out.reserve(out.size() + bytes.size());
  const auto plain = [](std::uint8_t c) { return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r'; };
  for (std::size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<std::uint8_t>(bytes[i]);
    if (plain(c)) {  // as most is: as much of it as there is, at once
      const std::size_t start = i;
      while (i < bytes.size() && plain(static_cast<std::uint8_t>(bytes[i]))) ++i;
      out.append(bytes, start, i - start);
      continue;
    }
    if (c >= 0x80) {
      const std::size_t n = utf8_length(bytes, i);
      if (n == 0) {
        out += '.';
        ++i;
      } else {
        out.append(bytes, i, n);
        i += n;
      }
      continue;
    }
    out += '.';
    ++i;
  }
}

std::string without_secrets(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t i = 0;
  while (i < text.size()) {
    if (!is_word(text[i])) {
      out += text[i++];
      continue;
    }
    const std::size_t start = i;
    while (i < text.size() && is_word(text[i])) ++i;
    const std::string_view word = text.substr(start, i - start);
    out += word;
    if (!names_secret(word)) continue;
    // name=value, "name": "value", name: value, and a form's part: name="password" CR LF CR LF value.
    std::size_t at = i;
    while (at < text.size() && (text[at] == '"' || text[at] == '\'' || text[at] == ' ' || text[at] == ']')) ++at;
    const bool form_part = at + 3 < text.size() && text.substr(at, 4) == "\r\n\r\n";
    if (!form_part && (at >= text.size() || (text[at] != '=' && text[at] != ':'))) continue;
    at += form_part ? 4 : 1;
    if (!form_part) {
      while (at < text.size() && text[at] == ' ') ++at;
    }
    std::size_t end = at;
    if (!form_part && at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      const char quote = text[at];
      ++at;
      for (end = at; end < text.size() && text[end] != quote; ++end)
        if (text[end] == '\\') ++end;
      if (end > text.size()) end = text.size();
    } else {
      const std::string_view stop = form_part ? "\r\n" : "&;,}<\r\n \t";
      while (end < text.size() && stop.find(text[end]) == std::string_view::npos) ++end;
    }
    out.append(text, i, at - i);
    if (end > at) out += "***";
    i = end;
  }
  return out;
}

}  // namespace whodunit::protocol::http
