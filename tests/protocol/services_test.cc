// DHCP, NTP, SNMP, RADIUS, Modbus, MQTT, SIP, IRC, SMTP, FTP: hand-made messages, each by its standard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/dhcp/dhcp.h"
#include "protocol/dnp3/dnp3.h"
#include "protocol/ftp/ftp.h"
#include "protocol/irc/irc.h"
#include "protocol/mime/mime.h"
#include "protocol/modbus/modbus.h"
#include "protocol/mqtt/mqtt.h"
#include "protocol/ntp/ntp.h"
#include "protocol/radius/radius.h"
#include "protocol/sip/sip.h"
#include "protocol/smtp/smtp.h"
#include "protocol/snmp/snmp.h"
#include "protocol/syslog/syslog.h"
#include "protocol/talk.h"
#include "protocol/ticks.h"

namespace whodunit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

constexpr Direction kClient = Direction::kOriginator, kServer = Direction::kResponder;

TEST(Dhcp, JoinsWhatGoesOverSeveralConnections) {
  // A DISCOVER to everybody from nobody, its OFFER from the server to the address it gives (RFC 2131 4.1).
  const auto message = [](std::uint8_t operation, std::string_view yours, std::string_view options) {
    return Octets{operation, 1, 6, 0} + hex("0000abcd") + Octets(8) + hex(yours) + Octets(8) + hex("020000000001") +
           Octets(202) + hex("63825363") + hex(options) + hex("ff");
  };
  Talk talk(dhcp::kDefinition, 67, packet::kUdp);
  talk.view.id = {*base::Address::parse("0.0.0.0"), *base::Address::parse("255.255.255.255"), {68}, {67}};
  talk.datagram(kClient, message(1, "00000000", "350101"));
  std::unique_ptr<Parser> first = std::move(talk.parser);
  const connection::View seen = talk.view;
  talk.parser = dhcp::kDefinition.make();
  talk.view.uid = {8};
  talk.view.id = {*base::Address::parse("192.0.2.9"), *base::Address::parse("192.0.2.1"), {68}, {67}};
  talk.datagram(kServer, message(2, "c0000209", "350102"));
  talk.close();
  EXPECT_TRUE(talk.rows<dhcp::Dhcp>().empty()) << "the first connection may bring more";
  const connection::View other = talk.view;
  talk.parser = std::move(first);
  talk.view = seen;
  talk.close();
  const auto rows = talk.rows<dhcp::Dhcp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_THAT(rows[0].msg_types, ElementsAre("DISCOVER", "OFFER"));
  EXPECT_THAT(rows[0].uids, ElementsAre(seen.uid.to_string(), other.uid.to_string()));
  EXPECT_EQ(rows[0].head.id, seen.id);
  EXPECT_EQ(rows[0].assigned_addr, base::Address::parse("192.0.2.9"));
  EXPECT_EQ(rows[0].server_addr, base::Address::parse("192.0.2.1"));
}

