#include "protocol/tls/names.h"

#include <algorithm>
#include <cstdio>

namespace whodunit::protocol::tls {
namespace {

struct Number {
  std::uint32_t number;
  const char* name;
};

template <std::size_t N>
std::string lookup(const Number (&table)[N], std::uint32_t number) {
  for (const Number& n : table)
    if (n.number == number) return n.name;
  return "unknown-" + std::to_string(number);
}

std::string grease_name(std::uint16_t v) {
  char text[16];
  std::snprintf(text, sizeof text, "grease_0x%04X", v);
  return text;
}

}  // namespace

std::string version_name(std::uint16_t version) {
  static constexpr Number kVersions[] = {
      {kSsl2, "SSLv2"},   {kSsl3, "SSLv3"},     {kTls10, "TLSv10"},   {kTls11, "TLSv11"},   {kTls12, "TLSv12"},
      {kTls13, "TLSv13"}, {kDtls10, "DTLSv10"}, {kDtls12, "DTLSv12"}, {kDtls13, "DTLSv13"},
  };
  if (is_tls13_draft(version)) return "TLSv13-draft" + std::to_string(version & 0xff);
  return lookup(kVersions, version);
}

std::string cipher_name(std::uint32_t cipher) {
  // SSLv2's cipher kinds are three bytes (draft-hickman-netscape-ssl-00 C.4).
  static constexpr Number kSsl2Kinds[] = {
      {0x010080, "SSLv20_CK_RC4_128_WITH_MD5"},          {0x020080, "SSLv20_CK_RC4_128_EXPORT40_WITH_MD5"},
      {0x030080, "SSLv20_CK_RC2_128_CBC_WITH_MD5"},      {0x040080, "SSLv20_CK_RC2_128_CBC_EXPORT40_WITH_MD5"},
      {0x050080, "SSLv20_CK_IDEA_128_CBC_WITH_MD5"},     {0x060040, "SSLv20_CK_DES_64_CBC_WITH_MD5"},
      {0x0700c0, "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5"},
  };
  if (cipher > 0xffff) return lookup(kSsl2Kinds, cipher);
  const auto* end = kCipherNames + kCipherCount;
  const auto* found = std::lower_bound(kCipherNames, end, cipher,
                                       [](const CipherName& n, std::uint32_t number) { return n.number < number; });
  if (found != end && found->number == cipher) return found->name;
  if (is_grease(static_cast<std::uint16_t>(cipher))) return grease_name(static_cast<std::uint16_t>(cipher));
  return "unknown-" + std::to_string(cipher);
}

std::string group_name(std::uint16_t group) {
  // IANA "TLS Supported Groups", and numbers of drafts that shipped.
  static constexpr Number kGroups[] = {
      {1, "sect163k1"},
      {2, "sect163r1"},
      {3, "sect163r2"},
      {4, "sect193r1"},
      {5, "sect193r2"},
      {6, "sect233k1"},
      {7, "sect233r1"},
      {8, "sect239k1"},
      {9, "sect283k1"},
      {10, "sect283r1"},
      {11, "sect409k1"},
      {12, "sect409r1"},
      {13, "sect571k1"},
      {14, "sect571r1"},
      {15, "secp160k1"},
      {16, "secp160r1"},
      {17, "secp160r2"},
      {18, "secp192k1"},
      {19, "secp192r1"},
      {20, "secp224k1"},
      {21, "secp224r1"},
      {22, "secp256k1"},
      {23, "secp256r1"},
      {24, "secp384r1"},
      {25, "secp521r1"},
      {26, "brainpoolP256r1"},
      {27, "brainpoolP384r1"},
      {28, "brainpoolP512r1"},
      {29, "x25519"},
      {30, "x448"},
      {31, "brainpoolP256r1tls13"},
      {32, "brainpoolP384r1tls13"},
      {33, "brainpoolP512r1tls13"},
      {34, "GC256A"},
      {35, "GC256B"},
      {36, "GC256C"},
      {37, "GC256D"},
      {38, "GC512A"},
      {39, "GC512B"},
      {40, "GC512C"},
      {41, "curveSM2"},
      {256, "ffdhe2048"},
      {257, "ffdhe3072"},
      {258, "ffdhe4096"},
      {259, "ffdhe6144"},
      {260, "ffdhe8192"},
      {512, "MLKEM512"},
      {513, "MLKEM768"},
      {514, "MLKEM1024"},
      {4587, "SecP256r1MLKEM768"},
      {4588, "X25519MLKEM768"},
      {4589, "SecP384r1MLKEM1024"},
      {4590, "curveSM2MLKEM768"},
      {16696, "CECPQ2"},
      {25497, "X25519Kyber768Draft00"},
      {25498, "SecP256r1Kyber768Draft00"},
      {0xff01, "arbitrary_explicit_prime_curves"},
      {0xff02, "arbitrary_explicit_char2_curves"},
  };
  if (is_grease(group)) return grease_name(group);
  return lookup(kGroups, group);
}

std::string alert_name(std::uint16_t description) {
  static constexpr Number kAlerts[] = {
      {0, "close_notify"},
      {10, "unexpected_message"},
      {20, "bad_record_mac"},
      {21, "decryption_failed"},
      {22, "record_overflow"},
      {30, "decompression_failure"},
      {40, "handshake_failure"},
      {41, "no_certificate"},
      {42, "bad_certificate"},
      {43, "unsupported_certificate"},
      {44, "certificate_revoked"},
      {45, "certificate_expired"},
      {46, "certificate_unknown"},
      {47, "illegal_parameter"},
      {48, "unknown_ca"},
      {49, "access_denied"},
      {50, "decode_error"},
      {51, "decrypt_error"},
      {52, "too_many_cids_requested"},
      {60, "export_restriction"},
      {70, "protocol_version"},
      {71, "insufficient_security"},
      {80, "internal_error"},
      {86, "inappropriate_fallback"},
      {90, "user_canceled"},
      {100, "no_renegotiation"},
      {109, "missing_extension"},
      {110, "unsupported_extension"},
      {111, "certificate_unobtainable"},
      {112, "unrecognized_name"},
      {113, "bad_certificate_status_response"},
      {114, "bad_certificate_hash_value"},
      {115, "unknown_psk_identity"},
      {116, "certificate_required"},
      {117, "general_error"},
      {120, "no_application_protocol"},
      {121, "ech_required"},
  };
  return lookup(kAlerts, description);
}

}  // namespace whodunit::protocol::tls
