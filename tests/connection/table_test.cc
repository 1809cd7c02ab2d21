#include "connection/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "connection/community_id.h"
#include "connection/conn_record.h"

namespace whodunit::connection {
namespace {

using packet::kAck;
using packet::kFin;
using packet::kPsh;
using packet::kRst;
using packet::kSyn;

// Writes down what the table tells.
class Recorder : public Consumer {
 public:
  void stream(const View& c, std::uint64_t& slot, Direction d, base::Bytes data, const packet::Origin&) override {
    ++slot;
    bytes[c.uid.value][index(d)] += base::as_text(data);
  }
  void gap(const View& c, std::uint64_t&, Direction d, std::uint64_t n, const packet::Origin&) override {
    bytes[c.uid.value][index(d)] += "<" + std::to_string(n) + ">";
  }
  void datagram(const View& c, std::uint64_t&, Direction d, const packet::Packet& p) override {
    bytes[c.uid.value][index(d)] += base::as_text(p.payload);
  }
  void end(const View&, std::uint64_t&, Direction d, End why, const packet::Origin&) override {
    ends.push_back({d, why});
  }
  std::string_view closed(const View&, std::uint64_t&, End why, const packet::Origin&) override {
    closes.push_back(why);
    return service;
  }
  void weird(const View*, std::string_view name, std::string_view, const packet::Origin&) override {
    weirds.emplace_back(name);
  }
  std::string of(int d) const { return bytes.empty() ? "" : bytes.begin()->second.at(static_cast<std::size_t>(d)); }

  std::map<std::uint64_t, std::array<std::string, 2>> bytes;
  std::vector<std::pair<Direction, End>> ends;
  std::vector<End> closes;
  std::vector<std::string> weirds;
  std::string service;
};

struct TableTest : ::testing::Test {
  static void SetUpTestSuite() {
    static record::Schema* const list[] = {&Conn::schema, &Weird::schema};
    record::register_schemas(list);
  }

  // From a to b (or back): one TCP segment.
  void tcp(bool forward, double at, std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledgement,
           std::string_view payload = {}) {
    packet::Packet p = base_packet(forward, at, packet::kTcp, 40000, server_port);
    p.tcp_flags = flags;
    p.sequence = sequence;
    p.acknowledgement = acknowledgement;
    p.window = 1000;
    p.payload = base::as_bytes(payload);
    p.payload_length = static_cast<std::uint32_t>(payload.size());
    p.ip_length = 40 + p.payload_length;
    table.packet(p);
  }
  void udp(bool forward, double at, std::string_view payload) {
    packet::Packet p = base_packet(forward, at, packet::kUdp, 40000, server_port);
    p.payload = base::as_bytes(payload);
    p.payload_length = static_cast<std::uint32_t>(payload.size());
    p.ip_length = 28 + p.payload_length;
    table.packet(p);
  }
  void icmp(bool forward, double at, std::uint8_t type, std::uint8_t code) {
    packet::Packet p = base_packet(forward, at, packet::kIcmp, 0, 0);
    p.source_port = type;
    p.destination_port = code;
    p.ip_length = 28;
    table.packet(p);
  }
  packet::Packet base_packet(bool forward, double at, std::uint8_t protocol, std::uint16_t client, std::uint16_t server) {
    packet::Packet p;
    p.origin.time = {static_cast<std::int64_t>(at * 1e9)};
    p.origin.number = ++number;
    p.protocol = protocol;
    p.source = forward ? a : b;
    p.destination = forward ? b : a;
    p.source_port = forward ? client : server;
    p.destination_port = forward ? server : client;
    return p;
  }
  void handshake() {
    tcp(true, 1.0, kSyn, 100, 0);
    tcp(false, 1.1, kSyn | kAck, 500, 101);
    tcp(true, 1.2, kAck, 101, 501);
  }
  std::vector<Conn> rows() {
    std::vector<Conn> out;
    const record::Batch& batch = sink.batch(Conn::schema);
    for (std::size_t i = 0; i < batch.rows(); ++i) out.push_back(Conn::read(batch, i));
    return out;
  }
  Conn only_row() {
    table.finish(0);
    const std::vector<Conn> all = rows();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Conn{} : all.front();
  }

