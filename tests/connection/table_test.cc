#include "connection/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "connection/community_id.h"
#include "connection/conn_record.h"
#include "connection/local.h"

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
  packet::Packet base_packet(bool forward, double at, std::uint8_t protocol, std::uint16_t client,
                             std::uint16_t server) {
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

TEST_F(TableTest, ReorderedSegmentsAreNoRetransmissions) {
  handshake();
  tcp(false, 1.3, kAck, 501, 101, "abcd");
  tcp(false, 1.31, kAck, 509, 101, "ijkl");  // two holes
  tcp(false, 1.32, kAck, 517, 101, "qrst");
  tcp(false, 1.33, kAck, 513, 101, "mnop");  // fills the upper one
  tcp(false, 1.34, kAck, 505, 101, "efgh");  // and the lower one
  EXPECT_EQ(consumer.of(1), "abcdefghijklmnopqrst");
  const Conn row = only_row();
  EXPECT_EQ(row.resp_retransmits, 0u);
  EXPECT_EQ(row.orig_retransmits, 0u);
  EXPECT_EQ(row.history, "ShAdt");  // Zeek's letter
}

TEST_F(TableTest, WhatRepeatsSeenBytesIsARetransmission) {
  handshake();
  tcp(false, 1.3, kAck, 501, 101, "abcd");
  tcp(false, 1.31, kAck, 509, 101, "ijkl");
  tcp(false, 1.32, kAck, 509, 101, "ijkl");    // repeats what waits
  tcp(false, 1.33, kAck, 501, 101, "abcd");    // repeats what was handed over
  tcp(false, 1.34, kAck, 503, 101, "cdefgh");  // in part
  tcp(false, 1.35, kAck, 505, 101, "efgh");    // the hole is filled by now
  tcp(false, 1.36, kAck, 513, 101, "mnop");    // new
  EXPECT_EQ(consumer.of(1), "abcdefghijklmnop");
  EXPECT_EQ(only_row().resp_retransmits, 4u);
}

TEST_F(TableTest, AHoleThatWasGivenUpIsNotReordering) {
  handshake();
  tcp(false, 1.3, kAck, 501, 101, "abcd");
  tcp(false, 1.31, kAck, 509, 101, "ijkl");
  tcp(true, 1.32, kAck, 101, 513);
  tcp(false, 1.33, kAck, 505, 101, "efgh");
  EXPECT_EQ(consumer.of(1), "abcd<4>ijkl");
  EXPECT_EQ(only_row().resp_retransmits, 1u);
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

TEST_F(TableTest, ARepetitionWithOtherBytesIsToldOnce) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "GET /harmless");
  tcp(true, 1.4, kAck, 101, 501, "GET /harmless");
  EXPECT_TRUE(consumer.weirds.empty());
  tcp(true, 1.5, kAck, 101, 501, "GET /attack!!");
  tcp(true, 1.6, kAck, 101, 501, "GET /attack!!");
  EXPECT_THAT(consumer.weirds, ::testing::ElementsAre("retransmission_inconsistency"));
  EXPECT_EQ(consumer.of(0), "GET /harmless");
}

TEST_F(TableTest, KeepAlivesAreNoContradiction) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "hello");
  tcp(false, 1.3, kAck, 501, 106);
  tcp(true, 50, kAck, 105, 501, std::string_view("\0", 1));
  EXPECT_TRUE(consumer.weirds.empty());
  EXPECT_EQ(consumer.of(0), "hello");
}

TEST_F(TableTest, SequenceNumbersGoAround) {
  tcp(true, 1.0, kSyn, 0xfffffffd, 0);
  tcp(false, 1.1, kSyn | kAck, 500, 0xfffffffe);
  tcp(true, 1.2, kAck, 0xfffffffe, 501, "abcd");
  tcp(true, 1.3, kAck, 2, 501, "efgh");
  tcp(false, 1.4, kAck, 501, 6);
  const Conn row = only_row();
  EXPECT_EQ(consumer.of(0), "abcdefgh");
  EXPECT_EQ(row.orig_bytes, 8u);
  EXPECT_EQ(row.missed_bytes, 0u);
  EXPECT_TRUE(consumer.weirds.empty());
}

