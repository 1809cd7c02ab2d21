// Frames made by the tests themselves, from the inside out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "packet/checksum.h"
#include "packet/decoder.h"

namespace whodunit::packet::test {

/// Big-endian numbers as bytes.
inline std::string be(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> 8 * i));
  return out;
}
inline std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> 8 * i));
  return out;
}
inline std::string text(base::Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

inline std::uint16_t checksum(const std::string& data) {
  const std::uint16_t sum = fold(add_words(base::as_bytes(data)));
  return static_cast<std::uint16_t>(~(sum << 8 | sum >> 8));
}

inline std::string address6(unsigned host) { return be(0x20010db8, 4) + std::string(10, 0) + be(host, 2); }

struct Ip4 {
  std::uint32_t source = 0x0a000001, destination = 0x0a000002;
  std::uint8_t protocol = 17, ttl = 64;
  std::uint16_t id = 1, fragment = 0;
  std::string options;
  int total = -1;  // -1: as it is
};
inline std::string ip4(const Ip4& h, const std::string& payload) {
  const std::size_t header = 20 + h.options.size();
  std::string out = be(0x40 | header / 4, 1) + be(0, 1) +
                    be(h.total >= 0 ? static_cast<unsigned>(h.total) : header + payload.size(), 2) + be(h.id, 2) +
                    be(h.fragment, 2) + be(h.ttl, 1) + be(h.protocol, 1) + be(0, 2) + be(h.source, 4) +
                    be(h.destination, 4) + h.options;
  out.replace(10, 2, be(checksum(out), 2));
  return out + payload;
}
inline std::string ip6(std::uint8_t next, const std::string& payload, unsigned source = 1, unsigned destination = 2,
                       int length = -1) {
  return be(0x60000000, 4) + be(length >= 0 ? static_cast<unsigned>(length) : payload.size(), 2) + be(next, 1) +
         be(63, 1) + address6(source) + address6(destination) + payload;
}
/// With a right checksum over IPv4's pseudo-header of 10.0.0.1 and 10.0.0.2.
inline std::string tcp(std::uint16_t source, std::uint16_t destination, const std::string& payload,
                       std::uint8_t flags = kAck, const std::string& options = {}) {
  const std::size_t header = 20 + options.size();
  std::string out = be(source, 2) + be(destination, 2) + be(1000, 4) + be(2000, 4) + be(header / 4 << 4, 1) +
                    be(flags, 1) + be(512, 2) + be(0, 2) + be(0, 2) + options + payload;
  const std::string pseudo = be(0x0a000001, 4) + be(0x0a000002, 4) + be(6, 2) + be(out.size(), 2);
  out.replace(16, 2, be(checksum(pseudo + out), 2));
  return out;
}
inline std::string udp(std::uint16_t source, std::uint16_t destination, const std::string& payload, int length = -1) {
  return be(source, 2) + be(destination, 2) + be(length >= 0 ? static_cast<unsigned>(length) : 8 + payload.size(), 2) +
         be(0, 2) + payload;
}
inline std::string ethernet(std::uint16_t type, const std::string& payload) {
  return be(0x020000000002, 6) + be(0x020000000001, 6) + be(type, 2) + payload;
}
inline std::string vlan(std::uint16_t id, std::uint16_t type, const std::string& payload) {
  return be(id, 2) + be(type, 2) + payload;
}

struct Recorder final : Events {
  struct Weird {
    std::string name, detail, source;
    std::uint64_t packet;
  };
  struct Tunnel {
    record::Uid uid;
    record::Endpoints id;
    std::string type, action;
    base::Time time;
  };
  std::vector<Weird> weirds;
  std::vector<Tunnel> tunnels;
  std::vector<Arp> arps;
  void weird(std::string_view name, std::string_view detail, std::string_view source, const Origin& origin,
             const record::Endpoints*) override {
    weirds.push_back({std::string(name), std::string(detail), std::string(source), origin.number});
  }
  void tunnel(const TunnelEvent& e) override {
    tunnels.push_back({e.uid, e.id, std::string(e.type), std::string(e.action), e.time});
  }
  void arp(const Arp& message, const Origin&) override { arps.push_back(message); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Weird& w : weirds) out.push_back(w.name);
    return out;
  }
};

/// A decoder with all that it needs; packets come a second apart.
struct Bench {
  explicit Bench(const Settings& settings = {}, std::size_t limit = 0) : memory(limit), decoder(settings, memory) {}

  Outcome decode(const std::string& data, std::uint32_t link_type = 1, std::uint32_t wire = 0) {
    frames.push_back(std::make_unique<std::string>(data));
    capture::RawPacket raw;
    raw.bytes = base::as_bytes(*frames.back());
    raw.wire_length = wire == 0 ? static_cast<std::uint32_t>(data.size()) : wire;
    raw.link_type = link_type;
    raw.time = now;
    raw.number = ++number;
    now = now + base::seconds(1);
    return decoder.decode(raw, number - 1, out, events);
  }
  /// Of the last packet.
  const Packet& last() const { return out.at(out.size() - 1); }

  base::MemoryAccountant memory;
  Decoder decoder;
  Recorder events;
  std::vector<Packet> out;
  std::vector<std::unique_ptr<std::string>> frames;
  base::Time now{1'000'000'000'000};
  std::uint64_t number = 0;
};

}  // namespace whodunit::packet::test
