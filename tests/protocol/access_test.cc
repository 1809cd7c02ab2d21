// MySQL, RFB, SOCKS, POP3, IMAP, RDP: hand-made sessions, each by its description.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/files/file_record.h"
#include "protocol/mailbox/mailbox.h"
#include "protocol/mysql/mysql.h"
#include "protocol/rdp/rdp.h"
#include "protocol/rfb/rfb.h"
#include "protocol/socks/socks.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using ::testing::ElementsAre;
using namespace testing;

Octets mysql_packet(std::uint8_t sequence, const Octets& payload) {
  return Octets{static_cast<std::uint8_t>(payload.size()), static_cast<std::uint8_t>(payload.size() >> 8), 0,
                sequence} +
         payload;
}
const Octets kGreeting = Octets{10} + octets("8.0.31") + Octets(40);
Octets mysql_login(std::string_view user) {
  return hex("0002 0000") + Octets(28) + octets(user) + Octets(1) + Octets(8);
}

TEST(Mysql, TellsLoginsAndTheShapeOfStatements) {
  Talk talk(mysql::kDefinition, 3306);
  talk.server(mysql_packet(0, kGreeting));
  talk.client(mysql_packet(1, mysql_login("root")));
  talk.server(mysql_packet(2, hex("00 00 00 0200 0000")));
  talk.client(mysql_packet(0, Octets{3} + octets("SELECT * FROM users WHERE name='bob' AND id=42")));
  talk.server(mysql_packet(1, {1}) + mysql_packet(2, octets("def")) + mysql_packet(3, hex("fe 0000 0200")) +
              mysql_packet(4, octets("\x03"
                                     "bob")) +
              mysql_packet(5, octets("\x03"
                                     "bob")) +
              mysql_packet(6, hex("fe 0000 0200")));
  talk.client(mysql_packet(0, {1}));
  talk.close();
  EXPECT_TRUE(talk.recognised);
  const auto rows = talk.rows<mysql::Mysql>();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].cmd, "login");
  EXPECT_EQ(rows[0].arg, "root");
  EXPECT_EQ(rows[0].success, true);
  EXPECT_EQ(rows[0].server_version, "8.0.31");
  EXPECT_EQ(rows[1].cmd, "query");
  EXPECT_EQ(rows[1].arg, "SELECT * FROM users WHERE name=? AND id=?");
  EXPECT_EQ(rows[1].rows, 0u);
  EXPECT_EQ(rows[1].result_rows, 2u);
  EXPECT_EQ(rows[2].cmd, "quit");

  Talk denied(mysql::kDefinition, 3306);
  denied.server(mysql_packet(0, kGreeting));
  denied.client(mysql_packet(1, mysql_login("eve")));
  denied.server(mysql_packet(2, hex("ff 1504") + octets("#28000Access denied")));
  ASSERT_EQ(denied.rows<mysql::Mysql>().size(), 1u);
  EXPECT_EQ(denied.rows<mysql::Mysql>()[0].success, false);
  EXPECT_EQ(denied.rows<mysql::Mysql>()[0].response, "Access denied");
  EXPECT_EQ(denied.rows<mysql::Mysql>()[0].error_code, 1045u);
}

TEST(Rfb, TellsHowTheLoginWent) {
  Talk talk(rfb::kDefinition, 5900);
  talk.server(octets("RFB 003.008\n"));
  talk.client(octets("RFB 003.008\n"));
  talk.server(hex("01 02"));
  talk.client(hex("02"));
  talk.server(Octets(16, 7));
  talk.client(Octets(16, 8));
  talk.server(hex("00000000"));
  talk.client(hex("01"));
  talk.server(hex("0400 0300") + Octets(16) + hex("00000004") + octets("desk") + Octets(100));
  talk.close();
  const auto rows = talk.rows<rfb::Rfb>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].server_major_version, "003");
  EXPECT_EQ(rows[0].client_minor_version, "008");
  EXPECT_EQ(rows[0].authentication_method, "VNC");
  EXPECT_EQ(rows[0].auth, true);
  EXPECT_EQ(rows[0].share_flag, true);
  EXPECT_EQ(rows[0].desktop_name, "desk");
  EXPECT_EQ(rows[0].width, 1024u);
}

TEST(Rfb, GoesOnBehindApplesLogin) {
  Talk talk(rfb::kDefinition, 5900);
  talk.server(octets("RFB 003.889\n"));
  talk.client(octets("RFB 003.008\n"));
  talk.server(hex("01 1e"));
  talk.client(hex("1e"));
  talk.server(hex("0002 0008") + Octets(16, 7));  // a prime of 8 bytes, and a key as long
  talk.client(Octets(128 + 8, 8));
  talk.server(hex("00000000"));
  talk.client(hex("00"));
  talk.server(hex("0400 0300") + Octets(16) + hex("00000004") + octets("vmac"));
  talk.close();
  const auto rows = talk.rows<rfb::Rfb>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].authentication_method, "Apple Remote Desktop");
  EXPECT_EQ(rows[0].auth, true);
  EXPECT_EQ(rows[0].share_flag, false);
  EXPECT_EQ(rows[0].desktop_name, "vmac");
}

