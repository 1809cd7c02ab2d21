// Network and transport: IPv4, IPv6, TCP, UDP, ICMP, SCTP, fragments, checksums.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/frames.h"

namespace whodunit::packet::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Tcp, AllFields) {
  Bench b;
  const std::string options = be(0x02040578, 4);
  ASSERT_EQ(b.decode(ethernet(
                0x0800, ip4({.protocol = 6, .ttl = 57}, tcp(1234, 80, "payload", kPsh | kAck, options)) + "padding")),
            Outcome::kDatagram);
  const Packet& p = b.last();
  EXPECT_EQ(p.source.to_string(), "10.0.0.1");
  EXPECT_EQ(p.destination.to_string(), "10.0.0.2");
  EXPECT_EQ(p.source_port, 1234);
  EXPECT_EQ(p.destination_port, 80);
  EXPECT_EQ(p.protocol, kTcp);
  EXPECT_EQ(p.ttl, 57);
  EXPECT_EQ(p.tcp_flags, kPsh | kAck);
  EXPECT_EQ(p.sequence, 1000u);
  EXPECT_EQ(p.acknowledgement, 2000u);
  EXPECT_EQ(p.window, 512);
  EXPECT_EQ(text(p.tcp_options), options);
  EXPECT_EQ(text(p.payload), "payload") << "the frame's padding is no payload";
  EXPECT_EQ(p.payload_length, 7u);
  EXPECT_EQ(p.ip_length, 20u + 24 + 7);
  EXPECT_EQ(p.source_mac, 0x020000000001u);
  EXPECT_EQ(p.destination_mac, 0x020000000002u);
  EXPECT_EQ(p.origin.number, 1u);
  EXPECT_EQ(p.origin.run_number, 0u);
  EXPECT_FALSE(p.truncated);
  EXPECT_FALSE(p.checksum_bad);
  EXPECT_FALSE(p.tunnel);
  EXPECT_THAT(b.events.names(), IsEmpty());
}

TEST(Tcp, CutHeadersAndLengths) {
  Bench b;
  const std::string whole = ethernet(0x0800, ip4({.protocol = 6}, tcp(1, 2, "0123456789")));
  ASSERT_EQ(b.decode(whole.substr(0, 14 + 20 + 20 + 4), 1, static_cast<std::uint32_t>(whole.size())),
            Outcome::kDatagram);
  EXPECT_TRUE(b.last().truncated);
  EXPECT_EQ(text(b.last().payload), "0123");
  EXPECT_EQ(b.last().payload_length, 10u);
  EXPECT_FALSE(b.last().checksum_bad) << "not checked where bytes are missing";
  EXPECT_EQ(b.decode(whole.substr(0, 14 + 20 + 12), 1, static_cast<std::uint32_t>(whole.size())), Outcome::kTruncated);
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 6}, tcp(1, 2, "").substr(0, 12)))), Outcome::kMalformed);
  std::string short_offset = tcp(1, 2, "");
  short_offset[12] = 0x40;
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 6}, short_offset))), Outcome::kMalformed);
  std::string long_offset = tcp(1, 2, "");
  long_offset[12] = static_cast<char>(0xf0);
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 6}, long_offset))), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(),
              ElementsAre("internally_truncated_header", "truncated_header", "bad_TCP_header_len", "truncated_header"))
      << "the last one with its ports";
}

TEST(Ipv4, OptionsAndOddLengths) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.options = be(0x94040000, 4)}, udp(1, 2, "behind options")))),
            Outcome::kDatagram);
  EXPECT_EQ(text(b.last().payload), "behind options");
  EXPECT_EQ(b.last().ip_length, 24u + 8 + 14);
  // Segmentation offload: the length is left zero.
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 6, .total = 0}, tcp(1, 2, std::string(3000, 'x'))))),
            Outcome::kDatagram);
  EXPECT_EQ(b.last().payload_length, 3000u);
  // Longer than the frame was on the wire: no host would take it.
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.total = 2000}, udp(1, 2, "x")))), Outcome::kMalformed);
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.total = 19}, udp(1, 2, "x")))), Outcome::kMalformed);
  EXPECT_EQ(b.decode(ethernet(0x0800, be(0x51, 1) + std::string(40, 0))), Outcome::kMalformed);
  EXPECT_EQ(b.decode(ethernet(0x0800, "E and more")), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(), ElementsAre("ip_hdr_len_zero", "truncated_IP_len", "invalid_IP_header_size",
                                            "unknown_ip_version", "truncated_IP"));
}