// Steps of ten seconds, at packets: what is silent for more than five at a step, ten after it began, is over.
TEST(Dhcp, ATransactionIsOverAtAStepOfTheClock) {
  const auto message =
      Octets{1, 1, 6, 0} + hex("0000abcd") + Octets(20) + hex("020000000001") + Octets(202) + hex("63825363 350101 ff");
  for (const bool others : {false, true}) {
    Ticks ticks;
    Talk talk(dhcp::kDefinition, 67, packet::kUdp);
    talk.plan.ticks = &ticks;
    const auto at = [&](int second, bool said) {  // a packet, the client's or another's
      talk.origin.time = base::Time{} + base::seconds(1'000'000'000 + second);
      ticks.packet(talk.origin.time + base::milliseconds(1), talk.origin.run_number + 1);
      if (said) {
        talk.datagram(kClient, message);
      } else {
        ++talk.origin.run_number;
      }
    };
    at(0, false);
    at(1, true);
    at(9, true);
    if (others) at(12, false);  // a step: the last was three seconds ago, five more
    at(18, true);               // without that one, this is the first step behind: over
    at(23, true);
    talk.close();
    const auto rows = talk.rows<dhcp::Dhcp>();
    ASSERT_EQ(rows.size(), others ? 1u : 2u);
    EXPECT_EQ(rows[0].msg_types.size(), others ? 4u : 2u);
  }
}

TEST(Dhcp, TellsTransactions) {
  Talk talk(dhcp::kDefinition, 67, packet::kUdp);
  talk.view.id.orig_h = *base::Address::parse("0.0.0.0");
  const auto message = [](std::uint8_t op, const Octets& yours, const Octets& options) {
    Octets m = Octets{op, 1, 6, 0} + hex("cafe0001") + Octets(8) + yours + Octets(8) + hex("00112233aabb") +
               Octets(10) + Octets(192);
    return m + hex("63825363") + options + hex("ff");
  };
  talk.datagram(kClient,
                message(1, Octets(4), hex("35 01 01  0c 02 6d65  32 04 c0000205  37 03 010306  3c 04 74657374")));
  talk.datagram(kServer, message(2, hex("c0000205"), hex("35 01 05  33 04 00000e10  0f 03 6c616e")));
  talk.close();
  const auto rows = talk.rows<dhcp::Dhcp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].mac, "00:11:22:33:aa:bb");
  EXPECT_EQ(rows[0].host_name, "me");
  EXPECT_EQ(rows[0].domain, "lan");
  EXPECT_THAT(rows[0].msg_types, ElementsAre("DISCOVER", "ACK"));
  EXPECT_EQ(rows[0].requested_addr->to_string(), "192.0.2.5");
  EXPECT_EQ(rows[0].assigned_addr->to_string(), "192.0.2.5");
  EXPECT_EQ(rows[0].server_addr->to_string(), "198.51.100.20");
  EXPECT_EQ(rows[0].client_addr->to_string(), "192.0.2.5");
  EXPECT_EQ(rows[0].lease_time, base::seconds(3600));
  EXPECT_EQ(rows[0].parameters, "1,3,6");
  EXPECT_EQ(rows[0].vendor_class, "test");
  EXPECT_EQ(rows[0].xid, 0xcafe0001u);
  EXPECT_EQ(dhcp::kDefinition.recognise(message(1, Octets(4), {}), kClient, false), Match::kYes);
  EXPECT_EQ(dhcp::kDefinition.recognise(Octets(300), kClient, true), Match::kNo);
}

TEST(Ntp, TellsMessages) {
  Talk talk(ntp::kDefinition, 123, packet::kUdp);
  const Octets reply = hex("24 02 06 ec 00008000 00010000 c0000201") + hex("e0000000 80000000") + Octets(8) +
                       hex("e0000001 00000000 e0000001 40000000");
  talk.datagram(kServer, reply);
  talk.datagram(kClient, hex("17 00 03 2a 00000000"));
  const auto rows = talk.rows<ntp::Ntp>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].version, 4u);
  EXPECT_EQ(rows[0].mode, 4u);
  EXPECT_EQ(rows[0].stratum, 2u);
  EXPECT_EQ(rows[0].poll, 64.0);
  EXPECT_DOUBLE_EQ(*rows[0].precision, 1.0 / (1 << 20));
  EXPECT_EQ(rows[0].root_delay, 0.5);
  EXPECT_EQ(rows[0].root_disp, 1.0);
  EXPECT_EQ(rows[0].ref_id, "192.0.2.1");
  EXPECT_EQ(rows[0].ref_time->ns, (0xe0000000ll - 2208988800) * 1'000'000'000 + 500'000'000);
  EXPECT_EQ(rows[0].org_time->ns, 0);
  EXPECT_EQ(rows[0].num_exts, 0u);
  EXPECT_EQ(rows[1].mode, 7u);
  EXPECT_EQ(rows[1].request_code, 42u);
  EXPECT_EQ(ntp::kDefinition.recognise(reply, kServer, false), Match::kYes);
  EXPECT_EQ(ntp::kDefinition.recognise(Octets(48), kServer, true), Match::kNo);
}

TEST(Snmp, RollsUp) {
  Talk talk(snmp::kDefinition, 161, packet::kUdp);
  const Octets request =
      hex("30 29 02 01 01 04 06 7075626c6963 a0 1c 02 01 01 02 01 00 02 01 00 30 11 30 0f 06 08 2b06010201010100 05 00 "
          "30 00");
  talk.datagram(kClient, hex("30 26 02 01 01 04 06 7075626c6963 a0 19 02 01 01 02 01 00 02 01 00 30 0e 30 0c 06 08 "
                             "2b06010201010100 05 00"));
  talk.datagram(kServer, hex("30 2a 02 01 01 04 06 7075626c6963 a2 1d 02 01 01 02 01 00 02 01 00 30 12 30 10 06 08 "
                             "2b06010201010100 04 04 4c696e78"));
  talk.close();
  auto rows = talk.rows<snmp::Snmp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "2c");
  EXPECT_EQ(rows[0].community, "public");
  EXPECT_EQ(rows[0].get_requests, 1u);
  EXPECT_EQ(rows[0].get_responses, 1u);
  EXPECT_EQ(rows[0].display_string, "Linx");
  Talk hidden(snmp::kDefinition, 161, packet::kUdp);
  hidden.datagram(kClient, hex("30 26 02 01 01 04 06 736563726574 a3 19 02 01 01 02 01 00 02 01 00 30 0e 30 0c 06 08 "
                               "2b06010201010100 05 00"));
  hidden.close();
  rows = hidden.rows<snmp::Snmp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].set_requests, 1u);
  EXPECT_EQ(rows[0].community,
            "sha256:" + base::digest_hex(base::DigestKind::kSha256, base::as_bytes("secret")).substr(0, 16));
  EXPECT_EQ(snmp::kDefinition.recognise(request, kClient, false), Match::kNo);  // its lengths do not fit
}