TEST(Socks, TellsWhereToAndHandsOver) {
  Talk talk(socks::kDefinition, 1080);
  talk.client(hex("05 01 02"));
  talk.server(hex("05 02"));
  talk.client(hex("01 03") + octets("eve") + hex("03") + octets("pwd"));
  talk.server(hex("01 00"));
  talk.client(hex("05 01 00 03 0b") + octets("example.org") + hex("0050"));
  talk.server(hex("05 00 00 01 c0000201 1234"));
  EXPECT_EQ(talk.become, "?");
  talk.close();
  auto rows = talk.rows<socks::Socks>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].user, "eve");
  EXPECT_EQ(rows[0].request_name, "example.org");
  EXPECT_EQ(rows[0].request_p->value, 80u);
  EXPECT_EQ(rows[0].bound_host->to_string(), "192.0.2.1");
  EXPECT_EQ(rows[0].status, "succeeded");

  Talk four(socks::kDefinition, 1080);
  four.client(hex("04 01 01bb c0000207") + octets("bob") + Octets(1));
  four.server(hex("00 5b 0000 00000000"));
  four.close();
  rows = four.rows<socks::Socks>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, 4u);
  EXPECT_EQ(rows[0].request_host->to_string(), "192.0.2.7");
  EXPECT_EQ(rows[0].status, "request rejected or failed");
  EXPECT_EQ(four.become, "");
}

TEST(Mailbox, MailsThatAreFetchedAreFiles) {
  Talk pop(mailbox::kPop3, 110);
  pop.server(octets("+OK POP3 ready\r\n"));
  pop.client(octets("USER eve\r\nPASS geheim\r\nLIST\r\nRETR 1\r\nDELE 1\r\nTOP 2 0\r\n"));
  pop.server(
      octets("+OK\r\n+OK\r\n+OK 2 messages\r\n1 120\r\n2 4\r\n.\r\n+OK\r\nContent-Type: text/plain; "
             "name=a.txt\r\n\r\n..a dot\r\n+OK of the mail's\r\n.\r\n+OK\r\n-ERR no such mail\r\n"));
  pop.close();
  const auto files = pop.rows<Files>();
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].source, "POP3");
  EXPECT_EQ(files[0].filename, "a.txt");
  EXPECT_EQ(files[0].seen_bytes, 6u + 2 + 17 + 2);
  EXPECT_EQ(files[0].is_orig, false);
  EXPECT_EQ(pop.rows<mailbox::Mailbox>().at(0).fetched, 2u);
}

TEST(Mailbox, AnswersAloneAreNoPop3) {
  Talk redis(mailbox::kPop3, 6379);
  redis.client(octets("PING\r\n"));
  redis.server(octets("+OK not a mailbox\r\n"));
  EXPECT_FALSE(redis.recognised);
  redis.client(octets("STAT\r\n"));
  redis.server(octets("+OK 0 0\r\n"));
  EXPECT_TRUE(redis.recognised);
}

TEST(Mailbox, TellsLoginsWithoutPasswords) {
  Talk pop(mailbox::kPop3, 110);
  pop.server(octets("+OK POP3 ready\r\n"));
  pop.client(octets("USER eve\r\n"));
  pop.server(octets("+OK\r\n"));
  pop.client(octets("PASS geheim\r\n"));
  pop.server(octets("-ERR no\r\n"));
  pop.close();
  auto rows = pop.rows<mailbox::Mailbox>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].user, "eve");
  EXPECT_EQ(rows[0].auth_success, false);

  Talk imap(mailbox::kImap, 143);
  imap.server(octets("* OK IMAP4rev1\r\n"));
  imap.client(octets("a1 AUTHENTICATE PLAIN\r\n"));
  imap.server(octets("+\r\n"));
  imap.client(octets(base::to_base64(base::as_bytes(std::string_view("\0bob\0pw", 7))) + "\r\n"));
  imap.server(octets("a1 OK in\r\n"));
  imap.client(octets("a2 FETCH 1 BODY[]\r\n"));
  imap.close();
  rows = imap.rows<mailbox::Mailbox>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].protocol, "imap");
  EXPECT_EQ(rows[0].user, "bob");
  EXPECT_EQ(rows[0].auth_success, true);
  EXPECT_EQ(rows[0].fetched, 1u);

  Talk secure(mailbox::kImap, 143);
  secure.server(octets("* OK IMAP4\r\n"));
  secure.client(octets("b STARTTLS\r\n"));
  secure.server(octets("b OK go\r\n"));
  EXPECT_EQ(secure.become, "ssl");
}