TEST(Udp, LengthsThatDiffer) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(1, 2, "0123456789", 8 + 4)))), Outcome::kDatagram);
  EXPECT_EQ(text(b.last().payload), "0123");
  EXPECT_EQ(b.last().payload_length, 4u);
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(1, 2, "0123456789", 0)))), Outcome::kDatagram);
  EXPECT_EQ(text(b.last().payload), "0123456789");
  ASSERT_EQ(b.events.weirds.size(), 1u) << "told once";
  EXPECT_EQ(b.events.weirds[0].name, "UDP_datagram_length_mismatch");
  EXPECT_EQ(b.events.weirds[0].detail, "12 != 18");
}

TEST(Icmp, TypeAndCodeStandForPorts) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 1}, be(0x0300, 2) + be(0, 2) + be(0x12345678, 4) + "quoted"))),
            Outcome::kDatagram);
  EXPECT_EQ(b.last().source_port, 3);
  EXPECT_EQ(b.last().destination_port, 0);
  EXPECT_EQ(b.last().sequence, 0x12345678u);
  EXPECT_EQ(text(b.last().payload), "quoted");
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(58, be(0x8000, 2) + be(0, 2) + be(7, 4) + "ping"))), Outcome::kDatagram);
  EXPECT_EQ(b.last().protocol, kIcmp6);
  EXPECT_EQ(b.last().source_port, 128);
}

TEST(Sctp, PortsAndChunks) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(
                0x0800, ip4({.protocol = 132}, be(5000, 2) + be(3868, 2) + be(0xabcdef01, 4) + be(0, 4) + "chunk"))),
            Outcome::kDatagram);
  EXPECT_EQ(b.last().source_port, 5000);
  EXPECT_EQ(b.last().destination_port, 3868);
  EXPECT_EQ(text(b.last().payload), "chunk");
}

TEST(OtherProtocols, AreGivenWhole) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 89}, "ospf"))), Outcome::kDatagram);
  EXPECT_EQ(b.last().protocol, 89);
  EXPECT_EQ(b.last().payload_length, 4u);
  // AH: what it protects is in the clear.
  ASSERT_EQ(b.decode(ethernet(0x0800,
                              ip4({.protocol = 51}, be(17, 1) + be(4, 1) + std::string(22, 0) + udp(5, 6, "inside")))),
            Outcome::kDatagram);
  EXPECT_EQ(b.last().protocol, kUdp);
  EXPECT_EQ(text(b.last().payload), "inside");
}

TEST(Ipv6, ExtensionHeaders) {
  Bench b;
  const std::string options = be(0, 1) + be(1, 1) + be(2, 1) + be(0, 1) + std::string(2, 0);  // PadN
  const std::string chain = be(60, 1) + be(0, 1) + std::string(6, 0) +  // hop by hop, then destination options
                            be(43, 1) + be(0, 1) + std::string(6, 0) +  // then routing
                            be(51, 1) + be(2, 1) + be(4, 1) + be(0, 1) +
                            std::string(20, 0) +  // segments left 0; then AH
                            be(17, 1) + be(1, 1) + std::string(10, 0) + udp(7, 8, "deep");
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(0, chain))), Outcome::kDatagram);
  EXPECT_EQ(b.last().protocol, kUdp);
  EXPECT_EQ(b.last().source_port, 7);
  EXPECT_EQ(text(b.last().payload), "deep");
  EXPECT_EQ(b.last().source.to_string(), "2001:db8::1");
  EXPECT_EQ(b.last().ttl, 63);
  // ESP ends it: what is behind is encrypted.
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(60, be(50, 1) + be(0, 1) + std::string(6, 0) + "encrypted"))),
            Outcome::kDatagram);
  EXPECT_EQ(b.last().protocol, 50);
  // No next header.
  EXPECT_EQ(b.decode(ethernet(0x86dd, ip6(59, ""))), Outcome::kNotIp);
}

TEST(Ipv6, RoutingHeaderNamesTheLastAddress) {
  Bench b;
  const std::string routing = be(17, 1) + be(2, 1) + be(0, 1) + be(1, 1) + be(0, 4) + address6(0x99);
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(43, routing + udp(1, 2, "x")))), Outcome::kDatagram);
  EXPECT_EQ(b.last().destination.to_string(), "2001:db8::99");
  EXPECT_THAT(b.events.names(), ElementsAre("routing0_hdr"));
}

