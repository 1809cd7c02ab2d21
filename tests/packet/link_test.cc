#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/frames.h"

namespace whodunit::packet::test {
namespace {

using testing::ElementsAre;

const std::string kFour = ip4({}, udp(1111, 2222, "inside"));
const std::string kSix = ip6(17, udp(1111, 2222, "inside"));
const std::string kSnap = be(0xaaaa03000000, 6);

std::string wireless_header(std::uint8_t subtype_and_type, std::uint8_t flags) {
  return be(subtype_and_type, 1) + be(flags, 1) + be(0, 2) + be(0x010101010101, 6) + be(0x020202020202, 6) +
         be(0x030303030303, 6) + be(0, 2);
}

struct Frame {
  const char* name;
  std::uint32_t link_type;
  std::string data;
};

std::vector<Frame> frames() {
  const std::string cw = be(0, 4);
  return {
      {"Ethernet", 1, ethernet(0x0800, kFour)},
      {"Ethernet, IPv6", 1, ethernet(0x86dd, kSix)},
      {"VLAN", 1, ethernet(0x8100, vlan(5, 0x0800, kFour))},
      {"QinQ", 1, ethernet(0x88a8, vlan(5, 0x8100, vlan(6, 0x0800, kFour)))},
      {"QinQ 9100", 1, ethernet(0x9100, vlan(5, 0x9100, vlan(6, 0x86dd, kSix)))},
      {"802.3 SNAP", 1,
       ethernet(static_cast<std::uint16_t>(8 + kFour.size()), kSnap + be(0x0800, 2) + kFour + "padding")},
      {"MPLS", 1, ethernet(0x8847, be(0x00010040, 4) + be(0x00011140, 4) + kFour)},
      {"MPLS with a control word", 1, ethernet(0x8847, be(0x00011140, 4) + cw + ethernet(0x0800, kFour))},
      {"PPPoE", 1, ethernet(0x8864, be(0x1100, 2) + be(7, 2) + be(kFour.size() + 2, 2) + be(0x0021, 2) + kFour)},
      {"PPPoE, IPv6", 1, ethernet(0x8864, be(0x1100, 2) + be(7, 2) + be(kSix.size() + 2, 2) + be(0x0057, 2) + kSix)},
      {"provider backbone", 1, ethernet(0x88a8, vlan(3, 0x88e7, be(0, 4) + ethernet(0x0800, kFour)))},
      {"E-Tag", 1, ethernet(0x893f, std::string(6, 0) + be(0x0800, 2) + kFour)},
      {"VN-Tag", 1, ethernet(0x8926, be(0, 4) + be(0x0800, 2) + kFour)},
      {"null, little-endian", 0, le(2, 4) + kFour},
      {"null, big-endian", 0, be(2, 4) + kFour},
      {"null, IPv6 of FreeBSD", 0, le(28, 4) + kSix},
      {"null, IPv6 of macOS", 0, le(30, 4) + kSix},
      {"loop", 108, be(24, 4) + kSix},
      {"raw", 101, kFour},
      {"raw of BSD", 12, kSix},
      {"raw of OpenBSD", 14, kFour},
      {"IPv4", 228, kFour},
      {"IPv6", 229, kSix},
      {"PPP", 9, be(0xff030021, 4) + kFour},
      {"PPP, compressed", 9, be(0x21, 1) + kFour},
      {"PPP in HDLC", 50, be(0xff030057, 4) + kSix},
      {"Cisco HDLC", 104, be(0x0f000800, 4) + kFour},
      {"Linux cooked", 113, be(0, 2) + be(1, 2) + be(6, 2) + be(0x040404040404, 6) + be(0, 2) + be(0x0800, 2) + kFour},
      {"Linux cooked with a tag", 113,
       be(0, 2) + be(1, 2) + be(6, 2) + be(0, 8) + be(0x8100, 2) + vlan(5, 0x0800, kFour)},
      {"Linux cooked 2", 276, be(0x86dd, 2) + be(0, 2) + be(3, 4) + be(1, 2) + be(0, 1) + be(6, 1) + be(0, 8) + kSix},
      {"802.11", 105, wireless_header(0x08, 0x01) + kSnap + be(0x0800, 2) + kFour},
      {"802.11 with QoS and HT", 105,
       wireless_header(0x88, 0x82) + be(0, 2) + be(0, 4) + kSnap + be(0x0800, 2) + kFour},
      {"802.11 between stations of a mesh", 105,
       wireless_header(0x08, 0x03) + be(0, 6) + kSnap + be(0x0800, 2) + kFour},
      {"radiotap", 127, be(0, 2) + le(8, 2) + le(0, 4) + wireless_header(0x08, 0x02) + kSnap + be(0x0800, 2) + kFour},
      {"radiotap with FCS and padding", 127,
       be(0, 2) + le(9, 2) + le(2, 4) + be(0x30, 1) + wireless_header(0x88, 0x02) + be(0, 2) + be(0, 2) + kSnap +
           be(0x0800, 2) + kFour + "FCS!"},
      {"AVS", 163,
       be(0x80211001, 4) + be(16, 4) + be(0, 8) + wireless_header(0x08, 0x02) + kSnap + be(0x0800, 2) + kFour},
      {"prism", 119,
       le(0x44, 4) + le(24, 4) + std::string(16, 0) + wireless_header(0x08, 0x02) + kSnap + be(0x0800, 2) + kFour},
      {"PPI", 192, be(0, 2) + le(8, 2) + le(105, 4) + wireless_header(0x08, 0x02) + kSnap + be(0x0800, 2) + kFour},
      {"frame relay", 107, be(0x1841, 2) + be(0x03cc, 2) + kFour},
      {"frame relay with SNAP", 107, be(0x1841, 2) + be(0x0300, 2) + be(0x80, 1) + be(0, 3) + be(0x0800, 2) + kFour},
      {"NFLOG", 239, be(2, 1) + be(0, 3) + le(8, 2) + le(1, 2) + be(0, 4) + le(4 + kFour.size(), 2) + le(9, 2) + kFour},
      {"PKTAP", 258, le(108, 4) + le(1, 4) + le(1, 4) + std::string(96, 0) + ethernet(0x0800, kFour)},
      {"FDDI", 10, std::string(13, 0) + kSnap + be(0x0800, 2) + kFour},
      {"ATM", 100, kSnap + be(0x0800, 2) + kFour},
      {"SLIP", 8, std::string(16, 0) + kFour},
      {"IP over InfiniBand", 242, std::string(40, 0) + be(0x86dd, 2) + be(0, 2) + kSix},
      {"MPLS link", 219, be(0x00011140, 4) + kFour},
  };
}

TEST(Links, GiveTheDatagram) {
  for (const Frame& frame : frames()) {
    Bench b;
    ASSERT_EQ(b.decode(frame.data, frame.link_type), Outcome::kDatagram) << frame.name;
    ASSERT_EQ(b.out.size(), 1u) << frame.name;
    EXPECT_EQ(b.last().destination_port, 2222) << frame.name;
    EXPECT_EQ(text(b.last().payload), "inside") << frame.name;
    EXPECT_FALSE(b.last().truncated) << frame.name;
    EXPECT_FALSE(b.last().checksum_bad) << frame.name;
    EXPECT_TRUE(b.events.weirds.empty()) << frame.name << " " << b.events.weirds[0].name;
  }
}

TEST(Links, CutAnywhere) {
  for (const Frame& frame : frames()) {
    for (std::size_t size = 0; size < frame.data.size(); ++size) {
      for (const std::uint32_t wire :
           {static_cast<std::uint32_t>(frame.data.size()), static_cast<std::uint32_t>(size)}) {
        Bench b;
        const Outcome outcome = b.decode(frame.data.substr(0, size), frame.link_type, wire);
        EXPECT_EQ(outcome == Outcome::kDatagram, !b.out.empty()) << frame.name << " " << size;
        for (const Packet& p : b.out) {
          EXPECT_LE(p.payload.size(), p.payload_length) << frame.name << " " << size;
          EXPECT_EQ(p.truncated, p.payload.size() < p.payload_length) << frame.name << " " << size;
        }
      }
    }
  }
}

TEST(Links, EveryByteDamaged) {
  for (const Frame& frame : frames()) {
    for (std::size_t at = 0; at < frame.data.size(); ++at) {
      for (const int change : {0x01, 0x80, 0xff, 0x45, 0x60}) {
        std::string data = frame.data;
        data[at] = static_cast<char>(data[at] ^ change);
        Bench b;
        b.decode(data, frame.link_type);
        for (const Packet& p : b.out) EXPECT_LE(p.payload.size(), p.payload_length) << frame.name << " " << at;
      }
    }
  }
}

TEST(Vlan, IdsAreKept) {
  Bench b;
  b.decode(ethernet(0x88a8, vlan(0x6005, 0x8100, vlan(6, 0x0800, kFour))));
  EXPECT_EQ(b.last().vlan, 5);
  EXPECT_EQ(b.last().inner_vlan, 6);
  b.decode(ethernet(0x8100, vlan(1, 0x8100, vlan(2, 0x8100, vlan(3, 0x0800, kFour)))));
  EXPECT_THAT(b.events.names(), ElementsAre("triple_tagged_vlan_unsupported"));
}

TEST(Wireless, AddressesByDirection) {
  Bench b;
  b.decode(wireless_header(0x08, 0x01) + kSnap + be(0x0800, 2) + kFour, 105);  // to the access point
  EXPECT_EQ(b.last().source_mac, 0x020202020202u);
  EXPECT_EQ(b.last().destination_mac, 0x030303030303u);
  b.decode(wireless_header(0x08, 0x02) + kSnap + be(0x0800, 2) + kFour, 105);  // from it
  EXPECT_EQ(b.last().source_mac, 0x030303030303u);
  EXPECT_EQ(b.last().destination_mac, 0x010101010101u);
}

TEST(Wireless, WhatIsNoDataForUs) {
  Bench b;
  EXPECT_EQ(b.decode(wireless_header(0x80, 0) + std::string(50, 'b'), 105), Outcome::kNotIp) << "a beacon";
  EXPECT_EQ(b.decode(wireless_header(0x08, 0x41) + std::string(50, 'e'), 105), Outcome::kNotIp) << "encrypted";
  EXPECT_EQ(b.decode(wireless_header(0x48, 0x01), 105), Outcome::kNotIp) << "null data";
  EXPECT_TRUE(b.out.empty());
  EXPECT_EQ(b.decoder.counts().encrypted_frames, 1u);
}

TEST(Wireless, AggregatedFrames) {
  auto part = [](const std::string& payload) {
    return be(0x050505050505, 6) + be(0x060606060606, 6) + be(payload.size(), 2) + payload;
  };
  std::string first = part(kSnap + be(0x0800, 2) + kFour);
  first.resize((first.size() + 3) / 4 * 4, 0);
  Bench b;
  ASSERT_EQ(b.decode(wireless_header(0x88, 0x02) + be(0x8000, 2) + first + part(kSnap + be(0x86dd, 2) + kSix), 105),
            Outcome::kDatagram);
  ASSERT_EQ(b.out.size(), 2u);
  EXPECT_TRUE(b.out[0].source.is_v4());
  EXPECT_FALSE(b.out[1].source.is_v4());
  EXPECT_EQ(b.out[1].source_mac, 0x060606060606u);
}

TEST(Address, ResolutionIsTold) {
  Bench b;
  const std::string arp = be(1, 2) + be(0x0800, 2) + be(0x0604, 2) + be(2, 2) + be(0xaaaaaaaaaaaa, 6) +
                          be(0x0a000001, 4) + be(0xbbbbbbbbbbbb, 6) + be(0x0a000002, 4);
  EXPECT_EQ(b.decode(ethernet(0x0806, arp)), Outcome::kNotIp);
  ASSERT_EQ(b.events.arps.size(), 1u);
  const Arp& message = b.events.arps[0];
  EXPECT_EQ(message.operation, 2);
  EXPECT_EQ(message.sender_mac, 0xaaaaaaaaaaaau);
  EXPECT_EQ(message.sender.to_string(), "10.0.0.1");
  EXPECT_EQ(message.target.to_string(), "10.0.0.2");
  EXPECT_EQ(message.frame_source_mac, 0x020000000001u);
  EXPECT_EQ(b.decode(ethernet(0x0806, arp.substr(0, 20))), Outcome::kTruncated);
  EXPECT_THAT(b.events.names(), ElementsAre("truncated_ARP"));
}

TEST(Links, Unknown) {
  Bench b;
  EXPECT_EQ(b.decode("anything", 147), Outcome::kUnknownLinkType);
  EXPECT_EQ(b.decode(ethernet(0x88cc, "LLDP")), Outcome::kNotIp);
}

// What has no name here is tried as raw IP.
TEST(Links, UnknownThatIsIp) {
  Bench b;
  ASSERT_EQ(b.decode(ip4({}, udp(1, 2, "raw")), 147), Outcome::kDatagram);
  EXPECT_TRUE(b.last().source.is_v4());
  std::string wrong_sum = ip4({}, udp(1, 2, "raw"));
  wrong_sum[10] ^= 1;
  EXPECT_EQ(b.decode(wrong_sum, 147), Outcome::kUnknownLinkType) << "frames may begin like IP by chance";
  EXPECT_EQ(b.decode(std::string(60, '\x0f'), 147), Outcome::kUnknownLinkType);
  EXPECT_EQ(b.decode(std::string(19, 'E'), 147), Outcome::kUnknownLinkType);
  EXPECT_EQ(b.decode(std::string(30, 'E'), 147), Outcome::kUnknownLinkType);
  EXPECT_THAT(b.events.names(),
              ElementsAre("invalid_IP_header_size", "unknown_ip_version", "truncated_IP", "truncated_IP_len"));
}

TEST(Links, FramesTooShort) {
  Bench b;
  EXPECT_EQ(b.decode("", 1, 60), Outcome::kTruncated);
  EXPECT_EQ(b.decode(ethernet(0x0800, "E")), Outcome::kTruncated);
  EXPECT_EQ(b.decode(ethernet(0x05ee, std::string(40, 'x'))), Outcome::kMalformed) << "neither a length nor a type";
  // A supervisory LLC frame has two bytes of control.
  EXPECT_EQ(b.decode(ethernet(3, std::string("\x42\x42\x01", 3))), Outcome::kTruncated);
  EXPECT_THAT(b.events.names(), ElementsAre("empty_pcap_header", "truncated_ethernet_frame", "undefined_ether_type",
                                            "truncated_llc_header"));
}

TEST(Links, FramesInFramesEnd) {
  std::string frame = kFour;
  for (int i = 0; i < 100; ++i) frame = ethernet(0x88e7, be(0, 4) + frame);
  Bench b;
  EXPECT_EQ(b.decode(frame), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(), ElementsAre("max_packet_analyzer_depth_exceeded"));
}

}  // namespace
}  // namespace whodunit::packet::test
