// Detectors of what happens on the link and beneath the services: shells, spoofing, rogue settings, floods,
// controllers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "connection/conn_record.h"
#include "detect/rows.h"
#include "packet/arp_record.h"
#include "protocol/dhcp/dhcp.h"
#include "protocol/http/http.h"
#include "protocol/icmp/router_advertisement.h"
#include "protocol/modbus/modbus.h"
#include "protocol/shell/shell.h"
#include "protocol/sunrpc/sunrpc.h"

namespace whodunit::detect {
namespace {

using test::head;
using test::run;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

record::Batch shells(bool answered, bool reverse, std::uint16_t port, std::string_view kind = "session") {
  record::Batch batch(protocol::shell::Shell::schema);
  protocol::shell::Shell s;
  s.head = head("10.0.0.5", "203.0.113.66", port, 1);
  s.kind = kind;
  s.interpreter = "unix";
  if (answered) s.by_originator = reverse;
  s.user = answered ? "www-data" : "";
  static constexpr std::string_view kCommands[] = {"id", "uname -a"};
  s.commands = kCommands;
  s.command_lines = 2;
  s.append_to(batch, {});
  return batch;
}

TEST(ClearShell, AReverseShellIsAFoothold) {
  const auto f = run("clear_shell", shells(true, true, 4444));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].severity, Severity::kCritical);
  EXPECT_EQ(f[0].phase, Phase::kFoothold);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
  EXPECT_EQ(f[0].victim.value, "10.0.0.5");
  EXPECT_THAT(f[0].statement, HasSubstr("as www-data; commands: id, uname -a"));
}

TEST(ClearShell, ABindShellIsTheCallers) {
  const auto f = run("clear_shell", shells(true, false, 31337));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "10.0.0.5");
  EXPECT_EQ(f[0].victim.value, "203.0.113.66");
}

TEST(ClearShell, ScriptsAndTelnetAreLess) {
  const auto f = run("clear_shell", shells(false, false, 33333, "script"));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].severity, Severity::kLow);
  EXPECT_EQ(f[0].outcome, Outcome::kUnknown);
  EXPECT_THAT(run("clear_shell", shells(true, false, 23)), IsEmpty());
}

struct Arp {
  double at;
  const char *operation, *mac, *from, *to_mac, *to;
};
std::vector<Finding> arp(const std::vector<Arp>& messages) {
  record::Batch batch(packet::ArpRecord::schema);
  for (const Arp& m : messages) {
    packet::ArpRecord a;
    a.head = head(m.from, m.to, 0, m.at);
    a.operation = m.operation;
    a.orig_mac = m.mac;
    a.orig_h = *base::Address::parse(m.from);
    a.resp_mac = m.to_mac;
    a.resp_h = *base::Address::parse(m.to);
    a.append_to(batch, {static_cast<std::uint64_t>(m.at * 10), 0});
  }
  return run("address_spoofing", batch);
}

TEST(AddressSpoofing, RepliesThatNobodyAskedFor) {
  constexpr const char *kEvil = "02:00:00:00:00:66", *kVictim = "02:00:00:00:00:10";
  std::vector<Arp> messages{{0, "request", kEvil, "10.0.0.66", "00:00:00:00:00:00", "10.0.0.10"}};
  for (int i = 0; i < 6; ++i) messages.push_back({1.0 + 2 * i, "reply", kEvil, "10.0.0.1", kVictim, "10.0.0.10"});
  const auto f = arp(messages);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "10.0.0.66");
  EXPECT_EQ(f[0].victim.value, "10.0.0.10");
  EXPECT_EQ(f[0].techniques[0], "T1557.002");
  // The same replies, each asked for: proxy ARP.
  for (int i = 0; i < 6; ++i)
    messages.push_back({0.5 + 2 * i, "request", kVictim, "10.0.0.10", "00:00:00:00:00:00", "10.0.0.1"});
  std::sort(messages.begin(), messages.end(), [](const Arp& a, const Arp& b) { return a.at < b.at; });
  EXPECT_THAT(arp(messages), IsEmpty());
  // A host that repeats its own address to another.
  std::vector<Arp> own;
  for (int i = 0; i < 6; ++i) own.push_back({1.0 + 2 * i, "reply", kEvil, "10.0.0.66", kVictim, "10.0.0.10"});
  EXPECT_THAT(arp(own), IsEmpty());
}

