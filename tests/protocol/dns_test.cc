#include "protocol/dns/dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/dns/message.h"
#include "protocol/talk.h"

namespace whodunit::protocol::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace protocol::testing;

Octets name(std::string_view dotted) {
  Octets out;
  while (!dotted.empty()) {
    const auto label = dotted.substr(0, dotted.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out = out + octets(label);
    dotted.remove_prefix(std::min(dotted.size(), label.size() + 1));
  }
  out.push_back(0);
  return out;
}

Octets query(std::string_view asked, const Octets& type = hex("0001"), const Octets& id = hex("1234")) {
  return id + hex("0100 0001 0000 0000 0000") + name(asked) + type + hex("0001");
}

// A reply with a question and one answer of the given type and data.
Octets reply(std::string_view asked, std::string_view type, const Octets& data, std::string_view flags = "8180") {
  return hex("1234") + hex(flags) + hex("0001 0001 0000 0000") + name(asked) + hex(type) + hex("0001 c00c") +
         hex(type) + hex("0001 0000012c") +
         Octets{static_cast<std::uint8_t>(data.size() >> 8), static_cast<std::uint8_t>(data.size())} + data;
}

std::vector<std::string> answers_of(const Octets& message, bool netbios = false) {
  Message m;
  parse(message, netbios, m);
  std::vector<std::string> out;
  for (const auto& a : m.answers) out.emplace_back(m.view(a.text));
  for (const auto& s : m.others) out.emplace_back(m.view(s));
  return out;
}

TEST(Dns, JoinsQueryAndReply) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kOriginator, query("WWW.Example.com"));
  EXPECT_THAT(talk.rows<Dns>(), IsEmpty());
  talk.datagram(Direction::kResponder, reply("www.example.com", "0001", hex("c0000201"), "8580"));
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  const Dns& row = rows[0];
  EXPECT_EQ(row.proto, "udp");
  EXPECT_EQ(row.trans_id, 0x1234u);
  EXPECT_EQ(row.query, "www.example.com");
  EXPECT_EQ(row.qtype_name, "A");
  EXPECT_EQ(row.qclass_name, "C_INTERNET");
  EXPECT_EQ(row.rcode_name, "NOERROR");
  EXPECT_EQ(row.opcode_name, "query");
  EXPECT_TRUE(row.AA);
  EXPECT_TRUE(row.RD);
  EXPECT_TRUE(row.RA);
  EXPECT_FALSE(row.TC);
  EXPECT_FALSE(row.rejected);
  EXPECT_EQ(row.rtt, base::milliseconds(1));
  EXPECT_THAT(row.answers, ElementsAre("192.0.2.1"));
  EXPECT_THAT(row.TTLs, ElementsAre(base::seconds(300)));
  EXPECT_EQ(row.query_bytes, 33u);
  EXPECT_EQ(row.head.place.first, 1u);
  EXPECT_EQ(row.head.place.last, 2u);
  EXPECT_TRUE(talk.recognised);
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Dns, AReplyAloneTellsItsQuestion) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kResponder, hex("1234 8183 0001 0000 0000 0000") + name("gone.example") + hex("0001 0001"));
  talk.close();
  ASSERT_EQ(talk.rows<Dns>().size(), 1u);
  EXPECT_EQ(talk.rows<Dns>()[0].question, "gone.example");
  EXPECT_EQ(talk.rows<Dns>()[0].query.data(), nullptr);
}

TEST(Dns, WritesWhatWasNeverAnswered) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kOriginator, query("a.example", hex("0010")));
  talk.datagram(Direction::kOriginator, query("b.example", hex("001c"), hex("0002")));
  talk.close();
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].query, "a.example");
  EXPECT_EQ(rows[0].qtype_name, "TXT");
  EXPECT_FALSE(rows[0].rcode.has_value());
  EXPECT_EQ(rows[1].qtype_name, "AAAA");
}

TEST(Dns, JoinsAQueryThatCameAfterItsReply) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kResponder, reply("www.example.com", "0005", name("web.example.net")));
  talk.datagram(Direction::kOriginator, query("www.example.com", hex("0005")));
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_THAT(rows[0].answers, ElementsAre("web.example.net"));
  EXPECT_FALSE(rows[0].rtt.has_value());
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Dns, AnErrorWithoutRecordsIsARejection) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kOriginator, query("nowhere.example"));
  talk.datagram(Direction::kResponder,
                hex("1234 8183 0001 0000 0000 0000") + name("nowhere.example") + hex("0001 0001"));
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].rcode_name, "NXDOMAIN");
  EXPECT_TRUE(rows[0].rejected);
  EXPECT_FALSE(rows[0].rtt.has_value());
  EXPECT_EQ(rows[0].reply_delay, base::milliseconds(1));
}

