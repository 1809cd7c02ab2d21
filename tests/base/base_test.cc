#include <gtest/gtest.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/time.h"

namespace whodunit::base {
namespace {

TEST(Cursor, FailsForGoodAtTheEnd) {
  const std::uint8_t data[] = {1, 2, 3};
  Cursor c(data);
  EXPECT_EQ(c.be16(), 0x0102);
  EXPECT_EQ(c.be16(), 0);
  EXPECT_TRUE(c.failed());
  EXPECT_EQ(c.u8(), 0) << "after a failure nothing more is read";
  EXPECT_EQ(c.left(), 1u);
}

TEST(Cursor, HugeCountsDoNotWrap) {
  const std::uint8_t data[] = {1, 2, 3};
  Cursor c(data);
  c.skip(1);
  EXPECT_TRUE(c.bytes(SIZE_MAX).empty());
  EXPECT_TRUE(c.failed());
}

TEST(Slice, IsCutToWhatIsThere) {
  const std::uint8_t data[] = {1, 2, 3};
  EXPECT_EQ(slice(data, 1, SIZE_MAX).size(), 2u);
  EXPECT_TRUE(slice(data, 3).empty());
  EXPECT_TRUE(slice(data, 9, 1).empty());
}

TEST(Time, RoundTripsRfc3339) {
  for (const char* text : {"2007-09-03T02:14:05.123456Z", "1969-12-31T23:59:59.999999Z", "2024-02-29T00:00:00.000001Z",
                           "2021-01-01T00:00:00.123456789Z"}) {
    const auto t = parse_time(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(to_rfc3339(*t), text);
  }
}

TEST(Time, ReadsDatesAndOffsets) {
  EXPECT_EQ(to_rfc3339(*parse_time("2007-09")), "2007-09-01T00:00:00.000000Z");
  EXPECT_EQ(parse_time("2007-09-03T04:14:05+02:00")->ns, parse_time("2007-09-03T02:14:05Z")->ns);
  for (const char* bad : {"", "2007", "2007-13-01", "yesterday", "2007-09-03T25:00:00Z", "2007-09-03x"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Time, WeekdaysAreRight) {
  // 64 bits of nanoseconds end in 1677 and 2262.
  EXPECT_EQ(to_civil(*parse_time("0224-03-05T23:59:59.999+99:59")).year, 1677);
  EXPECT_EQ(to_civil(*parse_time("9999-12-31T23:59:59.999-99:59")).year, 2262);
  EXPECT_EQ(to_civil(*parse_time("1970-01-01")).weekday, 4u);
  EXPECT_EQ(to_civil(*parse_time("2007-09-03")).weekday, 1u);
  EXPECT_EQ(to_civil(*parse_time("1969-12-31")).weekday, 3u);
}

TEST(Address, ParsesAndPrints) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::1", "fe80::1:2", "0.0.0.0"}) {
    const auto a = Address::parse(text);
    ASSERT_TRUE(a) << text;
    EXPECT_EQ(a->to_string(), text);
  }
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.4/8", "::g", "[::1]", "1.2.3.256"})
    EXPECT_FALSE(Address::parse(bad)) << bad;
}

TEST(Address, KnowsItsKind) {
  EXPECT_TRUE(Address::parse("10.1.2.3")->is_private());
  EXPECT_TRUE(Address::parse("172.31.0.1")->is_private());
  EXPECT_FALSE(Address::parse("172.32.0.1")->is_private());
  EXPECT_TRUE(Address::parse("100.64.0.1")->is_private());
  EXPECT_FALSE(Address::parse("100.128.0.1")->is_private());
  EXPECT_TRUE(Address::parse("fd00::1")->is_private());
  EXPECT_TRUE(Address::parse("8.8.8.8")->is_global());
  EXPECT_FALSE(Address::parse("169.254.1.1")->is_global());
  EXPECT_FALSE(Address::parse("224.0.0.1")->is_global());
  EXPECT_FALSE(Address::parse("255.255.255.255")->is_global());
}

TEST(Network, ContainsByBits) {
  const auto n = Network::parse("192.0.2.128/25");
  ASSERT_TRUE(n);
  EXPECT_TRUE(n->contains(*Address::parse("192.0.2.200")));
  EXPECT_FALSE(n->contains(*Address::parse("192.0.2.1")));
  EXPECT_FALSE(n->contains(*Address::parse("2001:db8::1")));
  EXPECT_EQ(Network::parse("192.0.2.77/24")->to_string(), "192.0.2.0/24") << "host bits are cleared";
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(*Address::parse("8.8.8.8")));
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(*Address::parse("::1")));
  for (const char* bad : {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "/8", "::/129"})
    EXPECT_FALSE(Network::parse(bad)) << bad;
}

TEST(Hash, KnownAnswers) {
  EXPECT_EQ(digest_hex(DigestKind::kMd5, as_bytes("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest_hex(DigestKind::kSha256, as_bytes("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(from_base64("Zm9v\r\nYg=="), "foob");
  EXPECT_EQ(from_base64("Zm9v*"), "");
  for (const std::uint64_t v : {0ull, 1ull, 61ull, 62ull, ~0ull}) EXPECT_EQ(from_base62(to_base62(v)), v);
}

TEST(Json, EscapesWhatIsNotText) {
  std::string out;
  append_json_string(out, std::string_view("a\"\\\n\x01\x7f\xc3\xa9\xff\xc3", 10));
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001\\u007f\xc3\xa9\\\\xff\\\\xc3\"");
}

TEST(Json, PutsCommas) {
  std::string out;
  JsonWriter w(out);
  w.begin_object()
      .key("a")
      .begin_array()
      .number(1)
      .number(2.5)
      .string("x")
      .end_array()
      .key("b")
      .begin_object()
      .end_object()
      .key("c")
      .null()
      .end_object();
  EXPECT_EQ(out, R"({"a":[1,2.5,"x"],"b":{},"c":null})");
}

TEST(Memory, KeepsTheReserveForTheEstablished) {
  MemoryAccountant m(100, 40);
  EXPECT_TRUE(m.take(MemoryUse::kConnections, 60, false));
  EXPECT_FALSE(m.take(MemoryUse::kConnections, 1, false)) << "only the reserve is left";
  EXPECT_TRUE(m.take(MemoryUse::kReassembly, 40, true));
  EXPECT_FALSE(m.take(MemoryUse::kReassembly, 1, true));
  EXPECT_EQ(m.refused(), 2u);
  m.give_back(MemoryUse::kConnections, 60);
  EXPECT_EQ(m.used(), 40u);
  EXPECT_EQ(m.peak(), 100u);
}

}  // namespace
}  // namespace whodunit::base
