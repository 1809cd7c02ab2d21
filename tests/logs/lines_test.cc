// Lines of other sensors' logs as rows: what is taken, what is refused, and why.
#include <gtest/gtest.h>

#include <fstream>

#include "connection/conn_record.h"
#include "logs/line.h"
#include "logs/logs.h"
#include "logs/row.h"
#include "protocol/dns/dns.h"
#include "protocol/http/http.h"
#include "protocol/parser.h"
#include "protocol/tls/ssl_record.h"
#include "record/alert.h"
#include "record/uid.h"

namespace whodunit::logs {
namespace {

/// Rows as they come, in batches by type.
struct Taken final : RowTaker {
  std::map<std::string, std::unique_ptr<record::Batch>> batches;
  std::vector<base::Time> when;
  void row(Row& row, base::Time t) override {
    auto& batch = batches[std::string(row.schema().name)];
    if (!batch) batch = std::make_unique<record::Batch>(row.schema());
    row.append_to(*batch);
    when.push_back(t);
  }
  template <class R>
  R read(std::size_t n) {
    return R::read(*batches.at(std::string(R::schema.name)), n);
  }
};

class Lines : public testing::Test {
 protected:
  static void SetUpTestSuite() { protocol::register_records(); }
  Line give(LineReader& reader, std::string_view text) {
    why.clear();
    return reader.line(text, ++number, taken, why);
  }
  Taken taken;
  std::string why;
  std::uint64_t number = 0;
};

TEST_F(Lines, ZeekTsvWithItsHeader) {
  const auto reader = make_zeek_tsv_reader(nullptr);
  for (const char* line :
       {"#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn",
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t"
        "orig_bytes\tconn_state\tlocal_orig\ttunnel_parents\tlabel",
        "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tstring\tbool\t"
        "set[string]\tstring"})
    EXPECT_EQ(give(*reader, line), Line::kNothing) << line << why;
  EXPECT_EQ(give(*reader,
                 "1523241953.739049\tCnNNBEdMXvDqNmuq7\t172.5.5.113\t49417\t14.17.32.211\t80\ttcp\thttp\t30.308350\t"
                 "4083\tS1\tT\t(empty)\tBenign"),
            Line::kRows)
      << why;
  const auto c = taken.read<connection::Conn>(0);
  EXPECT_EQ(c.head.ts.ns, 1523241953739049000);
  EXPECT_EQ(c.head.uid, record::uid_of_text("CnNNBEdMXvDqNmuq7"));
  EXPECT_EQ(c.head.id.orig_h.to_string(), "172.5.5.113");
  EXPECT_EQ(c.head.id.resp_p.value, 80);
  EXPECT_EQ(c.duration->ns, 30308350000);
  EXPECT_EQ(c.orig_bytes, 4083u);
  EXPECT_FALSE(c.resp_bytes.has_value());
  EXPECT_EQ(c.local_orig, true);
  EXPECT_NE(c.tunnel_parents.data(), nullptr);
  EXPECT_EQ(c.tunnel_parents.size(), 0u);
  EXPECT_EQ(c.ip_proto, 6u);
  EXPECT_EQ(c.community_id, "1:CtpkM8732ncl+urC+3Y3WY9cQPk=") << "as Zeek's own for this connection";
  EXPECT_EQ(c.head.place.first, 8u) << "the line";
  EXPECT_EQ(taken.when[0].ns, 1523241953739049000 + 30308350000) << "a connection comes at its end";
}

TEST_F(Lines, ZeekTsvEscapesAndUnsetAreUndone) {
  const auto reader = make_zeek_tsv_reader(&protocol::http::Http::schema);
  give(*reader, "#fields\tts\turi\tuser_agent\treferrer\tresp_mime_types");
  EXPECT_EQ(give(*reader, "1.5\t/a\\x09b\\\\c\t(empty)\t-\ttext/html,a\\x2cb"), Line::kRows) << why;
  const auto h = taken.read<protocol::http::Http>(0);
  EXPECT_EQ(h.uri, "/a\tb\\c");
  EXPECT_NE(h.user_agent.data(), nullptr);
  EXPECT_EQ(h.user_agent, "");
  EXPECT_EQ(h.referrer.data(), nullptr);
  ASSERT_EQ(h.resp_mime_types.size(), 2u);
  EXPECT_EQ(h.resp_mime_types[1], "a,b");
}

TEST_F(Lines, ZeekTsvMalformedLinesSayWhyAndTheRestGoesOn) {
  const auto reader = make_zeek_tsv_reader(&connection::Conn::schema);
  EXPECT_EQ(give(*reader, "1\t2"), Line::kMalformed) << "no #fields yet";
  give(*reader, "#fields\tts\tid.orig_h\tid.orig_p\tproto\torig_bytes");
  EXPECT_EQ(give(*reader, "1.0\t10.0.0.1\t80"), Line::kMalformed);
  EXPECT_EQ(why, "3 columns where #fields names 5");
  EXPECT_EQ(give(*reader, "yesterday\t10.0.0.1\t80\ttcp\t1"), Line::kMalformed);
  EXPECT_NE(why.find("\"yesterday\" is no value of ts"), std::string::npos);
  EXPECT_EQ(give(*reader, "1.0\tten\t80\ttcp\t1"), Line::kMalformed);
  EXPECT_EQ(give(*reader, "1.0\t10.0.0.1\t65536\ttcp\t1"), Line::kMalformed);
  EXPECT_EQ(give(*reader, "-\t10.0.0.1\t80\ttcp\t1"), Line::kMalformed) << "no time";
  EXPECT_EQ(give(*reader, "99999999999999999999\t10.0.0.1\t80\ttcp\t1"), Line::kMalformed);
  EXPECT_TRUE(taken.batches.empty());
  // A field that is none is left out, and told.
  EXPECT_EQ(give(*reader, "1.0\t10.0.0.1\t80\ttcp\tmany"), Line::kRows);
  EXPECT_NE(why.find("orig_bytes"), std::string::npos);
  EXPECT_FALSE(taken.read<connection::Conn>(0).orig_bytes.has_value());
}

TEST(Times, OfFieldsMayLieFarAwayOfRowsNot) {
  EXPECT_EQ(parse_log_time("-2082844800.000000")->ns, -2082844800'000000000);  // 1904: where some file systems begin
  EXPECT_EQ(parse_log_time("9214646399.000000")->ns, 9214646399'000000000);    // 2261: a certificate without an end
  EXPECT_EQ(parse_log_time("-2082844800000")->ns, -2082844800'000000000);
  EXPECT_FALSE(parse_log_time("9223372036.900000"));
  EXPECT_FALSE(parse_log_time("1e10"));
  EXPECT_FALSE(parse_row_time("-1.0"));
  EXPECT_EQ(parse_row_time("0.000001")->ns, 1000);
}

TEST_F(Lines, ZeekJsonInAllItsSpellings) {
  const auto reader = make_zeek_json_reader(&connection::Conn::schema);
  EXPECT_EQ(
      give(*reader, R"({"ts":1700828217.314165,"uid":"CfykLO1IT1nVRJhLA3","id.orig_h":"192.168.1.9","id.orig_p":50820,)"
                    R"("id.resp_h":"45.33.32.156","id.resp_p":443,"proto":"tcp","duration":0.20696377754211426,)"
                    R"("orig_bytes":0,"conn_state":"REJ","local_orig":true,"tunnel_parents":["CfykLO1IT1nVRJhLA3"]})"),
      Line::kRows)
      << why;
  EXPECT_EQ(give(*reader, R"({"ts":"2023-11-24T12:16:57.314165Z","id":{"orig_h":"::1","orig_p":1},"proto":"udp"})"),
            Line::kRows)
      << why;
  EXPECT_EQ(give(*reader, R"({"ts":1700828217314,"id_orig_h":"10.0.0.1","id_orig_p":7,"proto":"udp","service":null})"),
            Line::kRows)
      << why;
  const auto a = taken.read<connection::Conn>(0), b = taken.read<connection::Conn>(1),
             c = taken.read<connection::Conn>(2);
  EXPECT_EQ(a.head.ts.ns, 1700828217314165000);
  EXPECT_EQ(a.duration->ns, 206963778);
  ASSERT_EQ(a.tunnel_parents.size(), 1u);
  EXPECT_EQ(a.tunnel_parents[0], a.head.uid.to_string()) << "ids within fields are turned as the uid is";
  EXPECT_EQ(b.head.ts, a.head.ts);
  EXPECT_EQ(b.head.id.orig_p.value, 1);
  EXPECT_EQ(c.head.ts.ns, 1700828217314000000);
  EXPECT_EQ(c.service.data(), nullptr);
  for (const char* bad :
       {"{", "[1]", "{\"ts\":1}x", "{\"uid\":\"C\"}", R"({"ts":-5})", R"({"ts":1,"id.orig_p":70000})"})
    EXPECT_EQ(give(*reader, bad), Line::kMalformed) << bad;
}

TEST_F(Lines, EveFlowGivesZeeksState) {
  const auto reader = make_eve_reader();
  const auto flow = [&](const std::string& ts, const std::string& tc, int there, int back) {
    return give(
        *reader,
        R"({"timestamp":"2021-06-06T15:59:46.457984+0200","flow_id":17,"event_type":"flow","src_ip":"10.0.0.1",)"
        R"("src_port":5000,"dest_ip":"10.0.0.2","dest_port":80,"proto":"TCP","app_proto":"tls","flow":{)"
        R"("pkts_toserver":)" +
            std::to_string(there) + R"(,"pkts_toclient":)" + std::to_string(back) + R"(,"bytes_toserver":)" +
            std::to_string(there * 60) + R"(,"bytes_toclient":)" + std::to_string(back * 1000) +
            R"(,"start":"2021-06-06T15:59:40.0+0200","end":"2021-06-06T15:59:42.5+0200"},)"
            R"("tcp":{"tcp_flags_ts":")" +
            ts + R"(","tcp_flags_tc":")" + tc + R"("}})");
  };
  EXPECT_EQ(flow("02", "00", 1, 0), Line::kRows) << why;
  EXPECT_EQ(flow("02", "14", 1, 1), Line::kRows);
  EXPECT_EQ(flow("1b", "1b", 6, 5), Line::kRows);
  EXPECT_EQ(flow("1e", "1a", 6, 5), Line::kRows);
  EXPECT_EQ(flow("18", "18", 6, 5), Line::kRows);
  const char* states[] = {"S0", "REJ", "SF", "RSTO", "OTH"};
  for (std::size_t i = 0; i < std::size(states); ++i)
    EXPECT_EQ(taken.read<connection::Conn>(i).conn_state, states[i]) << i;
  const auto c = taken.read<connection::Conn>(2);
  EXPECT_EQ(base::to_rfc3339(c.head.ts).substr(0, 19), "2021-06-06T13:59:40");
  EXPECT_EQ(c.duration->ns, 2500000000);
  EXPECT_EQ(c.service, "ssl");
  EXPECT_EQ(c.resp_ip_bytes, 5u * (1000 - 14));
  EXPECT_EQ(c.orig_bytes, 0u) << "60-byte frames hold options at most";
  EXPECT_EQ(c.resp_bytes, 5u * (1000 - 54));
  EXPECT_EQ(c.history.substr(0, 3), "ShA");
}

TEST_F(Lines, EveDnsQueryAndAnswerAreOneRecord) {
  const auto reader = make_eve_reader();
  const std::string head =
      R"("flow_id":5,"event_type":"dns","src_ip":"10.0.0.1","src_port":5353,"dest_ip":"10.0.0.2","dest_port":53,"proto":"UDP",)";
  give(*reader, R"({"timestamp":"2010-08-21T02:10:55.0+0000",)" + head +
                    R"("dns":{"type":"query","id":7,"rrname":"a.example","rrtype":"A"}})");
  give(*reader, R"({"timestamp":"2010-08-21T02:10:55.1+0000",)" + head +
                    R"("dns":{"type":"query","id":8,"rrname":"b.example","rrtype":"TXT"}})");
  EXPECT_TRUE(taken.batches.empty());
  give(*reader, R"({"timestamp":"2010-08-21T02:10:55.25+0000",)" + head +
                    R"("dns":{"type":"answer","id":7,"rrname":"a.example","rrtype":"A","rcode":"NOERROR","aa":true,)"
                    R"("answers":[{"rrname":"a.example","rrtype":"A","ttl":60,"rdata":"192.0.2.1"}]}})");
  reader->finish(taken);
  const auto a = taken.read<protocol::dns::Dns>(0), b = taken.read<protocol::dns::Dns>(1);
  EXPECT_EQ(a.query, "a.example");
  EXPECT_EQ(a.rtt->ns, 250000000);
  EXPECT_EQ(a.answers[0], "192.0.2.1");
  EXPECT_EQ(a.TTLs[0].ns, 60000000000);
  EXPECT_EQ(a.qtype, 1u);
  EXPECT_EQ(a.head.place.first, 1u);
  EXPECT_EQ(a.head.place.last, 3u);
  EXPECT_EQ(b.query, "b.example");
  EXPECT_EQ(b.rcode_name.data(), nullptr) << "never answered";
}

TEST_F(Lines, EveTlsGivesItsCertificateAndAlertItsClaim) {
  const auto reader = make_eve_reader();
  give(
      *reader,
      R"({"timestamp":"2015-05-12T08:06:48.297319+0000","flow_id":1,"event_type":"tls","src_ip":"10.8.0.1","src_port":44536,)"
      R"("dest_ip":"74.125.136.141","dest_port":443,"proto":"TCP","tls":{"sni":"a.example","version":"TLS 1.2","subject":"CN=a",)"
      R"("issuerdn":"CN=a","fingerprint":"AB:CD","serial":"01:02","notbefore":"2015-01-01T00:00:00","ja3":{"hash":"x"}}})");
  give(
      *reader,
      R"({"timestamp":"2015-05-12T08:06:49.0+0000","flow_id":1,"event_type":"alert","src_ip":"74.125.136.141","src_port":443,)"
      R"("dest_ip":"10.8.0.1","dest_port":44536,"proto":"TCP","alert":{"action":"allowed","signature_id":9,"signature":"S",)"
      R"("category":"C","severity":1,"metadata":{"mitre_technique_id":["T1071"]}}})");
  EXPECT_EQ(taken.read<protocol::tls::Ssl>(0).version, "TLSv12");
  EXPECT_EQ(taken.read<protocol::tls::Ssl>(0).ja3, "x");
  const auto alert = taken.read<record::Alert>(0);
  EXPECT_EQ(alert.signature_id, 9u);
  EXPECT_EQ(alert.techniques[0], "T1071");
  EXPECT_EQ(alert.head.id.orig_h.to_string(), "10.8.0.1") << "turned to the flow's client";
  EXPECT_EQ(give(*reader, R"({"timestamp":"2015-05-12T08:06:49.0+0000","event_type":"stats","stats":{}})"),
            Line::kPassedOver);
  EXPECT_EQ(reader->passed_over().at("stats"), 1u);
  for (const char* bad :
       {"{}", "x", R"({"event_type":"dns"})", R"({"event_type":"dns","timestamp":"99999-01-01T00:00:00Z"})",
        R"({"event_type":"dns","timestamp":"2015-05-12T08:06:49.0+0000","src_ip":"x"})",
        R"({"event_type":"dns","timestamp":"2015-05-12T08:06:49.0+0000","src_port":65536})"})
    EXPECT_EQ(give(*reader, bad), Line::kMalformed) << bad;
}

TEST_F(Lines, RecognisedByContentAndName) {
  EXPECT_EQ(recognise("#separator \\x09\n#path\tdns\n", "x").format, "zeek dns");
  EXPECT_EQ(recognise("\t#separator \\x09\n#path\tconn\n", "x").schema, &connection::Conn::schema);
  EXPECT_EQ(recognise(R"({"ts":1.0,"uid":"C"})", "conn.2024-01-02.log.gz").format, "zeek conn json");
  EXPECT_EQ(recognise(R"({"ts":1.0,"uid":"C"})", "site_smb_files.ndjson").path, "smb_files");
  EXPECT_EQ(recognise(R"({"_path":"dns","ts":1.0})", "conn.log").path, "dns");
  EXPECT_EQ(recognise(R"({"ts":1.0,"method":"GET","host":"a","uri":"/","user_agent":"u"})", "export").path, "http");
  EXPECT_TRUE(recognise(R"({"timestamp":"x","event_type":"flow"})", "a.json").is_log);
  EXPECT_FALSE(recognise("\xd4\xc3\xb2\xa1", "a.pcap").is_log);
  EXPECT_FALSE(recognise(R"({"type":"bundle"})", "stix.json").is_log);
  EXPECT_FALSE(recognise("", "empty").is_log);
  const Recognised stats = recognise("#separator \\x09\n#path\tstats\n", "stats.log");
  EXPECT_TRUE(stats.is_log);
  EXPECT_EQ(stats.schema, nullptr);
}

TEST_F(Lines, LogsAreMergedByTimeAndLongLinesArePassedOver) {
  const std::string folder = testing::TempDir() + "whodunit_logs_" + std::to_string(::getpid());
  ASSERT_EQ(std::system(("rm -rf " + folder + " && mkdir " + folder).c_str()), 0);
  const auto head = [](const char* path) {
    return std::string("#separator \\x09\n#path\t") + path +
           "\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\t" +
           (std::string(path) == "conn" ? "proto" : "query") + "\n";
  };
  std::ofstream conn(folder + "/conn.log"), dns(folder + "/dns.log");
  conn << head("conn");
  dns << head("dns");
  for (int i = 0; i < 1000; ++i) {
    conn << 2 * i << ".5\tC" << i << "\t10.0.0.1\t1\t10.0.0.2\t2\tudp\n";
    dns << 2 * i + 1 << ".5\tC" << i << "\t10.0.0.1\t1\t10.0.0.2\t53\tq" << i << ".example\n";
  }
  conn << std::string(3 << 20, 'x') << "\n9999.0\tClast\t10.0.0.1\t1\t10.0.0.2\t2\tudp";
  conn.close();
  dns.close();
  std::ofstream(folder + "/stats.log") << "#separator \\x09\n#path\tstats\n#fields\tts\n";
  std::ofstream(folder + "/readme.txt") << "no log\n";
  Opened opened = open({folder});
  ASSERT_TRUE(opened.source);
  EXPECT_EQ(opened.taken.size(), 3u);
  EXPECT_EQ(opened.passed_over, std::vector<std::string>{"stats.log"});
  record::Sink sink;
  // In stretches of 100 lines the two logs go forward together.
  base::Time last_conn, last_dns;
  std::size_t rows = 0;
  for (bool more = true; more;) {
    more = opened.source->read(sink, 100, 7);
    for (const auto& batch : sink.batches()) {
      if (!batch || batch->empty()) continue;
      rows += batch->rows();
      (batch->schema().name == "conn" ? last_conn : last_dns) = batch->head(batch->rows() - 1).ts;
      EXPECT_EQ(batch->head(0).place.capture_first, batch->schema().name == "conn" ? 7u : 8u);
      batch->clear();
    }
    if (more) {
      EXPECT_LE(std::abs((last_conn - last_dns).ns), 4'000'000'000);
    }
  }
  EXPECT_EQ(rows, 2001u);
  const auto& infos = opened.source->captures();
  EXPECT_EQ(infos[0].name, "conn.log");
  EXPECT_EQ(infos[0].lines, 1002u);
  EXPECT_EQ(infos[0].unread, 1u);
  EXPECT_NE(infos[0].reason.find("line 1004: longer than 1 MiB"), std::string::npos) << infos[0].reason;
  EXPECT_EQ(infos[1].sha256.size(), 64u);
}

}  // namespace
}  // namespace whodunit::logs