TEST(Dns, TellsEveryTypeOfAnswer) {
  EXPECT_THAT(answers_of(reply("x.example", "001c", hex("20010db8000000000000000000000001"))),
              ElementsAre("2001:db8::1"));
  EXPECT_THAT(answers_of(reply("x.example", "0002", name("ns.example"))), ElementsAre("ns.example"));
  EXPECT_THAT(answers_of(reply("x.example", "000f", hex("000a") + name("mail.example"))), ElementsAre("mail.example"));
  EXPECT_THAT(answers_of(reply("x.example", "0010", hex("026869 00"))), ElementsAre("TXT 2 hi TXT 0 "));
  EXPECT_THAT(answers_of(reply("x.example", "0063", hex("026869"))), ElementsAre("SPF 2 hi"));
  EXPECT_THAT(answers_of(reply("x.example", "0021", hex("000000000035") + name("srv.example"))),
              ElementsAre("srv.example"));
  EXPECT_THAT(answers_of(reply("x.example", "0006", name("ns.example") + name("root.example") + Octets(20))),
              ElementsAre("ns.example"));
  EXPECT_THAT(answers_of(reply("x.example", "0023", hex("00010002") + hex("0153 0373697000") + name("sip.example"))),
              ElementsAre("NAPTR 1 2 S sip sip.example"));
  EXPECT_THAT(answers_of(reply("x.example", "002e",
                               hex("0001 0d 02 0000012c 00000000 00000000 1111") + name("x.example") + Octets(8))),
              ElementsAre("RRSIG 1 x.example"));
  EXPECT_THAT(answers_of(reply("x.example", "0030", hex("0100 03 0d aabb"))), ElementsAre("DNSKEY 13"));
  EXPECT_THAT(answers_of(reply("x.example", "002b", hex("1111 0d 02 aabb"))), ElementsAre("DS 13 2"));
  EXPECT_THAT(answers_of(reply("x.example", "002f", name("z.example") + hex("0001 40"))),
              ElementsAre("NSEC x.example z.example"));
  EXPECT_THAT(answers_of(reply("x.example", "0032", hex("010000010000"))), ElementsAre("NSEC3"));
  EXPECT_THAT(answers_of(reply("x.example", "002c", hex("0101 abcd"))), ElementsAre("SSHFP: abcd"));
  EXPECT_THAT(answers_of(reply("x.example", "001d", hex("00 12 16 13") + Octets(12))), ElementsAre("LOC:  18 22 19"));
  EXPECT_THAT(answers_of(reply("x.example", "000a", hex("ff"))), ElementsAre("<unknown type=10>"));
  EXPECT_THAT(answers_of(reply("x.example", "0041", hex("0001 00 0001 0003 02 6832 0004 0004 c0000201"))),
              ElementsAre("HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1"));
  EXPECT_THAT(answers_of(reply("x.example", "0101", hex("00 05") + octets("issueca.example"))),
              ElementsAre("CAA 0 issue ca.example"));
}

TEST(Dns, DynamicUpdatesAreTold) {
  // RFC 2136: one prerequisite (name is in use), one removal of a set, one addition.
  const Octets message = hex("1234 a800 0001 0001 0002 0000") + name("example") + hex("0006 0001") +
                         hex("c00c 00ff 00ff 00000000 0000") + hex("c00c 0001 00ff 00000000 0000") +
                         hex("c00c 0001 0001 0000003c 0004 c0000207");
  EXPECT_THAT(answers_of(message), ElementsAre("pre: NameInUse example", "del: RRSet A", "add: A example 192.0.2.7"));
}

TEST(Dns, ReadsEdns) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kOriginator, hex("1234 0100 0001 0000 0000 0001") + name("x.example") + hex("0001 0001") +
                                            hex("00 0029 04d0 00008000 000b 0008 0007 0001 1800 c00002"));
  talk.close();
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].edns_size, 1232u);
  EXPECT_EQ(rows[0].edns_do, true);
  EXPECT_THAT(rows[0].edns_options, ElementsAre(8u));
  EXPECT_EQ(rows[0].client_subnet, "192.0.2.0/24");
}

TEST(Dns, DecodesNetbiosNames) {
  EXPECT_EQ(decode_netbios_name("FHEPFCELEHFCEPFFFACACACACACACABL"), "WORKGROUP");
  EXPECT_EQ(decode_netbios_name("abacfpfpenfdecfcepfhfdeffpfpacab"), "\x01\x02__MSBROWSE__\x02");
  EXPECT_EQ(decode_netbios_name("FHEPFCELEHFCEPFFFACACACACACACAB"), "");
  EXPECT_EQ(decode_netbios_name("ZZEPFCELEHFCEPFFFACACACACACACABL"), "");
  Talk talk(kOverUdp, 137, packet::kUdp);
  talk.datagram(Direction::kOriginator, query("FHEPFCELEHFCEPFFFACACACACACACABL", hex("0020")));
  talk.close();
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].query, "WORKGROUP");
  EXPECT_EQ(rows[0].qtype_name, "NIMLOC");
  EXPECT_EQ(rows[0].opcode_name, "netbios-query");
}

