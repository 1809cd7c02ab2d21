#include "protocol/icmp/router_advertisement.h"

#include <string>
#include <vector>

#include "base/hash.h"

namespace whodunit::protocol::icmp {
namespace {

constexpr std::size_t kMaxListed = 16;  // prefixes, resolvers

}  // namespace

void read_router_advertisement(Context& context, const packet::Packet& packet, std::uint64_t& last) {
  // RFC 4861 6.1.2: from the link itself, which the hop limit shows; others are not heard.
  if (packet.ttl != 255) {
    context.weird("router_advertisement_from_elsewhere");
    return;
  }
  const std::uint64_t digest = base::fast_hash(packet.payload) ^ packet.sequence * 0x9e3779b97f4a7c15ull;
  if (digest == last) return;
  last = digest;

  RouterAdvertisement row;
  row.head = context.head(context.now(), context.place());
  // The four bytes behind the checksum: hop limit, flags, router lifetime in seconds.
  const auto flags = static_cast<std::uint8_t>(packet.sequence >> 16);
  row.managed = (flags & 0x80) != 0;
  const unsigned preference = flags >> 3 & 3;
  row.preference = preference == 1 ? "high" : preference == 3 ? "low" : "medium";
  row.lifetime = base::seconds(packet.sequence & 0xffff);

  base::Cursor c(packet.payload);
  c.skip(8);  // reachable time, retransmission timer
  std::vector<std::string> prefixes, servers;
  std::string link;
  while (c.ok() && c.left() >= 8) {
    const std::size_t start = c.offset();
    const std::uint8_t type = c.u8(), units = c.u8();  // of eight bytes
    if (units == 0) {                                  // RFC 4861 4.6: must not be
      context.weird("neighbor_discovery_option_length_zero");
      break;
    }
    const std::size_t size = std::size_t{units} * 8;
    base::Cursor option(base::slice(packet.payload, start + 2, size - 2));
    if (type == 1 && units == 1) {
      std::string hex = base::to_hex(option.bytes(6));
      for (std::size_t i = 0; i + 2 <= hex.size(); i += 2) link += (link.empty() ? "" : ":") + hex.substr(i, 2);
    } else if (type == 3) {
      const std::uint8_t bits = option.u8();
      option.skip(13);
      const Bytes prefix = option.bytes(16);
      if (units != 4 || bits > 128)
        context.weird("router_advertisement_prefix_malformed");
      else if (option.ok() && prefixes.size() < kMaxListed)
        prefixes.push_back(base::Address::v6(prefix.data()).to_string() + "/" + std::to_string(bits));
    } else if (type == 5) {
      option.skip(2);
      const std::uint32_t mtu = option.be32();
      if (option.ok()) row.mtu = mtu;
    } else if (type == 25) {
      // RFC 8106 5.1: addresses of 16 bytes behind eight: an odd number of units, at least three.
      if (units < 3 || units % 2 == 0)
        context.weird("router_advertisement_rdnss_length", std::to_string(units) + " units of 8 bytes");
      option.skip(6);
      while (option.left() >= 16 && servers.size() < kMaxListed)
        servers.push_back(base::Address::v6(option.bytes(16).data()).to_string());
    }
    if (size - 2 > c.left()) {
      if (!packet.truncated) context.weird("neighbor_discovery_option_cut");
      break;
    }
    c.skip(size - 2);
  }
  const std::vector<std::string_view> prefix_views(prefixes.begin(), prefixes.end());
  const std::vector<std::string_view> server_views(servers.begin(), servers.end());
  row.prefixes = prefix_views;
  row.dns_servers = server_views;
  row.link_address = link;
  context.emit(row);
}

}  // namespace whodunit::protocol::icmp
