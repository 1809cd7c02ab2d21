// Detectors beyond the first: each on made-up rows that are the attack, and on rows that look alike and are none.
#include <gtest/gtest.h>

#include "connection/conn_record.h"
#include "detect/detector.h"
#include "detect/rows.h"
#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/dhcp/dhcp.h"
#include "protocol/dns/dns.h"
#include "protocol/encrypted_record.h"
#include "protocol/ftp/ftp.h"
#include "protocol/http/http.h"
#include "protocol/krb/krb.h"
#include "protocol/ntlm/ntlm.h"
#include "protocol/smb/smb.h"
#include "protocol/smtp/smtp.h"
#include "protocol/ssh/ssh.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::detect {
namespace {

using test::head;
using test::run;

base::Time year(int years_after_2001) {
  return {1'000'000'000'000'000'000 + static_cast<std::int64_t>(years_after_2001) * 31'557'600'000'000'000};
}

// --- certificates

protocol::x509::X509 certificate(std::string_view subject) {
  protocol::x509::X509 c;
  c.head = head("10.0.0.5", "203.0.113.66", 4782, 1);
  c.subject = c.issuer = subject;
  c.not_valid_before = year(18);
  c.not_valid_after = year(260);
  c.key_type = "rsa";
  c.key_length = 4096;
  c.sig_alg = "sha512WithRSAEncryption";
  c.host_cert = true;
  c.self_issued = c.self_signed = c.ca = true;
  return c;
}

TEST(Certificate, NamesRemoteControlTools) {
  record::Batch batch(protocol::x509::X509::schema);
  certificate("CN=AsyncRAT Server").append_to(batch, {});
  auto f = run("certificate", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("tool"), "AsyncRAT");
  EXPECT_EQ(f[0].victim.value, "10.0.0.5");
  record::Batch renamed(protocol::x509::X509::schema);
  certificate("CN=Some Other Name").append_to(renamed, {});
  f = run("certificate", renamed);
  ASSERT_EQ(f.size(), 1u) << "the generator's form, whatever the name";
  EXPECT_EQ(f[0].techniques[0], "T1573.002");
}

TEST(Certificate, LeavesOrdinaryOnesAlone) {
  record::Batch batch(protocol::x509::X509::schema);
  auto c = certificate("CN=appliance.example,O=Maker,C=DE");
  c.append_to(batch, {});
  c = certificate("CN=localhost");
  c.not_valid_after = year(28);
  c.append_to(batch, {});
  c = certificate("CN=localhost");
  c.key_length = 2048;
  c.append_to(batch, {});
  c = certificate("CN=DcRatio Consulting");
  c.not_valid_after = year(20);
  c.append_to(batch, {});
  EXPECT_TRUE(run("certificate", batch).empty());
}

TEST(Certificate, CurveWithoutAName) {
  record::Batch batch(protocol::x509::X509::schema), named(protocol::x509::X509::schema);
  auto c = certificate("CN=Root,C=US");
  c.key_type = "ecdsa";
  c.key_length = 384;
  c.host_cert = false;
  c.append_to(batch, {});
  const auto f = run("certificate", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("cve"), "CVE-2020-0601");
  c.curve = "secp384r1";
  c.append_to(named, {});
  EXPECT_TRUE(run("certificate", named).empty());
}

// --- DHCP floods

record::Batch leases(int count, bool answered, bool one_client, double pace) {
  record::Batch batch(protocol::dhcp::Dhcp::schema);
  static const std::string_view kAsked[] = {"DISCOVER"}, kGiven[] = {"DISCOVER", "OFFER", "REQUEST", "ACK"};
  for (int i = 0; i < count; ++i) {
    protocol::dhcp::Dhcp d;
    d.head = head("0.0.0.0", "255.255.255.255", 67, i * pace);
    const std::string mac = one_client
                                ? "00:00:5e:00:53:01"
                                : "02:00:00:00:" + std::to_string(10 + i / 90) + ":" + std::to_string(10 + i % 90);
    d.mac = mac;
    d.xid = static_cast<std::uint64_t>(i);
    if (answered)
      d.msg_types = kGiven;
    else
      d.msg_types = kAsked;
    d.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  return batch;
}

TEST(DhcpFlood, FindsStarvationAndFloods) {
  auto f = run("dhcp_flood", leases(500, false, false, 0.01));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques.size(), 2u) << "many hardware addresses: starvation";
  f = run("dhcp_flood", leases(500, true, true, 0.01));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, std::vector<std::string>{"T1499.002"});
}

TEST(DhcpFlood, LeavesClientsThatComeBackAlone) {
  EXPECT_TRUE(run("dhcp_flood", leases(500, true, false, 0.01)).empty()) << "after a power cut";
  EXPECT_TRUE(run("dhcp_flood", leases(500, false, true, 4)).empty()) << "a client without a server";
}

// --- generated names

record::Batch failures(int count, bool one_domain, bool named, std::uint64_t rcode) {
  record::Batch batch(protocol::dns::Dns::schema);
  for (int i = 0; i < count; ++i) {
    protocol::dns::Dns d;
    d.head = head("10.0.0.5", "10.0.0.1", 53, i);
    const std::string name = one_domain ? "4.3.2." + std::to_string(i) + ".bl.example.org"
                                        : "qwkzjvbx" + std::to_string(i) + "hrt.example" + std::to_string(i) + "x.net";
    if (named) d.query = name;
    d.rcode = rcode;
    d.opcode = 0;
    d.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  return batch;
}

TEST(GeneratedNames, ManyDomainsThatDoNotExist) {
  auto f = run("generated_names", failures(40, false, true, 3));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("failed_domains"), "40");
  f = run("generated_names", failures(40, false, false, 3));
  ASSERT_EQ(f.size(), 1u) << "replies only";
  EXPECT_EQ(f[0].severity, Severity::kLow);
}

TEST(GeneratedNames, LeavesBlockListsAndLiveDomainsAlone) {
  EXPECT_TRUE(run("generated_names", failures(400, true, true, 3)).empty());
  EXPECT_TRUE(run("generated_names", failures(400, false, true, 0)).empty());
  EXPECT_TRUE(run("generated_names", failures(10, false, true, 3)).empty());
}

// --- administrative shares

protocol::smb::SmbFiles file(std::string_view share, std::string_view name, std::string_view disposition) {
  protocol::smb::SmbFiles s;
  s.head = head("10.0.0.5", "10.0.0.9", 445, 1);
  s.action = "SMB::FILE_OPEN";
  s.path = share;
  s.name = name;
  s.disposition = disposition;
  s.access = 0x12019f;
  return s;
}

TEST(AdminShare, FindsProgramsPutThere) {
  record::Batch batch(protocol::smb::SmbFiles::schema);
  file("\\\\SERVER\\ADMIN$", "PSEXESVC.exe", "overwrite_if").append_to(batch, {});
  auto f = run("admin_share", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, (std::vector<std::string>{"T1570", "T1021.002"}));
  file("\\\\SERVER\\C$", "Windows\\System32\\WLBSCTRL.dll", "create").append_to(batch, {});
  f = run("admin_share", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques.back(), "T1574.001");
}

TEST(AdminShare, LeavesReadingDocumentsAndOtherSharesAlone) {
  record::Batch batch(protocol::smb::SmbFiles::schema);
  file("\\\\SERVER\\ADMIN$", "notepad.exe", "open").append_to(batch, {});
  file("\\\\SERVER\\software$", "setup.exe", "create").append_to(batch, {});
  file("\\\\SERVER\\C$", "Reports\\2024.docx", "create").append_to(batch, {});
  file("\\\\SERVER\\IPC$", "a.exe", "create").append_to(batch, {});
  EXPECT_TRUE(run("admin_share", batch).empty());
}

// --- stealers

TEST(StealerUpload, KnowsTheFormOfTheNames) {
  const auto upload = [](std::string_view url) {
    record::Batch batch(protocol::ftp::Ftp::schema);
    protocol::ftp::Ftp f;
    f.head = head("10.0.0.5", "203.0.113.66", 21, 1);
    f.command = "STOR";
    f.arg = url;
    f.append_to(batch, {});
    return run("stealer_upload", batch).size();
  };
  EXPECT_EQ(upload("ftp://203.0.113.66/PW_anna-OFFICE-7_2023_11_02_08_15_30.html"), 1u);
  EXPECT_EQ(upload("ftp://203.0.113.66/PW_anna-OFFICE-7.html"), 0u);
  EXPECT_EQ(upload("ftp://203.0.113.66/SC_2023_11_02_08_15_30.jpeg"), 0u);
  EXPECT_EQ(upload("ftp://203.0.113.66/report_2023_11_02_08_15_30.html"), 0u);
  const auto mail = [](std::string_view subject) {
    record::Batch batch(protocol::smtp::Smtp::schema);
    protocol::smtp::Smtp s;
    s.head = head("10.0.0.5", "203.0.113.66", 587, 1);
    s.subject = subject;
    s.append_to(batch, {});
    return run("stealer_upload", batch).size();
  };
  EXPECT_EQ(mail("PW_anna/OFFICE-7"), 1u);
  EXPECT_EQ(mail("PW_reset instructions / please read"), 0u);
  EXPECT_EQ(mail("Weekly report"), 0u);
}

// --- guessing

record::Batch logins(int count, int accounts, bool success, double pace) {
  record::Batch batch(protocol::ntlm::Ntlm::schema);
  for (int i = 0; i < count; ++i) {
    protocol::ntlm::Ntlm n;
    n.head = head("10.0.0.5", "10.0.0.9", 445, i * pace);
    const std::string name = "user" + std::to_string(i % accounts);
    n.username = name;
    n.success = success || i == count - 1;
    n.append_to(batch, {static_cast<std::uint64_t>(i), 0});
  }
  return batch;
}

TEST(LoginGuessing, TellsGuessingFromSpraying) {
  auto f = run("login_guessing", logins(40, 1, false, 2));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, std::vector<std::string>{"T1110.001"});
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  f = run("login_guessing", logins(15, 15, false, 2));
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, std::vector<std::string>{"T1110.003"});
}