TEST_F(TableTest, OneSidedStreamsAreHandedOverWithoutAcknowledgements) {
  tcp(true, 1.0, kAck, 1000, 77, std::string(100, 'a'));
  // A hole, then more than anybody would send without an answer.
  std::uint32_t sequence = 1200;
  for (int i = 0; i < 20; ++i, sequence += 1000) tcp(true, 1.1 + i, kAck, sequence, 77, std::string(1000, 'b'));
  EXPECT_THAT(consumer.weirds, ::testing::ElementsAre("above_hole_data_without_any_acks"));
  EXPECT_EQ(consumer.of(0), std::string(100, 'a') + "<100>" + std::string(20000, 'b'));
}

TEST_F(TableTest, ReassemblyKeepsToItsLimit) {
  handshake();
  tcp(false, 1.25, kAck, 501, 102);  // it acknowledges: so it is not that its side is not captured
  const std::string block(1000, 'x');
  for (std::uint32_t i = 1; i < 6000; ++i) tcp(true, 1.3, kAck, 101 + i * 2000, 501, block);
  EXPECT_LE(memory.peak(), 64u << 20);
  EXPECT_LE(memory.used(base::MemoryUse::kReassembly), settings.reassembly_bytes + 4096 * sizeof(void*) * 4);
  table.finish(0);
  EXPECT_EQ(memory.used(base::MemoryUse::kReassembly), 0u);
  const std::string all = consumer.of(0);
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), 5999 * 1000);
}

TEST_F(TableTest, AForgedResetDoesNotBlind) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "abc");
  tcp(false, 1.4, kRst, 501, 0);
  tcp(true, 1.5, kAck, 104, 501, "def");
  EXPECT_EQ(consumer.of(0), "abcdef");
  EXPECT_TRUE(consumer.ends.empty());
  EXPECT_EQ(only_row().conn_state, "RSTR");
  EXPECT_THAT(consumer.ends, ::testing::ElementsAre(std::pair(Direction::kOriginator, End::kReset),
                                                    std::pair(Direction::kResponder, End::kReset)));
}

TEST_F(TableTest, ASynInsideDoesNotBlind) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "abc");
  tcp(true, 1.4, kSyn, 777777, 0);
  tcp(false, 1.45, kAck, 501, 104);  // what a TCP answers: it is where it was
  tcp(true, 1.5, kAck, 104, 501, "def");
  tcp(false, 1.6, kSyn | kAck, 888888, 104);
  tcp(false, 1.7, kAck, 501, 107, "xyz");
  EXPECT_EQ(consumer.of(0), "abcdef");
  EXPECT_EQ(consumer.of(1), "xyz");
  EXPECT_THAT(consumer.weirds, ::testing::ElementsAre("active_connection_reuse", "SYN_seq_jump"));
  EXPECT_EQ(only_row().orig_bytes, 6u);
}

TEST_F(TableTest, ASynInsideThatIsAnsweredBeginsAnother) {
  handshake();
  tcp(true, 1.3, kAck, 101, 501, "abc");
  tcp(true, 20, kSyn, 777777, 0);
  tcp(false, 20.1, kSyn | kAck, 888888, 777778);
  tcp(true, 20.2, kAck, 777778, 888889, "hello");
  table.finish(0);
  const std::vector<Conn> all = rows();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].orig_bytes, 3u);
  EXPECT_EQ(all[1].orig_bytes, 5u);
  EXPECT_EQ(all[1].head.id.orig_h, a);
}

TEST_F(TableTest, LateSynAckIsTurnedAroundByWhatFollows) {
  server_port = 9999;  // no port that says who the server is
  tcp(false, 1.0, kSyn | kAck, 500, 101);
  tcp(true, 1.1, kAck, 101, 501);
  const Conn row = only_row();
  EXPECT_EQ(row.head.id.orig_h, a);
  EXPECT_EQ(row.history, "^hA");
  EXPECT_EQ(row.orig_pkts, 1u);
  EXPECT_EQ(row.resp_pkts, 1u);
}