TEST(Radius, JoinsAChallengeAndWhatAnswersIt) {
  Talk talk(radius::kDefinition, 1812, packet::kUdp);
  talk.datagram(kClient, hex("01 07 0019") + Octets(16) + hex("01 05 657665"));
  talk.datagram(kServer, hex("0b 07 0018") + Octets(16) + hex("18 04 abcd"));
  talk.datagram(kClient, hex("01 08 001d") + Octets(16) + hex("01 05 657665 18 04 abcd"));
  talk.datagram(kServer, hex("02 08 0014") + Octets(16));
  talk.datagram(kClient, hex("01 09 001d") + Octets(16) + hex("01 05 657665 18 04 9999"));
  talk.close();
  const auto rows = talk.rows<radius::Radius>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].result, "success");
  EXPECT_EQ(rows[0].ttl, base::milliseconds(3));
  EXPECT_EQ(rows[1].result, "unknown") << "another State begins anew";
}

TEST(Syslog, ReadsPriorities) {
  Talk talk(syslog::kDefinition, 514, packet::kUdp);
  talk.datagram(kClient, octets("<165>1 2003-10-11T22:14:15.003Z host evntslog - ID47 - text"));
  EXPECT_TRUE(talk.recognised);
  talk.datagram(kClient, octets("no priority"));
  talk.datagram(kClient, octets("<999>odd"));
  const auto rows = talk.rows<syslog::Syslog>();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].facility, "LOCAL4");
  EXPECT_EQ(rows[0].severity, "NOTICE");
  EXPECT_EQ(rows[0].message, "1 2003-10-11T22:14:15.003Z host evntslog - ID47 - text");
  EXPECT_EQ(rows[1].facility, "UNSPECIFIED");
  EXPECT_EQ(rows[1].message, "no priority");
  EXPECT_EQ(rows[2].facility, "?-124");
  EXPECT_EQ(syslog::kDefinition.recognise(octets("<34>Oct 11 22:14:15 host su: failed"), kClient, false), Match::kYes);
  EXPECT_EQ(syslog::kDefinition.recognise(octets("<html><body>hello</body>"), kClient, false), Match::kNo);
}

TEST(Dnp3, JoinsRequestAndResponse) {
  // READ of class data, and its answer with the device-restart indication; checksums as IEEE 1815 9.2.6 makes them.
  const Octets ask = hex("0564 0b c4 0400 0300 e42b  c0 c1 01 3c02 06 52c3");
  Talk talk(dnp3::kOverTcp, 20000);
  EXPECT_EQ(dnp3::kOverTcp.recognise(ask, kClient, false), Match::kYes);
  Octets damaged = ask;
  damaged[4] ^= 1;
  EXPECT_EQ(dnp3::kOverTcp.recognise(damaged, kClient, true), Match::kNo);
  talk.client(ask);
  EXPECT_TRUE(talk.recognised);
  talk.server(hex("0564 0a 44 0300 0400 7cae  c0 c1 81 8000 5b31"));
  talk.client(ask);
  talk.close();
  const auto rows = talk.rows<dnp3::Dnp3>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fc_request, "READ");
  EXPECT_EQ(rows[0].fc_reply, "RESPONSE");
  EXPECT_EQ(rows[0].iin, 0x8000u);
  EXPECT_EQ(rows[0].source, 3u);
  EXPECT_EQ(rows[0].destination, 4u);
  EXPECT_EQ(rows[1].fc_request, "READ");
  EXPECT_EQ(rows[1].fc_reply.data(), nullptr);
}

