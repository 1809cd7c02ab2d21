#include "base/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include <cstdlib>

namespace whodunit::base {
namespace {

// Fetched once: OpenSSL 3 would look each of them up, under a lock, at every use.
const EVP_MD* algorithm(DigestKind kind) {
  static const EVP_MD* const kMd5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static const EVP_MD* const kSha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  switch (kind) {
    case DigestKind::kMd5:
      return kMd5;
    case DigestKind::kSha1:
      return kSha1;
    case DigestKind::kSha256:
      return kSha256;
  }
  std::abort();
}

/// Of short texts, mostly: a context for each would cost more than the digest. Returns the digest's size in bytes.
unsigned digest_at_once(DigestKind kind, Bytes data, std::uint8_t* out) {
  struct Contexts {
    EVP_MD_CTX* of[3] = {EVP_MD_CTX_new(), EVP_MD_CTX_new(), EVP_MD_CTX_new()};
    ~Contexts() {
      for (EVP_MD_CTX* context : of) EVP_MD_CTX_free(context);
    }
  };
  thread_local Contexts contexts;
  EVP_MD_CTX* context = contexts.of[static_cast<std::size_t>(kind)];
  unsigned size = 0;
  EVP_DigestInit_ex(context, algorithm(kind), nullptr);
  EVP_DigestUpdate(context, data.data(), data.size());
  EVP_DigestFinal_ex(context, out, &size);
  return size;
}

constexpr char kBase62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

}  // namespace

struct Digest::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }
};

Digest::Digest(DigestKind kind) : impl_(std::make_unique<Impl>()) {
  EVP_DigestInit_ex(impl_->context, algorithm(kind), nullptr);
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;
void Digest::update(Bytes data) { EVP_DigestUpdate(impl_->context, data.data(), data.size()); }
std::string Digest::hex() {
  std::uint8_t out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(impl_->context, out, &size);
  return to_hex({out, size});
}

std::string digest_hex(DigestKind kind, Bytes data) {
  std::uint8_t out[EVP_MAX_MD_SIZE];
  return to_hex({out, digest_at_once(kind, data, out)});
}

std::array<std::uint8_t, 20> sha1(Bytes data) {
  std::array<std::uint8_t, 20> out{};
  digest_at_once(DigestKind::kSha1, data, out.data());
  return out;
}

std::array<std::uint8_t, 32> sha256(Bytes data) {
  std::array<std::uint8_t, 32> out{};
  digest_at_once(DigestKind::kSha256, data, out.data());
  return out;
}

std::string to_hex(Bytes data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string s(data.size() * 2, '0');
  for (std::size_t i = 0; i < data.size(); ++i) {
    s[2 * i] = kDigits[data[i] >> 4];
    s[2 * i + 1] = kDigits[data[i] & 15];
  }
  return s;
}

std::string to_base64(Bytes data) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < data.size(); i += 3) {
    const std::size_t n = data.size() - i;
    const std::uint32_t v =
        static_cast<std::uint32_t>(data[i]) << 16 | (n > 1 ? data[i + 1] : 0u) << 8 | (n > 2 ? data[i + 2] : 0u);
    out += kAlphabet[v >> 18];
    out += kAlphabet[v >> 12 & 63];
    out += n > 1 ? kAlphabet[v >> 6 & 63] : '=';
    out += n > 2 ? kAlphabet[v & 63] : '=';
  }
  return out;
}

std::string from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    int v;
    if (c >= 'A' && c <= 'Z')
      v = c - 'A';
    else if (c >= 'a' && c <= 'z')
      v = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      v = c - '0' + 52;
    else if (c == '+')
      v = 62;
    else if (c == '/')
      v = 63;
    else if (c == '=')
      break;
    else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
      continue;
    else
      return {};
    bits = bits << 6 | static_cast<std::uint32_t>(v);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>(bits >> have & 0xff);
    }
  }
  return out;
}

std::uint64_t fast_hash(Bytes data, std::uint64_t seed) { return XXH3_64bits_withSeed(data.data(), data.size(), seed); }

std::string to_base62(std::uint64_t value) {
  std::string s(11, '0');
  for (int i = 10; i >= 0; --i, value /= 62) s[static_cast<std::size_t>(i)] = kBase62[value % 62];
  return s;
}

std::uint64_t from_base62(std::string_view text) {
  std::uint64_t v = 0;
  for (const char c : text) {
    const std::string_view alphabet(kBase62, 62);
    const std::size_t at = alphabet.find(c);
    if (at == std::string_view::npos) return 0;
    v = v * 62 + at;
  }
  return v;
}

}  // namespace whodunit::base
