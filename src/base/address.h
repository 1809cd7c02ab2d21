// Addresses and networks of IPv4 and IPv6.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::base {

/// An IPv4 or IPv6 address: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
class Address {
 public:
  constexpr Address() = default;
  static Address v4(std::uint32_t host_order) {
    Address a;
    a.bytes_[10] = a.bytes_[11] = 0xff;
    for (int i = 0; i < 4; ++i) a.bytes_[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return a;
  }
  /// Four bytes in network order.
  static Address v4(const std::uint8_t* p) {
    Address a;
    a.bytes_[10] = a.bytes_[11] = 0xff;
    std::memcpy(a.bytes_.data() + 12, p, 4);
    return a;
  }
  /// Sixteen bytes in network order.
  static Address v6(const std::uint8_t* p) {
    Address a;
    std::memcpy(a.bytes_.data(), p, 16);
    return a;
  }
  /// Of what high() and low() give.
  static Address from_words(std::uint64_t high, std::uint64_t low) {
    Address a;
    store_be64(a.bytes_.data(), high);
    store_be64(a.bytes_.data() + 8, low);
    return a;
  }
  /// "192.0.2.1", "2001:db8::1"; nothing else (no port, no zone).
  static std::optional<Address> parse(std::string_view text);

  bool is_v4() const {
    static constexpr std::uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(bytes_.data(), kPrefix, 12) == 0;
  }
  /// In host order; meaningful where is_v4().
  std::uint32_t v4_value() const { return load_be32(bytes_.data() + 12); }
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  std::uint64_t high() const { return load_be64(bytes_.data()); }
  std::uint64_t low() const { return load_be64(bytes_.data() + 8); }
  /// The bytes on the wire: 4 or 16.
  Bytes wire() const { return is_v4() ? Bytes{bytes_.data() + 12, 4} : Bytes{bytes_}; }

  /// RFC 5952 for IPv6.
  std::string to_string() const;

  bool is_unspecified() const { return is_v4() ? v4_value() == 0 : high() == 0 && low() == 0; }
  bool is_loopback() const { return is_v4() ? v4_value() >> 24 == 127 : high() == 0 && low() == 1; }
  bool is_multicast() const { return is_v4() ? v4_value() >> 28 == 0xe : bytes_[0] == 0xff; }
  bool is_link_local() const {
    return is_v4() ? v4_value() >> 16 == 0xa9fe : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
  }
  /// 255.255.255.255.
  bool is_limited_broadcast() const { return is_v4() && v4_value() == 0xffffffff; }
  /// RFC 1918, RFC 4193, RFC 6598 (carrier NAT).
  bool is_private() const;
  /// None of the above: an address that hosts on the Internet have.
  bool is_global() const {
    return !is_unspecified() && !is_loopback() && !is_multicast() && !is_link_local() && !is_limited_broadcast() &&
           !is_private();
  }

  // In two words each, without a call: tables and detectors compare addresses all the time.
  bool operator==(const Address& other) const { return low() == other.low() && high() == other.high(); }
  std::strong_ordering operator<=>(const Address& other) const {
    return high() != other.high() ? high() <=> other.high() : low() <=> other.low();
  }

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address prefix. Bits are counted from the first bit of the written form (0–32 for IPv4, 0–128 for IPv6).
class Network {
 public:
  Network() = default;
  /// The first `bits128` bits of the 16-byte form of an address (an IPv4 /24 is 120).
  Network(const Address& address, unsigned bits128);
  /// "192.0.2.0/24", "2001:db8::/32", or a bare address (all its bits).
  static std::optional<Network> parse(std::string_view text);

  bool contains(const Address& a) const;
  const Address& address() const { return address_; }
  unsigned bits() const { return address_.is_v4() ? bits128_ - 96 : bits128_; }
  /// Prefix length over the 16-byte form.
  unsigned bits128() const { return bits128_; }
  std::string to_string() const;
  auto operator<=>(const Network&) const = default;

 private:
  Address address_;
  unsigned bits128_ = 0;
};

struct AddressHash {
  std::size_t operator()(const Address& a) const {
    std::uint64_t h = (a.high() ^ 0x9E3779B97F4A7C15ull) * 0xff51afd7ed558ccdull;
    h ^= h >> 32;
    h = (h ^ a.low()) * 0xc4ceb9fe1a85ec53ull;
    return h ^ (h >> 29);
  }
};

}  // namespace whodunit::base
