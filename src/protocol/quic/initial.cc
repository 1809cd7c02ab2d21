#include "protocol/quic/initial.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string_view>

#include "protocol/quic/google.h"

namespace whodunit::protocol::quic {
namespace {

using Salt = std::array<std::uint8_t, 20>;

struct Version {
  std::uint32_t number;
  const char* name;
  const Salt* salt;
  const char* label;  // of key, iv and hp
};

// RFC 9001 5.2.
constexpr Salt kVersion1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                            0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
// RFC 9369 3.3.1.
constexpr Salt kVersion2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                            0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
// draft-ietf-quic-v2-00 to -06.
constexpr Salt kVersion2Draft = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                                 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3};
// draft-ietf-quic-tls-29 to -32.
constexpr Salt kDraft29 = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                           0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
// draft-ietf-quic-tls-23 to -28.
constexpr Salt kDraft23 = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                           0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
// draft-ietf-quic-tls-21, -22.
constexpr Salt kDraft22 = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x2a, 0x96,
                           0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x41, 0x90};
// Google's T050 and T051: TLS in gQUIC's last versions.
constexpr Salt kT050 = {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                        0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10};
constexpr Salt kT051 = {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                        0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d};

// Google's Q050: tags under the drafts' protection.
constexpr Salt kQ050Salt = {0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
                            0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};

constexpr Version kVersions[] = {
    {0x00000001, "1", &kVersion1, "quic"},
    {0x6b3343cf, "quicv2", &kVersion2, "quicv2"},
    {0x709a50c4, "quicv2-draft", &kVersion2Draft, "quicv2"},
    {0xff000016, "draft-22", &kDraft22, "quic"},
    {0xff000017, "draft-23", &kDraft23, "quic"},
    {0xff000018, "draft-24", &kDraft23, "quic"},
    {0xff000019, "draft-25", &kDraft23, "quic"},
    {0xff00001a, "draft-26", &kDraft23, "quic"},
    {0xff00001b, "draft-27", &kDraft23, "quic"},
    {0xff00001c, "draft-28", &kDraft23, "quic"},
    {0xff00001d, "draft-29", &kDraft29, "quic"},
    {0xff00001e, "draft-30", &kDraft29, "quic"},
    {0xff00001f, "draft-31", &kDraft29, "quic"},
    {0xff000020, "draft-32", &kDraft29, "quic"},
    {0xff000021, "draft-33", &kVersion1, "quic"},
    {0xff000022, "draft-34", &kVersion1, "quic"},
    {0xfaceb001, "mvfst-faceb001", &kDraft22, "quic"},
    {0xfaceb002, "mvfst-faceb002", &kDraft23, "quic"},
    {0xfaceb00e, "mvfst-faceb00e", &kDraft23, "quic"},
    {0xfaceb011, "mvfst-faceb011", &kDraft23, "quic"},
    {0xfaceb012, "mvfst-faceb012", &kDraft23, "quic"},
    {0xfaceb013, "mvfst-faceb013", &kDraft23, "quic"},
    {0x54303530, "T050", &kT050, "quic"},
    {0x54303531, "T051", &kT051, "quic"},
    {kQ050, "Q050", &kQ050Salt, "quic"},
};

const Version* find(std::uint32_t number) {
  for (const Version& v : kVersions)
    if (v.number == number) return &v;
  return nullptr;
}

using Secret = std::array<std::uint8_t, 32>;

Secret hmac(Bytes key, Bytes data) {
  Secret out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size);
  return out;
}