  base::Address a = base::Address::v4(0x0a000001), b = base::Address::v4(0xc0000201);
  std::uint16_t server_port = 80;
  std::uint64_t number = 0;
  Settings settings;
  base::MemoryAccountant memory;
  Recorder consumer;
  record::Sink sink;
  Table table{settings, memory, consumer, sink, 0};
};

TEST_F(TableTest, AnOrdinaryConnection) {
  handshake();
  tcp(true, 1.3, kAck | kPsh, 101, 501, "request");
  tcp(false, 1.5, kAck | kPsh, 501, 108, "the answer");
  tcp(false, 1.6, kAck | kFin, 511, 108);
  tcp(true, 1.7, kAck | kFin, 108, 512);
  tcp(false, 1.8, kAck, 512, 109);
  consumer.service = "http";
  const Conn row = only_row();
  EXPECT_EQ(row.conn_state, "SF");
  EXPECT_EQ(row.history, "ShADdfFa");
  EXPECT_EQ(row.service, "http");
  EXPECT_EQ(row.proto, "tcp");
  EXPECT_EQ(row.orig_bytes, 7u);
  EXPECT_EQ(row.resp_bytes, 10u);
  EXPECT_EQ(row.orig_pkts, 4u);
  EXPECT_EQ(row.resp_pkts, 4u);
  EXPECT_EQ(row.orig_ip_bytes, 4 * 40u + 7);
  EXPECT_EQ(row.duration, base::milliseconds(700));  // the last acknowledgement does not count (Zeek)
  EXPECT_EQ(row.handshake_rtt, base::milliseconds(200));
  EXPECT_EQ(row.time_to_first_byte, base::milliseconds(200));
  EXPECT_EQ(row.missed_bytes, 0u);
  EXPECT_EQ(row.head.place.first, 1u);
  EXPECT_EQ(row.head.place.last, 8u);
  EXPECT_EQ(consumer.of(0), "request");
  EXPECT_EQ(consumer.of(1), "the answer");
  EXPECT_THAT(consumer.ends, ::testing::ElementsAre(std::pair(Direction::kResponder, End::kFin),
                                                    std::pair(Direction::kOriginator, End::kFin)));
  EXPECT_TRUE(consumer.weirds.empty());
}

TEST_F(TableTest, SegmentsOutOfOrderComeInOrderAndOnce) {
  handshake();
  tcp(true, 1.3, kAck, 105, 501, "efgh");
  tcp(true, 1.4, kAck, 103, 501, "cdefghij");
  EXPECT_EQ(consumer.of(0), "");
  tcp(true, 1.5, kAck, 101, 501, "abcd");
  tcp(true, 1.6, kAck, 101, 501, "abcdefghijkl");
  EXPECT_EQ(consumer.of(0), "abcdefghijkl");
  EXPECT_EQ(memory.used(base::MemoryUse::kReassembly), 0u);
  EXPECT_EQ(only_row().history, "ShADT");
}

TEST_F(TableTest, AGapIsToldWhenThePeerAcknowledgesPastIt) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "abc");
  tcp(true, 1.4, kAck, 109, 501, "ijk");
  EXPECT_EQ(consumer.of(0), "abc");
  tcp(false, 1.5, kAck, 501, 112);
  EXPECT_EQ(consumer.of(0), "abc<5>ijk");
  const Conn row = only_row();
  EXPECT_EQ(row.missed_bytes, 5u);
  EXPECT_EQ(row.history, "ShADaG");
}

TEST_F(TableTest, WhatIsMissingAtTheEndIsToldToo) {
  handshake();
  tcp(true, 1.4, kAck, 109, 501, "ijk");
  EXPECT_EQ(only_row().missed_bytes, 0u);
  EXPECT_EQ(consumer.of(0), "<8>ijk");
}

TEST_F(TableTest, OverlapsThatDifferAreTold) {
  handshake();
  tcp(true, 1.3, kAck, 105, 501, "efgh");
  tcp(true, 1.4, kAck, 105, 501, "eXgh");
  EXPECT_THAT(consumer.weirds, ::testing::ElementsAre("retransmission_inconsistency"));
  tcp(true, 1.5, kAck, 101, 501, "abcd");
  EXPECT_EQ(consumer.of(0), "abcdefgh");
}

