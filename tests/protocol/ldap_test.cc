// LDAP: hand-made messages, by RFC 4511 and, for what SASL signs, RFC 4121.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/encrypted_record.h"
#include "protocol/ldap/ldap.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

Octets element(std::uint8_t tag, const Octets& content) {
  return Octets{tag, static_cast<std::uint8_t>(content.size())} + content;
}
Octets string(std::string_view s) { return element(4, octets(s)); }
Octets message(std::uint8_t id, const Octets& operation) { return element(0x30, Octets{2, 1, id} + operation); }
Octets result(std::uint8_t tag, std::uint8_t code, std::string_view diagnostic = "") {
  return element(tag, Octets{10, 1, code} + string("") + string(diagnostic));
}
Octets bind(std::string_view name, std::string_view password) {
  return element(0x60, Octets{2, 1, 3} + string(name) + element(0x80, octets(password)));
}
Octets bind_sasl(std::string_view mechanism) {
  return element(0x60, Octets{2, 1, 3} + string("") + element(0xa3, string(mechanism)));
}
Octets search(std::string_view base, const Octets& filter) {
  return element(0x63, string(base) + Octets{10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0} + filter +
                           element(0x30, string("cn") + string("mail")));
}
Octets equals(std::string_view name, std::string_view value) { return element(0xa3, string(name) + string(value)); }

TEST(Ldap, TellsBindsAndSearches) {
  Talk talk(ldap::kOverTcp, 389);
  talk.client(message(1, bind("cn=eve,dc=example", "geheim")));
  talk.server(message(1, result(0x61, 49, "no such luck")));
  const Octets filter =
      element(0xa0, equals("objectClass", "user") + element(0xa1, equals("cn", "a(b") + element(0x87, octets("mail"))) +
                        element(0xa2, element(0xa4, string("sn") + element(0x30, element(0x80, octets("x")) +
                                                                                     element(0x81, octets("y")) +
                                                                                     element(0x82, octets("z"))))));
  talk.client(message(2, search("dc=example", filter)));
  talk.server(message(2, element(0x64, string("cn=a") + element(0x30, {}))) +
              message(2, element(0x64, string("cn=b") + element(0x30, {}))));
  talk.server(message(2, result(0x65, 0)));
  talk.client(message(3, element(0x42, {})));
  talk.close();
  const auto binds = talk.rows<ldap::Ldap>();
  ASSERT_EQ(binds.size(), 2u);
  EXPECT_EQ(binds[0].opcode, "bind simple");
  EXPECT_EQ(binds[0].object, "cn=eve,dc=example");
  EXPECT_EQ(binds[0].argument, "REDACTED");
  EXPECT_EQ(binds[0].result, "invalid credentials");
  EXPECT_EQ(binds[0].diagnostic_message, "no such luck");
  EXPECT_EQ(binds[1].opcode, "unbind");
  const auto searches = talk.rows<ldap::LdapSearch>();
  ASSERT_EQ(searches.size(), 1u);
  EXPECT_EQ(searches[0].scope, "tree");
  EXPECT_EQ(searches[0].base_object, "dc=example");
  EXPECT_EQ(searches[0].filter, "(&(objectClass=user)(|(cn=a\\28b)(mail=*))(!(sn=x*y*z)))");
  EXPECT_EQ(searches[0].result_count, 2u);
  EXPECT_EQ(searches[0].result, "success");
  EXPECT_THAT(searches[0].attributes, ElementsAre("cn", "mail"));
  EXPECT_THAT(talk.weirds(), IsEmpty());
}

TEST(Ldap, ReadsWhatIsSignedAndCountsWhatIsSealed) {
  Talk talk(ldap::kOverTcp, 389);
  talk.client(message(1, bind_sasl("GSS-SPNEGO")));
  talk.server(message(1, result(0x61, 0)));
  // RFC 4121 4.2.6.2: sent by the client, not sealed, a checksum of 12 bytes turned to the front.
  const Octets inner = message(2, search("dc=example", equals("cn", "eve")));
  const Octets token = hex("0504 04ff 000c 000c 0000000000000001") + Octets(12, 0xee) + inner;
  talk.client(Octets{0, 0, 0, static_cast<std::uint8_t>(token.size())} + token);
  const Octets sealed = hex("0504 07ff 0000 001c 0000000000000002") + Octets(40, 0x77);
  talk.server(Octets{0, 0, 0, static_cast<std::uint8_t>(sealed.size())} + sealed);
  talk.close();
  const auto searches = talk.rows<ldap::LdapSearch>();
  ASSERT_EQ(searches.size(), 1u);
  EXPECT_EQ(searches[0].filter, "(cn=eve)");
  const auto encrypted = talk.rows<Encrypted>();
  ASSERT_EQ(encrypted.size(), 1u);
  EXPECT_EQ(encrypted[0].resp_bytes, sealed.size());
  EXPECT_EQ(encrypted[0].orig_bytes, 0u);
}

TEST(Ldap, MalformedAndDeep) {
  Talk talk(ldap::kOverTcp, 389);
  Octets deep = equals("a", "b");
  for (int i = 0; i < 24; ++i) deep = element(0xa2, deep);
  talk.client(message(1, search("", deep)));
  talk.client(message(2, element(0x63, Octets{4, 60, 1})));
  talk.close();
  EXPECT_THAT(talk.weirds(), ElementsAre("ldap_filter_malformed", "ldap_malformed"));
}

TEST(Ldap, OverUdp) {
  Talk talk(ldap::kOverUdp, 389, packet::kUdp);
  talk.datagram(Direction::kOriginator, message(7, search("", equals("NtVer", "x"))));
  talk.datagram(Direction::kResponder,
                message(7, element(0x64, string("") + element(0x30, {}))) + message(7, result(0x65, 0)));
  talk.close();
  const auto searches = talk.rows<ldap::LdapSearch>();
  ASSERT_EQ(searches.size(), 1u);
  EXPECT_EQ(searches[0].result_count, 1u);
}

TEST(Ldap, IsTold) {
  const auto judge = [](const Octets& data, Direction d) { return ldap::kOverTcp.recognise(data, d, false); };
  EXPECT_EQ(judge(message(1, bind("a", "b")), Direction::kOriginator), Match::kYes);
  EXPECT_EQ(judge(message(1, bind("a", "b")), Direction::kResponder), Match::kNo);
  EXPECT_EQ(judge(hex("302602010004"), Direction::kOriginator), Match::kNo) << "SNMP";
  EXPECT_EQ(judge(hex("30"), Direction::kOriginator), Match::kNeedMore);
}

}  // namespace
}  // namespace whodunit::protocol