TEST(Ipv6, HomeAddressIsTheSource) {
  Bench b;
  const std::string options = be(17, 1) + be(2, 1) + be(0x0100, 2) + be(0xc910, 2) + address6(0x77) + be(0x0100, 2);
  ASSERT_EQ(options.size(), 24u);
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(60, options + udp(1, 2, "x")))), Outcome::kDatagram);
  EXPECT_EQ(b.last().source.to_string(), "2001:db8::77");
}

TEST(Ipv6, Jumbogram) {
  Bench b;
  const std::string data(70'000, 'j');
  const std::string hop = be(17, 1) + be(0, 1) + be(0xc204, 2) + be(8 + 8 + data.size(), 4);
  ASSERT_EQ(b.decode(ethernet(0x86dd, ip6(0, hop + udp(1, 2, data, 0), 1, 2, 0))), Outcome::kDatagram);
  EXPECT_EQ(b.last().payload_length, data.size());
}

TEST(Weirds, AreToldOncePerAddresses) {
  Bench b;
  for (int i = 0; i < 500; ++i) b.decode(ethernet(0x0800, ip4({.protocol = 6}, "short")));
  EXPECT_THAT(b.events.names(), ElementsAre("truncated_header"));
  b.decode(ethernet(0x0800, ip4({.source = 0x0a000007, .protocol = 6}, "short")));
  EXPECT_EQ(b.events.weirds.size(), 2u);
  for (int i = 0; i < 150; ++i) b.decode(ethernet(0x0800, ip4({.protocol = 6}, "short")));
  EXPECT_EQ(b.events.weirds.size(), 3u) << "again after ten minutes";
  EXPECT_EQ(b.decoder.counts().weirds, 651u);
}

TEST(Ipv6, HeadersWithoutEnd) {
  Bench b;
  std::string chain;
  for (int i = 0; i < 100; ++i) chain += be(60, 1) + be(0, 1) + std::string(6, 0);
  EXPECT_EQ(b.decode(ethernet(0x86dd, ip6(60, chain))), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(), ElementsAre("too_many_ipv6_extension_headers"));
}

TEST(Checksums, AreFlaggedAndCounted) {
  Bench b;
  std::string good = ethernet(0x0800, ip4({.protocol = 6}, tcp(1, 2, "odd")));
  b.decode(good);
  EXPECT_FALSE(b.last().checksum_bad);
  good.back() = 'x';
  b.decode(good);
  EXPECT_TRUE(b.last().checksum_bad);
  std::string header = ethernet(0x0800, ip4({.protocol = 6}, tcp(1, 2, "odd")));
  header[14 + 8] = 1;  // its time to live
  b.decode(header);
  EXPECT_TRUE(b.last().checksum_bad);
  EXPECT_THAT(b.events.names(), ElementsAre("bad_IP_checksum")) << "the connection tells of its own";
  EXPECT_EQ(b.decoder.counts().bad_checksums, 2u);

  Settings settings;
  settings.verify_checksums = false;
  Bench off(settings);
  off.decode(good);
  EXPECT_FALSE(off.last().checksum_bad);
}

TEST(Checksums, EveryLengthAndAlignment) {
  std::string data(300, 0);
  std::uint32_t seed = 9;
  for (char& c : data) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  for (std::size_t from = 0; from < 40; ++from) {
    for (std::size_t size = 0; size + from <= data.size(); ++size) {
      std::uint32_t sum = 0;  // RFC 1071 4.1, as it is written there
      for (std::size_t i = 0; i < size; ++i) {
        const auto byte = static_cast<std::uint8_t>(data[from + i]);
        sum += i % 2 == 0 ? byte : static_cast<std::uint32_t>(byte) << 8;
      }
      while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
      ASSERT_EQ(fold(add_words(base::as_bytes(data).subspan(from, size))), sum) << from << " " << size;
    }
  }
  const std::string ones(3u << 20, static_cast<char>(0xff));
  EXPECT_EQ(fold(add_words(base::as_bytes(ones))), 0xffff);
}

// --- fragments

std::string piece(const std::string& data, std::size_t from, std::size_t to, std::uint16_t id = 77) {
  const bool more = to < data.size();
  return ethernet(0x0800, ip4({.id = id, .fragment = static_cast<std::uint16_t>(from / 8 | (more ? 0x2000 : 0))},
                              data.substr(from, to - from)));
}

std::string long_udp() {
  std::string payload(200, 0);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>('a' + i % 26);
  return udp(1000, 2000, payload);
}

TEST(Fragments, AnyOrder) {
  const std::string datagram = long_udp();
  std::vector<std::pair<std::size_t, std::size_t>> cuts{{0, 64}, {64, 128}, {128, 184}, {184, datagram.size()}};
  std::sort(cuts.begin(), cuts.end());
  do {
    Bench b;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const Outcome outcome = b.decode(piece(datagram, cuts[i].first, cuts[i].second));
      EXPECT_EQ(outcome, i + 1 == cuts.size() ? Outcome::kDatagram : Outcome::kFragment);
    }
    ASSERT_EQ(b.out.size(), 1u);
    EXPECT_TRUE(b.last().fragment);
    EXPECT_EQ(text(b.last().payload), datagram.substr(8));
    EXPECT_EQ(b.last().ip_length, 20 + datagram.size());
    EXPECT_EQ(b.last().origin.number, 4u);
    EXPECT_THAT(b.events.names(), IsEmpty());
    b.decoder.begin_batch();
    EXPECT_EQ(b.memory.used(), 0u);
  } while (std::next_permutation(cuts.begin(), cuts.end()));
}