TEST(LoginGuessing, TakesTheStatusWhereTheNegotiationNeverEnds) {
  record::Batch refused(protocol::ntlm::Ntlm::schema), denied(protocol::ntlm::Ntlm::schema);
  for (int i = 0; i < 30; ++i) {
    protocol::ntlm::Ntlm n;
    n.head = head("10.0.0.5", "10.0.0.9", 445, i);
    n.username = "admin";
    n.status = "LOGON_FAILURE";
    n.append_to(refused, {static_cast<std::uint64_t>(i), 0});
    n.status = "NO_LOGON_SERVERS";
    n.append_to(denied, {static_cast<std::uint64_t>(i), 0});
  }
  const auto f = run("login_guessing", refused);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, std::vector<std::string>{"T1110.001"});
  EXPECT_TRUE(run("login_guessing", denied).empty()) << "no password was judged";
}

TEST(LoginGuessing, HttpPasswordsThatAreTurnedDown) {
  const auto requests = [](std::uint64_t status, std::string_view user) {
    record::Batch batch(protocol::http::Http::schema);
    for (int i = 0; i < 30; ++i) {
      protocol::http::Http h;
      h.head = head("203.0.113.66", "192.0.2.10", 80, i);
      h.method = "GET";
      h.uri = "/";
      h.username = user;
      h.status_code = status;
      h.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("login_guessing", batch).size();
  };
  EXPECT_EQ(requests(401, "admin"), 1u);
  EXPECT_EQ(requests(200, "admin"), 0u);
  EXPECT_EQ(requests(401, ""), 0u) << "asked for, none given";
}

TEST(LoginGuessing, LeavesOrdinaryLoginsAlone) {
  EXPECT_TRUE(run("login_guessing", logins(400, 50, true, 2)).empty());
  EXPECT_TRUE(run("login_guessing", logins(5, 1, false, 2)).empty()) << "somebody mistyped";
  EXPECT_TRUE(run("login_guessing", logins(100, 1, false, 600)).empty()) << "an old password, for days";
}

TEST(LoginGuessing, KerberosNamesAccountsThatDoNotExist) {
  record::Batch batch(protocol::krb::Kerberos::schema), normal(protocol::krb::Kerberos::schema);
  for (int i = 0; i < 30; ++i) {
    protocol::krb::Kerberos k;
    k.head = head("10.0.0.5", "10.0.0.2", 88, i);
    const std::string name = "guess" + std::to_string(i) + "/EXAMPLE.ORG";
    k.request_type = "AS";
    k.client = name;
    k.success = false;
    k.error_code = 6;
    k.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    k.error_code = 25;  // pre-authentication wanted: every login begins so
    k.append_to(normal, {static_cast<std::uint64_t>(i), 0});
  }
  const auto f = run("login_guessing", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques, std::vector<std::string>{"T1087.002"});
  EXPECT_TRUE(run("login_guessing", normal).empty());
}

// --- forced log-ons

TEST(RemoteProcedure, PathsThatLeadElsewhereForceLogons) {
  const auto call = [](std::string_view interface, std::string_view operation, std::string_view path) {
    record::Batch batch(protocol::dce_rpc::DceRpc::schema);
    protocol::dce_rpc::DceRpc r;
    r.head = head("10.0.0.66", "10.0.0.2", 445, 1);
    r.endpoint = interface;
    r.operation = operation;
    const std::string_view strings[] = {path};
    r.strings = strings;
    r.append_to(batch, {});
    return run("remote_procedure", batch);
  };
  auto f = call("efsrpc2", "EfsRpcOpenFileRaw", "\\\\10.0.0.66\\share\\a.txt");
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].techniques[0], "T1187");
  EXPECT_EQ(call("netdfs", "NetrDfsRemoveStdRoot", "10.0.0.66").size(), 1u);
  EXPECT_TRUE(call("efsrpc", "EfsRpcOpenFileRaw", "\\\\10.0.0.2\\share\\a.txt").empty()) << "the server's own file";
  EXPECT_TRUE(call("efsrpc", "EfsRpcOpenFileRaw", "\\\\SERVER\\share\\a.txt").empty());
  EXPECT_TRUE(call("spoolss", "RpcRemoteFindFirstPrinterChangeNotificationEx", "\\\\CLIENT").empty())
      << "what printers' clients do";
}

