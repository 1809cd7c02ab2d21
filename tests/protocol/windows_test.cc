// SMB, DCE/RPC, NTLM, SPNEGO and Kerberos: hand-made messages, each by its specification.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/ber/ber.h"
#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/http/http.h"
#include "protocol/krb/krb.h"
#include "protocol/ldap/ldap.h"
#include "protocol/ntlm/ntlm.h"
#include "protocol/smb/smb.h"
#include "protocol/talk.h"
#include "protocol/utf16.h"

namespace whodunit::protocol {
namespace {

using ::testing::ElementsAre;
using namespace testing;

Octets le(std::uint64_t value, std::size_t bytes) {
  Octets out;
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  return out;
}
Octets utf16(std::string_view text) {
  Octets out;
  for (const char c : text) out = out + Octets{static_cast<std::uint8_t>(c), 0};
  return out;
}
Octets tlv(std::uint8_t tag, const Octets& content) {
  Octets out{tag};
  if (content.size() < 128)
    out.push_back(static_cast<std::uint8_t>(content.size()));
  else
    out = out + Octets{0x82, static_cast<std::uint8_t>(content.size() >> 8), static_cast<std::uint8_t>(content.size())};
  return out + content;
}

// ---------------------------------------------------------------------------------------------------------------- BER

TEST(Ber, ReadsElementsAndFailsOnWhatIsNone) {
  const Octets data = hex("30 06 02 01 05 04 01 61");
  ber::Reader sequence = ber::Reader(data).enter(ber::kSequence);
  EXPECT_EQ(ber::integer(sequence.take(ber::kInteger)), 5);
  EXPECT_EQ(base::as_text(sequence.take(ber::kOctetString)), "a");
  EXPECT_TRUE(sequence.at_end());
  EXPECT_EQ(ber::total_size(hex("30")), 0u);
  EXPECT_EQ(ber::total_size(hex("30 82 01 00")), 260u);
  EXPECT_EQ(ber::total_size(hex("30 80")), std::nullopt);
  EXPECT_EQ(ber::total_size(hex("30 85 01 01 01 01 01")), std::nullopt);
  const Octets cut = hex("04 05 61");
  ber::Reader reader(cut);
  const ber::Element e = reader.next();
  EXPECT_FALSE(e.whole);
  EXPECT_EQ(e.content.size(), 1u);
  EXPECT_EQ(ber::oid_text(hex("2b 06 01 05 05 02")), "1.3.6.1.5.5.2");
  EXPECT_EQ(ber::integer(hex("ff")), -1);
}

TEST(Utf16, BecomesUtf8) {
  EXPECT_EQ(utf16le_text(hex("6100 e400 ac20 3dd8 00de 0000 6200")), "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(utf16le_text(hex("3dd8 61")), "\xef\xbf\xbd");
}

// --------------------------------------------------------------------------------------------------------------- NTLM

Octets ntlm1() {
  return octets(std::string_view("NTLMSSP\0", 8)) + le(1, 4) + le(0x02000001, 4) + Octets(16) +
         hex("0a00 614a 0000000f");
}

Octets ntlm2() {
  const Octets pairs = le(1, 2) + le(8, 2) + utf16("SRV1") + le(3, 2) + le(16, 2) + utf16("srv1.lan") + Octets(4);
  return octets(std::string_view("NTLMSSP\0", 8)) + le(2, 4) + Octets(8) + le(1, 4) + Octets(16) + le(pairs.size(), 2) +
         le(pairs.size(), 2) + le(56, 4) + hex("0a00 3930 0000000f") + pairs;
}

Octets ntlm3(std::string_view user, std::string_view domain, std::string_view host) {
  const Octets u = utf16(user), d = utf16(domain), h = utf16(host);
  const std::size_t at = 72;
  const auto field = [](std::size_t size, std::size_t offset) { return le(size, 2) + le(size, 2) + le(offset, 4); };
  return octets(std::string_view("NTLMSSP\0", 8)) + le(3, 4) + field(0, at) + field(200, at) + field(d.size(), at) +
         field(u.size(), at + d.size()) + field(h.size(), at + d.size() + u.size()) + field(0, at) + le(1, 4) +
         Octets(8) + d + u + h;
}

const Octets kSpnegoOid = tlv(0x06, hex("2b 06 01 05 05 02"));
Octets init_token(const Octets& mechanism) {
  return tlv(0x60, kSpnegoOid + tlv(0xa0, tlv(0x30, tlv(0xa2, tlv(0x04, mechanism)))));
}
Octets response_token(unsigned state, const Octets& mechanism) {
  Octets fields = tlv(0xa0, tlv(0x0a, {static_cast<std::uint8_t>(state)}));
  if (!mechanism.empty()) fields = fields + tlv(0xa2, tlv(0x04, mechanism));
  return tlv(0xa1, tlv(0x30, fields));
}

// --------------------------------------------------------------------------------------------------------------- SMB 2

Octets nbss(const Octets& message) {
  return Octets{0, static_cast<std::uint8_t>(message.size() >> 16), static_cast<std::uint8_t>(message.size() >> 8),
                static_cast<std::uint8_t>(message.size())} +
         message;
}
Octets smb2(std::uint16_t command, bool reply, std::uint64_t message, std::uint32_t tree, const Octets& body,
            std::uint32_t status = 0, std::uint32_t next = 0) {
  return hex("fe534d42") + le(64, 2) + le(1, 2) + le(status, 4) + le(command, 2) + le(1, 2) + le(reply ? 1 : 0, 4) +
         le(next, 4) + le(message, 8) + le(0, 4) + le(tree, 4) + le(77, 8) + Octets(16) + body;
}
Octets session_setup(const Octets& blob) {
  return le(25, 2) + Octets(10) + le(88, 2) + le(blob.size(), 2) + Octets(8) + blob;
}
Octets session_answer(const Octets& blob) { return le(9, 2) + le(0, 2) + le(72, 2) + le(blob.size(), 2) + blob; }
Octets tree_connect(std::string_view path) {
  const Octets p = utf16(path);
  return le(9, 2) + le(0, 2) + le(72, 2) + le(p.size(), 2) + p;
}
Octets tree_answer(unsigned type) { return le(16, 2) + Octets{static_cast<std::uint8_t>(type), 0} + Octets(12); }
Octets create(std::string_view name) {
  const Octets n = utf16(name);
  return le(57, 2) + Octets(22) + le(0x12019f, 4) + le(0, 4) + le(7, 4) + le(1, 4) + le(0x1000, 4) + le(120, 2) +
         le(n.size(), 2) + Octets(8) + n;
}
Octets create_answer(std::uint64_t file, std::uint64_t size, std::uint64_t modified) {
  return le(89, 2) + Octets(6) + le(modified, 8) + le(modified, 8) + le(modified, 8) + le(modified, 8) + le(size, 8) +
         le(size, 8) + Octets(8) + le(file, 8) + le(0, 8) + Octets(8);
}

void log_in(Talk& talk) {
  talk.client(nbss(smb2(1, false, 1, 0, session_setup(init_token(ntlm1())))));
  talk.server(nbss(smb2(1, true, 1, 0, session_answer(response_token(1, ntlm2())), 0xc0000016)));
  talk.client(nbss(smb2(1, false, 2, 0, session_setup(response_token(1, ntlm3("eve", "LAN", "LAPTOP"))))));
}

// --------------------------------------------------------------------------------------------------------------- SMB 1

// [MS-CIFS] 2.2.3: header, words, bytes.
Octets smb1(std::uint8_t command, bool reply, std::uint16_t multiplex, const Octets& words, std::uint32_t status = 0) {
  return hex("ff534d42") + Octets{command} + le(status, 4) + Octets{static_cast<std::uint8_t>(reply ? 0x98 : 0x18)} +
         le(0xc807, 2) + Octets(12) + le(2048, 2) + le(0xfeff, 2) + le(2048, 2) + le(multiplex, 2) +
         Octets{static_cast<std::uint8_t>(words.size() / 2)} + words + le(0, 2);
}
Octets transaction2(std::uint16_t subcommand) { return Octets(26) + Octets{1, 0} + le(subcommand, 2); }

// [MS-NTHT] 4.1: the three messages in headers; a status other than 401 lets the client in.
TEST(Ntlm, IsReadInHeadersOfHttp) {
  for (const bool accepted : {true, false}) {
    Talk talk(http::kDefinition, 80);
    const auto ask = [&](const Octets& token) {
      talk.client(
          octets("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: NTLM " + base::to_base64(token) + "\r\n\r\n"));
    };
    ask(ntlm1());
    talk.server(octets("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM " + base::to_base64(ntlm2()) +
                       "\r\nContent-Length: 0\r\n\r\n"));
    ask(ntlm3("eve", "CORP", "WS1"));
    talk.server(octets(accepted ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"));
    talk.close();
    const auto rows = talk.rows<ntlm::Ntlm>();
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].username, "eve");
    EXPECT_EQ(rows[0].domainname, "CORP");
    EXPECT_EQ(rows[0].hostname, "WS1");
    EXPECT_EQ(rows[0].server_dns_computer_name, "srv1.lan");
    EXPECT_EQ(rows[0].success, accepted);
    EXPECT_EQ(rows[0].carrier, "http");
  }
}

// RFC 4511 4.2: GSS-SPNEGO in binds by SASL; [MS-ADTS] 5.1.1.1.3: the sicily methods, whose challenge is in matchedDN.
TEST(Ntlm, IsReadInBindsOfLdap) {
  const auto ask = [](unsigned id, const Octets& choice) {
    return tlv(0x30,
               tlv(0x02, {static_cast<std::uint8_t>(id)}) + tlv(0x60, tlv(0x02, {3}) + tlv(0x04, octets("")) + choice));
  };
  const auto sasl = [](const Octets& token) { return tlv(0xa3, tlv(0x04, octets("GSS-SPNEGO")) + tlv(0x04, token)); };
  const auto answer = [](unsigned id, unsigned code, const Octets& matched, const Octets& more) {
    return tlv(0x30, tlv(0x02, {static_cast<std::uint8_t>(id)}) +
                         tlv(0x61, tlv(0x0a, {static_cast<std::uint8_t>(code)}) + tlv(0x04, matched) +
                                       tlv(0x04, octets("")) + more));
  };
  for (const bool sicily : {false, true})
    for (const bool accepted : {true, false}) {
      Talk talk(ldap::kOverTcp, 389);
      talk.client(ask(1, sicily ? tlv(0x8a, ntlm1()) : sasl(init_token(ntlm1()))));
      talk.server(sicily ? answer(1, 0, ntlm2(), {}) : answer(1, 14, {}, tlv(0x87, response_token(1, ntlm2()))));
      const Octets third = ntlm3("eve", "CORP", "WS1");
      talk.client(ask(2, sicily ? tlv(0x8b, third) : sasl(response_token(1, third))));
      talk.server(answer(2, accepted ? 0 : 49, {}, {}));
      talk.close();
      const auto rows = talk.rows<ntlm::Ntlm>();
      ASSERT_EQ(rows.size(), 1u) << sicily << accepted;
      EXPECT_EQ(rows[0].username, "eve");
      EXPECT_EQ(rows[0].hostname, "WS1");
      EXPECT_EQ(rows[0].server_dns_computer_name, "srv1.lan");
      EXPECT_EQ(rows[0].success, accepted);
      EXPECT_EQ(rows[0].carrier, "ldap");
    }
}

TEST(Smb1, SaysWhatBreaksTheOrderOfMessages) {
  Talk good(smb::kDefinition, 445);
  good.client(nbss(smb1(0x32, false, 64, transaction2(5))));
  good.server(nbss(smb1(0x32, true, 64, Octets(20))));
  good.client(nbss(smb1(0x2f, false, 64, Octets(28))));
  good.server(nbss(smb1(0x2f, true, 64, Octets(12))));
  good.server(nbss(smb1(0x24, true, 0xffff, Octets(16))));
  EXPECT_TRUE(good.weirds().empty()) << "ids may be used again, and locks may be broken unasked";

  Talk ping(smb::kDefinition, 445);
  ping.client(nbss(smb1(0x32, false, 65, transaction2(14))));
  ping.server(nbss(smb1(0x32, true, 81, Octets(), 0xc0000002)));
  EXPECT_EQ(ping.weirds(), (std::vector<std::string>{"smb1_reserved_subcommand", "smb1_response_to_no_request"}));

  Talk mixed(smb::kDefinition, 445);
  mixed.client(nbss(smb1(0xa0, false, 64, Octets(36) + le(1, 2))));
  mixed.server(nbss(smb1(0xa0, true, 64, Octets())));
  mixed.client(nbss(smb1(0x33, false, 64, Octets(18))));
  EXPECT_EQ(mixed.weirds(), std::vector<std::string>{"smb1_transactions_mixed"});

  Talk late(smb::kDefinition, 445);
  late.client(nbss(smb1(0x32, false, 64, transaction2(5))));
  late.gap(Direction::kOriginator, 100);
  late.server(nbss(smb1(0x32, true, 128, Octets(20))));
  EXPECT_TRUE(late.weirds().empty()) << "what was lost may have asked";
}

TEST(Smb, TellsSharesAndFiles) {
  Talk talk(smb::kDefinition, 445);
  talk.client(nbss(smb2(3, false, 3, 0, tree_connect("\\\\srv1\\ADMIN$"))));
  talk.server(nbss(smb2(3, true, 3, 5, tree_answer(1))));
  talk.client(nbss(smb2(5, false, 4, 5, create("evil.exe"))));
  talk.server(nbss(smb2(5, true, 4, 5, create_answer(9, 1234, 132'000'000'000'000'000))));
  const Octets to = utf16("good.exe");
  talk.client(nbss(smb2(17, false, 5, 5,
                        le(33, 2) + Octets{1, 10} + le(20 + to.size(), 4) + le(96, 2) + Octets(6) + le(9, 8) +
                            le(0, 8) + Octets(16) + le(to.size(), 4) + to)));
  talk.client(
      nbss(smb2(17, false, 6, 5,
                le(33, 2) + Octets{1, 13} + le(1, 4) + le(96, 2) + Octets(6) + le(9, 8) + le(0, 8) + Octets{1})));
  talk.close();
  EXPECT_TRUE(talk.recognised);
  const auto shares = talk.rows<smb::SmbMapping>();
  ASSERT_EQ(shares.size(), 1u);
  EXPECT_EQ(shares[0].path, "\\\\srv1\\ADMIN$");
  EXPECT_EQ(shares[0].share_type, "DISK");
  EXPECT_EQ(shares[0].head.place.first, 1u);
  const auto files = talk.rows<smb::SmbFiles>();
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].action, "SMB::FILE_OPEN");
  EXPECT_EQ(files[0].name, "evil.exe");
  EXPECT_EQ(files[0].path, "\\\\srv1\\ADMIN$");
  EXPECT_EQ(files[0].size, 1234u);
  EXPECT_EQ(files[0].times_modified->ns, (132'000'000'000'000'000 - 116'444'736'000'000'000) * 100);
  EXPECT_EQ(files[0].disposition, "open");
  EXPECT_EQ(files[0].delete_on_close, true);
  EXPECT_EQ(files[1].action, "SMB::FILE_RENAME");
  EXPECT_EQ(files[1].prev_name, "evil.exe");
  EXPECT_EQ(files[1].name, "good.exe");
  EXPECT_EQ(files[2].action, "SMB::FILE_DELETE");
}

// A file read as a whole and once more crosses twice; its opening is told again after a while only.
TEST(Smb, FilesReadAgain) {
  Talk talk(smb::kDefinition, 445);
  talk.client(nbss(smb2(3, false, 3, 0, tree_connect("\\\\srv1\\data"))));
  talk.server(nbss(smb2(3, true, 3, 5, tree_answer(1))));
  std::uint64_t message = 4;
  const auto open = [&] {
    talk.client(nbss(smb2(5, false, message, 5, create("a.txt"))));
    talk.server(nbss(smb2(5, true, message++, 5, create_answer(9, 4, 132'000'000'000'000'000))));
  };
  const auto read = [&](std::string_view text) {
    talk.client(nbss(smb2(8, false, message, 5, le(49, 2) + le(0, 2) + le(4, 4) + le(0, 8) + le(9, 8) + Octets(24))));
    talk.server(nbss(smb2(8, true, message++, 5,
                          le(17, 2) + Octets{80, 0} + le(text.size(), 4) + Octets(8) + octets(std::string(text)))));
  };
  open();
  read("abcd");
  read("abcd");
  open();
  talk.origin.time = talk.origin.time + base::seconds(200);
  open();
  talk.close();
  EXPECT_EQ(talk.rows<smb::SmbFiles>().size(), 2u);
  const auto files = talk.rows<Files>();
  ASSERT_EQ(files.size(), 2u);
  for (const Files& file : files) {
    EXPECT_EQ(file.seen_bytes, 4u);
    EXPECT_EQ(file.duration.ns, 0);
  }
}

TEST(Smb, TellsLogins) {
  Talk good(smb::kDefinition, 445);
  log_in(good);
  good.server(nbss(smb2(1, true, 2, 0, session_answer(response_token(0, {})))));
  auto rows = good.rows<ntlm::Ntlm>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].username, "eve");
  EXPECT_EQ(rows[0].domainname, "LAN");
  EXPECT_EQ(rows[0].hostname, "LAPTOP");
  EXPECT_EQ(rows[0].server_nb_computer_name, "SRV1");
  EXPECT_EQ(rows[0].server_dns_computer_name, "srv1.lan");
  EXPECT_EQ(rows[0].success, true);
  EXPECT_EQ(rows[0].status, "SUCCESS");
  EXPECT_EQ(rows[0].response_version, 2u);
  EXPECT_EQ(rows[0].client_version, "10.0.19041");
  EXPECT_EQ(rows[0].carrier, "smb");

  Talk bad(smb::kDefinition, 445);
  log_in(bad);
  bad.server(nbss(smb2(1, true, 2, 0, le(9, 2) + Octets(7), 0xc000006d)));
  bad.close();
  rows = bad.rows<ntlm::Ntlm>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].status, "LOGON_FAILURE");
  EXPECT_FALSE(rows[0].success.has_value());
}

TEST(Smb, GoesOnAfterAHole) {
  Talk talk(smb::kDefinition, 445);
  talk.client(nbss(smb2(3, false, 3, 0, tree_connect("\\\\a\\b"))));
  talk.gap(Direction::kOriginator, 1000);
  talk.client(Octets(50, 7) + nbss(smb2(3, false, 4, 0, tree_connect("\\\\c\\d"))));
  talk.server(nbss(smb2(3, true, 4, 5, tree_answer(1))));
  talk.close();
  EXPECT_FALSE(talk.failed);
  ASSERT_EQ(talk.rows<smb::SmbMapping>().size(), 1u);
  EXPECT_EQ(talk.rows<smb::SmbMapping>()[0].path, "\\\\c\\d");
}

// --------------------------------------------------------------------------------------------------------------- RPC

Octets rpc(std::uint8_t type, std::uint32_t call, const Octets& body, std::uint8_t flags = 3, const Octets& auth = {}) {
  const std::size_t trailer = auth.empty() ? 0 : 8 + auth.size();
  Octets out = Octets{5, 0, type, flags} + hex("10000000") + le(16 + body.size() + trailer, 2) + le(auth.size(), 2) +
               le(call, 4) + body;
  if (!auth.empty()) out = out + Octets{9, 5, 0, 0} + Octets(4) + auth;
  return out;
}
const Octets kSvcctl = hex("81bb7a36 4498 f135 ad32 98f038001003");
Octets bind() {
  return le(4280, 2) + le(4280, 2) + le(0, 4) + Octets{1, 0, 0, 0} + le(0, 2) + Octets{1, 0} + kSvcctl + le(2, 2) +
         le(0, 2) + hex("045d888aeb1cc9119fe808002b104860") + le(2, 4);
}
Octets bind_answer(std::string_view address) {
  return le(4280, 2) + le(4280, 2) + le(1, 4) + le(address.size() + 1, 2) + octets(address) + Octets(1);
}
Octets ndr(std::string_view text) {
  Octets out = le(text.size() + 1, 4) + le(0, 4) + le(text.size() + 1, 4) + utf16(text) + Octets(2);
  while (out.size() % 4 != 0) out.push_back(0);
  return out;
}

TEST(DceRpc, TellsCalls) {
  Talk talk(dce_rpc::kDefinition, 49152);
  talk.client(rpc(11, 1, bind(), 3, init_token(ntlm1())));
  talk.server(rpc(12, 1, bind_answer("\\PIPE\\svcctl")));
  talk.client(
      rpc(0, 2, le(0, 4) + le(0, 2) + le(12, 2) + Octets(20) + ndr("updater") + le(0, 4) + ndr("cmd.exe /c calc")));
  talk.server(rpc(2, 2, le(0, 4) + le(0, 2) + Octets(2) + Octets(8), 1));
  talk.server(rpc(2, 2, le(0, 4) + le(0, 2) + Octets(2) + Octets(12) + le(1073, 4), 2));
  talk.client(rpc(0, 3, le(0, 4) + le(0, 2) + le(999, 2)));
  talk.server(rpc(3, 3, le(0, 4) + le(0, 2) + Octets(2) + le(5, 4) + Octets(4)));
  talk.client(rpc(0, 4, le(0, 4) + le(0, 2) + le(19, 2)));
  talk.close();
  EXPECT_TRUE(talk.recognised);
  const auto rows = talk.rows<dce_rpc::DceRpc>();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].endpoint, "svcctl");
  EXPECT_EQ(rows[0].operation, "CreateServiceW");
  EXPECT_EQ(rows[0].named_pipe, "\\PIPE\\svcctl");
  EXPECT_EQ(rows[0].rtt, base::milliseconds(2));
  EXPECT_EQ(rows[0].response_bytes, 24u);
  EXPECT_EQ(rows[0].return_value, 1073u) << "of the last fragment: ERROR_SERVICE_EXISTS";
  EXPECT_THAT(rows[0].strings, ElementsAre("updater", "cmd.exe /c calc"));
  EXPECT_EQ(rows[1].operation, "unknown-999");
  EXPECT_EQ(rows[1].fault, "access_denied");
  EXPECT_FALSE(rows[1].return_value.has_value());
  EXPECT_EQ(rows[2].operation, "StartServiceW");
  EXPECT_FALSE(rows[2].rtt.has_value());
  EXPECT_EQ(talk.rows<ntlm::Ntlm>().size(), 1u);
}

TEST(DceRpc, CallsWhoseBindingWasNotCapturedAreTold) {
  Talk talk(dce_rpc::kDefinition, 135);
  talk.client(rpc(0, 2, le(0, 4) + le(0, 2) + le(12, 2) + Octets(20)));
  talk.server(rpc(2, 2, le(0, 4) + le(0, 2) + Octets(2) + Octets(8)));
  talk.close();
  ASSERT_EQ(talk.rows<dce_rpc::DceRpc>().size(), 1u);
  EXPECT_EQ(talk.rows<dce_rpc::DceRpc>()[0].opnum, 12u);
  EXPECT_EQ(talk.rows<dce_rpc::DceRpc>()[0].endpoint.data(), nullptr);
}

TEST(DceRpc, SaysWhatAuthenticationItDoesNotRead) {
  for (const auto& [type, weird] : {std::pair<int, const char*>{68, "netlogon_dce_rpc_auth_type"},
                                    {14, "tls_dce_rpc_auth_type"},
                                    {77, "unknown_dce_rpc_auth_type"}}) {
    Talk talk(dce_rpc::kDefinition, 49152);
    Octets request = rpc(11, 1, bind(), 3, octets("token"));
    request[request.size() - 13] = static_cast<std::uint8_t>(type);
    talk.client(request);
    talk.close();
    EXPECT_THAT(talk.weirds(), ElementsAre(weird));
  }
}

TEST(DceRpc, OverAPipeIsTheSame) {
  Talk talk(smb::kDefinition, 445);
  talk.client(nbss(smb2(3, false, 3, 0, tree_connect("\\\\srv1\\IPC$"))));
  talk.server(nbss(smb2(3, true, 3, 5, tree_answer(2))));
  talk.client(nbss(smb2(5, false, 4, 5, create("svcctl"))));
  talk.server(nbss(smb2(5, true, 4, 5, create_answer(9, 0, 0))));
  const auto write = [](const Octets& data) {
    return le(49, 2) + le(112, 2) + le(data.size(), 4) + le(0, 8) + le(9, 8) + le(0, 8) + Octets(16) + data;
  };
  talk.client(nbss(smb2(9, false, 5, 5, write(rpc(11, 1, bind())))));
  const auto read = [] { return le(49, 2) + Octets(2) + le(4096, 4) + le(0, 8) + le(9, 8) + le(0, 8) + Octets(17); };
  const auto answer = [](const Octets& data) {
    return le(17, 2) + Octets{80, 0} + le(data.size(), 4) + le(0, 4) + le(0, 4) + data;
  };
  talk.client(nbss(smb2(8, false, 6, 5, read())));
  talk.server(nbss(smb2(8, true, 6, 5, answer(rpc(12, 1, bind_answer("\\PIPE\\svcctl"))))));
  const Octets request = rpc(0, 2, le(0, 4) + le(0, 2) + le(15, 2) + ndr("srv1"));
  talk.client(nbss(smb2(11, false, 7, 5,
                        le(57, 2) + le(0, 2) + le(0x11c017, 4) + le(9, 8) + le(0, 8) + le(120, 4) +
                            le(request.size(), 4) + Octets(24) + request)));
  const Octets reply = rpc(2, 2, le(0, 4) + le(0, 2) + Octets(2) + Octets(24));
  talk.server(nbss(smb2(11, true, 7, 5,
                        le(49, 2) + le(0, 2) + le(0x11c017, 4) + le(0, 8) + le(0, 8) + le(0, 8) + le(112, 4) +
                            le(reply.size(), 4) + Octets(8) + reply)));
  talk.close();
  const auto rows = talk.rows<dce_rpc::DceRpc>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].operation, "OpenSCManagerW");
  EXPECT_TRUE(rows[0].rtt.has_value());
  EXPECT_EQ(rows[0].named_pipe, "\\PIPE\\svcctl");
  ASSERT_EQ(talk.rows<smb::SmbFiles>().size(), 1u);
  EXPECT_EQ(talk.rows<smb::SmbFiles>()[0].action, "SMB::PIPE_OPEN");
}

// ---------------------------------------------------------------------------------------------------------- Kerberos

Octets text_tag(unsigned n, std::string_view text) { return tlv(ber::context(n), tlv(0x1b, octets(text))); }
Octets name_tag(unsigned n, std::initializer_list<std::string_view> parts) {
  Octets list;
  for (const auto part : parts) list = list + tlv(0x1b, octets(part));
  return tlv(ber::context(n), tlv(0x30, tlv(0xa0, tlv(0x02, {1})) + tlv(0xa1, tlv(0x30, list))));
}
Octets number_tag(unsigned n, std::uint8_t value) { return tlv(ber::context(n), tlv(0x02, {value})); }
Octets ticket() {
  return tlv(0x61, tlv(0x30, number_tag(0, 5) + text_tag(1, "LAN") + name_tag(2, {"cifs", "srv1"}) +
                                 tlv(0xa3, tlv(0x30, number_tag(0, 23) + tlv(0xa2, tlv(0x04, octets("secret")))))));
}
Octets kdc_request(unsigned type) {
  const Octets body = tlv(0xa0, tlv(0x03, hex("00 40810010"))) + (type == 10 ? name_tag(1, {"eve"}) : Octets{}) +
                      text_tag(2, "LAN") + name_tag(3, {"krbtgt", "LAN"}) +
                      tlv(0xa5, tlv(0x18, octets("20370913024805Z"))) + number_tag(7, 9) +
                      tlv(0xa8, tlv(0x30, tlv(0x02, {18}) + tlv(0x02, {23})));
  return tlv(static_cast<std::uint8_t>(0x60 | type),
             tlv(0x30, number_tag(1, 5) + number_tag(2, static_cast<std::uint8_t>(type)) + tlv(0xa4, tlv(0x30, body))));
}

TEST(Kerberos, JoinsRequestAndReply) {
  Talk talk(krb::kOverUdp, 88, packet::kUdp);
  talk.datagram(Direction::kOriginator, kdc_request(10));
  talk.datagram(Direction::kResponder,
                tlv(0x6b, tlv(0x30, number_tag(0, 5) + number_tag(1, 11) + text_tag(3, "LAN") + name_tag(4, {"eve"}) +
                                        tlv(0xa5, ticket()) + tlv(0xa6, tlv(0x30, number_tag(0, 18))))));
  talk.datagram(Direction::kOriginator, kdc_request(12));
  talk.datagram(Direction::kResponder, tlv(0x7e, tlv(0x30, number_tag(0, 5) + number_tag(1, 30) + number_tag(6, 7) +
                                                               text_tag(9, "LAN") + name_tag(10, {"http", "x"}))));
  talk.close();
  const auto rows = talk.rows<krb::Kerberos>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].request_type, "AS");
  EXPECT_EQ(rows[0].client, "eve/LAN");
  EXPECT_EQ(rows[0].service, "cifs/srv1");
  EXPECT_EQ(rows[0].success, true);
  EXPECT_EQ(rows[0].cipher, "rc4-hmac");
  EXPECT_EQ(rows[0].reply_cipher, "aes256-cts-hmac-sha1-96");
  EXPECT_EQ(rows[0].forwardable, true);
  EXPECT_EQ(rows[0].renewable, true);
  EXPECT_EQ(rows[0].preauthenticated, false);
  EXPECT_EQ(rows[0].till->ns / 1'000'000'000, 2136422885);
  EXPECT_THAT(rows[0].request_ciphers, ElementsAre("aes256-cts-hmac-sha1-96", "rc4-hmac"));
  EXPECT_EQ(rows[1].request_type, "TGS");
  EXPECT_EQ(rows[1].success, false);
  EXPECT_EQ(rows[1].error_msg, "KDC_ERR_S_PRINCIPAL_UNKNOWN");
  EXPECT_EQ(krb::kOverUdp.recognise(kdc_request(10), Direction::kOriginator, false), Match::kYes);
  EXPECT_EQ(krb::kOverUdp.recognise(hex("6a053003a1010500000000"), Direction::kOriginator, true), Match::kNo);
}

