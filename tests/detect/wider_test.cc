// Control channels, downloads, floods, spoofed addresses and names, ticket roasting, Tor: on rows that are the attack,
// and on rows that look alike and are none.
#include <gtest/gtest.h>

#include <algorithm>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "detect/rows.h"
#include "packet/arp_record.h"
#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/dns/dns.h"
#include "protocol/files/file_record.h"
#include "protocol/http/http.h"
#include "protocol/krb/krb.h"
#include "protocol/ldap/ldap.h"
#include "protocol/ntp/ntp.h"
#include "protocol/rdp/rdp.h"
#include "protocol/sip/sip.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::detect {
namespace {

using test::head;
using test::run;

struct Request {
  std::string method = "GET", host = "203.0.113.66", uri, agent, body, type, file, mime;
  std::uint64_t size = 1000;
};

std::vector<Finding> requests(std::string_view detector, const std::vector<Request>& all) {
  record::Batch batch(protocol::http::Http::schema);
  std::uint64_t i = 0;
  for (const Request& r : all) {
    protocol::http::Http h;
    h.head = head("10.0.0.5", "203.0.113.66", 80, static_cast<double>(++i));
    h.method = r.method;
    h.host = r.host;
    h.uri = r.uri;
    h.user_agent = r.agent;
    h.request_body = r.body;
    h.content_type = r.type;
    h.status_code = 200;
    h.response_body_len = r.size;
    const std::string_view file = r.file, mime = r.mime;
    if (!file.empty()) h.resp_filenames = {&file, 1};
    if (!mime.empty()) h.resp_mime_types = {&mime, 1};
    h.append_to(batch, {i, 0});
  }
  return run(detector, batch);
}

TEST(ControlChannel, DefaultProfiles) {
  const std::string empire = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko";
  auto f =
      requests("control_channel", {{.uri = "/admin/get.php", .agent = empire}, {.uri = "/news.php", .agent = empire}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("software"), "Empire");
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
  EXPECT_EQ(f[0].fact("controller"), "203.0.113.66");
  EXPECT_TRUE(
      requests("control_channel", {{.uri = "/news.php", .agent = empire}, {.uri = "/news.php", .agent = empire}})
          .empty())
      << "one path of the profile is anybody's";
  f = requests("control_channel", {{.method = "POST", .uri = "/weather", .agent = "python-requests/2.32.3"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("tool"), "Caldera");
  EXPECT_TRUE(requests("control_channel", {{.uri = "/weather", .agent = "python-requests/2.32.3"}}).empty());
}

TEST(ControlChannel, StagersAndGozi) {
  auto f = requests("control_channel", {{.uri = "/Bq3F", .size = 210'000}});  // 66 + 113 + 51 + 70 = 300, not 92 or 93
  EXPECT_TRUE(f.empty());
  f = requests("control_channel", {{.uri = "/aZt2", .size = 210'000}});  // 97 + 90 + 116 + 50 = 353 = 97 mod 256
  EXPECT_TRUE(f.empty());
  f = requests("control_channel", {{.uri = "/aZt-", .size = 210'000}});
  EXPECT_TRUE(f.empty()) << "not of letters and digits";
  f = requests("control_channel", {{.uri = "/aZo2", .size = 210'000}});  // 97 + 90 + 111 + 50 = 348 = 92 mod 256
  ASSERT_EQ(f.size(), 1u);
  EXPECT_LE(f[0].confidence, 0.6);
  EXPECT_TRUE(requests("control_channel", {{.uri = "/aZo2", .size = 2'000}}).empty()) << "nothing large came of it";
  EXPECT_TRUE(requests("control_channel", {{.uri = "/aZo2", .mime = "image/png", .size = 210'000}}).empty());
  std::string path = "/images/";
  for (int i = 0; i < 12; ++i)
    path += "aB3dE6gH9jK2mN5pQ8sT" + std::string(i % 4 == 0 ? "_2F" : i % 4 == 1 ? "_2B" : "") + "/";
  f = requests("control_channel", {{.uri = path + "x.avi"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("software"), "Ursnif");
}

TEST(ProgramDownload, UnderAFalseName) {
  const std::string pe = "application/x-dosexec", browser = "Mozilla/5.0 (X11; Linux x86_64)";
  auto f = requests("program_download", {{.host = "a.example", .uri = "/logo.png", .agent = browser, .mime = pe}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[1], "T1036.008");
  f = requests("program_download",
               {{.host = "a.example", .uri = "/gDR/", .agent = "vBKbaQgjyvRRbcgfvlsc", .file = "x.dll", .mime = pe}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_TRUE(
      requests("program_download", {{.host = "a.example", .uri = "/setup.exe", .agent = browser, .mime = pe}}).empty());
  EXPECT_TRUE(requests("program_download",
                       {{.host = "a.example", .uri = "/get?id=7", .agent = "GoogleUpdateAgent", .mime = pe}})
                  .empty())
      << "a product's name";
  EXPECT_TRUE(requests("program_download", {{.uri = "/setup.exe", .agent = browser, .mime = pe}}).empty())
      << "one sign";
  EXPECT_TRUE(requests("program_download",
                       {{.host = "a.example", .uri = "/get?id=7", .agent = "Microsoft BITS/7.8", .mime = pe}})
                  .empty());
}

TEST(ProgramDownload, TheTestFile) {
  const auto named = [](std::string_view name, std::uint64_t size) {
    record::Batch batch(protocol::Files::schema);
    protocol::Files file;
    file.head = head("10.0.0.5", "10.0.0.9", 445, 1);
    file.source = "SMB";
    file.filename = name;
    file.mime_type = "text/plain";
    file.is_orig = true;
    file.seen_bytes = size;
    file.append_to(batch, {});
    return run("program_download", batch);
  };
  const auto f = named("\\eicar.com", 68);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1570");
  EXPECT_EQ(f[0].severity, Severity::kLow);
  EXPECT_TRUE(named("\\readme.txt", 68).empty());
  EXPECT_TRUE(named("\\eicar-report.txt", 6800).empty());
}

std::vector<Finding> connections(int n, double apart, std::string_view state, std::uint64_t bytes) {
  record::Batch batch(connection::Conn::schema);
  for (int i = 0; i < n; ++i) {
    connection::Conn c;
    c.head = head("198.51.100." + std::to_string(i % 200 + 1), "192.0.2.10", 80, i * apart,
                  static_cast<std::uint16_t>(1024 + i));
    c.proto = "tcp";
    c.conn_state = state;
    c.orig_pkts = 1;
    c.orig_bytes = bytes;
    c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  return run("flood", batch);
}

TEST(Flood, HalfOpenConnections) {
  const auto f = connections(1000, 0.005, "S0", 0);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_TRUE(f[0].attacker.empty()) << "forged sources are nobody's";
  EXPECT_EQ(f[0].victim.value, "192.0.2.10");
  EXPECT_TRUE(connections(1000, 0.005, "SF", 300).empty()) << "visitors";
  EXPECT_TRUE(connections(1000, 1, "S0", 0).empty()) << "slowly";
}

TEST(Flood, Reflection) {
  record::Batch batch(connection::Conn::schema);
  for (int i = 0; i < 8; ++i) {
    connection::Conn c;
    c.head = head("198.51.100." + std::to_string(i + 1), "192.0.2.10", 40000, i, 123);
    c.proto = "udp";
    c.orig_pkts = 20;
    c.orig_bytes = 20 * 468;
    c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  auto f = run("flood", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1498.002");
  record::Batch asked(connection::Conn::schema);
  for (int i = 0; i < 8; ++i) {
    connection::Conn c;
    c.head = head("192.0.2.10", "198.51.100." + std::to_string(i + 1), 123, i);
    c.proto = "udp";
    c.orig_pkts = c.resp_pkts = 1;
    c.orig_bytes = c.resp_bytes = 48;
    c.append_to(asked, {static_cast<std::uint64_t>(i), 0});
  }
  EXPECT_TRUE(run("flood", asked).empty()) << "a clock that is set";
}

std::vector<Finding> arp(const std::vector<std::pair<std::string, std::string>>& claims,
                         const std::string& frame = "") {
  record::Batch batch(packet::ArpRecord::schema);
  std::uint64_t i = 0;
  for (const auto& [address, mac] : claims) {
    packet::ArpRecord a;
    a.head = head(address, "10.0.0.99", 0, static_cast<double>(++i), 0);
    a.operation = "reply";
    a.orig_h = *base::Address::parse(address);
    a.orig_mac = mac;
    a.frame_mac = frame;
    a.append_to(batch, {i, 0});
  }
  return run("address_spoofing", batch);
}

TEST(AddressSpoofing, Arp) {
  const std::string evil = "02:00:00:00:00:66", router = "02:00:00:00:00:01", victim = "02:00:00:00:00:05";
  const auto f = arp({{"10.0.0.66", evil},
                      {"10.0.0.1", router},
                      {"10.0.0.5", victim},
                      {"10.0.0.1", evil},
                      {"10.0.0.5", evil},
                      {"10.0.0.1", router},
                      {"10.0.0.1", evil},
                      {"10.0.0.5", victim},
                      {"10.0.0.5", evil}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "10.0.0.66");
  EXPECT_EQ(f[0].victims.size(), 2u);
  EXPECT_TRUE(arp({{"10.0.0.1", router}, {"10.0.0.1", victim}, {"10.0.0.1", victim}}).empty()) << "a new network card";
  EXPECT_TRUE(arp({{"10.0.0.1", "00:00:5e:00:01:01"},
                   {"10.0.0.1", router},
                   {"10.0.0.1", "00:00:5e:00:01:01"},
                   {"10.0.0.1", router}})
                  .empty())
      << "routers that share an address";
}

TEST(AddressSpoofing, Names) {
  const auto answers = [](int names) {
    record::Batch batch(protocol::dns::Dns::schema);
    for (int i = 0; i < names; ++i) {
      protocol::dns::Dns d;
      d.head = head("10.0.0.66", "10.0.0.5", 50000, i, 5355);
      const std::string name = "printer" + std::to_string(i);
      d.query = name;
      const std::string_view answer = "10.0.0.66";
      d.answers = {&answer, 1};
      d.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("address_spoofing", batch);
  };
  const auto f = answers(6);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1557.001");
  EXPECT_EQ(f[0].attacker.value, "10.0.0.66");
  EXPECT_TRUE(answers(1).empty()) << "its own name";
}

std::vector<Finding> tickets(int services, std::string_view name, std::string_view cipher, double apart) {
  record::Batch batch(protocol::krb::Kerberos::schema);
  for (int i = 0; i < services; ++i) {
    protocol::krb::Kerberos k;
    k.head = head("10.0.0.5", "10.0.0.2", 88, i * apart);
    k.request_type = "TGS";
    k.client = "eve/LAN.EXAMPLE";
    const std::string service = std::string(name) + "/srv" + std::to_string(i);
    k.service = service;
    k.success = true;
    k.cipher = cipher;
    k.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  return run("ticket_roasting", batch);
}

TEST(TicketRoasting, ManyServicesInRc4) {
  const auto f = tickets(6, "MSSQLSvc", "rc4-hmac", 0.1);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1558.003");
  EXPECT_TRUE(tickets(6, "MSSQLSvc", "aes256-cts-hmac-sha1-96", 0.1).empty());
  EXPECT_TRUE(tickets(6, "cifs", "rc4-hmac", 0.1).empty()) << "computers' passwords are random";
  EXPECT_TRUE(tickets(6, "MSSQLSvc", "rc4-hmac", 600).empty()) << "in the course of a day";
}

TEST(TicketRoasting, WithoutProof) {
  const auto asked = [](bool proof, std::vector<std::string_view> ciphers) {
    record::Batch batch(protocol::krb::Kerberos::schema);
    protocol::krb::Kerberos k;
    k.head = head("10.0.0.5", "10.0.0.2", 88, 1);
    k.request_type = "AS";
    k.client = "svc-old/LAN.EXAMPLE";
    k.service = "krbtgt/LAN.EXAMPLE";
    k.success = true;
    k.preauthenticated = proof;
    k.request_ciphers = ciphers;
    k.append_to(batch, {});
    return run("ticket_roasting", batch);
  };
  const auto f = asked(false, {"rc4-hmac"});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1558.004");
  EXPECT_TRUE(asked(true, {"rc4-hmac"}).empty());
  EXPECT_TRUE(asked(false, {"aes256-cts-hmac-sha1-96", "rc4-hmac"}).empty());
}

TEST(Tor, RelaysCertificates) {
  const auto shown = [](std::string_view subject, std::string_view issuer) {
    record::Batch batch(protocol::x509::X509::schema);
    protocol::x509::X509 c;
    c.head = head("10.0.0.5", "203.0.113.66", 443, 1);
    c.subject = subject;
    c.issuer = issuer;
    c.host_cert = true;
    c.chain_length = 1;
    c.append_to(batch, {});
    return run("certificate", batch);
  };
  const auto f = shown("CN=www.g6ghvisevf3ibuu5.net", "CN=www.xkgk7fdx362yyyxib.com");
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1090.003");
  EXPECT_EQ(f[0].severity, Severity::kLow);
  EXPECT_TRUE(shown("CN=www.example-shop.net", "CN=www.example-shop.net").empty());
  EXPECT_TRUE(shown("CN=www.somewhere.net", "CN=R3,O=Let's Encrypt,C=US").empty());
}

std::vector<Finding> search(const std::vector<std::pair<std::string, std::uint64_t>>& filters,
                            const char* from = "10.0.0.5") {
  record::Batch batch(protocol::ldap::LdapSearch::schema);
  std::uint64_t i = 0;
  for (const auto& [filter, entries] : filters) {
    protocol::ldap::LdapSearch s;
    s.head = head(from, "10.0.0.2", 389, static_cast<double>(++i));
    s.scope = "tree";
    s.filter = filter;
    s.result = "success";
    s.result_count = entries;
    s.append_to(batch, {i, 0});
  }
  return run("directory_search", batch);
}

TEST(DirectorySearch, WhatToolsLookFor) {
  auto f = search({{"(&(objectCategory=group)(|(samAccountName=Domain Admins)))", 1}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1069.002");
  f = search({{"(&(samAccountType=805306368)(servicePrincipalName=*)(!samAccountName=krbtgt))", 3}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(search({{"(&(servicePrincipalName=*)(!(objectCategory=computer)))", 3}}).size(), 1u);
  EXPECT_TRUE(search({{"(&(objectClass=computer)(servicePrincipalName=*))", 3}}).empty());
  f = search({{"(&(objectCategory=person)(objectClass=user))", 900},
              {"(objectCategory=computer)", 400},
              {"(objectClass=trustedDomain)", 2}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_GE(f[0].techniques.size(), 3u);
}

TEST(DirectorySearch, DailyWork) {
  EXPECT_TRUE(search({{"(&(objectClass=user)(sAMAccountName=eve))", 1}}).empty());
  EXPECT_TRUE(search({{"(objectClass=computer)", 3}}).empty()) << "one kind, few entries";
  EXPECT_TRUE(search({{"(&(samAccountType=805306368)(|(samAccountName=a)(samAccountName=b)))", 2}}).empty());
}

TEST(LoginGuessing, OverLdapAndSip) {
  record::Batch batch(protocol::ldap::Ldap::schema);
  for (int i = 0; i < 30; ++i) {
    protocol::ldap::Ldap l;
    l.head = head("203.0.113.66", "10.0.0.2", 389, i);
    l.opcode = "bind simple";
    l.object = "cn=admin,dc=example";
    l.result = "invalid credentials";
    l.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  EXPECT_EQ(run("login_guessing", batch).size(), 1u);
  const auto registers = [](bool with_credentials) {
    record::Batch rows(protocol::sip::Sip::schema);
    for (int i = 0; i < 30; ++i) {
      protocol::sip::Sip s;
      s.head = head("203.0.113.66", "10.0.0.3", 5060, i);
      s.method = "REGISTER";
      if (with_credentials) s.auth_user = "100";
      s.status_code = 401;
      s.append_to(rows, {static_cast<std::uint64_t>(i), 0});
    }
    return run("login_guessing", rows).size();
  };
  EXPECT_EQ(registers(true), 1u);
  EXPECT_EQ(registers(false), 0u) << "the challenge that every first request gets";
}

// --- beacons in short captures

std::vector<Finding> calls(bool with_names, bool named, double jitter, int n) {
  std::unique_ptr<Detector> detector;
  for (const Entry& e : detectors())
    if (e.name == "beacon") detector = e.make({});
  record::Batch names(protocol::dns::Dns::schema), conns(connection::Conn::schema);
  protocol::dns::Dns d;
  d.head = head("10.0.0.5", "10.0.0.2", 53, 0);
  d.query = "www.example";
  const std::string_view answer = named ? "93.184.216.34" : "93.184.216.99";
  d.answers = {&answer, 1};
  d.append_to(names, {});
  for (int i = 0; i < n; ++i) {
    connection::Conn c;
    c.head =
        head("10.0.0.5", "93.184.216.34", 443, 30.0 * i + jitter * (i % 5 - 2), static_cast<std::uint16_t>(40000 + i));
    c.proto = "tcp";
    c.ip_proto = 6;
    c.orig_pkts = c.resp_pkts = 5;
    c.orig_bytes = 300;
    c.append_to(conns, {static_cast<std::uint64_t>(i), 0});
  }
  if (with_names) detector->take(names);
  detector->take(conns);
  Home home;
  home.networks = {*base::Network::parse("10.0.0.0/8")};
  std::vector<Finding> out;
  detector->finish(home, out);
  return out;
}

TEST(ShortBeacon, OnlyToANamelessPlace) {
  auto f = calls(true, false, 0.2, 30);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].severity, Severity::kLow);
  EXPECT_LT(f[0].confidence, 0.5);
  f = calls(true, true, 0.2, 30);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].severity, Severity::kInformational) << "a place with a name: polling";
  f = calls(false, false, 0.2, 30);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].severity, Severity::kInformational) << "no names were seen at all";
  for (const Finding& few : calls(true, false, 0.2, 16)) EXPECT_EQ(few.severity, Severity::kInformational);
  for (const Finding& uneven : calls(true, false, 9, 30)) EXPECT_EQ(uneven.severity, Severity::kInformational);
}

TEST(UdpScan, NotAClientThatStrays) {
  const auto asks = [](int of_server) {
    record::Batch batch(connection::Conn::schema);
    std::uint64_t n = 0;
    const auto ask = [&](const std::string& to, bool answered) {
      connection::Conn c;
      ++n;
      c.head = head("10.0.0.5", to, 53, static_cast<double>(n), static_cast<std::uint16_t>(20000 + n));
      c.proto = "udp";
      c.ip_proto = 17;
      c.orig_pkts = 1;
      c.resp_pkts = answered;
      c.append_to(batch, {n, 0});
    };
    for (int i = 0; i < of_server; ++i) ask("10.0.0.1", true);
    for (int i = 0; i < 16; ++i) ask("198.51.100." + std::to_string(i + 1), false);
    return run("scan", batch).size();
  };
  EXPECT_EQ(asks(200), 0u) << "packets with damaged addresses";
  EXPECT_EQ(asks(5), 1u);
}

TEST(WebScanner, NamesItself) {
  EXPECT_EQ(requests("web_attack", {{.host = "www.example", .uri = "/", .agent = "Mozilla/5.0 zgrab/0.x"}}).size(), 1u);
  EXPECT_TRUE(requests("web_attack", {{.host = "agent.qualys.example", .uri = "/", .agent = "Mozilla/5.0"}}).empty());
}

TEST(UnansweredCalls, AControllerThatIsGone) {
  const auto calls_to = [](std::uint16_t port, std::string_view state, int n, int places) {
    record::Batch batch(connection::Conn::schema);
    for (int i = 0; i < n; ++i) {
      connection::Conn c;
      c.head = head("10.0.0.5", "93.184.216." + std::to_string(34 + i % places), port, 5.0 * i);
      c.proto = "tcp";
      c.history = "Sr";
      c.conn_state = i == n - 1 ? state : std::string_view("REJ");
      c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("unanswered_calls", batch).size();
  };
  EXPECT_EQ(calls_to(5888, "REJ", 60, 1), 1u);
  EXPECT_EQ(calls_to(5888, "SF", 60, 1), 0u) << "answered at last";
  EXPECT_EQ(calls_to(443, "REJ", 60, 1), 0u) << "a service that is down";
  EXPECT_EQ(calls_to(5888, "REJ", 10, 1), 0u);
  EXPECT_EQ(calls_to(51413, "REJ", 1200, 20), 0u) << "a peer among many";
}

TEST(EarlyData, BeforeTheHandshakeIsComplete) {
  const auto with = [](std::string_view history) {
    record::Batch batch(connection::Conn::schema);
    connection::Conn c;
    c.head = head("10.0.0.5", "203.0.113.66", 80, 1);
    c.proto = "tcp";
    c.history = history;
    c.resp_bytes = 120;
    c.append_to(batch, {});
    return run("protocol_exploit", batch);
  };
  const auto f = with("ShdfAFR");
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
  EXPECT_TRUE(with("ShdADaFf").empty()) << "an acknowledgement that was not captured";
  EXPECT_TRUE(with("ShADadFf").empty());
}

TEST(IcmpSweep, OfAnyKindOfRequest) {
  const auto sweep = [](std::uint16_t type) {
    record::Batch batch(connection::Conn::schema);
    for (int i = 0; i < 15; ++i) {
      connection::Conn c;
      c.head = head("10.0.0.5", "192.0.2." + std::to_string(i + 1), 0, i, type);
      c.proto = "icmp";
      c.ip_proto = 1;
      c.orig_pkts = 1;
      c.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("scan", batch).size();
  };
  EXPECT_EQ(sweep(13), 1u);
  EXPECT_EQ(sweep(17), 1u);
  EXPECT_EQ(sweep(3), 0u) << "errors";
}

TEST(CallStranger, EventsForSomebodyElse) {
  const auto subscribed = [](std::string_view callback) {
    record::Batch batch(protocol::http::Http::schema);
    protocol::http::Http h;
    h.head = head("10.0.0.5", "10.0.0.1", 49152, 1);
    h.method = "SUBSCRIBE";
    h.uri = "/event";
    h.status_code = 200;
    h.other_headers = {&callback, 1};
    h.append_to(batch, {});
    return run("protocol_exploit", batch).size();
  };
  EXPECT_EQ(subscribed("CALLBACK: <http://93.184.216.34/x>"), 1u);
  EXPECT_EQ(subscribed("CALLBACK: <http://10.0.0.5:2869/x>"), 0u) << "to itself";
}

TEST(BruteForce, RdpConnectionsOneAfterAnother) {
  const auto rdp = [](int n, double apart) {
    record::Batch batch(protocol::rdp::Rdp::schema);
    for (int i = 0; i < n; ++i) {
      protocol::rdp::Rdp r;
      r.head = head("203.0.113.66", "192.0.2.10", 3389, i * apart, static_cast<std::uint16_t>(20000 + i));
      const std::string account = "user" + std::to_string(i);
      r.cookie = account;
      r.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("brute_force", batch);
  };
  const auto f = rdp(40, 2);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1110.003");
  EXPECT_EQ(f[0].outcome, Outcome::kUnknown);
  EXPECT_TRUE(rdp(5, 2).empty()) << "a client that connects again";
  EXPECT_TRUE(rdp(40, 120).empty()) << "in the course of a day";
}

TEST(RemoteProcedure, SessionsAreADiscoveryOfTheirOwn) {
  record::Batch batch(protocol::dce_rpc::DceRpc::schema);
  protocol::dce_rpc::DceRpc r;
  r.head = head("10.0.0.5", "10.0.0.9", 445, 1);
  r.endpoint = "srvsvc";
  r.operation = "NetrSessionEnum";
  r.append_to(batch, {});
  const auto f = run("remote_procedure", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(std::count(f[0].techniques.begin(), f[0].techniques.end(), "T1049"), 1);
  EXPECT_EQ(std::count(f[0].techniques.begin(), f[0].techniques.end(), "T1033"), 0);
}

}  // namespace
}  // namespace whodunit::detect
