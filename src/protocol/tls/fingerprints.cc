#include "protocol/tls/fingerprints.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/hash.h"
#include "protocol/tls/names.h"

namespace whodunit::protocol::tls {
namespace {

template <class Numbers>
void append_decimal(std::string& out, const Numbers& numbers) {
  bool first = true;
  for (const auto n : numbers) {
    if (is_grease(n)) continue;
    if (!first) out += '-';
    first = false;
    out += std::to_string(n);
  }
}

std::string hex_list(const std::vector<std::uint16_t>& numbers) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(numbers.size() * 5);
  for (const std::uint16_t n : numbers) {
    if (!out.empty()) out += ',';
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[n >> shift & 15];
  }
  return out;
}

// The first twelve hex digits of the SHA-256.
std::string short_hash(const std::string& text) {
  const auto digest = base::sha256(base::as_bytes(text));
  return base::to_hex({digest.data(), 6});
}

std::string_view ja4_version(std::uint16_t version) {
  switch (version) {
    case kTls13:
      return "13";
    case kTls12:
      return "12";
    case kTls11:
      return "11";
    case kTls10:
      return "10";
    case kSsl3:
      return "s3";
    case kSsl2:
      return "s2";
    case kDtls10:
      return "d1";
    case kDtls12:
      return "d2";
    case kDtls13:
      return "d3";
    default:
      return "00";
  }
}

// First and last character of the first ALPN value; where one is not alphanumeric, of its hex form.
std::string ja4_alpn(const ClientHello& hello) {
  if (hello.alpn.empty() || hello.alpn[0].empty()) return "00";
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  const char first = hello.alpn[0].front();
  const char last = hello.alpn[0].back();
  if (alphanumeric(first) && alphanumeric(last)) return {first, last};
  static constexpr char kDigits[] = "0123456789abcdef";
  return {kDigits[static_cast<std::uint8_t>(first) >> 4], kDigits[static_cast<std::uint8_t>(last) & 15]};
}

}  // namespace

std::string ja3_text(const ClientHello& hello) {
  std::string text = std::to_string(hello.version);
  text += ',';
  append_decimal(text, hello.ciphers);
  text += ',';
  append_decimal(text, hello.extensions);
  text += ',';
  append_decimal(text, hello.groups);
  text += ',';
  append_decimal(text, hello.point_formats);
  return text;
}

std::string ja3(const ClientHello& hello) {
  return base::digest_hex(base::DigestKind::kMd5, base::as_bytes(ja3_text(hello)));
}

std::string ja3s(const ServerHello& hello) {
  std::string text = std::to_string(hello.version);
  text += ',';
  text += std::to_string(hello.cipher);
  text += ',';
  append_decimal(text, hello.extensions);
  return base::digest_hex(base::DigestKind::kMd5, base::as_bytes(text));
}

std::string ja4(const ClientHello& hello, Carrier carrier) {
  std::uint16_t version = hello.version;
  std::uint16_t highest = 0;
  bool listed = false;
  for (const std::uint16_t v : hello.supported_versions) {
    if (is_grease(v)) continue;
    // DTLS counts downwards: 0xfefc is newer than 0xfefd.
    const bool newer = carrier == Carrier::kDtls ? !listed || v < highest : !listed || v > highest;
    if (newer) highest = v;
    listed = true;
  }
  if (listed) version = highest;

  std::vector<std::uint16_t> ciphers;
  for (const std::uint16_t c : hello.ciphers)
    if (!is_grease(c)) ciphers.push_back(c);
  std::vector<std::uint16_t> extensions;
  std::size_t extension_count = 0;
  for (const std::uint16_t e : hello.extensions) {
    if (is_grease(e)) continue;
    ++extension_count;
    if (e != kServerName && e != kAlpn) extensions.push_back(e);
  }
  std::sort(ciphers.begin(), ciphers.end());
  std::sort(extensions.begin(), extensions.end());

  char counts[8];
  std::snprintf(counts, sizeof counts, "%02u%02u", static_cast<unsigned>(std::min<std::size_t>(ciphers.size(), 99)),
                static_cast<unsigned>(std::min<std::size_t>(extension_count, 99)));
  std::string out(1, static_cast<char>(carrier));
  out += ja4_version(version);
  out += hello.has_server_name ? 'd' : 'i';
  out += counts;
  out += ja4_alpn(hello);
  out += '_';
  out += ciphers.empty() ? "000000000000" : short_hash(hex_list(ciphers));
  out += '_';
  if (extensions.empty()) return out + "000000000000";
  std::string rest = hex_list(extensions);
  std::vector<std::uint16_t> algorithms;
  for (const std::uint16_t a : hello.signature_algorithms)
    if (!is_grease(a)) algorithms.push_back(a);
  if (!algorithms.empty()) rest += '_' + hex_list(algorithms);
  return out + short_hash(rest);
}

}  // namespace whodunit::protocol::tls
