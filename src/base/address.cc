#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace whodunit::base {

std::optional<Address> Address::parse(std::string_view text) {
  if (text.empty() || text.size() > 45 || text.find('\0') != std::string_view::npos) return std::nullopt;
  char buffer[46];
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = 0;
  std::uint8_t raw[16];
  if (text.find(':') == std::string_view::npos) {
    if (inet_pton(AF_INET, buffer, raw) != 1) return std::nullopt;
    return v4(raw);
  }
  if (inet_pton(AF_INET6, buffer, raw) != 1) return std::nullopt;
  return v6(raw);
}

std::string Address::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4())
    inet_ntop(AF_INET, bytes_.data() + 12, buffer, sizeof buffer);
  else
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

bool Address::is_private() const {
  if (!is_v4()) return (bytes_[0] & 0xfe) == 0xfc;
  const std::uint32_t v = v4_value();
  return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 || v >> 22 == (100u << 2 | 1u);
}

Network::Network(const Address& address, unsigned bits128) : bits128_(bits128 > 128 ? 128 : bits128) {
  std::uint8_t raw[16];
  std::memcpy(raw, address.bytes().data(), 16);
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned keep = bits128_ >= 8 * (i + 1) ? 8 : bits128_ > 8 * i ? bits128_ - 8 * i : 0;
    raw[i] = static_cast<std::uint8_t>(raw[i] & ~(0xffu >> keep));
  }
  address_ = Address::v6(raw);
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned bits = address->is_v4() && text.substr(0, slash).find(':') == std::string_view::npos ? 32 : 128;
  const unsigned most = bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || r.ec != std::errc{} || r.ptr != digits.data() + digits.size() || bits > most)
      return std::nullopt;
  }
  return Network(*address, most == 32 ? bits + 96 : bits);
}

bool Network::contains(const Address& a) const {
  const std::uint8_t* x = a.bytes().data();
  const std::uint8_t* y = address_.bytes().data();
  const unsigned whole = bits128_ / 8;
  if (std::memcmp(x, y, whole) != 0) return false;
  const unsigned rest = bits128_ % 8;
  return rest == 0 || ((x[whole] ^ y[whole]) & (0xff00u >> rest & 0xff)) == 0;
}

std::string Network::to_string() const { return fmt::format("{}/{}", address_.to_string(), bits()); }

}  // namespace whodunit::base