// --- what one-sided captures show

TEST(OneSided, CallsThatWentOnAreNoScan) {
  record::Batch went_on(connection::Conn::schema), silent(connection::Conn::schema);
  for (int i = 0; i < 8; ++i) {
    connection::Conn c;
    const std::string server = "203.0.113." + std::to_string(i + 1);
    c.head = head("10.0.0.5", server, 443, i);
    c.proto = "tcp";
    c.ip_proto = 6;
    c.orig_pkts = 8;
    c.history = "SAD";
    c.append_to(went_on, {static_cast<std::uint64_t>(i), 0});
    c.history = "S";
    c.append_to(silent, {static_cast<std::uint64_t>(i), 0});
  }
  EXPECT_TRUE(run("scan", went_on).empty()) << "only the replies were not captured";
  EXPECT_EQ(run("scan", silent).size(), 1u);
}

TEST(OneSided, PeersOfAProtocolAreNoScan) {
  record::Batch peers(connection::Conn::schema), probes(connection::Conn::schema);
  for (int i = 0; i < 14; ++i) {
    connection::Conn c;
    const std::string server = "203.0.113." + std::to_string(i + 1);
    c.head = head("10.0.0.5", server, 4342, i, 4342);
    c.proto = "udp";
    c.ip_proto = 17;
    c.orig_pkts = 1;
    c.history = "D";
    c.append_to(peers, {static_cast<std::uint64_t>(i), 0});
    c.head.id.orig_p = {50000};
    c.append_to(probes, {static_cast<std::uint64_t>(i), 0});
  }
  EXPECT_TRUE(run("scan", peers).empty());
  EXPECT_EQ(run("scan", probes).size(), 1u);
}

