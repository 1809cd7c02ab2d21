// The log writers against Zeek's own spellings of the same values.
#include <gtest/gtest.h>

#include <array>

#include "record/batch.h"
#include "record/sample.h"
#include "report/json_logs.h"
#include "report/zeek_logs.h"

namespace whodunit::report {
namespace {

using record::test::Sample;

record::Head head() {
  record::Head h;
  h.ts = {1523241953'739049000};
  h.uid = {62};
  h.id = {*base::Address::parse("172.5.5.113"), *base::Address::parse("2001:db8::1"), {49417}, {80}};
  return h;
}

std::string json_of(const Sample& sample) {
  record::Batch batch(Sample::schema);
  sample.append_to(batch, {});
  std::string out;
  append_json_rows(out, batch);
  return out;
}

std::string zeek_of(const Sample& sample) {
  record::Batch batch(Sample::schema);
  sample.append_to(batch, {});
  std::string out;
  append_zeek_rows(out, batch);
  return out;
}

Sample full() {
  static const std::array<std::string_view, 3> kNames = {"a,b", "", "c"};
  static const std::array<base::Duration, 2> kTtls = {base::seconds(300), base::milliseconds(1500)};
  static const std::array<std::uint64_t, 2> kSizes = {1, 18446744073709551615u};
  Sample s;
  s.head = head();
  s.flag = true;
  s.count = 7;
  s.whole = -3;
  s.real = 9.5367431640625e-07;
  s.when = base::Time{-1'500'000'000};
  s.took = base::Duration{1};
  s.host = *base::Address::parse("0.0.0.0");
  s.port = {443};
  s.text = "x\ty\\z";
  s.other = {1};
  s.file = {2};
  s.names = kNames;
  s.ttls = kTtls;
  s.sizes = kSizes;
  return s;
}

TEST(JsonLogs, EveryType) {
  EXPECT_EQ(json_of(full()),
            R"({"ts":1523241953.739049,"uid":"C00000000010","id.orig_h":"172.5.5.113","id.orig_p":49417,)"
            R"("id.resp_h":"2001:db8::1","id.resp_p":80,"flag":true,"count":7,"whole":-3,"real":9.5367431640625e-07,)"
            R"("when":-1.5,"took":0.000000001,"host":"0.0.0.0","port":443,"text":"x\ty\\z","other":"C00000000001",)"
            R"("file":"F00000000002","names":["a,b","","c"],"TTLs":[300.0,1.5],"sizes":[1,18446744073709551615]})"
            "\n");
}

TEST(JsonLogs, LeavesOutWhatIsUnset) {
  EXPECT_EQ(json_of(Sample{}), R"({"ts":0.0,"flag":false,"whole":0,"real":0.0,"host":"::","port":0})"
                               "\n");
}

TEST(JsonLogs, EndpointsWithoutUidStay) {
  Sample s;
  s.head = head();
  s.head.uid = {};
  EXPECT_EQ(json_of(s).substr(0, 50), R"({"ts":1523241953.739049,"id.orig_h":"172.5.5.113",)");
}

// By the rules of Zeek 8.2's JSON writer for bytes; the first two are values of its logs.
TEST(JsonLogs, BytesAsZeek) {
  const auto text_of = [](std::string_view text) {
    Sample s;
    s.text = text;
    const std::string line = json_of(s);
    const std::size_t at = line.find("\"text\":") + 7;
    return line.substr(at, line.rfind('}') - at);
  };
  EXPECT_EQ(text_of({"GPS\0", 4}), R"("GPS\\x00")");
  EXPECT_EQ(text_of("\x01\x02__MSBROWSE__\x02"), R"("\\x01\\x02__MSBROWSE__\\x02")");
  EXPECT_EQ(text_of("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
  // One bad byte, and no other byte beyond ASCII is trusted.
  EXPECT_EQ(text_of("\xc3\xb1\xc0\x81"), R"("\\xc3\\xb1\\xc0\\x81")");
  EXPECT_EQ(text_of("a\r\n\t\"\\"), R"("a\r\n\t\"\\")");
  EXPECT_EQ(text_of("\x7f"), R"("\\x7f")");
  EXPECT_EQ(text_of("\xc2\x85"), R"("\\xc2\\x85")");           // a C1 control
  EXPECT_EQ(text_of("\xee\x80\x80"), R"("\\xee\\x80\\x80")");  // private use
  EXPECT_EQ(text_of("\xed\xa0\x80"), R"("\\xed\\xa0\\x80")");  // a surrogate
  EXPECT_EQ(text_of("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
  EXPECT_EQ(text_of("\xf0\x9f\x98"), R"("\\xf0\\x9f\\x98")");  // cut off
  EXPECT_EQ(text_of(std::string_view("", 0)), R"("")");
}

TEST(ZeekLogs, EveryType) {
  EXPECT_EQ(zeek_of(full()),
            "1523241953.739049\tC00000000010\t172.5.5.113\t49417\t2001:db8::1\t80\tT\t7\t-3\t9.5367431640625e-07\t"
            "-1.500000\t0.000000001\t0.0.0.0\t443\tx\\x09y\\\\z\tC00000000001\tF00000000002\ta\\x2cb,(empty),c\t"
            "300.000000,1.500000\t1,18446744073709551615\n");
}

TEST(ZeekLogs, UnsetAndReserved) {
  Sample s;
  EXPECT_EQ(zeek_of(s), "0.000000\t-\t-\t-\t-\t-\tF\t-\t0\t0.0\t-\t-\t::\t0\t-\t-\t-\t-\t-\t-\n");
  static const std::array<std::string_view, 1> kOne = {"-"};
  s.text = "-";
  s.names = kOne;
  s.sizes = record::Counts(reinterpret_cast<const std::uint64_t*>(&s), std::size_t{0});
  EXPECT_EQ(zeek_of(s), "0.000000\t-\t-\t-\t-\t-\tF\t-\t0\t0.0\t-\t-\t::\t0\t\\x2d\t-\t-\t\\x2d\t-\t(empty)\n");
  s.text = "(empty)";
  s.names = {};
  s.sizes = {};
  EXPECT_NE(zeek_of(s).find("\t\\x28empty)\t"), std::string::npos);
  s.text = "two\nlines";
  EXPECT_NE(zeek_of(s).find("\ttwo\\x0alines\t"), std::string::npos);
}

TEST(ZeekLogs, Header) {
  std::string out;
  append_zeek_header(out, Sample::schema, base::Time{1523241953'739049000});
  EXPECT_EQ(
      out,
      "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tsample\n"
      "#open\t2018-04-09-02-45-53\n"
      "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tflag\tcount\twhole\treal\twhen\ttook\thost\t"
      "port\ttext\tother\tfile\tnames\tTTLs\tsizes\n"
      "#types\ttime\tstring\taddr\tport\taddr\tport\tbool\tcount\tint\tdouble\ttime\tinterval\taddr\tport\tstring\t"
      "string\tstring\tvector[string]\tvector[interval]\tvector[count]\n");
  out.clear();
  append_zeek_footer(out, base::Time{0});
  EXPECT_EQ(out, "#close\t1970-01-01-00-00-00\n");
}

}  // namespace
}  // namespace whodunit::report