// HKDF-Expand-Label (RFC 8446 7.1) with no context, for up to 32 bytes.
template <std::size_t N>
std::array<std::uint8_t, N> expand(const Secret& secret, std::string_view label) {
  static_assert(N <= 32);
  std::vector<std::uint8_t> info = {0, N, static_cast<std::uint8_t>(6 + label.size())};
  for (const char c : std::string_view("tls13 ")) info.push_back(static_cast<std::uint8_t>(c));
  for (const char c : label) info.push_back(static_cast<std::uint8_t>(c));
  info.push_back(0);
  info.push_back(1);  // the counter of HKDF-Expand's only block (RFC 5869 2.3)
  const Secret block = hmac(secret, info);
  std::array<std::uint8_t, N> out;
  std::copy_n(block.begin(), N, out.begin());
  return out;
}

struct CipherContext {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};

}  // namespace

std::string version_name(std::uint32_t version) {
  if (const Version* v = find(version)) return v->name;
  if (is_google(version)) return {'Q', '0', static_cast<char>(version >> 8), static_cast<char>(version)};
  char text[24];
  std::snprintf(text, sizeof text, "unknown-%x", version);
  return text;
}

bool is_known(std::uint32_t version) { return find(version) != nullptr; }
bool is_version_2(std::uint32_t version) { return version == 0x6b3343cf || version == 0x709a50c4; }

InitialKeys::InitialKeys(std::uint32_t version, Bytes connection_id) {
  const Version* v = find(version);
  if (v == nullptr) v = &kVersions[0];
  const Secret initial = hmac(*v->salt, connection_id);  // HKDF-Extract
  const std::string label = v->label;
  for (int side = 0; side < 2; ++side) {
    const Secret secret = expand<32>(initial, side == 0 ? "client in" : "server in");
    sides_[side].key = expand<16>(secret, label + " key");
    sides_[side].iv = expand<12>(secret, label + " iv");
    sides_[side].header_key = expand<16>(secret, label + " hp");
  }
}

std::optional<std::vector<std::uint8_t>> InitialKeys::open(Bytes packet, std::size_t number_offset,
                                                           bool from_client) const {
  // RFC 9001 5.4.2: the sample lies four bytes after the packet number's start.
  constexpr std::size_t kSample = 16, kTag = 16;
  if (packet.size() < number_offset + 4 + kSample) return std::nullopt;
  const Side& side = sides_[from_client ? 0 : 1];
  // One context per thread: making one costs more than a packet.
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, CipherContext> context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* c = context.get();

  std::uint8_t mask[16];
  int size = 0;
  if (EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), nullptr, side.header_key.data(), nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(c, 0) != 1 ||
      EVP_EncryptUpdate(c, mask, &size, packet.data() + number_offset + 4, kSample) != 1)
    return std::nullopt;
  std::vector<std::uint8_t> header(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(number_offset + 4));
  header[0] ^= mask[0] & 0x0f;
  const std::size_t number_size = (header[0] & 3u) + 1;
  header.resize(number_offset + number_size);
  std::uint8_t nonce[12];
  std::copy(side.iv.begin(), side.iv.end(), nonce);
  // Initial packets are few: the number on the wire is the whole number but for its upper zeros (RFC 9000 A.3).
  for (std::size_t i = 0; i < number_size; ++i) {
    header[number_offset + i] ^= mask[1 + i];
    nonce[12 - number_size + i] ^= header[number_offset + i];
  }
  const Bytes sealed = packet.subspan(header.size());
  if (sealed.size() < kTag) return std::nullopt;
  std::vector<std::uint8_t> plain(sealed.size() - kTag);
  std::uint8_t tag[kTag];
  std::copy_n(sealed.end() - kTag, kTag, tag);
  std::uint8_t none[16];
  if (EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), nullptr, side.key.data(), nonce) != 1 ||
      EVP_DecryptUpdate(c, nullptr, &size, header.data(), static_cast<int>(header.size())) != 1 ||
      EVP_DecryptUpdate(c, plain.data(), &size, sealed.data(), static_cast<int>(plain.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, kTag, tag) != 1 || EVP_DecryptFinal_ex(c, none, &size) != 1)
    return std::nullopt;
  return plain;
}

}  // namespace whodunit::protocol::quic