TEST(OneSided, UnansweredSearchForFolders) {
  const auto requests = [](bool linked, bool own_connections) {
    record::Batch batch(protocol::http::Http::schema);
    for (int i = 0; i < 12; ++i) {
      protocol::http::Http h;
      h.head =
          head("203.0.113.66", "192.0.2.10", 80, i, static_cast<std::uint16_t>(own_connections ? 50000 + i : 50000));
      const std::string uri = "/folder" + std::to_string(i) + "/index";
      h.method = "GET";
      h.host = "www.example";
      h.uri = uri;
      if (linked) h.referrer = "http://www.example/";
      h.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("web_attack", batch).size();
  };
  EXPECT_EQ(requests(false, true), 1u);
  EXPECT_EQ(requests(true, true), 0u) << "a page's parts";
  EXPECT_EQ(requests(false, false), 0u) << "one client's connection";
}

// --- logins onward from a host that was entered

protocol::ssh::Ssh login(const std::string& from, const std::string& to, double seconds) {
  protocol::ssh::Ssh s;
  s.head = head(from, to, 22, seconds);
  s.auth_success = true;
  return s;
}

std::vector<Finding> onward(const record::Batch& batch, const std::vector<Finding>& others) {
  std::unique_ptr<Detector> detector;
  for (const Entry& e : detectors())
    if (e.name == "remote_login") detector = e.make({});
  detector->take(batch);
  Home home;
  home.networks = {*base::Network::parse("192.0.2.0/24"), *base::Network::parse("10.0.0.0/8")};
  std::vector<Finding> out;
  detector->finish(home, out);
  EXPECT_TRUE(out.empty()) << "a login is nothing by itself";
  detector->conclude(home, others, out);
  seal(out);
  return out;
}

Finding entry(const std::string& from, const std::string& to, double seconds, Outcome outcome = Outcome::kSucceeded) {
  Finding f;
  f.detector = "web_attack";
  f.phase = Phase::kEntry;
  f.outcome = outcome;
  f.severity = Severity::kHigh;
  f.confidence = 0.9;
  f.attacker = {"host", from};
  f.victim = {"host", to};
  f.add("http", head(from, to, 80, seconds));
  return f;
}

TEST(RemoteLogin, OnwardFromAnEnteredHost) {
  record::Batch batch(protocol::ssh::Ssh::schema);
  login("192.0.2.10", "10.1.0.20", 100).append_to(batch, {});
  login("10.1.0.20", "10.1.0.30", 200).append_to(batch, {1, 0});
  login("10.1.0.40", "10.1.0.20", 210).append_to(batch, {2, 0});
  const auto f = onward(batch, {entry("203.0.113.66", "192.0.2.10", 50)});
  ASSERT_EQ(f.size(), 2u);
  EXPECT_EQ(f[0].phase, Phase::kSpread);
  EXPECT_EQ(f[0].techniques[0], "T1021.004");
  EXPECT_EQ(f[0].victim.value, "10.1.0.20");
  EXPECT_EQ(f[1].attacker.value, "10.1.0.20") << "and further on from there";
  EXPECT_LT(f[1].confidence, f[0].confidence);
  EXPECT_FALSE(f[0].fact("inferred").empty());
}

TEST(RemoteLogin, NotWithoutAnEntryNorOnAnOldWay) {
  record::Batch batch(protocol::ssh::Ssh::schema);
  login("192.0.2.10", "10.1.0.20", 10).append_to(batch, {});
  login("192.0.2.10", "10.1.0.20", 100).append_to(batch, {1, 0});
  EXPECT_TRUE(onward(batch, {entry("203.0.113.66", "192.0.2.10", 50)}).empty()) << "it did so before";
  EXPECT_TRUE(onward(batch, {}).empty());
  EXPECT_TRUE(onward(batch, {entry("203.0.113.66", "192.0.2.10", 5, Outcome::kUnknown)}).empty());
}

TEST(RemoteLogin, AnAttackerThatGetsInWithAnAccount) {
  record::Batch batch(protocol::ssh::Ssh::schema);
  login("203.0.113.66", "192.0.2.10", 100).append_to(batch, {});
  login("198.51.100.9", "192.0.2.10", 100).append_to(batch, {1, 0});
  const auto f = onward(batch, {entry("203.0.113.66", "192.0.2.25", 50, Outcome::kAttempted)});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].phase, Phase::kEntry);
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
}

