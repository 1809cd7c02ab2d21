// Writes small MMDB files (MaxMind DB format 2.0) for tests: an IPv6 tree with records of 24 bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/address.h"

namespace whodunit::testing_help {

/// A value of the data section, encoded.
struct MmdbValue {
  std::string bytes;

  static void control(std::string& out, unsigned type, std::size_t size) {
    const unsigned first = type < 8 ? type << 5 : 0;
    if (size < 29) {
      out += static_cast<char>(first | size);
    } else {
      out += static_cast<char>(first | 29);
    }
    if (type >= 8) out += static_cast<char>(type - 7);
    if (size >= 29) out += static_cast<char>(size - 29);
  }
  static MmdbValue text(const std::string& s) {
    MmdbValue v;
    control(v.bytes, 2, s.size());
    v.bytes += s;
    return v;
  }
  static MmdbValue number(std::uint32_t n, unsigned type = 6) {
    MmdbValue v;
    std::string raw;
    for (int shift = 24; shift >= 0; shift -= 8) {
      if (!raw.empty() || (n >> shift) != 0) raw += static_cast<char>(n >> shift);
    }
    control(v.bytes, type, raw.size());
    v.bytes += raw;
    return v;
  }
  static MmdbValue flag(bool b) {
    MmdbValue v;
    control(v.bytes, 14, b ? 1 : 0);
    return v;
  }
  static MmdbValue map(const std::vector<std::pair<std::string, MmdbValue>>& members) {
    MmdbValue v;
    control(v.bytes, 7, members.size());
    for (const auto& [key, value] : members) v.bytes += text(key).bytes + value.bytes;
    return v;
  }
};

inline std::string make_mmdb(const std::string& type, std::uint32_t epoch,
                             const std::vector<std::pair<std::string, MmdbValue>>& networks) {
  struct Node {
    std::uint32_t child[2] = {0, 0};  // 0: none
    std::int64_t data[2] = {-1, -1};  // offset into the data section
  };
  std::vector<Node> nodes(1);
  std::string data;
  for (const auto& [text, value] : networks) {
    const base::Network network = *base::Network::parse(text);
    // IPv4 lies at ::/96 in these trees, not at ::ffff:0:0/96.
    std::array<std::uint8_t, 16> raw = network.address().bytes();
    if (network.address().is_v4()) raw[10] = raw[11] = 0;
    std::uint32_t at = 0;
    for (unsigned bit = 0; bit < network.bits128(); ++bit) {
      const unsigned side = raw[bit / 8] >> (7 - bit % 8) & 1U;
      if (bit + 1 == network.bits128()) {
        nodes[at].data[side] = static_cast<std::int64_t>(data.size());
      } else {
        if (nodes[at].child[side] == 0) {
          nodes[at].child[side] = static_cast<std::uint32_t>(nodes.size());
          nodes.emplace_back();
        }
        at = nodes[at].child[side];
      }
    }
    data += value.bytes;
  }
  const auto count = static_cast<std::uint32_t>(nodes.size());
  std::string out;
  for (const Node& node : nodes) {
    for (int side = 0; side < 2; ++side) {
      const std::uint32_t record = node.data[side] >= 0    ? count + 16 + static_cast<std::uint32_t>(node.data[side])
                                   : node.child[side] != 0 ? node.child[side]
                                                           : count;
      out += static_cast<char>(record >> 16);
      out += static_cast<char>(record >> 8);
      out += static_cast<char>(record);
    }
  }
  out += std::string(16, '\0') + data + "\xab\xcd\xefMaxMind.com";
  using V = MmdbValue;
  out += V::map({{"node_count", V::number(count)},
                 {"record_size", V::number(24, 5)},
                 {"ip_version", V::number(6, 5)},
                 {"database_type", V::text(type)},
                 {"binary_format_major_version", V::number(2, 5)},
                 {"binary_format_minor_version", V::number(0, 5)},
                 {"build_epoch", V::number(epoch, 9)},
                 {"languages", MmdbValue{std::string("\x00\x04", 2)}},
                 {"description", V::map({})}})
             .bytes;
  return out;
}

}  // namespace whodunit::testing_help
