// Calls that an attack told its victim to make: a look-up, a download, a connection back. What was asked for and then
// happens at once shows that the attack worked where the answer shows nothing. Whether the victim made the same call
// before is not looked at.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "protocol/dns/dns.h"
#include "record/types.h"

namespace whodunit::detect {

/// Hosts that a text tells its reader to call: what stands behind "://", with nested look-ups that hide letters
/// ("${lower:j}", "${::-j}") undone. Lower case, without port, at most eight; names have a dot.
std::vector<std::string> hosts_to_call(std::string_view text);

class Callbacks {
 public:
  static constexpr double kAtOnce = 60;  ///< seconds from the request to the call

  struct Seen {
    record::Head head;
    bool by_dns = false;  ///< only its name was asked for
    std::string host;     ///< as the attack wrote it
  };

  /// `victim` was told at `at` to call `host`; false where no more can be remembered. `key` is the caller's own.
  bool expect(const base::Address& victim, const std::string& host, base::Time at, std::uint64_t key);
  void take(const protocol::dns::Dns& dns);
  /// A connection that began.
  void connection(const record::Head& conn);
  /// The calls that came, by the caller's key: a connection before a question for a name.
  const std::map<std::uint64_t, Seen>& seen() const { return seen_; }

 private:
  struct Expected {
    std::string host;
    std::vector<base::Address> addresses;  // it itself, or what its name led to
    base::Time at;
    std::uint64_t key = 0;
  };
  struct Asked {
    base::Address who;
    std::string name;
    std::vector<base::Address> answers;
    record::Head head;
  };
  void match(Expected& expected, const Asked& asked);
  void match(const Expected& expected, const record::Head& conn);
  void note(const Expected& expected, const record::Head& head, bool by_dns);

  static constexpr std::size_t kMostExpected = 4096, kMostAsked = 1024, kMostConnections = 8192;
  std::multimap<base::Address, Expected> expected_;  // by victim
  // The last ones of each: their rows may come before the request's, which waits for its answer.
  std::deque<Asked> asked_;
  std::vector<record::Head> connections_;  // a ring
  std::size_t next_ = 0;
  std::map<std::uint64_t, Seen> seen_;
};

}  // namespace whodunit::detect