TEST_F(TableTest, ALoneSynAckStaysAsItCame) {
  server_port = 9999;
  tcp(false, 1.0, kSyn | kAck, 500, 101);
  tcp(true, 1.1, kRst, 101, 0);
  const Conn row = only_row();
  EXPECT_EQ(row.head.id.orig_h, b);
  EXPECT_EQ(row.history, "Hr");
  EXPECT_EQ(row.conn_state, "REJ");
}

TEST_F(TableTest, NameServicesEndSoonAfterTheirAnswer) {
  server_port = 53;
  udp(true, 1.0, "query");
  udp(false, 1.1, "response");
  udp(true, 25.0, "query");
  table.finish(0);
  EXPECT_EQ(rows().size(), 2u);
  server_port = 5000;
  udp(true, 31.0, "query");
  udp(true, 55.0, "query");
  table.finish(0);
  EXPECT_EQ(rows().size(), 3u);
}

TEST_F(TableTest, TwoConnectionsOfOneMomentHaveTheirOwnUids) {
  tcp(true, 1.0, kSyn, 100, 0);
  tcp(false, 1.0, kRst | kAck, 0, 101);
  tcp(true, 1.0, kSyn, 100, 0);
  tcp(false, 1.0, kRst | kAck, 0, 101);
  tcp(true, 1.0, kSyn, 100, 0);
  table.finish(0);
  ASSERT_EQ(rows().size(), 3u);
  EXPECT_NE(rows()[0].head.uid, rows()[1].head.uid);
  EXPECT_NE(rows()[1].head.uid, rows()[2].head.uid);
  EXPECT_NE(rows()[0].head.uid, rows()[2].head.uid);
}

TEST_F(TableTest, AClockSetBackDoesNotStopTimeouts) {
  udp(true, 1e6, "a");
  udp(true, 100, "b");  // long before: the same connection, as nothing says otherwise
  table.advance(base::Time{} + base::seconds(300), 0);
  server_port = 81;
  udp(true, 301, "c");
  table.advance(base::Time{} + base::seconds(400), 0);
  EXPECT_EQ(rows().size(), 2u);
}

TEST_F(TableTest, TunnelsAreParents) {
  packet::Packet p = base_packet(true, 1.0, packet::kUdp, 1, 2);
  p.tunnel = {77};
  table.packet(p);
  p.tunnel = {78};
  table.packet(p);
  p.tunnel = {77};
  table.packet(p);
  const Conn row = only_row();
  ASSERT_EQ(row.tunnel_parents.size(), 2u);
  EXPECT_EQ(row.tunnel_parents[0], record::Uid{77}.to_string());
}

TEST_F(TableTest, BadChecksumsAreToldAndLeftOutWhereAsked) {
  const auto send = [&](Table& t) {
    packet::Packet p = base_packet(true, 1.0, packet::kUdp, 40000, 5000);
    p.payload = base::as_bytes("x");
    p.payload_length = 1;
    t.packet(p);
    p.checksum_bad = true;
    t.packet(p);
    t.packet(p);
    t.finish(0);
  };
  send(table);
  EXPECT_THAT(consumer.weirds, ::testing::ElementsAre("bad_UDP_checksum"));
  EXPECT_EQ(rows()[0].history, "D");
  EXPECT_EQ(consumer.of(0), "xxx");
  Recorder other;
  settings.ignore_checksums = false;
  Table strict(settings, memory, other, sink, 0);
  send(strict);
  EXPECT_EQ(rows()[1].history, "DC");
  EXPECT_EQ(other.of(0), "x");
}

