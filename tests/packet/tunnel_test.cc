#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/frames.h"
#include "record/uid.h"

namespace whodunit::packet::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kInner = ip4({.source = 0xc0a80001, .destination = 0xc0a80002}, udp(1111, 2222, "inside"));

void expect_inner(const Packet& p, unsigned depth = 1) {
  EXPECT_EQ(p.source.to_string(), "192.168.0.1");
  EXPECT_EQ(p.destination_port, 2222);
  EXPECT_EQ(text(p.payload), "inside");
  EXPECT_EQ(p.tunnel_depth, depth);
  EXPECT_TRUE(static_cast<bool>(p.tunnel));
}

TEST(Gre, InAllItsForms) {
  const std::string frame = ethernet(0x0800, kInner);
  const struct {
    const char* name;
    std::string gre;
  } forms[] = {
      {"plain", be(0x0000, 2) + be(0x0800, 2) + kInner},
      {"checksum, key, sequence", be(0xb000, 2) + be(0x0800, 2) + std::string(12, 7) + kInner},
      {"Ethernet", be(0, 2) + be(0x6558, 2) + frame},
      {"ERSPAN I", be(0, 2) + be(0x88be, 2) + frame},
      {"ERSPAN II", be(0x1000, 2) + be(0x88be, 2) + be(1, 4) + std::string(8, 1) + frame},
      {"ERSPAN III", be(0x1000, 2) + be(0x22eb, 2) + be(1, 4) + std::string(11, 1) + std::string(1, 0) + frame},
      {"PPTP",
       be(0x3001, 2) + be(0x880b, 2) + be(kInner.size() + 4, 2) + be(9, 2) + be(1, 4) + be(0xff030021, 4) + kInner},
      {"MPLS", be(0, 2) + be(0x8847, 2) + be(0x00010140, 4) + kInner},
  };
  for (const auto& form : forms) {
    Bench b;
    ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 47}, form.gre))), Outcome::kDatagram) << form.name;
    ASSERT_EQ(b.out.size(), 1u) << form.name;
    expect_inner(b.last());
    ASSERT_EQ(b.events.tunnels.size(), 1u) << form.name;
    EXPECT_EQ(b.events.tunnels[0].type, "Tunnel::GRE");
    EXPECT_EQ(b.events.tunnels[0].action, "Tunnel::DISCOVER");
    EXPECT_EQ(b.events.tunnels[0].uid, b.last().tunnel);
    EXPECT_EQ(b.events.tunnels[0].id.orig_h.to_string(), "10.0.0.1");
    EXPECT_THAT(b.events.names(), IsEmpty()) << form.name;
    b.decode(ethernet(0x0800, ip4({.protocol = 47}, form.gre)));
    EXPECT_EQ(b.events.tunnels.size(), 1u) << "told once";
    b.decoder.finish({}, b.events);
    EXPECT_EQ(b.events.tunnels.size(), 1u);
  }
}

TEST(Gre, Malformed) {
  Bench b;
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, "ab")));
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0x0002, 2) + be(0x0800, 2) + kInner)));
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0x4000, 2) + be(0x0800, 2) + kInner)));
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0xb000, 2) + be(0x0800, 2) + "short")));
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0, 2) + be(0x0800, 2) + "Zarbage, no IP at all")));
  EXPECT_THAT(b.events.names(),
              ElementsAre("truncated_GRE", "unknown_gre_version", "gre_routing", "unknown_ip_version_in_tunnel"));
  EXPECT_TRUE(b.out.empty());
  EXPECT_TRUE(b.events.tunnels.empty()) << "nothing came out of it";
}

TEST(Gre, CarriesSomethingElse) {
  Bench b;
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0, 2) + be(0x2001, 2) + std::string(40, '\1'))));  // NHRP
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0, 2) + be(0, 2))));                               // nothing
  // PPTP's control protocol (RFC 1661 5: LCP), and an acknowledgement without data (RFC 2637 4.1).
  const std::string lcp = be(0x3001, 2) + be(0x880b, 2) + be(8, 2) + be(9, 2) + be(1, 4) + be(0xff03c021, 4) + be(0, 4);
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, lcp)));
  b.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0x2081, 2) + be(0x880b, 2) + be(0, 2) + be(9, 2) + be(1, 4))));
  EXPECT_THAT(b.events.names(),
              ElementsAre("unknown_ip_version_in_tunnel", "truncated_IP_in_tunnel", "non_ip_packet_in_encap"));
  EXPECT_TRUE(b.events.tunnels.empty());
}

TEST(IpInIp, BothVersionsInBoth) {
  const std::string six = ip6(17, udp(1111, 2222, "inside"));
  for (const std::string& outer : {ethernet(0x0800, ip4({.protocol = 4}, kInner)), ethernet(0x86dd, ip6(4, kInner))}) {
    Bench b;
    ASSERT_EQ(b.decode(outer), Outcome::kDatagram);
    expect_inner(b.last());
    EXPECT_EQ(b.events.tunnels.at(0).type, "Tunnel::IP");
  }
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 41}, six))), Outcome::kDatagram);
  EXPECT_EQ(b.last().source.to_string(), "2001:db8::1");
  EXPECT_EQ(b.last().tunnel_depth, 1);
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({.protocol = 41}, kInner))), Outcome::kMalformed);
  EXPECT_THAT(b.events.names(), ElementsAre("invalid_inner_IP_version"));
}

