// Certificates: what a DER encoding says, and how one stands to another. Parsed by OpenSSL, within bounds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace whodunit::protocol::x509 {

/// DER longer than this is not parsed (bytes); real ones are below 10 KiB.
inline constexpr std::size_t kMaxCertificate = 64 << 10;
/// Names and lists longer than this are cut (bytes; entries).
inline constexpr std::size_t kMaxName = 4096;
inline constexpr std::size_t kMaxAlternativeNames = 1024;

/// Immutable once parsed. Holds what the x509 record tells.
class Certificate {
 public:
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate();

  /// Never null. Parsed certificates are remembered per thread by their SHA-256, as servers send the same ones again
  /// and again; what comes back depends on `der` alone.
  static std::shared_ptr<const Certificate> parse(base::Bytes der);

  std::string sha256;  ///< hex
  std::string sha1;    ///< hex
  std::size_t size = 0;
  bool malformed = false;  ///< nothing below is set

  std::uint64_t version = 0;  ///< from 1
  std::string serial;
  std::string subject;
  std::string issuer;
  std::optional<base::Time> not_before;
  std::optional<base::Time> not_after;
  std::string key_algorithm;
  std::string signature_algorithm;
  std::string key_type;  ///< "rsa", "dsa", "ecdsa", or empty
  std::uint64_t key_bits = 0;
  std::string exponent;
  std::string curve;
  bool has_alternative_names = false;
  std::vector<std::string> dns, uri, email, ip;
  std::optional<bool> ca;
  std::optional<std::uint64_t> path_length;
  bool self_issued = false;
  bool self_signed = false;

  /// Good for this host by RFC 6125 (subject alternative names, else the common name; wildcards).
  bool matches_host(std::string_view host) const;
  /// `issuer`'s subject is this one's issuer.
  bool issued_by(const Certificate& issuer) const;
  /// `issuer`'s key verifies this one's signature. Unknown for keys of kinds or sizes that are not tried.
  std::optional<bool> signed_by(const Certificate& issuer) const;

 private:
  struct Parsed;
  Certificate();
  void read(base::Bytes der);
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace whodunit::protocol::x509
