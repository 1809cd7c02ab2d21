// Shells in the clear, ONC RPC, router advertisements.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/icmp/icmp.h"
#include "protocol/icmp/router_advertisement.h"
#include "protocol/shell/shell.h"
#include "protocol/sunrpc/sunrpc.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

constexpr Direction kClient = Direction::kOriginator, kServer = Direction::kResponder;

Match of(std::string_view text) { return shell::kDefinition.recognise(octets(text), kServer, false); }

TEST(Shell, IsRecognisedByWhatOnlyAShellPrints) {
  EXPECT_EQ(of("uid=33(www-data) gid=33(www-data) groups=33(www-data)\n"), Match::kYes);
  EXPECT_EQ(of("bash: no job control in this shell\nbash-5.1$ "), Match::kYes);
  EXPECT_EQ(of("\x1b]0;user@host: ~\x07\x1b[01;32muser@host\x1b[00m:~$ "), Match::kYes);
  EXPECT_EQ(of("[root@web01 html]# "), Match::kYes);
  EXPECT_EQ(of("Microsoft Windows [Version 10.0.19045.3930]\r\n(c) Microsoft Corporation.\r\n"), Match::kYes);
  EXPECT_EQ(of("\r\nC:\\Windows\\system32>"), Match::kYes);
  EXPECT_EQ(of("PS C:\\Users\\ann> "), Match::kYes);
  EXPECT_EQ(of("#!/bin/sh\nexit 0\n"), Match::kYes);
  EXPECT_EQ(of("id\nuname -a\n"), Match::kYes);
  EXPECT_EQ(of("drwxr-xr-x 2 root root 4096 Aug 31 2016 bin\n"), Match::kYes);
  EXPECT_EQ(of("id\n"), Match::kNeedMore) << "one word is none";
  EXPECT_EQ(of("220 mail.example.org ESMTP ready\r\n"), Match::kNeedMore);
  EXPECT_EQ(of("write to user@example.org: it costs 5$ a month\n"), Match::kNeedMore);
  EXPECT_EQ(of("https://user@host:8080/x\n"), Match::kNeedMore);
  EXPECT_EQ(of(std::string(3000, 'x')), Match::kNo);
  EXPECT_EQ(of(std::string_view("\xff\xfd\x18", 3)), Match::kNo) << "Telnet";
  EXPECT_EQ(of(std::string_view("\x00\x01", 2)), Match::kNo);
}

TEST(Shell, TellsWhoGivesCommandsToWhom) {
  Talk talk(shell::kDefinition, 4444);
  talk.server(octets("id\n"));
  talk.client(octets("uid=1000(user) gid=50(staff)\n"));
  talk.server(octets("cat /etc/sh"));
  talk.server(octets("adow\n"));
  talk.client(octets("cat: /etc/shadow: Permission denied\n"));
  EXPECT_TRUE(talk.recognised);
  talk.close();
  const auto rows = talk.rows<shell::Shell>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].kind, "session");
  EXPECT_EQ(rows[0].interpreter, "unix");
  EXPECT_EQ(rows[0].by_originator, true);
  EXPECT_EQ(rows[0].user, "user");
  EXPECT_EQ(rows[0].command_lines, 2u);
  EXPECT_EQ(rows[0].answer_lines, 2u);
  EXPECT_THAT(rows[0].commands, ElementsAre("id", "cat /etc/shadow"));
}

TEST(Shell, BarePromptsDoNotHideTheAnswer) {
  Talk talk(shell::kDefinition, 31337);
  talk.server(octets("sh: 0: can't access tty; job control turned off\n# "));
  talk.client(octets("id\n"));
  talk.server(octets("uid=0(root) gid=0(root) groups=0(root)\n# "));
  talk.close();
  const auto rows = talk.rows<shell::Shell>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].by_originator, false);
  EXPECT_EQ(rows[0].user, "root");
}

TEST(Shell, AScriptIsNoSession) {
  Talk talk(shell::kDefinition, 33333);
  talk.client(octets("#!/bin/sh\n# root@host:~# is a prompt\necho done\n"));
  talk.close();
  const auto rows = talk.rows<shell::Shell>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].kind, "script");
  EXPECT_EQ(rows[0].interpreter, "/bin/sh");
  EXPECT_FALSE(rows[0].by_originator);
  EXPECT_EQ(rows[0].command_lines, 3u);
}

TEST(Shell, WordsThatHappenToBeCommandsAreNone) {
  // A long answer of a data store, two of whose lines are commands' names.
  Talk talk(shell::kDefinition, 6379);
  std::string many = "id\nls\n";
  for (int i = 0; i < 50; ++i) many += "$4\r\nname\r\n";
  talk.server(octets(many));
  talk.close();
  EXPECT_THAT(talk.rows<shell::Shell>(), IsEmpty());
}