TEST(Rdp, TellsAccountsAndKeyboards) {
  Talk talk(rdp::kDefinition, 3389);
  const Octets cookie = octets("Cookie: mstshash=eve\r\n");
  talk.client(Octets{3, 0, 0, static_cast<std::uint8_t>(11 + cookie.size()),
                     static_cast<std::uint8_t>(6 + cookie.size()), 0xe0} +
              Octets(5) + cookie);
  talk.server(hex("03 00 00 0b 06 d0 00 00 12 34 00"));
  Octets name(32);
  name[0] = 'P';
  name[2] = 'C';
  const Octets core = hex("01c0 8800 04000800 0004 0003 01ca 03aa 19040000 280a0000") + name + Octets(76);
  const Octets mcs = hex("7f65 00") + Octets(20) + octets("Duca") + hex("8088") + core + hex("03c0 1400 01000000") +
                     octets("rdpdr") + Octets(3) + Octets(4);
  talk.client(Octets{3, 0, 0, static_cast<std::uint8_t>(7 + mcs.size()), 2, 0xf0, 0x80} + mcs);
  talk.close();
  const auto rows = talk.rows<rdp::Rdp>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].cookie, "eve");
  EXPECT_EQ(rows[0].security_protocol, "RDP");
  EXPECT_EQ(rows[0].keyboard_layout, "Russian");
  EXPECT_EQ(rows[0].keyboard_layout_id, 0x419u);
  EXPECT_EQ(rows[0].client_build, "RDP 5.1");
  EXPECT_EQ(rows[0].client_name, "PC");
  EXPECT_EQ(rows[0].desktop_width, 1024u);

  // 24 bits, and the flag that says 32.
  Talk deep(rdp::kDefinition, 3389);
  const Octets later = hex("01c0 ca00 04000800 0004 0003 01ca 03aa 19040000 280a0000") + name + Octets(76) +
                       hex("03ca 0000 00000000 1800 0f00 0200") + Octets(64);
  const Octets more = hex("7f65 00") + Octets(20) + octets("Duca") + hex("80ca") + later;
  deep.client(Octets{3, 0, 0, static_cast<std::uint8_t>(11 + cookie.size()),
                     static_cast<std::uint8_t>(6 + cookie.size()), 0xe0} +
              Octets(5) + cookie);
  deep.client(Octets{3, 0, static_cast<std::uint8_t>((7 + more.size()) >> 8),
                     static_cast<std::uint8_t>((7 + more.size()) & 0xff), 2, 0xf0, 0x80} +
              more);
  deep.close();
  ASSERT_EQ(deep.rows<rdp::Rdp>().size(), 1u);
  EXPECT_EQ(deep.rows<rdp::Rdp>()[0].requested_color_depth, "32bit");
  EXPECT_EQ(deep.rows<rdp::Rdp>()[0].cert_count, 0u);

  Talk secured(rdp::kDefinition, 3389);
  secured.client(hex("03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00"));
  secured.server(hex("03 00 00 13 0e d0 00 00 12 34 00 02 00 08 00 02 00 00 00"));
  EXPECT_EQ(secured.become, "ssl");
  secured.close();
  EXPECT_EQ(secured.rows<rdp::Rdp>()[0].security_protocol, "HYBRID");
}

TEST(Access, IsRecognisedByContent) {
  const auto r = [](const Definition& d, const Octets& data, Direction direction) {
    return d.recognise(data, direction, false);
  };
  EXPECT_EQ(r(mysql::kDefinition, mysql_packet(0, kGreeting), Direction::kResponder), Match::kYes);
  EXPECT_EQ(r(mysql::kDefinition, octets("HTTP/1.1 200 OK\r\n"), Direction::kResponder), Match::kNo);
  EXPECT_EQ(r(rfb::kDefinition, octets("RFB 003.008\n"), Direction::kResponder), Match::kYes);
  EXPECT_EQ(r(rfb::kDefinition, octets("RFC 003.008\n"), Direction::kResponder), Match::kNo);
  EXPECT_EQ(r(socks::kDefinition, hex("05 02 00 02"), Direction::kOriginator), Match::kYes);
  EXPECT_EQ(r(socks::kDefinition, hex("05 02 00 77"), Direction::kOriginator), Match::kNo);
  EXPECT_EQ(
      r(rdp::kDefinition, hex("03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00"), Direction::kOriginator),
      Match::kYes);
  EXPECT_EQ(r(mailbox::kPop3, octets("+OK POP3 server ready\r\n"), Direction::kResponder), Match::kYes);
  EXPECT_EQ(r(mailbox::kImap, octets("* OK IMAP4rev1\r\n"), Direction::kResponder), Match::kYes);
}

}  // namespace
}  // namespace whodunit::protocol