TEST(Radius, JoinsRequestAndReply) {
  Talk talk(radius::kDefinition, 1812, packet::kUdp);
  const Octets ask = hex("01 07 0033") + Octets(16) + hex("01 05 657665  04 06 c0000209  1f 13") +
                     octets("00-11-22-AA-BB-CC") + hex("08") + Octets{};
  Octets request = ask;
  request.pop_back();
  request[3] = static_cast<std::uint8_t>(request.size());
  talk.datagram(kClient, request);
  talk.datagram(kServer, hex("03 07 0019") + Octets(16) + hex("12 05 6e6f21"));
  const auto rows = talk.rows<radius::Radius>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].username, "eve");
  EXPECT_EQ(rows[0].mac, "00:11:22:aa:bb:cc");
  EXPECT_EQ(rows[0].nas, "192.0.2.9");
  EXPECT_EQ(rows[0].result, "failed");
  EXPECT_EQ(rows[0].reply_msg, "no!");
  EXPECT_EQ(rows[0].ttl, base::milliseconds(1));
}

TEST(Modbus, TellsRequestsAndRefusals) {
  Talk talk(modbus::kDefinition, 502);
  talk.client(hex("0001 0000 0006 09 03 0010 0002"));
  talk.server(hex("0001 0000 0003 09 83 02"));
  const auto rows = talk.rows<modbus::Modbus>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].func, "READ_HOLDING_REGISTERS");
  EXPECT_EQ(rows[0].pdu_type, "REQ");
  EXPECT_EQ(rows[0].address, 16u);
  EXPECT_EQ(rows[0].quantity, 2u);
  EXPECT_EQ(rows[1].func, "READ_HOLDING_REGISTERS_EXCEPTION");
  EXPECT_EQ(rows[1].exception, "ILLEGAL_DATA_ADDRESS");
  EXPECT_EQ(rows[1].unit, 9u);
}

TEST(Mqtt, APublicationOfNoLengthIsRecognisedWithinItsBytes) {
  const std::vector<std::uint8_t> bytes = {0x30, 0x00};  // exactly these: a sanitizer sees a read beyond
  EXPECT_EQ(mqtt::kDefinition.recognise({bytes.data(), bytes.size()}, Direction::kOriginator, true), Match::kMaybe);
}

TEST(Mqtt, TellsConnectionsMessagesAndTopics) {
  Talk talk(mqtt::kDefinition, 1883);
  talk.client(hex("10 17 0004 4d515454 04 86 003c 0002 6964 0001 74 0001 77 0001") + octets("u"));
  talk.server(hex("20 02 00 00"));
  talk.client(hex("82 06 0001 0001 61 01"));
  talk.server(hex("90 03 0001 01"));
  talk.client(hex("30 05 0001 61 6869"));
  talk.client(hex("32 06 0001 61 0009 78"));
  talk.close();
  const auto connects = talk.rows<mqtt::MqttConnect>();
  ASSERT_EQ(connects.size(), 1u);
  EXPECT_EQ(connects[0].proto_version, "3.1.1");
  EXPECT_EQ(connects[0].client_id, "id");
  EXPECT_EQ(connects[0].will_topic, "t");
  EXPECT_EQ(connects[0].will_payload, "w");
  EXPECT_EQ(connects[0].user, "u");
  EXPECT_EQ(connects[0].connect_status, "Connection Accepted");
  const auto topics = talk.rows<mqtt::MqttSubscribe>();
  ASSERT_EQ(topics.size(), 1u);
  EXPECT_THAT(topics[0].topics, ElementsAre("a"));
  EXPECT_EQ(topics[0].granted_qos_level, 1u);
  const auto published = talk.rows<mqtt::MqttPublish>();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[0].payload, "hi");
  EXPECT_EQ(published[0].status, "ok");
  EXPECT_EQ(published[1].qos, "at least once");
  EXPECT_EQ(published[1].status, "incomplete_qos");
}