std::vector<Finding> leases(bool conflicting) {
  record::Batch batch(protocol::dhcp::Dhcp::schema);
  const auto lease = [&](int n, const char* server, std::string_view router, bool both) {
    protocol::dhcp::Dhcp d;
    d.head = head("0.0.0.0", "255.255.255.255", 67, n);
    d.server_addr = *base::Address::parse(server);
    d.mac = "02:00:00:00:00:10";
    const std::string_view routers[] = {router};
    static constexpr std::string_view kServers[] = {"10.0.0.1", "10.0.0.66"};
    d.routers = routers;
    d.dns_servers = routers;
    d.servers = both ? record::Texts(kServers) : record::Texts(kServers).first(1);
    if (both) d.conflicting = conflicting;
    d.append_to(batch, {static_cast<std::uint64_t>(n), 0});
  };
  lease(1, "10.0.0.1", "10.0.0.254", false);
  lease(2, "10.0.0.66", conflicting ? "10.0.0.66" : "10.0.0.254", true);
  return run("rogue_configuration", batch);
}

TEST(RogueConfiguration, TheSecondServerThatNamesItself) {
  const auto f = leases(true);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "10.0.0.66");
  EXPECT_EQ(f[0].techniques[0], "T1557.003");
  EXPECT_THAT(f[0].statement, HasSubstr("router 10.0.0.66"));
  EXPECT_THAT(leases(false), IsEmpty()) << "two servers that say the same";
}

struct Router {
  double at;
  const char *from, *prefix, *preference;
  std::string_view link;
  int lifetime = 1800;
};
std::vector<Finding> routers(const std::vector<Router>& all) {
  record::Batch batch(protocol::icmp::RouterAdvertisement::schema);
  for (const Router& r : all) {
    protocol::icmp::RouterAdvertisement a;
    a.head = head(r.from, "ff02::1", 133, r.at, 134);
    const std::string_view prefixes[] = {r.prefix};
    a.prefixes = prefixes;
    a.preference = r.preference;
    a.link_address = r.link;
    a.lifetime = base::seconds(r.lifetime);
    a.append_to(batch, {static_cast<std::uint64_t>(r.at * 10), 0});
  }
  return run("rogue_configuration", batch);
}