std::string vxlan(const std::string& frame, std::uint16_t source = 40000) {
  return ethernet(0x0800, ip4({}, udp(source, 4789, be(0x08000000, 4) + be(42 << 8, 4) + frame)));
}

TEST(Vxlan, NamesItsOuterConnection) {
  Bench b;
  const base::Time first = b.now;
  ASSERT_EQ(b.decode(vxlan(ethernet(0x8100, vlan(9, 0x0800, kInner)))), Outcome::kDatagram);
  ASSERT_EQ(b.out.size(), 2u);
  EXPECT_EQ(b.out[0].destination_port, 4789);
  EXPECT_FALSE(b.out[0].tunnel);
  EXPECT_EQ(name_of(b.out[0].carrier), "vxlan");
  EXPECT_EQ(b.out[1].carrier, Carrier::kNone);
  expect_inner(b.out[1]);
  EXPECT_EQ(b.out[1].vlan, 9);
  EXPECT_EQ(b.out[0].vlan, 0);
  const record::Endpoints outer{b.out[0].source, b.out[0].destination, {40000}, {4789}};
  EXPECT_EQ(b.out[1].tunnel, record::make_uid(outer, 17, {}, first));
  // The same tunnel within 60 s, another after.
  b.now = b.now + base::seconds(59 - 1);
  b.decode(vxlan(ethernet(0x0800, kInner)));
  EXPECT_EQ(b.last().tunnel, b.out[1].tunnel);
  b.now = b.now + base::seconds(60 - 1);  // exactly 60 s after the last
  const base::Time again = b.now;
  b.decode(vxlan(ethernet(0x0800, kInner)));
  EXPECT_EQ(b.last().tunnel, record::make_uid(outer, 17, {}, again));
  std::vector<std::string> actions;
  for (const auto& t : b.events.tunnels) actions.push_back(t.type + " " + t.action);
  EXPECT_THAT(actions, ElementsAre("Tunnel::VXLAN Tunnel::DISCOVER", "Tunnel::VXLAN Tunnel::CLOSE",
                                   "Tunnel::VXLAN Tunnel::DISCOVER"));
  b.decoder.finish({}, b.events);
  EXPECT_EQ(b.events.tunnels.back().action, "Tunnel::CLOSE");
  EXPECT_EQ(b.memory.used(), 0u);
}

TEST(Vxlan, OtherTrafficOnItsPort) {
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(1, 4789, "no tunnel header, but long enough")))), Outcome::kDatagram);
  EXPECT_EQ(b.out.size(), 1u);
  EXPECT_TRUE(b.events.tunnels.empty());
  b.decoder.finish({}, b.events);
  EXPECT_TRUE(b.events.tunnels.empty());
}

TEST(Geneve, OptionsAndBothPayloads) {
  for (const bool frame : {false, true}) {
    Bench b;
    const std::string header =
        be(0x02, 1) + be(0, 1) + be(frame ? 0x6558 : 0x0800, 2) + be(7 << 8, 4) + std::string(8, 1);
    ASSERT_EQ(
        b.decode(ethernet(0x0800, ip4({}, udp(50000, 6081, header + (frame ? ethernet(0x0800, kInner) : kInner))))),
        Outcome::kDatagram);
    ASSERT_EQ(b.out.size(), 2u);
    expect_inner(b.last());
    EXPECT_EQ(b.events.tunnels.at(0).type, "Tunnel::GENEVE");
  }
}

TEST(Gtp, UserPlaneWithExtensionHeaders) {
  Bench b;
  const std::string extension = be(1, 1) + be(0x1234, 2) + be(0, 1);
  const std::string body = be(0, 2) + be(0, 1) + be(0x85, 1) + extension + kInner;
  ASSERT_EQ(b.decode(ethernet(
                0x0800, ip4({}, udp(2152, 2152, be(0x34, 1) + be(255, 1) + be(body.size(), 2) + be(7, 4) + body)))),
            Outcome::kDatagram);
  ASSERT_EQ(b.out.size(), 2u);
  expect_inner(b.last());
  // An echo request is no tunnel.
  ASSERT_EQ(
      b.decode(ethernet(0x0800, ip4({}, udp(2152, 2152, be(0x32, 1) + be(1, 1) + be(4, 2) + be(0, 4) + be(0, 4))))),
      Outcome::kDatagram);
  EXPECT_EQ(b.out.size(), 3u);
}