TEST(Sip, JoinsRequestAndResponse) {
  Talk talk(sip::kDefinition, 5060, packet::kUdp);
  talk.datagram(
      kClient,
      octets("REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9\r\nFrom: <sip:a@b>;tag=1\r\n"
             "To: <sip:a@b>\r\nCall-ID: 77\r\nCSeq: 1 REGISTER\r\nUser-Agent: probe\r\n"
             "Authorization: Digest username=\"alice\", realm=\"x\"\r\nContent-Length: 0\r\n\r\n"));
  talk.datagram(kServer, octets("SIP/2.0 401 Unauthorized\r\nv: SIP/2.0/UDP 192.0.2.1\r\nf: <sip:a@b>;tag=1\r\nt: "
                                "<sip:a@b>;tag=2\r\nl: 0\r\n\r\n"));
  talk.datagram(kClient, octets("OPTIONS sip:100@example.org SIP/2.0\r\nCall-ID: 78\r\n\r\n"));
  talk.close();
  const auto rows = talk.rows<sip::Sip>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].method, "REGISTER");
  EXPECT_EQ(rows[0].status_code, 401u);
  EXPECT_EQ(rows[0].status_msg, "Unauthorized");
  EXPECT_EQ(rows[0].request_from, "<sip:a@b>");
  EXPECT_EQ(rows[0].response_to, "<sip:a@b>;tag=2");
  EXPECT_THAT(rows[0].request_path, ElementsAre("SIP/2.0/UDP 192.0.2.1"));
  EXPECT_EQ(rows[0].auth_user, "alice");
  EXPECT_EQ(rows[1].method, "OPTIONS");
  EXPECT_FALSE(rows[1].status_code.has_value());
}

TEST(Sip, AHeaderWithoutAnEndIsNotTold) {
  Talk talk(sip::kDefinition, 5060, packet::kUdp);
  talk.datagram(Direction::kOriginator,
                octets("ACK sip:a@b SIP/2.0\r\nFrom: <sip:c@d>\r\nVia: SIP/2.0/UDP 192.0.2.1;bra"));
  talk.close();
  ASSERT_EQ(talk.rows<sip::Sip>().size(), 1u);
  EXPECT_EQ(talk.rows<sip::Sip>()[0].request_from, "<sip:c@d>");
  EXPECT_EQ(talk.rows<sip::Sip>()[0].request_path.size(), 0u);
}

TEST(Radius, ReadsWhatThereIsOfAShortDatagram) {
  Talk talk(radius::kDefinition, 1812, packet::kUdp);
  // Says 40 octets; the User-Name is there, the attribute behind it is cut off.
  talk.datagram(Direction::kOriginator, hex("01 4f 0028") + Octets(16) + hex("01 07 6c75736572 7d 13 2020"));
  talk.close();
  ASSERT_EQ(talk.rows<radius::Radius>().size(), 1u);
  EXPECT_EQ(talk.rows<radius::Radius>()[0].username, "luser");
  EXPECT_THAT(talk.weirds(), ::testing::Contains("radius_shorter_than_its_length"));
}

TEST(Sip, BlanksBeforeARequest) {
  Talk talk(sip::kDefinition, 5060, packet::kUdp);
  const auto request = octets("OPTIONS sip:100@example.org SIP/2.0\r\nCall-ID: 78\r\n\r\n");
  talk.datagram(kClient, request);
  talk.datagram(kClient, octets("  "));
  talk.datagram(kServer, octets(" "));
  talk.datagram(kClient, octets(" "));
  EXPECT_THAT(talk.weirds(), IsEmpty());
  talk.datagram(kClient, request);
  talk.datagram(kClient, request);
  const auto rows = talk.rows<connection::Weird>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].name, "sip_junk_before_request");
  EXPECT_EQ(rows[0].addl, "   ");
}

TEST(Irc, TellsNamesAndChannels) {
  Talk talk(irc::kDefinition, 6667);
  talk.client(octets("NICK bot1\r\nUSER u h s :Real Name\r\n"));
  talk.server(octets(":irc.example 001 bot1 :Welcome\r\n"));
  talk.client(octets("JOIN #a,#b key\r\n"));
  talk.server(
      octets(":x!y@z PRIVMSG bot1 :\x01"
             "DCC SEND file.exe 3232235777 5000 1234\x01\r\n"));
  const auto rows = talk.rows<irc::Irc>();
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].command, "NICK");
  EXPECT_EQ(rows[0].value, "bot1");
  EXPECT_EQ(rows[1].addl, "h s Real Name");
  EXPECT_EQ(rows[2].value, "#a");
  EXPECT_EQ(rows[2].nick, "bot1");
  EXPECT_EQ(rows[4].dcc_file_name, "file.exe");
  EXPECT_EQ(rows[4].dcc_file_size, 1234u);
  EXPECT_TRUE(talk.recognised);
}