TEST(Fragments, LiveUntilTheNextBatch) {
  Bench b;
  const std::string datagram = long_udp();
  for (std::uint16_t id = 0; id < 50; ++id) {
    b.decode(piece(datagram, 0, 104, id));
    b.decode(piece(datagram, 104, datagram.size(), id));
  }
  ASSERT_EQ(b.out.size(), 50u);
  for (const Packet& p : b.out) EXPECT_EQ(text(p.payload), datagram.substr(8));
}

TEST(Fragments, WhatCameFirstWinsAndOverlapsAreTold) {
  Bench b;
  const std::string datagram = long_udp();
  std::string other = datagram;
  for (std::size_t i = 64; i < other.size(); ++i) other[i] = '!';
  b.decode(piece(datagram, 0, 104));
  b.decode(piece(datagram, 64, 128));                                       // overlaps, the same
  ASSERT_EQ(b.decode(piece(other, 96, other.size())), Outcome::kDatagram);  // overlaps, differs
  EXPECT_EQ(text(b.last().payload), datagram.substr(8, 120) + other.substr(128));
  EXPECT_THAT(b.events.names(), ElementsAre("fragment_overlap", "fragment_inconsistency"));
}

TEST(Fragments, AreTheirDatagramsOwn) {
  Bench b;
  const std::string datagram = long_udp();
  b.decode(piece(datagram, 0, 104, 1));
  EXPECT_EQ(b.decode(piece(datagram, 104, datagram.size(), 2)), Outcome::kFragment);
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.source = 0x0a000009, .id = 1, .fragment = 13}, datagram.substr(104)))),
            Outcome::kFragment);
  EXPECT_EQ(b.decode(ethernet(0x8100, vlan(5, 0x0800, piece(datagram, 104, datagram.size(), 1).substr(14)))),
            Outcome::kFragment);
  EXPECT_TRUE(b.out.empty());
  EXPECT_EQ(b.decode(piece(datagram, 104, datagram.size(), 1)), Outcome::kDatagram);
}

TEST(Fragments, TimeOut) {
  Bench b;
  const std::string datagram = long_udp();
  b.decode(piece(datagram, 0, 104));
  b.now = b.now + base::seconds(61);
  EXPECT_EQ(b.decode(piece(datagram, 104, datagram.size())), Outcome::kFragment);
  EXPECT_EQ(b.decoder.counts().fragments_timed_out, 1u);
  EXPECT_TRUE(b.out.empty());
}