TEST(RemoteLogin, DoorsTriedInVain) {
  const auto tried = [](std::string_view state, double at) {
    std::unique_ptr<Detector> detector;
    for (const Entry& e : detectors())
      if (e.name == "remote_login") detector = e.make({});
    record::Batch batch(connection::Conn::schema);
    connection::Conn c;
    c.head = head("10.1.0.5", "10.1.0.20", 135, at);
    c.proto = "tcp";
    c.conn_state = state;
    c.append_to(batch, {});
    detector->take(batch);
    Home home;
    home.networks = {*base::Network::parse("10.0.0.0/8")};
    std::vector<Finding> out;
    detector->conclude(home, std::vector<Finding>{entry("203.0.113.66", "10.1.0.5", 50)}, out);
    return out;
  };
  const auto f = tried("S0", 100);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kAttempted);
  EXPECT_EQ(f[0].phase, Phase::kSpread);
  EXPECT_TRUE(tried("SF", 100).empty()) << "a login, or not, is seen by its records";
  EXPECT_TRUE(tried("S0", 10).empty()) << "before it was entered";
}

// --- exploits of SMB 1, encrypted Heartbleed

std::vector<Finding> weird(std::vector<std::pair<std::string, std::string>> names) {
  record::Batch batch(connection::Weird::schema);
  std::uint64_t i = 0;
  for (const auto& [name, addl] : names) {
    connection::Weird w;
    w.head = head("10.0.0.5", "10.0.0.9", 445, 1 + static_cast<double>(i));
    w.name = name;
    w.addl = addl;
    w.append_to(batch, {i++, 0});
  }
  return run("protocol_exploit", batch);
}