TEST(Dns, OverTcpByteByByteIsTheSame) {
  const Octets asked = hex("0021") + query("www.example.com");
  const Octets told = reply("www.example.com", "0001", hex("c0000201"));
  Talk talk(kOverTcp, 53);
  for (const std::uint8_t b : asked) talk.client({b});
  talk.server(Octets{0, static_cast<std::uint8_t>(told.size())} + told);
  const auto rows = talk.rows<Dns>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].proto, "tcp");
  EXPECT_THAT(rows[0].answers, ElementsAre("192.0.2.1"));
}

TEST(Dns, HostileNamesEnd) {
  std::string out;
  std::size_t at = 12;
  // A pointer to itself, and one that leads back to a label before it.
  Octets loop = Octets(12) + hex("c00c");
  EXPECT_TRUE(read_name(loop, at, false, out));
  EXPECT_EQ(out, "");
  loop = Octets(12) + hex("0161 c00c");
  at = 12;
  EXPECT_TRUE(read_name(loop, at, false, out));
  EXPECT_EQ(out, "a.a");  // where it came from is not read again
  EXPECT_EQ(at, 16u);
  // Labels without end.
  Octets longest(12);
  for (int i = 0; i < 300; ++i) longest = longest + hex("03616263");
  at = 12;
  out.clear();
  EXPECT_FALSE(read_name(longest, at, false, out));
  EXPECT_LE(out.size(), 512u);
  // A label that runs over the end.
  at = 0;
  EXPECT_FALSE(read_name(hex("3f61"), at, false, out));
}

TEST(Dns, CutMessagesAreWeird) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  talk.datagram(Direction::kOriginator, hex("1234"));
  Octets cut = query("www.example.com");
  cut.resize(20);
  talk.datagram(Direction::kOriginator, cut);
  talk.close();
  EXPECT_THAT(talk.weirds(),
              ElementsAre("DNS_truncated_len_lt_hdr_len", "DNS_label_len_gt_pkt", "DNS_truncated_quest_too_short"));
  ASSERT_EQ(talk.rows<Dns>().size(), 1u);  // its header was whole
  EXPECT_EQ(talk.rows<Dns>()[0].query.data(), nullptr);
  EXPECT_FALSE(talk.recognised);
}

// A label of 64 and more is first one that does not fit, where it does not; where it does, the lengths behind it tell.
TEST(Dns, LabelsThatAreTooLong) {
  const Octets header = hex("123481800001000100000000");
  const auto told = [&](const Octets& rest) {
    Talk talk(kOverUdp, 53, packet::kUdp);
    talk.datagram(Direction::kResponder, header + rest);
    return talk.weirds();
  };
  EXPECT_THAT(told(hex("9061626364")), ElementsAre("DNS_label_len_gt_pkt", "DNS_truncated_quest_too_short"));
  // The question's name is 0x46, its type and class 6162 6364; an answer without a name says that 0x7878 bytes follow.
  EXPECT_THAT(told(hex("466162636400") + octets(std::string(100, 'x'))),
              ElementsAre("DNS_label_too_long", "DNS_truncated_RR_rdlength_lt_len"));
  EXPECT_THAT(told(hex("466162636400") + Octets(100)), ElementsAre("DNS_label_too_long"));
}

TEST(Dns, WaitingMessagesAreBounded) {
  Talk talk(kOverUdp, 53, packet::kUdp);
  for (unsigned i = 0; i < 1000; ++i)
    talk.datagram(Direction::kOriginator,
                  query("x.example", hex("0001"), {static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}));
  EXPECT_GE(talk.rows<Dns>().size(), 700u);
  EXPECT_LT(talk.memory.used(), 100'000u);
  const Octets big = reply("x.example", "000a", Octets(60'000));
  for (unsigned i = 0; i < 20; ++i) talk.datagram(Direction::kResponder, big);
  EXPECT_LT(talk.memory.used(), 200'000u);
  talk.close();
  EXPECT_EQ(talk.rows<Dns>().size(), 1020u);
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Dns, IsRecognisedByContent) {
  const auto udp = [](const Octets& data, bool hint) { return kOverUdp.recognise(data, Direction::kOriginator, hint); };
  const auto tcp = [](const Octets& data, bool hint) { return kOverTcp.recognise(data, Direction::kOriginator, hint); };
  EXPECT_EQ(udp(query("www.example.com"), false), Match::kYes);
  EXPECT_EQ(udp(reply("www.example.com", "0001", hex("c0000201")), false), Match::kYes);
  EXPECT_EQ(udp(Octets(40), false), Match::kNo);
  EXPECT_EQ(udp(octets("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), false), Match::kNo);
  Octets cut = query("www.example.com");
  cut.pop_back();
  EXPECT_EQ(udp(cut, false), Match::kNo);
  EXPECT_EQ(udp(query("www.example.com", hex("7777")), false), Match::kNo);
  const Octets framed = hex("0021") + query("www.example.com");
  EXPECT_EQ(tcp(framed, false), Match::kYes);
  EXPECT_EQ(tcp({framed.begin(), framed.begin() + 20}, false), Match::kNeedMore);
  EXPECT_EQ(tcp(octets("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true), Match::kNo);
}

}  // namespace
}  // namespace whodunit::protocol::dns
