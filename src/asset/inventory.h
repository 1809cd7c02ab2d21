// Hosts over time: who was seen, what they serve, whom they talk to. A fold over records.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "detect/detector.h"
#include "record/batch.h"

namespace whodunit::asset {

/// A service that a host was seen to offer: it answered.
struct Service {
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  std::string name;  ///< conn.service, or empty
  std::uint64_t connections = 0;
  std::uint64_t from_outside = 0;  ///< of them, from outside the defended network (set by `settle`)
};

struct Host {
  base::Address address;
  base::Time first, last;
  std::uint64_t connections_out = 0, connections_in = 0;  ///< begun, answered
  std::uint64_t attempts_in = 0;                          ///< begun by others and not answered
  std::uint64_t bytes_sent = 0, bytes_received = 0;       ///< payload bytes
  std::vector<Service> services;                          ///< by (protocol, port)
  std::vector<std::string> names;                         ///< as learned from DNS answers, DHCP, TLS, Kerberos; up to 8
  std::map<std::string, std::string> learned;  ///< "user_agent", "ssh", …: where from → value, the first of each
  std::uint32_t peers_outside = 0;
};

/// Bytes and connections that could be looked into, or not.
struct Seen {
  std::uint64_t connections = 0;
  std::uint64_t one_sided = 0;        ///< only one direction was captured
  std::uint64_t bytes = 0;            ///< payload
  std::uint64_t encrypted_bytes = 0;  ///< in TLS, SSH, QUIC, …
  std::uint64_t gap_bytes = 0;
  std::uint64_t weird = 0;
};

class Inventory {
 public:
  /// At most `limit` hosts are kept, and a number of edges; others are counted in `overflow()`.
  explicit Inventory(std::size_t limit = 200'000) : limit_(limit) {}
  static detect::Needs needs();
  void take(const record::Batch& batch);

  /// By address. Stable across runs.
  std::vector<const Host*> hosts() const;
  const Host* find(const base::Address& a) const;
  std::uint64_t overflow() const { return overflow_; }
  const Seen& seen() const { return seen_; }
  base::Time first() const { return first_; }
  base::Time last() const { return last_; }

  /// The defended network, from what was seen: see home.cc for the rules.
  detect::Home infer_home() const;

  /// Of `address`'s service, how many of its connections came from outside `home`.
  struct Edge {
    base::Address orig, resp;
    std::uint16_t port;
    std::uint8_t protocol;
    auto operator<=>(const Edge&) const = default;
  };
  /// Answered connections between pairs of hosts, counted; up to the limit.
  const std::map<Edge, std::uint64_t>& edges() const { return edges_; }

 private:
  Host* host(const base::Address& a, base::Time t);
  std::size_t limit_;
  std::uint64_t overflow_ = 0;
  std::unordered_map<base::Address, Host, base::AddressHash> hosts_;
  std::map<Edge, std::uint64_t> edges_;
  Seen seen_;
  base::Time first_, last_;
};

}  // namespace whodunit::asset
