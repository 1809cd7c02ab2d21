// Digests and their spellings.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::base {

enum class DigestKind { kMd5, kSha1, kSha256 };

/// A digest made piece by piece (OpenSSL's EVP). Move-only.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();
  void update(Bytes data);
  /// Lower-case hex; the digest is used up.
  std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Lower-case hex of the digest of `data`.
std::string digest_hex(DigestKind kind, Bytes data);
std::array<std::uint8_t, 20> sha1(Bytes data);
std::array<std::uint8_t, 32> sha256(Bytes data);

std::string to_hex(Bytes data);
/// Standard base64 with padding (RFC 4648 4).
std::string to_base64(Bytes data);
/// Decodes base64, skipping white space; empty where it is not base64.
std::string from_base64(std::string_view text);

/// Fast, stable, not cryptographic (XXH3): for ids and tables, never for anything that an enemy gains by colliding.
std::uint64_t fast_hash(Bytes data, std::uint64_t seed = 0);
inline std::uint64_t fast_hash(std::string_view s, std::uint64_t seed = 0) { return fast_hash(as_bytes(s), seed); }

/// `value` in base 62, eleven characters, zero-padded.
std::string to_base62(std::uint64_t value);
std::uint64_t from_base62(std::string_view text);

}  // namespace whodunit::base