TEST(Kerberos, ARequestThatIsDamagedIsToldAllTheSame) {
  Talk talk(krb::kOverUdp, 88, packet::kUdp);
  const Octets damaged = hex("6a20 301e a103020105 a20302010a") + Octets(18);
  EXPECT_EQ(krb::kOverUdp.recognise(damaged, Direction::kOriginator, true), Match::kYes);
  talk.datagram(Direction::kOriginator, damaged);
  talk.close();
  ASSERT_EQ(talk.rows<krb::Kerberos>().size(), 1u);
  EXPECT_EQ(talk.rows<krb::Kerberos>()[0].request_type, "AS");
  EXPECT_THAT(talk.weirds(), ElementsAre("krb_malformed"));
}

TEST(Kerberos, TicketsShownInSmbAreTold) {
  Talk talk(smb::kDefinition, 445);
  const Octets ap = tlv(0x6e, tlv(0x30, number_tag(0, 5) + number_tag(1, 14) + tlv(0xa2, tlv(0x03, hex("0000000000"))) +
                                            tlv(0xa3, ticket())));
  const Octets wrapped = tlv(0x60, tlv(0x06, hex("2a864886f712010202")) + hex("0100") + ap);
  talk.client(nbss(smb2(1, false, 1, 0, session_setup(init_token(wrapped)))));
  talk.client(nbss(smb2(1, false, 2, 0, session_setup(init_token(wrapped)))));
  talk.close();
  const auto rows = talk.rows<krb::Kerberos>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].shown_service, "cifs/srv1@LAN");
  EXPECT_EQ(rows[0].shown_cipher, "rc4-hmac");
  EXPECT_EQ(rows[0].carrier, "smb");
}

}  // namespace
}  // namespace whodunit::protocol