TEST_F(TableTest, AFloodDoesNotPushOutTheEstablished) {
  settings.connections_per_shard = 640;
  Table small(settings, memory, consumer, sink, 0);
  const auto syn = [&](std::uint32_t from, double at) {
    packet::Packet p = base_packet(true, at, packet::kTcp, 1000, 80);
    p.source = base::Address::v4(from);
    p.tcp_flags = kSyn;
    p.sequence = 100;
    small.packet(p);
    return p;
  };
  for (std::uint32_t i = 0; i < 600; ++i) {
    packet::Packet p = syn(0x0b000000 + i, 1.0);
    std::swap(p.source, p.destination);
    std::swap(p.source_port, p.destination_port);
    p.tcp_flags = kSyn | kAck;
    p.sequence = 500;
    p.acknowledgement = 101;
    small.packet(p);
  }
  for (std::uint32_t i = 0; i < 100000; ++i) syn(0x0c000000 + i, 1.1);
  EXPECT_EQ(small.statistics().live, 640u);
  EXPECT_EQ(small.statistics().evicted, 100000u - 40);
  EXPECT_EQ(small.statistics().evicted_established, 0u);
  small.finish(0);
  std::size_t established = 0;
  for (const Conn& row : rows()) established += row.conn_state == "S1";
  EXPECT_EQ(established, 600u);
}

