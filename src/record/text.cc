#include "record/text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <cstring>

namespace whodunit::record {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kBase62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void append_escaped_byte(std::string& out, std::uint8_t c) {
  const char text[4] = {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
  out.append(text, 4);
}

/// The code point of the well-formed UTF-8 sequence at `at` (RFC 3629) and its length; length 0 where there is none.
std::uint32_t utf8_at(std::string_view s, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(s[at + i]); };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const std::size_t left = s.size() - at;
  const std::uint8_t c = byte(0);
  length = 0;
  if (c < 0x80) {
    length = 1;
    return c;
  }
  if (c >= 0xc2 && c <= 0xdf && left >= 2 && tail(1)) {
    length = 2;
    return (c & 0x1fu) << 6 | (byte(1) & 0x3fu);
  }
  if (c >= 0xe0 && c <= 0xef && left >= 3 && tail(1) && tail(2)) {
    const std::uint32_t v = (c & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    if (v >= 0x800 && (v < 0xd800 || v > 0xdfff)) length = 3;
    return v;
  }
  if (c >= 0xf0 && c <= 0xf4 && left >= 4 && tail(1) && tail(2) && tail(3)) {
    const std::uint32_t v = (c & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
    if (v >= 0x10000 && v <= 0x10ffff) length = 4;
    return v;
  }
  return 0;
}

/// Controls (C0, DEL, C1), private use and specials do not print.
bool prints(std::uint32_t v) {
  return v >= 0x20 && (v < 0x7f || v > 0x9f) && (v < 0xe000 || v > 0xf8ff) && (v < 0xfff0 || v > 0xffff);
}

bool is_white(char c) { return c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t'; }

bool is_printable_utf8(std::string_view text, bool keep_white) {
  for (std::size_t i = 0; i < text.size();) {
    if (keep_white && is_white(text[i])) {
      ++i;
      continue;
    }
    std::size_t length = 0;
    const std::uint32_t v = utf8_at(text, i, length);
    if (length == 0 || !prints(v)) return false;
    i += length;
  }
  return true;
}

}  // namespace

void append_number(std::string& out, std::uint64_t value) {
  char text[20];
  const auto r = std::to_chars(text, text + sizeof text, value);
  out.append(text, r.ptr);
}

void append_number(std::string& out, std::int64_t value) {
  char text[20];
  const auto r = std::to_chars(text, text + sizeof text, value);
  out.append(text, r.ptr);
}

void append_seconds(std::string& out, std::int64_t ns, unsigned least) {
  std::uint64_t v = static_cast<std::uint64_t>(ns);
  if (ns < 0) {
    out += '-';
    v = 0 - v;
  }
  append_number(out, v / 1'000'000'000);
  char digits[10] = {'.'};
  std::uint64_t rest = v % 1'000'000'000;
  for (int i = 9; i >= 1; --i, rest /= 10) digits[i] = static_cast<char>('0' + rest % 10);
  std::size_t length = 9;
  while (length > least && digits[length] == '0') --length;
  out.append(digits, length + 1);
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  const auto r = std::to_chars(text, text + sizeof text, value);
  const std::string_view v(text, static_cast<std::size_t>(r.ptr - text));
  out += v;
  if (v.find_first_of(".e") == std::string_view::npos) out += ".0";
}

std::size_t write_address(char* out, const base::Address& address) {
  if (!address.is_v4()) {
    inet_ntop(AF_INET6, address.bytes().data(), out, INET6_ADDRSTRLEN);
    return std::strlen(out);
  }
  char* p = out;
  const std::uint32_t v = address.v4_value();
  for (int shift = 24; shift >= 0; shift -= 8) {
    const unsigned octet = v >> shift & 0xff;
    if (octet >= 100) *p++ = static_cast<char>('0' + octet / 100);
    if (octet >= 10) *p++ = static_cast<char>('0' + octet / 10 % 10);
    *p++ = static_cast<char>('0' + octet % 10);
    if (shift != 0) *p++ = '.';
  }
  return static_cast<std::size_t>(p - out);
}

void append_address(std::string& out, const base::Address& address) {
  char text[INET6_ADDRSTRLEN];
  out.append(text, write_address(text, address));
}

void write_uid(char* out, std::uint64_t value, char prefix) {
  out[0] = prefix;
  for (std::size_t i = kUidLength - 1; i > 0; --i, value /= 62) out[i] = kBase62[value % 62];
}

bool is_printable_ascii(std::string_view text) {
  // Eight bytes at a time: of each, the highest bit is set where it is 0x80 or more, below 0x20 (which borrows), or
  // 0x7f (which carries).
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes;
  const auto bad = [](std::uint64_t x) { return ((x - 0x20 * kOnes) | (x + kOnes) | x) & kHigh; };
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t x;
    std::memcpy(&x, text.data() + i, 8);
    if (bad(x) != 0) return false;
  }
  for (; i < text.size(); ++i)
    if (static_cast<std::uint8_t>(text[i] - 0x20) >= 0x5f) return false;
  return true;
}

void append_presentable(std::string& out, std::string_view text, bool keep_white) {
  if (is_printable_ascii(text) || is_printable_utf8(text, keep_white)) {
    out += text;
    return;
  }
  for (const char c : text) {
    if ((c >= 0x20 && c < 0x7f) || (keep_white && is_white(c)))
      out += c;
    else
      append_escaped_byte(out, static_cast<std::uint8_t>(c));
  }
}

}  // namespace whodunit::record
