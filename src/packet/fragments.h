// Putting fragments together (RFC 791 3.2, RFC 8200 4.5), within limits.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/memory.h"
#include "packet/decoder.h"

namespace whodunit::packet {

/// Datagrams in pieces. What is there already wins where fragments overlap; overlaps are told.
class Fragments {
 public:
  Fragments(const Settings& settings, base::MemoryAccountant& memory) : settings_(settings), memory_(memory) {}
  ~Fragments();
  Fragments(const Fragments&) = delete;
  Fragments& operator=(const Fragments&) = delete;

  struct Key {
    base::Address source, destination;
    std::uint64_t tunnel = 0;
    std::uint32_t id = 0;
    std::uint16_t vlan = 0;
    std::uint8_t protocol = 0;  ///< IPv4 tells datagrams apart by it too; IPv6 does not: 0
    bool v6 = false;
    bool operator==(const Key&) const = default;
  };
  struct Piece {
    base::Bytes data;
    std::uint32_t offset = 0;   ///< bytes
    std::uint32_t header = 0;   ///< length of the headers before it, bytes
    std::uint8_t protocol = 0;  ///< of the transport, as this fragment says
    std::uint8_t ttl = 0;
    bool more = false;  ///< others follow
    bool dont_fragment = false;
  };
  /// A whole datagram's payload; lives until `release`.
  struct Whole {
    base::Bytes data;
    std::uint32_t header = 0;
    std::uint8_t protocol = 0;
    std::uint8_t ttl = 0;
  };

  /// Takes a fragment. True where its datagram is complete now.
  bool add(const Key& key, const Piece& piece, const Origin& at, Events& events, Decoder::Counts& counts, Whole& whole);
  /// Frees the datagrams given.
  void release();

 private:
  struct Range {
    std::uint32_t from, to;
  };
  struct Datagram {
    Key key;
    base::Time first;
    std::vector<std::uint8_t> bytes;
    std::vector<Range> have;  // in order, apart from one another
    std::uint32_t total = 0;  // bytes; known once the last fragment came
    std::uint32_t header = 0;
    std::uint8_t protocol = 0;
    std::uint8_t ttl = 0;
    bool total_known = false;
    bool first_seen = false;
    std::size_t counted = 0;  // bytes taken from the accountant
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  using List = std::list<Datagram>;

  void expire(base::Time now, Decoder::Counts& counts);
  void erase(List::iterator datagram);
  bool grow(Datagram& datagram, std::size_t to, Decoder::Counts& counts);
  bool take(std::size_t bytes, const Datagram* keep, Decoder::Counts& counts);

  const Settings& settings_;
  base::MemoryAccountant& memory_;
  List datagrams_;  // oldest first
  std::unordered_map<Key, List::iterator, Hash> index_;
  std::size_t held_ = 0;
  std::vector<Datagram> given_;
};

}  // namespace whodunit::packet
