#include "protocol/icmp/icmp.h"

#include <gtest/gtest.h>

#include "protocol/talk.h"

namespace whodunit::protocol::icmp {
namespace {

using namespace protocol::testing;

// Echo messages carry their identifier and number in the packet, as the decoder reads them.
class Echo {
 public:
  Echo() : talk(kDefinition, 0, packet::kIcmp) {}
  void send(bool request, std::uint32_t id_and_sequence, const Octets& payload) {
    talk.origin.time = talk.origin.time + base::seconds(1);
    ++talk.origin.number;
    talk.sink.at(talk.origin.number);
    packet::Packet p;
    p.origin = talk.origin;
    p.protocol = packet::kIcmp;
    p.source_port = request ? 8 : 0;
    p.sequence = id_and_sequence;
    p.payload = payload;
    p.payload_length = static_cast<std::uint32_t>(payload.size());
    Context context(talk.view, talk.origin, talk.sink, talk.plan, talk.memory, nullptr, talk.shared);
    talk.parser->datagram(context, request ? Direction::kOriginator : Direction::kResponder, p);
  }
  Icmp row() {
    talk.close();
    EXPECT_EQ(talk.rows<Icmp>().size(), 1u);
    return talk.rows<Icmp>().at(0);
  }
  Talk talk;
};

Octets counting(std::size_t size) {
  Octets out;
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(0x10 + i));
  return out;
}

TEST(Icmp, AnOrdinaryPingIsRolledUp) {
  Echo echo;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const Octets payload = Octets(16, static_cast<std::uint8_t>(i * 37 + 1)) + counting(40);
    echo.send(true, 0x12340000 + i, payload);
    echo.send(false, 0x12340000 + i, payload);
  }
  const Icmp row = echo.row();
  EXPECT_EQ(row.type_name, "echo-request");
  EXPECT_EQ(row.orig_messages, 5u);
  EXPECT_EQ(row.resp_messages, 5u);
  EXPECT_EQ(row.orig_bytes, 5u * 56);
  EXPECT_EQ(row.distinct_sizes, 1u);
  EXPECT_EQ(row.distinct_payloads, 1u);
  EXPECT_EQ(row.pattern, "counting");
  EXPECT_EQ(row.patterned, 10u);
  EXPECT_EQ(row.altered, 0u);
  EXPECT_EQ(row.unanswered, 0u);
  EXPECT_EQ(row.unsolicited, 0u);
  EXPECT_EQ(row.echo_ids, 1u);
  EXPECT_FALSE(echo.talk.recognised);
}

TEST(Icmp, ATunnelShows) {
  Echo echo;
  for (std::uint32_t i = 0; i < 50; ++i) {
    echo.send(true, i, hex("4500 0030") + Octets(44 + i, static_cast<std::uint8_t>(i)));
    echo.send(false, i, octets("something else " + std::to_string(i)));
  }
  echo.send(false, 999, octets("unasked for"));
  const Icmp row = echo.row();
  EXPECT_EQ(row.altered, 50u);
  EXPECT_EQ(row.unsolicited, 1u);
  EXPECT_EQ(row.pattern, "ip");
  EXPECT_EQ(row.patterned, 0u);
  EXPECT_GE(row.distinct_payloads, 100u);
  EXPECT_GE(row.distinct_sizes, 50u);
  EXPECT_EQ(row.payload_start.substr(0, 8), "45000030");
}

TEST(Icmp, KnowsWindows) {
  Echo echo;
  echo.send(true, 1, octets("abcdefghijklmnopqrstuvwabcdefghi"));
  const Icmp row = echo.row();
  EXPECT_EQ(row.pattern, "alphabet");
  EXPECT_EQ(row.unanswered, 1u);
}

TEST(Icmp, ErrorsTellWhatTheyAreAbout) {
  Talk talk(kDefinition, 3, packet::kIcmp);
  talk.type = 3;
  talk.code = 3;
  talk.datagram(Direction::kOriginator, hex("4500 0028 0000 0000 4011 0000 c0000201 c6336414 1234 0035 0008 0000"));
  talk.close();
  ASSERT_EQ(talk.rows<Icmp>().size(), 1u);
  const Icmp row = talk.rows<Icmp>()[0];
  EXPECT_EQ(row.type_name, "unreachable");
  EXPECT_EQ(row.quoted_proto, 17u);
  EXPECT_EQ(row.quoted_dst->to_string(), "198.51.100.20");
  EXPECT_EQ(row.quoted_dst_port->value, 53u);
  EXPECT_FALSE(row.echo_ids.has_value());
}

TEST(Icmp, MemoryIsBounded) {
  Echo echo;
  for (std::uint32_t i = 0; i < 20'000; ++i)
    echo.send(true, i * 65537, octets(std::to_string(i) + std::string(i % 900, 'x')));
  EXPECT_LT(echo.talk.memory.used(), 16'000u);
  EXPECT_EQ(echo.row().unanswered, 20'000u);
}

}  // namespace
}  // namespace whodunit::protocol::icmp