TEST(Rpc, JoinsCallsAndReplies) {
  const Octets call =
      hex("6257430000000000 00000002 000186a0 00000002 00000003 0000000000000000 0000000000000000"
          "000186a5 00000003 00000006 00000000");
  EXPECT_EQ(sunrpc::kOverUdp.recognise(call, kClient, false), Match::kYes);
  EXPECT_EQ(sunrpc::kOverUdp.recognise(hex("6257430000000001 00000000 00000000"), kServer, false), Match::kNo);
  Talk talk(sunrpc::kOverTcp, 111);
  talk.client(hex("80000038") + call);
  talk.server(hex("8000001c 6257430000000001 00000000 0000000000000000 00000000 00000801"));
  talk.close();
  const auto rows = talk.rows<sunrpc::Rpc>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].program_name, "portmapper");
  EXPECT_EQ(rows[0].procedure_name, "GETPORT");
  EXPECT_EQ(rows[0].auth, "AUTH_NONE");
  EXPECT_EQ(rows[0].status, "SUCCESS");
  EXPECT_EQ(rows[0].mapped_program, 100005u);
  EXPECT_EQ(rows[0].mapped_port, 2049u);
  EXPECT_THAT(talk.weirds(), IsEmpty());
}

TEST(Rpc, ReadsTheCallersName) {
  Talk talk(sunrpc::kOverUdp, 32773, packet::kUdp);
  talk.datagram(kClient, hex("00000001 00000000 00000002 00018788 0000000a 00000001"
                             "00000001 00000020 3a6f8c00 00000009 6c6f63616c686f7374 000000 00000000 00000000 00000000"
                             "0000000000000000"));
  talk.close();
  const auto rows = talk.rows<sunrpc::Rpc>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].program_name, "sadmind");
  EXPECT_EQ(rows[0].machine, "localhost");
  EXPECT_EQ(rows[0].uid, 0u);
  EXPECT_EQ(rows[0].status, "") << "no answer";
}

TEST(Rpc, CountsWhatThereCannotBe) {
  {
    // A verifier of RPCSEC_GSS beside no credential (RFC 2203 5.3.1).
    Talk talk(sunrpc::kOverUdp, 111, packet::kUdp);
    talk.datagram(kClient,
                  hex("00000001 00000000 00000002 000186a0 00000002 00000004 0000000000000000 00000006 00000190") +
                      Octets(400, 0x41));
    EXPECT_THAT(talk.weirds(), ElementsAre("rpc_gss_verifier_without_credential"));
  }
  {
    // A context's procedure that there is not.
    Talk talk(sunrpc::kOverUdp, 111, packet::kUdp);
    talk.datagram(kClient,
                  hex("00000001 00000000 00000002 000186a0 00000002 00000001 00000006 00000008 00000001 41414141"
                      "0000000000000000"));
    EXPECT_THAT(talk.weirds(), ElementsAre("rpc_gss_credential_malformed"));
  }
  {
    // An address of 2048 bytes, in answer to GETADDR.
    Talk talk(sunrpc::kOverUdp, 111, packet::kUdp);
    talk.datagram(kClient, hex("00000001 00000000 00000002 000186a0 00000004 00000003 0000000000000000 0000000000000000"
                               "000186b5 00000003 00000000 00000000 00000000"));
    talk.datagram(kServer, hex("00000001 00000001 00000000 0000000000000000 00000000 00000800") + Octets(2048, 0x31));
    EXPECT_THAT(talk.weirds(), ElementsAre("rpc_universal_address_too_long"));
  }
}

std::unique_ptr<Talk> router() {
  auto talk = std::make_unique<Talk>(icmp::kDefinition, 134, packet::kIcmp6);
  talk->type = 134;
  talk->ttl = 255;
  talk->fixed = 0x40080708;  // hop limit 64, high preference, half an hour
  return talk;
}

TEST(RouterAdvertisement, ReadsPrefixesAndResolvers) {
  const auto made = router();
  Talk& talk = *made;
  const Octets options =
      Octets(8) + hex("0101 fa163e75545e  0304 40c0 00278d00 00093a80 00000000 20010db8012301230000000000000000"
                      "1903 0000 00000e10 20010db8000000000000000000000053");
  talk.datagram(kClient, options);
  talk.datagram(kClient, options);
  talk.fixed = 0x40080000;
  talk.datagram(kClient, options);
  const auto rows = talk.rows<icmp::RouterAdvertisement>();
  ASSERT_EQ(rows.size(), 2u) << "again only where it says something else";
  EXPECT_THAT(rows[0].prefixes, ElementsAre("2001:db8:123:123::/64"));
  EXPECT_THAT(rows[0].dns_servers, ElementsAre("2001:db8::53"));
  EXPECT_EQ(rows[0].link_address, "fa:16:3e:75:54:5e");
  EXPECT_EQ(rows[0].preference, "high");
  EXPECT_EQ(rows[0].lifetime, base::seconds(1800));
  EXPECT_EQ(rows[1].lifetime, base::seconds(0));
  EXPECT_THAT(talk.weirds(), IsEmpty());
}

TEST(RouterAdvertisement, ResolversOfHalfAnAddress) {
  const auto made = router();
  Talk& talk = *made;
  talk.datagram(kClient, Octets(8) + hex("1904 0000 00000e10") + Octets(24, 0x41));
  EXPECT_THAT(talk.weirds(), ElementsAre("router_advertisement_rdnss_length"));
}

}  // namespace
}  // namespace whodunit::protocol
