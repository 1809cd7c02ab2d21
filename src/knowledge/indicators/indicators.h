// Indicators: what others have seen used by attackers. One immutable set with typed look-ups; every hit says where it
// comes from, since when, how exact it is, and under which licence.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "knowledge/date.h"
#include "knowledge/problem.h"

namespace whodunit::knowledge {

class PublicSuffixes;

enum class IndicatorKind : std::uint8_t {
  kAddress,
  kNetwork,
  kDomain,
  kUrl,
  kMd5,
  kSha1,
  kSha256,
  kCertificate,  ///< digest of a DER certificate, MD5, SHA-1 or SHA-256
  kJa3,
  kJa3s,
  kJa4,
  kHassh,
  kHasshServer,
  kEmail,
  kUserAgent,
  kCount,
};
std::string_view to_string(IndicatorKind kind);
/// "address", "ip", "ip-dst", "domain", "hostname", "sha256", "ja3", …: the words that feeds use; kCount where none.
IndicatorKind indicator_kind(std::string_view word);

/// How much of the indicator was seen.
enum class Exactness : std::uint8_t {
  kExact,
  kParent,     ///< the name lies under the indicator's domain
  kNetwork,    ///< the address lies in the indicator's network
  kOtherPort,  ///< the address, at another port than the indicator names
  kPath,       ///< a URL's path alone, on another host, because the indicator names no host
  kNoQuery,    ///< a URL without its query
};
std::string_view to_string(Exactness exactness);

/// One hit. The views live as long as the set.
struct IndicatorHit {
  IndicatorKind kind = IndicatorKind::kAddress;
  Exactness exactness = Exactness::kExact;
  std::string_view value;    ///< the indicator, not what was looked up
  std::string_view source;   ///< the name of the feed
  std::string_view report;   ///< the URL or the title of the report; may be empty
  std::string_view licence;  ///< of the feed; may be empty
  std::string_view actor;    ///< who is said to use it: group or actor; may be empty
  std::string_view malware;  ///< family or tool; may be empty
  std::string_view labels;   ///< "shared: cloud", …: warning lists that only label it, "; " between them
  Date date;                 ///< first said; unknown where the feed does not say
  Date until;                ///< no longer valid after; unknown where open
  float confidence = 0.5F;   ///< in [0, 1]: the feed's own, else 0.5
  std::uint16_t port = 0;    ///< of an address with a port; 0 where any
  /// Part of a larger condition (STIX AND) of which the rest was not checked.
  bool partial = false;
};

/// What was taken out on the word of a warning list.
struct Subtraction {
  std::string list;
  std::uint64_t count = 0;
};

/// One feed as the set holds it.
struct IndicatorSource {
  std::string name;
  std::string licence;
  Date date;
  std::uint64_t indicators = 0;  ///< after subtraction
  std::uint64_t subtracted = 0;
  std::uint64_t refused = 0;  ///< reserved addresses, public suffixes: can be no indicators
  std::string digest;
};

/// Immutable and safe to use from any thread. Look-ups append their hits to `out` (strongest exactness first) and
/// allocate nothing where there is no hit. At most kMaximumHits are given per look-up.
class IndicatorSet {
 public:
  static constexpr std::size_t kMaximumHits = 64;

  IndicatorSet();
  ~IndicatorSet();
  IndicatorSet(IndicatorSet&&) noexcept;
  IndicatorSet& operator=(IndicatorSet&&) noexcept;

  /// `port` 0: not known. Networks that feeds name as indicators (not as context) are included.
  void find_address(const base::Address& address, std::uint16_t port, std::vector<IndicatorHit>& out) const;
  /// `name` in any case, with or without a final dot; its parents down to the registrable domain, never a bare public
  /// suffix. Names with bytes that no host has simply do not match.
  void find_domain(std::string_view name, std::vector<IndicatorHit>& out) const;
  /// `host` as in the request or SNI; `path` is the target as requested ("/a/b?c=d"). Does not look the host up.
  void find_url(std::string_view host, std::uint16_t port, std::string_view path, std::vector<IndicatorHit>& out) const;
  /// A digest of a file in hex, either case: 32, 40 or 64 digits.
  void find_file(std::string_view hex, std::vector<IndicatorHit>& out) const;
  /// A digest of a certificate in hex, with or without colons.
  void find_certificate(std::string_view hex, std::vector<IndicatorHit>& out) const;
  /// kJa3, kJa3s, kJa4, kHassh, kHasshServer.
  void find_fingerprint(IndicatorKind kind, std::string_view value, std::vector<IndicatorHit>& out) const;
  void find_email(std::string_view address, std::vector<IndicatorHit>& out) const;
  void find_user_agent(std::string_view text, std::vector<IndicatorHit>& out) const;

  std::uint64_t size() const;
  std::uint64_t size(IndicatorKind kind) const;
  /// What it occupies, in bytes.
  std::size_t memory() const;
  const std::vector<IndicatorSource>& sources() const;
  const std::vector<Subtraction>& subtractions() const;
  /// SHA-256 over all indicators in canonical order.
  const std::string& digest() const;

 private:
  friend class IndicatorSetBuilder;
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace whodunit::knowledge