TEST(Smtp, TellsMails) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx.example ESMTP\r\n"));
  talk.client(octets("EHLO client.example\r\n"));
  talk.server(octets("250-mx.example\r\n250 AUTH PLAIN\r\n"));
  talk.client(octets("AUTH PLAIN " + base::to_base64(base::as_bytes(std::string_view("\0eve\0geheim", 11))) + "\r\n"));
  talk.server(octets("235 ok\r\n"));
  talk.client(octets("MAIL FROM:<eve@a.example> SIZE=10\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n"));
  talk.server(octets("250 ok\r\n250 ok\r\n354 go on\r\n"));
  talk.client(
      octets("Received: from x (x.example [203.0.113.9])\r\n\tby y; Mon\r\nSubject: hello\r\n there\r\nTo: \"Bob, B\" "
             "<bob@b.example>, carl@c.example\r\n"
             "Content-Type: multipart/mixed; boundary=\"xx\"\r\n\r\n--xx\r\nSubject: not "
             "this\r\n\r\n..text\r\n--xx--\r\n.\r\n"));
  talk.server(octets("250 queued\r\n"));
  talk.client(octets("QUIT\r\n"));
  talk.close();
  EXPECT_TRUE(talk.recognised);
  const auto rows = talk.rows<smtp::Smtp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].helo, "client.example");
  EXPECT_EQ(rows[0].mailfrom, "eve@a.example");
  EXPECT_THAT(rows[0].rcptto, ElementsAre("bob@b.example"));
  EXPECT_THAT(rows[0].to, ElementsAre("\"Bob, B\" <bob@b.example>", "carl@c.example"));
  EXPECT_EQ(rows[0].subject, "hello there");
  EXPECT_EQ(rows[0].first_received, "from x (x.example [203.0.113.9])\tby y; Mon");
  EXPECT_THAT(rows[0].path, ElementsAre("198.51.100.20", "192.0.2.10", "203.0.113.9"));
  EXPECT_EQ(rows[0].last_reply, "250 queued");
  EXPECT_EQ(rows[0].auth_user, "eve");
  EXPECT_EQ(rows[0].auth_success, true);
  EXPECT_EQ(rows[0].trans_depth, 1u);
}

TEST(Mqtt, GoesOnBehindAHole) {
  Talk talk(mqtt::kDefinition, 1883);
  talk.client(hex("10 0e 0004 4d515454 04 02 003c 0002 6964"));
  talk.gap(kServer, 4);
  talk.client(hex("30 05 0001 61 6869"));
  talk.gap(kClient, 10);
  talk.client(hex("ffffffffffff"));  // the rest of something
  talk.client(hex("30 05 0001 62 6869"));
  EXPECT_FALSE(talk.failed);
  talk.close();
  const auto published = talk.rows<mqtt::MqttPublish>();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[0].topic, "a");
  EXPECT_EQ(published[1].topic, "b");
}

TEST(Smtp, NothingFollowsAChunkThatIsNone) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("EHLO c\r\n"));
  talk.server(octets("250 CHUNKING\r\n"));
  talk.client(octets("BDAT 5 X\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 99999999999999999999\r\nQUIT\r\n"));
  talk.server(octets("501 no\r\n250 ok\r\n250 ok\r\n501 no\r\n221 bye\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].mailfrom, "a@b");
  EXPECT_THAT(talk.weirds(), ElementsAre("smtp_invalid_bdat_command", "smtp_huge_bdat_chunk"));
  EXPECT_EQ(talk.rows<connection::Weird>()[0].addl, "BDAT chunk-size followed by junk");
}

TEST(Smtp, APaddedAddressIsNoOctalOne) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"));
  talk.server(octets("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"));
  talk.client(octets("X-Originating-IP: [10.00.100.004]\r\n\r\nhi\r\n.\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].x_originating_ip, "10.0.100.4");
}

TEST(Smtp, AMailThatIsNotOverWhenTheNextBeginsIsClosed) {
  // A chunk is open while the reply to an earlier mail comes: found by fuzzing.
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets(
      "MAIL FROM:<a@b>\r\nBDAT 5 LAST\r\n12345MAIL FROM:<c@d>\r\nBDAT 60\r\nReceived: from x ([192.0.2.1])\r\n"));
  talk.server(octets("250 ok\r\n250 queued\r\n250 ok\r\n"));
  talk.client(octets("Received: from y ([192.0.2.2])\r\nSubject: late\r\n\r\n"));
  talk.close();
  EXPECT_GE(talk.rows<smtp::Smtp>().size(), 2u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].mailfrom, "a@b");
}