TEST(Fragments, StayWithinTheirLimits) {
  Settings settings;
  settings.fragment_bytes = 100'000;
  Bench b(settings);
  for (int i = 0; i < 5000; ++i) b.decode(piece(std::string(1480, 'x'), 0, 1400, static_cast<std::uint16_t>(i)));
  EXPECT_LE(b.memory.used(), 100'000u);
  EXPECT_GT(b.decoder.counts().fragments_refused, 0u);
  // New ones still come through.
  const std::string datagram = long_udp();
  b.decode(piece(datagram, 0, 104, 60'000));
  EXPECT_EQ(b.decode(piece(datagram, 104, datagram.size(), 60'000)), Outcome::kDatagram);
  Settings few;
  few.fragmented_datagrams = 10;
  Bench c(few);
  for (int i = 0; i < 100; ++i) c.decode(piece(std::string(1480, 'x'), 0, 1400, static_cast<std::uint16_t>(i)));
  EXPECT_EQ(c.decoder.counts().fragments_timed_out, 90u);
  Bench none({}, 1000);  // the accountant has nothing to give
  EXPECT_EQ(none.decode(piece(std::string(1480, 'x'), 0, 1400)), Outcome::kFragment);
  EXPECT_LE(none.memory.used(), 1000u);
}

TEST(Fragments, PingOfDeath) {
  Bench b;
  b.decode(ethernet(0x0800, ip4({.protocol = 1, .fragment = 0x1fff}, std::string(100, 'x'))));
  EXPECT_THAT(b.events.names(), ElementsAre("excessively_large_fragment"));
  EXPECT_EQ(b.memory.used(), 0u);
}

TEST(Fragments, OfIpv6WithHeadersInside) {
  Bench b;
  auto fragment = [](std::uint8_t next, std::uint32_t offset, bool more, const std::string& data) {
    return ethernet(0x86dd,
                    ip6(44, be(next, 1) + be(0, 1) + be(offset | (more ? 1 : 0), 2) + be(0xdeadbeef, 4) + data));
  };
  const std::string inner = be(17, 1) + be(0, 1) + std::string(6, 0) + udp(53, 54, std::string(100, 'f'));
  EXPECT_EQ(b.decode(fragment(60, 64, false, inner.substr(64))), Outcome::kFragment);
  ASSERT_EQ(b.decode(fragment(60, 0, true, inner.substr(0, 64))), Outcome::kDatagram);
  EXPECT_EQ(b.last().source_port, 53);
  EXPECT_EQ(text(b.last().payload), std::string(100, 'f'));
  EXPECT_TRUE(b.last().fragment);
  // An atomic fragment is whole (RFC 6946).
  ASSERT_EQ(b.decode(fragment(17, 0, false, udp(1, 2, "atomic"))), Outcome::kDatagram);
  EXPECT_FALSE(b.last().fragment);
  EXPECT_EQ(text(b.last().payload), "atomic");
}

TEST(Fragments, CutByTheSnapLength) {
  Bench b;
  const std::string datagram = long_udp();
  const std::string first = piece(datagram, 0, 104);
  ASSERT_EQ(b.decode(first.substr(0, 60), 1, static_cast<std::uint32_t>(first.size())), Outcome::kDatagram)
      << "it has the ports at least";
  EXPECT_TRUE(b.last().truncated);
  EXPECT_THAT(b.events.names(), ElementsAre("incompletely_captured_fragment", "UDP_datagram_length_mismatch"));
}

// The header says what it is, whatever the frame's type called it.
TEST(Ipv4, UnderIpv6sEtherType) {
  Bench b;
  EXPECT_EQ(b.decode(ethernet(0x86dd, ip4({}, udp(1, 2, "four")))), Outcome::kDatagram);
  EXPECT_EQ(b.last().source.to_string(), "10.0.0.1");
  EXPECT_EQ(b.decode(ethernet(0x0800, ip6(17, udp(1, 2, "six")))), Outcome::kDatagram);
  EXPECT_FALSE(b.last().source.is_v4());
  EXPECT_THAT(b.events.names(), IsEmpty());
}

TEST(Tcp, HeaderThatWasCutOff) {
  Bench b;
  // IP announces no transport at all: its own header must be wrong.
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 6, .total = 20}, tcp(1, 2, "x")))), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(), ElementsAre("internally_truncated_header"));
  // Options that were not captured: the packet counts all the same.
  Bench options;
  std::string segment = tcp(1, 2, "data");
  segment[12] = '\x80';
  segment.insert(20, 12, '\1');
  const std::string frame = ethernet(0x0800, ip4({.protocol = 6}, segment));
  EXPECT_EQ(options.decode(frame.substr(0, 14 + 20 + 24), 1, static_cast<std::uint32_t>(frame.size())),
            Outcome::kDatagram);
  EXPECT_THAT(options.events.names(), ElementsAre("truncated_header"));
  EXPECT_EQ(options.last().payload_length, 4u);
}

}  // namespace
}  // namespace whodunit::packet::test
