// The decoder: a byte for the link type, then packets, each behind two bytes: its length, and how far it was cut and
// how much later it came.
#include <cstdlib>
#include <string>
#include <vector>

#include "packet/decoder.h"

namespace {

using namespace whodunit;

struct Checker final : packet::Events {
  void weird(std::string_view name, std::string_view, std::string_view source, const packet::Origin&,
             const record::Endpoints*) override {
    // A frame without a byte belongs to no layer.
    if (name.empty() || (source.empty() && name != "empty_pcap_header")) std::abort();
  }
  void tunnel(const packet::TunnelEvent& event) override {
    if (!event.uid || event.type.empty()) std::abort();
  }
  void arp(const packet::Arp&, const packet::Origin&) override {}
};

constexpr std::uint32_t kLinkTypes[] = {1,   1,   1,   1,   101, 101, 0,   108, 9,   50,  104, 105,
                                        107, 113, 119, 127, 163, 192, 219, 228, 229, 239, 258, 276,
                                        10,  6,   100, 109, 122, 123, 166, 204, 274, 51};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  base::MemoryAccountant memory(1u << 20);
  {
    packet::Settings settings;
    settings.fragment_bytes = 256 * 1024;
    settings.tunnels = 16;
    settings.fragmented_datagrams = 16;
    packet::Decoder decoder(settings, memory);
    Checker events;
    std::vector<packet::Packet> out;
    capture::RawPacket raw;
    raw.link_type = kLinkTypes[data[0] % (sizeof kLinkTypes / sizeof *kLinkTypes)];
    base::Bytes rest(data + 1, size - 1);
    std::uint64_t sum = 0;
    while (rest.size() >= 2) {
      const std::size_t length = std::min<std::size_t>(rest[0] * 6, rest.size() - 2);
      const std::uint8_t how = rest[1];
      // A copy of its own, so that reading beyond it is seen.
      const std::vector<std::uint8_t> bytes(rest.begin() + 2, rest.begin() + 2 + static_cast<std::ptrdiff_t>(length));
      rest = rest.subspan(2 + length);
      raw.bytes = bytes;
      raw.wire_length = static_cast<std::uint32_t>(length + (how & 0x0f) * 100);
      raw.time = raw.time + base::seconds(how >> 4);
      ++raw.number;
      const std::size_t before = out.size();
      const packet::Outcome outcome = decoder.decode(raw, raw.number - 1, out, events);
      if ((outcome == packet::Outcome::kDatagram) != (out.size() > before)) std::abort();
      for (std::size_t i = before; i < out.size(); ++i) {
        const packet::Packet& p = out[i];
        if (p.payload.size() > p.payload_length || p.tunnel_depth > settings.tunnel_depth) std::abort();
        for (const std::uint8_t byte : p.payload) sum += byte;
        for (const std::uint8_t byte : p.tcp_options) sum += byte;
      }
      if (raw.number % 4 == 0) {
        out.clear();
        decoder.begin_batch();
      }
    }
    if (sum == 1) return 0;
    decoder.finish({}, events);
  }
  if (memory.used() != 0) std::abort();
  return 0;
}