TEST_F(TableTest, StatesOfConnectionsThatWereNotAnswered) {
  tcp(true, 1.0, kSyn, 100, 0);
  table.advance(base::Time{} + base::seconds(3), 0);
  EXPECT_TRUE(rows().empty());
  table.advance(base::Time{} + base::seconds(8), 0);
  ASSERT_EQ(rows().size(), 1u);
  EXPECT_EQ(rows()[0].conn_state, "S0");
  EXPECT_EQ(rows()[0].history, "S");
  EXPECT_FALSE(rows()[0].duration.has_value());
  tcp(true, 9.0, kSyn, 100, 0);
  tcp(false, 9.1, kRst | kAck, 0, 101);
  table.finish(0);
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[1].conn_state, "REJ");
  EXPECT_EQ(rows()[1].history, "Sr");
}

TEST_F(TableTest, TimeoutsDoNotDependOnHowOftenTheyAreLookedFor) {
  tcp(true, 1.0, kSyn, 100, 0);
  tcp(true, 7.0, kSyn, 100, 0);  // the attempt was over at 6.0
  table.finish(0);
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_NE(rows()[0].head.uid, rows()[1].head.uid);
}

TEST_F(TableTest, MidstreamFlipsToTheLikelyServer) {
  tcp(false, 1.0, kAck, 501, 108, "answer");
  tcp(true, 1.1, kAck, 108, 507, "next");
  const Conn row = only_row();
  EXPECT_EQ(row.head.id.orig_h, a);
  EXPECT_EQ(row.history, "^dD");
  EXPECT_EQ(row.conn_state, "OTH");
  EXPECT_EQ(row.orig_bytes, 4u);
  EXPECT_EQ(row.resp_bytes, 6u);
  EXPECT_EQ(consumer.of(1), "answer");
}

TEST_F(TableTest, SynAfterItsSynAckTurnsTheEndsAround) {
  server_port = 9999;
  tcp(false, 1.0, kSyn | kAck, 500, 101);
  tcp(true, 1.0, kSyn, 100, 0);
  tcp(true, 1.2, kAck, 101, 501, "hello");
  const Conn row = only_row();
  EXPECT_EQ(row.head.id.orig_h, a);
  EXPECT_EQ(row.history, "Hs^D");
  EXPECT_EQ(row.conn_state, "S1");
  EXPECT_EQ(consumer.of(0), "hello");
}

TEST_F(TableTest, ANewSynAfterTheEndBeginsAnotherConnection) {
  handshake();
  tcp(true, 1.5, kFin | kAck, 101, 501);
  tcp(false, 1.6, kFin | kAck, 501, 102);
  tcp(true, 1.7, kAck, 102, 502);
  tcp(true, 3.0, kSyn, 9000, 0);
  table.finish(0);
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].conn_state, "SF");
  EXPECT_EQ(rows()[1].conn_state, "S0");
}

TEST_F(TableTest, Datagrams) {
  server_port = 53;
  udp(true, 1.0, "query");
  udp(false, 1.25, "response");
  const Conn row = only_row();
  EXPECT_EQ(row.conn_state, "SF");
  EXPECT_EQ(row.history, "Dd");
  EXPECT_EQ(row.orig_bytes, 5u);
  EXPECT_EQ(row.resp_bytes, 8u);
  EXPECT_EQ(row.time_to_first_byte, base::milliseconds(250));
}

TEST_F(TableTest, EchoAndItsReplyAreOneConnection) {
  icmp(true, 1.0, 8, 0);
  icmp(false, 1.1, 0, 0);
  icmp(false, 1.2, 3, 1);  // unreachable: its own
  table.finish(0);
  ASSERT_EQ(rows().size(), 2u);
  EXPECT_EQ(rows()[0].head.id.orig_p.value, 8);
  EXPECT_EQ(rows()[0].head.id.resp_p.value, 0);
  EXPECT_EQ(rows()[0].resp_pkts, 1u);
  EXPECT_EQ(rows()[1].head.id.orig_p.value, 3);
  EXPECT_EQ(rows()[1].head.id.resp_p.value, 1);
}

TEST(CommunityId, MatchesTheSpecificationsBaseline) {
  const auto address = [](const char* s) { return *base::Address::parse(s); };
  // Values of the specification's own baseline (seed 0).
  EXPECT_EQ(community_id(6, address("128.232.110.120"), address("66.35.250.204"), 34855, 80),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  EXPECT_EQ(community_id(6, address("66.35.250.204"), address("128.232.110.120"), 80, 34855),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  EXPECT_EQ(community_id(17, address("192.168.1.52"), address("8.8.8.8"), 54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
}

}  // namespace
}  // namespace whodunit::connection