TEST(Teredo, WithIndications) {
  Bench b;
  const std::string six = ip6(17, udp(1111, 2222, "inside"));
  const std::string origin = be(0, 2) + std::string(6, 3), authentication = be(1, 2) + be(0, 2) + std::string(9, 4);
  for (const std::string& before : {std::string(), origin, authentication + origin}) {
    b.out.clear();
    ASSERT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(3544, 60000, before + six)))), Outcome::kDatagram);
    ASSERT_EQ(b.out.size(), 2u);
    EXPECT_EQ(text(b.last().payload), "inside");
  }
  EXPECT_EQ(b.events.tunnels.at(0).type, "Tunnel::TEREDO");
  EXPECT_EQ(b.events.tunnels.at(0).id.resp_p.value, 3544) << "the end with the tunnel's port is the server";
}

TEST(Teredo, OnAnyPortByItsPrefix) {
  Bench b;
  std::string six = ip6(17, udp(1111, 2222, "inside"));
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(40000, 41000, six)))), Outcome::kDatagram);
  EXPECT_EQ(b.out.size(), 1u) << "IPv6 in UDP is not yet Teredo";
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(40000, 41000, be(0, 2) + std::string(6, 3) + six + "!")))),
            Outcome::kDatagram);
  EXPECT_EQ(b.out.size(), 2u) << "longer than it says";
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(40000, 41000, be(0, 2) + std::string(6, 3) + six)))),
            Outcome::kDatagram);
  EXPECT_EQ(b.out.size(), 4u) << "behind an origin indication";
  six.replace(8, 4, be(0x20010000, 4));
  EXPECT_EQ(b.decode(ethernet(0x0800, ip4({}, udp(40000, 41000, six)))), Outcome::kDatagram);
  EXPECT_EQ(text(b.last().payload), "inside");
  EXPECT_EQ(b.events.tunnels.at(0).type, "Tunnel::TEREDO");
}

TEST(Nesting, HasALimit) {
  std::string datagram = kInner;
  for (int depth = 0; depth < 6; ++depth)
    datagram = ip4({.source = 0x0a000001u + static_cast<unsigned>(depth), .protocol = 4}, datagram);
  Bench b;
  ASSERT_EQ(b.decode(ethernet(0x0800, datagram)), Outcome::kDatagram);
  EXPECT_THAT(b.events.names(), ElementsAre("exceeded_tunnel_max_depth"));
  EXPECT_EQ(b.out.size(), 1u);
  EXPECT_EQ(b.last().protocol, 4) << "what is too deep is given as it is";
  EXPECT_EQ(b.last().tunnel_depth, 4);
  Bench two;
  ASSERT_EQ(
      two.decode(ethernet(0x0800, ip4({.protocol = 47}, be(0, 2) + be(0x0800, 2) + ip4({.protocol = 4}, kInner)))),
      Outcome::kDatagram);
  expect_inner(two.last(), 2);
  EXPECT_EQ(two.events.tunnels.size(), 2u);
  EXPECT_NE(two.events.tunnels[0].uid, two.events.tunnels[1].uid);
}

TEST(Nesting, FragmentsInsideATunnel) {
  Bench b;
  const std::string datagram = udp(1111, 2222, "inside" + std::string(200, 'x'));
  auto part = [&](std::size_t from, std::size_t to) {
    return vxlan(
        ethernet(0x0800, ip4({.source = 0xc0a80001,
                              .fragment = static_cast<std::uint16_t>(from / 8 | (to < datagram.size() ? 0x2000 : 0))},
                             datagram.substr(from, to - from))));
  };
  b.decode(part(0, 104));
  b.decode(part(104, datagram.size()));
  ASSERT_EQ(b.out.size(), 3u);
  EXPECT_EQ(b.last().destination_port, 2222);
  EXPECT_EQ(b.last().tunnel_depth, 1);
  // And a tunnel whose outer datagram came in pieces.
  Bench c;
  const std::string outer =
      udp(40000, 4789, be(0x08000000, 4) + be(42 << 8, 4) + ethernet(0x0800, ip4({.source = 0xc0a80001}, datagram)));
  c.decode(ethernet(0x0800, ip4({.fragment = 0x2000}, outer.substr(0, 160))));
  ASSERT_EQ(c.decode(ethernet(0x0800, ip4({.fragment = 20}, outer.substr(160)))), Outcome::kDatagram);
  ASSERT_EQ(c.out.size(), 2u);
  EXPECT_EQ(c.last().payload_length, 206u);
}

TEST(Table, IsBounded) {
  Settings settings;
  settings.tunnels = 100;
  Bench b(settings);
  for (std::uint16_t port = 1000; port < 2000; ++port) b.decode(vxlan(ethernet(0x0800, kInner), port));
  EXPECT_LE(b.memory.used(), 100 * 500u);
  b.decoder.finish({}, b.events);
  EXPECT_EQ(std::count_if(b.events.tunnels.begin(), b.events.tunnels.end(),
                          [](const auto& t) { return t.action == "Tunnel::CLOSE"; }),
            1000);
}

}  // namespace
}  // namespace whodunit::packet::test