TEST(Smb1Exploit, EternalBlueAndDoublePulsar) {
  auto f = weird({{"smb1_transactions_mixed", "NT_TRANSACT continued as TRANSACTION2"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("cve"), "CVE-2017-0144");
  f = weird({{"smb1_reserved_subcommand", "TRANS2_SESSION_SETUP"},
             {"smb1_response_to_no_request", "command 50, multiplex id 81"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].phase, Phase::kFoothold);
  f = weird({{"smb1_reserved_subcommand", "TRANS2_SESSION_SETUP"}});
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kAttempted);
  EXPECT_TRUE(weird({{"smb1_response_to_no_request", "command 114, multiplex id 7"}, {"smb_malformed", ""}}).empty());
}

TEST(EncryptedHeartbleed, ByTheLengths) {
  const auto lengths = [](std::optional<std::uint64_t> orig, std::optional<std::uint64_t> resp, bool early) {
    record::Batch batch(protocol::Encrypted::schema);
    protocol::Encrypted e;
    e.head = head("203.0.113.66", "192.0.2.10", 443, 1);
    e.orig_heartbeat = orig;
    e.resp_heartbeat = resp;
    e.early_heartbeat = early;
    e.append_to(batch, {});
    return run("protocol_exploit", batch);
  };
  auto f = lengths(43, 16427, false);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].victim.value, "192.0.2.10");
  f = lengths(86, std::nullopt, true);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kAttempted);
  EXPECT_TRUE(lengths(86, 86, true).empty()) << "an honest echo";
  EXPECT_TRUE(lengths(86, std::nullopt, false).empty()) << "kept alive later on";
}

}  // namespace
}  // namespace whodunit::detect