TEST(Smtp, AGreetingRefusedChangesNothing) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("HELO client.example\r\n"));
  talk.server(octets("250 mx\r\n"));
  talk.client(octets("MAIL FROM:<a@b>\r\nEHLO\r\n"));
  talk.server(octets("250 ok\r\n501 Syntax: EHLO hostname\r\n"));
  talk.client(octets("RSET\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].helo, "client.example");
}

TEST(Smtp, KeepsTheAddressesOfSeveralLines) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("MAIL FROM:<a@b>\r\nDATA\r\n"));
  talk.server(octets("250 ok\r\n354 go on\r\n"));
  talk.client(octets("To: one@b\r\nCc: three@b\r\nTo: two@b\r\nCc: four@b\r\n\r\ntext\r\n.\r\n"));
  talk.server(octets("250 queued\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_THAT(talk.rows<smtp::Smtp>()[0].to, ElementsAre("one@b", "two@b"));
  EXPECT_THAT(talk.rows<smtp::Smtp>()[0].cc, ElementsAre("three@b", "four@b"));
}

TEST(Smtp, HandsOverToTls) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("EHLO c\r\nSTARTTLS\r\n"));
  talk.server(octets("250 ok\r\n"));
  EXPECT_EQ(talk.become, "");
  talk.server(octets("220 ready\r\n"));
  EXPECT_EQ(talk.become, "ssl");
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_TRUE(talk.rows<smtp::Smtp>()[0].tls);
}

TEST(Smtp, AMailSentBeforeTheAnswerToDataIsRead) {
  Talk talk(smtp::kDefinition, 25);
  talk.client(octets("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: early\r\n\r\ntext\r\n.\r\n"));
  talk.server(octets("220 mx ESMTP\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 queued\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].subject, "early");
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].last_reply, "250 queued");
}

TEST(Smtp, ARefusedDataIsFollowedByCommands) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("MAIL FROM:<a@b>\r\nDATA\r\n"));
  talk.server(octets("250 ok\r\n503 no recipient\r\n"));
  talk.client(octets("RCPT TO:<c@d>\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_THAT(talk.rows<smtp::Smtp>()[0].rcptto, ElementsAre("c@d"));
}

TEST(Smtp, GoesOnInClearBehindStartTls) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("EHLO c\r\nSTARTTLS\r\n"));
  talk.server(octets("250 mx\r\n220 ready\r\n"));
  talk.client(octets("EHLO c\r\n"));
  talk.server(octets("250 mx\r\n"));
  talk.client(octets("MAIL FROM:<a@b>\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.close();
  const auto rows = talk.rows<smtp::Smtp>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].last_reply, "220 ready");
  EXPECT_TRUE(rows[0].tls);
  EXPECT_EQ(rows[1].mailfrom, "a@b");
  EXPECT_TRUE(rows[1].tls);
}

TEST(Smtp, ARefusedLoginIsTold) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("EHLO c\r\n"));
  talk.server(octets("250-mx\r\n250 AUTH LOGIN\r\n"));
  for (int i = 0; i < 2; ++i) {
    talk.client(octets("AUTH LOGIN\r\n"));
    talk.server(octets("334 VXNlcm5hbWU6\r\n"));
    talk.client(octets(base::to_base64(base::as_bytes(std::string_view("eve"))) + "\r\n"));
    talk.server(octets("334 UGFzc3dvcmQ6\r\n"));
    talk.client(octets(base::to_base64(base::as_bytes(std::string_view("geheim"))) + "\r\n"));
    talk.server(octets("535 no\r\n"));
  }
  talk.client(octets("QUIT\r\n"));
  talk.server(octets("221 bye\r\n"));
  talk.close();
  const auto rows = talk.rows<smtp::Smtp>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].auth_user, "eve");
  EXPECT_EQ(rows[1].auth_success, false);
  EXPECT_EQ(rows[1].helo, "c");
}

TEST(Smtp, ASessionWithoutAMailIsTold) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx ESMTP\r\n"));
  talk.client(octets("EHLO scanner.example\r\n"));
  talk.server(octets("554 go away\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<smtp::Smtp>().size(), 1u);
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].helo, "scanner.example");
  EXPECT_EQ(talk.rows<smtp::Smtp>()[0].last_reply, "554 go away");
}