TEST_F(TableTest, MemoryRefusedEndsOldConnectionsNotTheRun) {
  base::MemoryAccountant tight(200'000, 20'000);
  {
    Table small(settings, tight, consumer, sink, 0);
    for (std::uint32_t i = 0; i < 5000; ++i) {
      packet::Packet p = base_packet(true, 1.0, packet::kUdp, 1000, 2000);
      p.source = base::Address::v4(0x0b000000 + i);
      small.packet(p);
    }
    EXPECT_LE(tight.peak(), 200'000u);
    EXPECT_GT(small.statistics().live, 100u);
    EXPECT_EQ(small.statistics().live + small.statistics().evicted, 5000u);
    small.finish(0);
  }
  EXPECT_EQ(rows().size(), 5000u);
  EXPECT_EQ(tight.used(), 0u);
}

TEST_F(TableTest, TheOrderOfTheEndIsThatOfTheBeginnings) {
  for (std::uint32_t i = 0; i < 300; ++i) {
    packet::Packet p = base_packet(true, 1.0 + (i * 7 % 300) * 0.001, packet::kUdp, 1000, 2000);
    p.source = base::Address::v4(0x0b000000 + i);
    table.packet(p);
  }
  table.finish(0);
  const std::vector<Conn> all = rows();
  ASSERT_EQ(all.size(), 300u);
  EXPECT_TRUE(
      std::is_sorted(all.begin(), all.end(), [](const Conn& x, const Conn& y) { return x.head.ts < y.head.ts; }));
}

TEST(Shard, DependsOnTheAddressPairAlone) {
  std::array<int, kShards> count{};
  for (std::uint32_t i = 0; i < 64000; ++i) {
    const base::Address x = base::Address::v4(0x0a000000 + i), y = base::Address::v4(0xc0000200 + i % 7);
    EXPECT_EQ(shard_of(x, y), shard_of(y, x));
    ++count[shard_of(x, y)];
  }
  for (const int n : count) {
    EXPECT_GT(n, 800);
    EXPECT_LT(n, 1200);
  }
}

TEST(Local, SpecialPurposeUnlessTold) {
  const auto local = [](const char* text, std::vector<base::Network> networks = {}) {
    return is_local(networks, *base::Address::parse(text));
  };
  for (const char* text :
       {"10.1.2.3", "172.31.255.255", "192.168.0.1", "100.127.1.1", "127.0.0.1", "169.254.1.1", "224.0.0.251",
        "239.1.1.1", "255.255.255.255", "::1", "fe80::1", "fd00::1", "2001:db8::1", "2002:a00:1::1"})
    EXPECT_TRUE(local(text)) << text;
  for (const char* text : {"11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "8.8.8.8", "224.0.1.1", "238.1.1.1",
                           "ff02::1", "2001:4860::8888", "2002:808:808::1"})
    EXPECT_FALSE(local(text)) << text;
  const std::vector<base::Network> home = {*base::Network::parse("8.8.0.0/16")};
  EXPECT_TRUE(local("8.8.8.8", home));
  EXPECT_FALSE(local("10.1.2.3", home));
}

TEST(Entry, FitsItsBudget) { EXPECT_LE(Table::entry_size(), 320u); }

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

// A FIN of another path, or forged, ends nothing where the stream goes on and is acknowledged.
TEST_F(TableTest, BytesBehindAFin) {
  handshake();
  tcp(false, 1.3, kAck | kFin, 501, 101);
  tcp(true, 1.4, kAck | kFin, 101, 502);
  tcp(false, 1.5, kAck, 502, 102);
  ASSERT_EQ(consumer.ends.size(), 2u);
  tcp(true, 1.6, kAck | kPsh, 101, 501, "request");
  tcp(false, 1.7, kAck | kPsh, 501, 108, "answer");
  EXPECT_EQ(consumer.of(0), "request");
  EXPECT_EQ(consumer.of(1), "answer");
  EXPECT_EQ(consumer.ends.size(), 2u);
}

// RFC 9293 3.8.6.
TEST_F(TableTest, TakesBackAWindow) {
  const auto acknowledge = [this](double at, std::uint32_t acknowledgement, std::uint16_t window, bool forward = true) {
    packet::Packet p = base_packet(forward, at, packet::kTcp, 40000, server_port);
    p.tcp_flags = kAck;
    p.sequence = forward ? 101 : 501;
    p.acknowledgement = acknowledgement;
    p.window = window;
    p.ip_length = 40;
    table.packet(p);
  };
  handshake();
  acknowledge(1.3, 501, 1000);
  tcp(false, 1.4, kAck, 501, 101, std::string(400, 'x'));
  acknowledge(1.5, 901, 600);
  EXPECT_TRUE(consumer.weirds.empty()) << "the edge stays where it was";
  acknowledge(1.6, 501, 100);
  EXPECT_TRUE(consumer.weirds.empty()) << "an older acknowledgement";
  acknowledge(1.7, 901, 599);
  EXPECT_THAT(consumer.weirds, testing::ElementsAre("window_recision"));
  acknowledge(1.8, 901, 10);
  EXPECT_EQ(consumer.weirds.size(), 1u) << "told once";
}

// RFC 7323 2.2, 2.3.
TEST_F(TableTest, ScalesTheWindow) {
  const auto segment = [this](bool forward, double at, std::uint8_t flags, std::uint32_t acknowledgement,
                              std::uint16_t window, std::string_view options) {
    packet::Packet p = base_packet(forward, at, packet::kTcp, 40000, server_port);
    p.tcp_flags = flags;
    p.sequence = (forward ? 100u : 500u) + ((flags & kSyn) != 0 ? 0 : 1);
    p.acknowledgement = acknowledgement;
    p.window = window;
    p.tcp_options = base::as_bytes(options);
    p.ip_length = 40;
    table.packet(p);
  };
  segment(true, 1.0, kSyn, 0, 1000, std::string_view("\x02\x04\x05\xb4\x01\x03\x03\x07", 8));
  segment(false, 1.1, kSyn | kAck, 101, 1000, std::string_view("\x03\x03\x0f\x00", 4));
  EXPECT_THAT(consumer.weirds, testing::ElementsAre("TCP_scale_range"));
  segment(true, 1.2, kAck, 501, 1000, {});
  segment(true, 1.3, kAck, 501 + 100, 1000 - 1, {});
  EXPECT_EQ(consumer.weirds.size(), 1u) << "less than a step of 128 is rounding";
  segment(true, 1.4, kAck, 501 + 100, 1000 - 2, {});
  EXPECT_THAT(consumer.weirds, testing::ElementsAre("TCP_scale_range", "window_recision"));
}

TEST_F(TableTest, ManyTunnelsForOneConnection) {
  const auto through = [this](double at, std::uint64_t tunnel) {
    packet::Packet p = base_packet(true, at, packet::kUdp, 40000, server_port);
    p.tunnel = {tunnel};
    table.packet(p);
  };
  for (int i = 0; i < 10; ++i) through(1 + i * 0.1, 7);
  for (const std::uint64_t tunnel : {8, 7, 0, 7, 8}) through(2.5, tunnel);
  EXPECT_TRUE(consumer.weirds.empty()) << "five changes";
  through(2.6, 0);
  through(2.7, 7);
  EXPECT_THAT(consumer.weirds, testing::ElementsAre("tunnel_max_changes_per_connection_exceeded"));
  EXPECT_EQ(only_row().tunnel_parents.size(), 2u);
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