TEST(RogueConfiguration, RoutersBesideTheOneThatIsThere) {
  const Router good{1, "fe80::1", "2001:db8:1::/64", "medium", "02:00:00:00:00:01"};
  EXPECT_THAT(routers({good}), IsEmpty());
  EXPECT_THAT(routers({good, {2, "fe80::2", "2001:db8:1::/64", "medium", "02:00:00:00:00:02"}}), IsEmpty())
      << "a second one that says the same";
  const auto f = routers({good, {60, "fe80::66", "fd66::/64", "high", "02:00:00:00:00:66"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "fe80::66");
  EXPECT_EQ(f[0].severity, Severity::kMedium);
  const auto killed = routers({good, {30, "fe80::1", "2001:db8:1::/64", "medium", "02:00:00:00:00:66", 0}});
  ASSERT_EQ(killed.size(), 1u);
  EXPECT_THAT(killed[0].statement, HasSubstr("2 hardware addresses"));
  std::vector<Router> many;
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back("fe80::1:" + std::to_string(100 + i));
  for (int i = 0; i < 40; ++i)
    many.push_back({0.1 * i, names[static_cast<std::size_t>(i)].c_str(), "fd66::/64", "high", ""});
  const auto flood = routers(many);
  ASSERT_EQ(flood.size(), 1u);
  EXPECT_EQ(flood[0].techniques[0], "T1499.002");
}

connection::Conn conn(const std::string& from, const std::string& to, std::uint16_t port, double at,
                      std::uint16_t from_port) {
  connection::Conn c;
  c.head = head(from, to, port, at, from_port);
  c.proto = "tcp";
  c.orig_pkts = 1;
  return c;
}

TEST(Flood, WhateverTheProtocol) {
  const auto flood = [](std::string_view proto, std::string_view history, std::string_view state, int n) {
    record::Batch batch(connection::Conn::schema);
    for (int i = 0; i < n; ++i) {
      connection::Conn c = conn("198.51.100." + std::to_string(i % 250), "192.0.2.10", 80, 0.005 * i,
                                static_cast<std::uint16_t>(1024 + i));
      c.proto = proto;
      c.history = history;
      c.conn_state = state;
      c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("flood", batch);
  };
  EXPECT_THAT(flood("tcp", "S", "S0", 900)[0].statement, HasSubstr("half-open"));
  EXPECT_THAT(flood("tcp", "Ar", "OTH", 900)[0].statement, HasSubstr("belong to no connection"));
  EXPECT_THAT(flood("udp", "D", "S0", 900)[0].statement, HasSubstr("UDP"));
  EXPECT_THAT(flood("tcp", "ShADadFf", "SF", 900), IsEmpty());
  EXPECT_THAT(flood("udp", "D", "S0", 100), IsEmpty());
}

TEST(Flood, NoPingIsSoFast) {
  const auto pings = [](std::uint64_t n, double seconds) {
    record::Batch batch(connection::Conn::schema);
    connection::Conn c = conn("198.51.100.7", "192.0.2.10", 0, 1, 8);
    c.proto = "icmp";
    c.orig_pkts = c.resp_pkts = n;
    c.duration = base::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    c.append_to(batch, {});
    return run("flood", batch).size();
  };
  EXPECT_EQ(pings(8000, 4), 1u);
  EXPECT_EQ(pings(8000, 8000), 0u) << "a day's monitoring";
  EXPECT_EQ(pings(50, 0.01), 0u);
}

TEST(SlowRequests, HeldAtOnce) {
  const auto held = [](int n, double apart, std::uint64_t answered, std::uint64_t zero_windows = 0) {
    record::Batch batch(connection::Conn::schema);
    for (int i = 0; i < n; ++i) {
      connection::Conn c = conn("198.51.100.7", "192.0.2.10", 80, apart * i, static_cast<std::uint16_t>(20000 + i));
      c.history = "ShADa";
      c.duration = base::seconds(30);
      c.orig_bytes = 300;
      c.resp_bytes = answered;
      c.orig_zero_windows = zero_windows;
      c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("slow_requests", batch);
  };
  EXPECT_EQ(held(150, 0.1, 0).size(), 1u);
  EXPECT_THAT(held(150, 0.1, 60'000), IsEmpty()) << "they are served";
  EXPECT_EQ(held(150, 0.1, 60'000, 9).size(), 1u) << "and do not take it";
  EXPECT_THAT(held(150, 40, 0), IsEmpty()) << "one after another";
}

TEST(Beacon, JitterIsARhythmAndChanceIsNone) {
  // Half a day of calls every five minutes on average, of one size.
  const auto calls = [](double jitter) {
    record::Batch batch(connection::Conn::schema);
    std::uint32_t state = 12345;
    double at = 0;
    for (int i = 0; i < 150; ++i) {
      connection::Conn c = conn("10.0.0.5", "45.33.32.156", 443, at, static_cast<std::uint16_t>(20000 + i));
      c.conn_state = "SF";
      c.resp_pkts = 5;
      c.orig_bytes = 300;
      c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
      state = state * 1664525u + 1013904223u;
      const double u = (state >> 8) / 16777216.0;
      at += jitter > 1 ? -300 * std::log(1 - u) : 300 * (1 + jitter * (2 * u - 1));
    }
    return run("beacon", batch);
  };
  for (const double jitter : {0.0, 0.2, 0.5}) {
    const auto f = calls(jitter);
    ASSERT_EQ(f.size(), 1u) << jitter;
    EXPECT_GE(f[0].severity, Severity::kLow) << jitter;
  }
  EXPECT_THAT(calls(2), IsEmpty()) << "exponential intervals: somebody reads pages";
}

TEST(FormGuessing, RefusedAlikeUntilOneGotIn) {
  const auto guess = [](int n, bool success, std::string_view body, bool all_different = false) {
    record::Batch batch(protocol::http::Http::schema);
    for (int i = 0; i < n; ++i) {
      protocol::http::Http h;
      h.head = head("203.0.113.66", "192.0.2.10", 80, i, static_cast<std::uint16_t>(20000 + i));
      h.method = "POST";
      h.host = "shop.example";
      h.uri = "/login?next=/";
      h.request_body = body;
      const bool in = success && i == n - 1;
      h.status_code = in ? 302 : 200;
      if (in) h.location = "/home";
      h.response_body_len = all_different ? static_cast<std::uint64_t>(1000 * i) : in ? 0 : 1200;
      h.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("form_guessing", batch);
  };
  constexpr std::string_view kForm = "user=admin&password=<hidden>&go=1",
                             kJson = R"({"email": "a@b.c", "password": "<hidden>"})";
  const auto f = guess(40, true, kForm);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].evidence[0].id.orig_p.value, 20039u) << "the one that got in comes first";
  EXPECT_THAT(f[0].statement, HasSubstr("shop.example/login 40 times"));
  ASSERT_EQ(guess(40, false, kJson).size(), 1u);
  EXPECT_EQ(guess(40, false, kJson)[0].outcome, Outcome::kAttempted);
  EXPECT_THAT(guess(40, false, "q=password&page=1"), IsEmpty()) << "a search for the word";
  EXPECT_THAT(guess(40, false, kForm, true), IsEmpty()) << "whoever gets in each time reads other pages";
  EXPECT_THAT(guess(6, true, kForm), IsEmpty());
}

TEST(Scan, AnswersAloneTellOfTheAsker) {
  record::Batch batch(connection::Conn::schema);
  for (int i = 0; i < 40; ++i) {
    connection::Conn c = conn("203.0.113.66", "192.0.2.10", static_cast<std::uint16_t>(20 + i), i, 45000);
    c.history = "r";
    c.conn_state = "OTH";
    c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  const auto f = run("scan", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
  EXPECT_EQ(f[0].victim.value, "192.0.2.10");
}

TEST(PortMismatch, IsInformationUnlessAnEndIsSuspect) {
  std::unique_ptr<Detector> detector;
  for (const Entry& e : detectors())
    if (e.name == "port_mismatch") detector = e.make({});
  record::Batch batch(connection::Conn::schema);
  const auto add = [&](const char* from, std::string_view service, std::string_view history) {
    connection::Conn c = conn(from, "203.0.113.66", 443, 1, 50000);
    c.service = service;
    c.history = history;
    c.orig_bytes = c.resp_bytes = 500;
    c.append_to(batch, {});
  };
  add("10.0.0.5", "ssh", "ShADad");
  add("10.0.0.6", "ssl", "ShADad");
  add("10.0.0.7", "", "ShADad");
  add("10.0.0.8", "", "DadA");  // from the middle: it may be anything
  detector->take(batch);
  Home home;
  home.networks = {*base::Network::parse("10.0.0.0/8")};
  std::vector<Finding> out;
  detector->conclude(home, {}, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].severity, Severity::kInformational);
  EXPECT_THAT(out[1].statement, HasSubstr("nothing that is TLS"));
  Finding other;
  other.detector = "clear_shell";
  other.severity = Severity::kHigh;
  other.confidence = 0.9;
  other.attacker = {"host", "203.0.113.66"};
  out.clear();
  detector->conclude(home, {&other, 1}, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].severity, Severity::kMedium);
}

TEST(IndustrialControl, CommandsByContext) {
  const auto commands = [](const char* master, bool suspect, int refused = 0) {
    std::unique_ptr<Detector> detector;
    for (const Entry& e : detectors())
      if (e.name == "industrial_control") detector = e.make({});
    record::Batch batch(protocol::modbus::Modbus::schema);
    protocol::modbus::Modbus m;
    m.head = head(master, "10.0.0.9", 502, 1);
    m.func = "WRITE_SINGLE_COIL";
    m.pdu_type = "REQ";
    m.append_to(batch, {});
    for (int i = 0; i < refused; ++i) {
      const std::string name = "unknown-" + std::to_string(i) + "_EXCEPTION";
      m.func = name;
      m.pdu_type = "RESP";
      m.exception = "ILLEGAL_FUNCTION";
      m.append_to(batch, {static_cast<std::uint64_t>(i + 1), 0});
    }
    detector->take(batch);
    Home home;
    home.networks = {*base::Network::parse("10.0.0.0/8")};
    Finding other;
    other.severity = Severity::kHigh;
    other.confidence = 0.9;
    other.attacker = {"host", master};
    std::vector<Finding> out;
    detector->conclude(home, std::span<const Finding>(&other, suspect ? 1 : 0), out);
    return out;
  };
  ASSERT_EQ(commands("10.0.0.5", false).size(), 1u);
  EXPECT_EQ(commands("10.0.0.5", false)[0].severity, Severity::kInformational);
  EXPECT_EQ(commands("203.0.113.66", false)[0].severity, Severity::kMedium) << "from outside";
  EXPECT_EQ(commands("10.0.0.5", true)[0].severity, Severity::kHigh) << "from a host that is suspect";
  const auto search = commands("10.0.0.5", false, 6);
  ASSERT_EQ(search.size(), 2u);
  EXPECT_EQ(search[0].techniques[0], "T0888");
}

TEST(ProtocolExploit, MessagesThatNobodyMakes) {
  record::Batch batch(connection::Weird::schema);
  connection::Weird w;
  w.head = head("203.0.113.66", "192.0.2.10", 111, 1);
  w.name = "rpc_gss_credential_malformed";
  w.addl = "program 100000";
  w.append_to(batch, {});
  w.name = "rpc_universal_address_too_long";
  w.addl = "2048 bytes";
  w.append_to(batch, {1, 0});
  w.name = "dns_unmatched_reply";
  w.append_to(batch, {2, 0});
  const auto f = run("protocol_exploit", batch);
  ASSERT_EQ(f.size(), 2u);
  EXPECT_EQ(f[0].fact("cve"), "CVE-2022-26937");
  EXPECT_EQ(f[0].victim.value, "203.0.113.66") << "who asked is who breaks";
  EXPECT_EQ(f[1].fact("cve"), "CVE-2022-24491");
}

TEST(ProtocolExploit, SadmindAsTheSuperuser) {
  const auto called = [](std::uint64_t procedure, std::uint64_t uid) {
    record::Batch batch(protocol::sunrpc::Rpc::schema);
    protocol::sunrpc::Rpc r;
    r.head = head("203.0.113.66", "192.0.2.10", 32773, 1);
    r.program = 100232;
    r.procedure = procedure;
    r.auth = "AUTH_SYS";
    r.machine = "localhost";
    r.uid = uid;
    r.append_to(batch, {});
    return run("protocol_exploit", batch).size();
  };
  EXPECT_EQ(called(1, 0), 1u);
  EXPECT_EQ(called(0, 0), 0u) << "a ping";
  EXPECT_EQ(called(1, 1000), 0u);
}

}  // namespace
}  // namespace whodunit::detect