TEST(Ftp, TellsTransfersAndHidesPasswords) {
  Talk talk(ftp::kControl, 21);
  talk.server(octets("220-Welcome\r\n220 FTP\r\n"));
  talk.client(octets("USER eve\r\n"));
  talk.server(octets("331 password\r\n"));
  talk.client(octets("PASS geheim\r\n"));
  talk.server(octets("230 in\r\n"));
  talk.client(octets("CWD /pub\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.client(octets("PASV\r\n"));
  talk.server(octets("227 Entering Passive Mode (198,51,100,20,19,137).\r\n"));
  talk.client(octets("RETR x.zip\r\n"));
  talk.server(octets("150 Opening for x.zip (4711 bytes).\r\n226 done\r\n"));
  talk.close();
  EXPECT_TRUE(talk.recognised);
  const auto rows = talk.rows<ftp::Ftp>();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].command, "PASS");
  EXPECT_EQ(rows[0].arg, "<hidden>");
  EXPECT_EQ(rows[0].reply_code, 230u);
  EXPECT_EQ(rows[1].data_channel_resp_p->value, 5001u);
  EXPECT_EQ(rows[1].data_channel_passive, true);
  EXPECT_EQ(rows[2].arg, "ftp://198.51.100.20/pub/x.zip");
  EXPECT_EQ(rows[2].file_size, 4711u);
  EXPECT_EQ(rows[2].reply_code, 226u);
  EXPECT_EQ(rows[2].password, "<hidden>");
}

TEST(Ftp, GivesRepliesToTheCommandsThatTheyFit) {
  Talk talk(ftp::kControl, 21);
  talk.server(octets("220 FTP\r\n"));
  // Sent without waiting; the first is never answered, the second twice.
  talk.client(octets("PASV\r\nSTOR a.bin\r\nDELE b.bin\r\nQUIT\r\n"));
  talk.server(octets("99 what\r\n150 go on\r\n226 done\r\n550 no b.bin\r\n221 bye\r\n"));
  talk.close();
  const auto rows = talk.rows<ftp::Ftp>();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].command, "STOR");
  EXPECT_EQ(rows[0].reply_code, 226u);
  EXPECT_EQ(rows[1].command, "DELE");
  EXPECT_EQ(rows[1].reply_code, 550u);
  EXPECT_EQ(rows[2].command, "PASV");
  EXPECT_FALSE(rows[2].reply_code);
}

TEST(Ftp, TakesTelnetsOctetsOut) {
  Talk talk(ftp::kControl, 21);
  talk.server(octets("220 FTP\r\n"));
  talk.client(octets("\xff\xf4\xff\xf2"
                     "DELE a") +
              Octets{0} + octets("\xff\xfb\x01\xff\xff.bin\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<ftp::Ftp>().size(), 1u);
  EXPECT_EQ(talk.rows<ftp::Ftp>()[0].arg, "ftp://198.51.100.20/./a\xff.bin");
}

TEST(Ftp, AReplyOfSeveralLinesThatNeverEndsDoesNotSwallowTheRest) {
  Talk talk(ftp::kControl, 21);
  talk.server(octets("220 FTP\r\n"));
  talk.client(octets("STOR a\r\n"));
  talk.server(octets("150 Opening\r\n230- 4 bare linefeeds\r\n   in ASCII mode\r\n226 Transfer complete.\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<ftp::Ftp>().size(), 1u);
  EXPECT_EQ(talk.rows<ftp::Ftp>()[0].reply_code, 226u);
}

TEST(Text, ServicesAreToldApartByTheirGreetings) {
  const auto r = [](const Definition& d, std::string_view s, Direction direction, bool hint = false) {
    return d.recognise(base::as_bytes(s), direction, hint);
  };
  EXPECT_EQ(r(smtp::kDefinition, "220 mx.example ESMTP Postfix\r\n", kServer), Match::kYes);
  EXPECT_EQ(r(ftp::kControl, "220 mx.example ESMTP Postfix\r\n", kServer), Match::kNo);
  EXPECT_EQ(r(ftp::kControl, "220 (vsFTPd 3.0.3)\r\n", kServer), Match::kYes);
  EXPECT_EQ(r(smtp::kDefinition, "220 (vsFTPd 3.0.3)\r\n", kServer), Match::kNo);
  EXPECT_EQ(r(smtp::kDefinition, "EHLO x\r\n", kClient), Match::kYes);
  EXPECT_EQ(r(irc::kDefinition, "NICK a\r\nUSER b 0 * :c\r\n", kClient), Match::kYes);
  EXPECT_EQ(r(irc::kDefinition, "GET / HTTP/1.1\r\n", kClient, true), Match::kNo);
  EXPECT_EQ(r(sip::kDefinition, "INVITE sip:a@b SIP/2.0\r\n", kClient), Match::kYes);
  EXPECT_EQ(r(sip::kDefinition, "GET http://x HTTP/1.1\r\n", kClient), Match::kNo);
  EXPECT_EQ(r(mqtt::kDefinition, std::string_view("\x10\x10\0\4MQTT\4\2\0\x3c\0\4abcd", 18), kClient), Match::kYes);
}

}  // namespace
}  // namespace whodunit::protocol
