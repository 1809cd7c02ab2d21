// HTTP/2: header compression after the examples of RFC 7541, and conversations in frames.
#include "protocol/http2/http2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/dns/dns.h"
#include "protocol/http/http.h"
#include "protocol/http2/hpack.h"
#include "protocol/talk.h"

namespace whodunit::protocol::http2 {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace protocol::testing;

std::vector<std::string> decode(Hpack& hpack, const Octets& block) {
  std::vector<Field> fields;
  std::vector<std::string> out;
  const bool good = hpack.decode(block, fields);
  for (const Field& f : fields) out.push_back(f.name + ": " + f.value);
  if (!good) out.emplace_back("BROKEN");
  return out;
}

TEST(Hpack, ReadsTheRequestsOfTheStandard) {  // RFC 7541 C.4
  Hpack hpack;
  EXPECT_THAT(decode(hpack, hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")),
              ElementsAre(":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"));
  EXPECT_EQ(hpack.size(), 57u);
  EXPECT_THAT(decode(hpack, hex("8286 84be 5886 a8eb 1064 9cbf")),
              ElementsAre(":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
                          "cache-control: no-cache"));
  EXPECT_THAT(decode(hpack, hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")),
              ElementsAre(":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                          "custom-key: custom-value"));
  EXPECT_EQ(hpack.size(), 164u);
}

TEST(Hpack, EvictsTheOldest) {  // RFC 7541 C.5: a table of 256 octets
  Hpack hpack;
  EXPECT_THAT(decode(hpack, hex("3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133"
                                "2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65"
                                "2e63 6f6d")),
              ElementsAre(":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT",
                          "location: https://www.example.com"));
  EXPECT_EQ(hpack.size(), 222u);
  EXPECT_THAT(decode(hpack, hex("4803 3330 37c1 c0bf")),
              ElementsAre(":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT",
                          "location: https://www.example.com"));
  EXPECT_EQ(hpack.size(), 222u);
  EXPECT_THAT(decode(hpack, hex("20")), IsEmpty());
  EXPECT_EQ(hpack.size(), 0u);
}

TEST(Hpack, KeepsItsLimitsAndSaysWhatIsBroken) {
  for (const char* broken : {"80", "be", "3fffffff0f", "ffffffffff7f", "0085ffffffff", "0005", "00 81 ff 00"}) {
    Hpack hpack;
    EXPECT_THAT(decode(hpack, hex(broken)), Contains("BROKEN")) << broken;
    EXPECT_TRUE(hpack.lost());
  }
  // The end-of-string symbol, and padding that is none (5.2).
  std::string text;
  EXPECT_FALSE(huffman(hex("ffffffff"), 100, text));
  EXPECT_FALSE(huffman(hex("1800"), 100, text));
  EXPECT_TRUE(huffman(hex("1f"), 100, text));
  EXPECT_EQ(text, "a");
  // What refers to a table that was lost is left out; the rest is told.
  Hpack hpack;
  hpack.lose();
  EXPECT_THAT(decode(hpack, hex("82 be 0f2f0178")), ElementsAre(":method: GET"));
}

Octets frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream, const Octets& payload) {
  return Octets{0,
                static_cast<std::uint8_t>(payload.size() >> 8),
                static_cast<std::uint8_t>(payload.size()),
                type,
                flags,
                0,
                0,
                0,
                stream} +
         payload;
}
Octets literal(std::string_view name, std::string_view value) {
  return Octets{0, static_cast<std::uint8_t>(name.size())} + octets(name) +
         Octets{static_cast<std::uint8_t>(value.size())} + octets(value);
}
const Octets kPreface = octets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kContinuation = 9;

TEST(Http2, TellsStreamsAsTransactions) {
  Talk talk(kDefinition, 8080);
  talk.client(kPreface + frame(kSettings, 0, 0, {}) +
              frame(kHeaders, 4, 1,
                    hex("83 86") + literal(":path", "/up%20load") + literal(":authority", "h.example") +
                        literal("user-agent", "tester") + literal("cookie", "a=1") + literal("cookie", "b=2") +
                        literal("content-type", "text/plain")));
  talk.server(frame(kSettings, 0, 0, {}));
  // Two streams at a time; a header block in two frames; padding.
  talk.client(frame(kHeaders, 1, 3, hex("82 86")) + frame(kContinuation, 4, 3, literal(":path", "/second")));
  talk.client(frame(kData, 9, 1, Octets{3} + octets("some words of text") + Octets(3)));
  talk.server(frame(kHeaders, 4, 3, hex("8d") + literal("server", "s")) + frame(kHeaders, 4, 1, hex("88")));
  talk.server(frame(kData, 0, 1, octets("<html><body>")) + frame(kData, 1, 3, {}) + frame(kData, 0, 1, octets("x")));
  talk.server(frame(kHeaders, 5, 1, literal("grpc-status", "0")));  // trailers
  talk.close();
  EXPECT_TRUE(talk.recognised);
  EXPECT_FALSE(talk.failed);
  EXPECT_THAT(talk.weirds(), IsEmpty());
  const auto rows = talk.rows<http::Http>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].uri, "/second");
  EXPECT_EQ(rows[0].trans_depth, 2u);
  EXPECT_EQ(rows[0].status_code, 404u);
  EXPECT_EQ(rows[1].method, "POST");
  EXPECT_EQ(rows[1].uri, "/up load");
  EXPECT_EQ(rows[1].host, "h.example");
  EXPECT_EQ(rows[1].user_agent, "tester");
  EXPECT_EQ(rows[1].version, "2");
  EXPECT_EQ(rows[1].status_msg.data(), nullptr);
  EXPECT_EQ(rows[1].request_body_len, 18u);
  EXPECT_EQ(rows[1].response_body_len, 13u);
  EXPECT_THAT(rows[1].cookie_names, ElementsAre("a", "b"));
  EXPECT_THAT(rows[1].orig_mime_types, ElementsAre("text/plain"));
  EXPECT_THAT(rows[1].resp_mime_types, ElementsAre("text/html"));
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Http2, ReadsDnsInBodiesAndTargets) {  // RFC 8484 4.1
  Talk talk(kDefinition, 8080);
  const Octets query = hex("0000 0100 0001 0000 0000 0000 03777777 076578616d706c65 03636f6d 00 0001 0001");
  talk.client(
      kPreface +
      frame(kHeaders, 4, 1,
            hex("83 87") + literal(":path", "/dns-query") + literal("content-type", "application/dns-message")) +
      frame(kData, 1, 1, query));
  talk.client(frame(kHeaders, 5, 3,
                    hex("82 87") + literal(":path", "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB")));
  talk.close();
  const auto rows = talk.rows<dns::Dns>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].query, "www.example.com");
  EXPECT_EQ(rows[1].query, "www.example.com");
}

TEST(Http2, SaysWhatIsWrong) {
  Talk talk(kDefinition, 8080);
  // A value that would be two lines of HTTP/1, a block that another frame interrupts, a stray continuation.
  talk.client(kPreface + frame(kHeaders, 5, 1, hex("82") + literal(":path", "/a\r\nHost: b")));
  talk.client(frame(kHeaders, 0, 3, hex("82")) + frame(kSettings, 0, 0, {}) + frame(kContinuation, 4, 3, hex("84")));
  talk.client(frame(kHeaders, 5, 5, hex("80")) + frame(kReset, 0, 5, Octets(4)));
  talk.close();
  EXPECT_THAT(talk.weirds(), ElementsAre("http2_bad_field", "http2_header_block_interrupted",
                                         "http2_stray_continuation", "http2_bad_header_block"));
  EXPECT_FALSE(talk.failed);
  talk.client(octets("no frame at all"));
  EXPECT_TRUE(talk.failed);
}

TEST(Http2, HoldsFewStreams) {
  Talk talk(kDefinition, 8080);
  talk.client(kPreface);
  for (unsigned i = 0; i < 300; ++i) {
    Octets f = frame(kHeaders, 5, 0, hex("82 84"));
    f[7] = static_cast<std::uint8_t>((2 * i + 1) >> 8);
    f[8] = static_cast<std::uint8_t>(2 * i + 1);
    talk.client(f);
  }
  EXPECT_EQ(talk.rows<http::Http>().size(), 300u - 256u);
  EXPECT_THAT(talk.weirds(), Contains("http2_too_many_streams"));
  talk.close();
  EXPECT_EQ(talk.rows<http::Http>().size(), 300u);
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Http2, IsRecognisedByItsPreface) {
  EXPECT_EQ(kDefinition.recognise(kPreface, Direction::kOriginator, false), Match::kYes);
  EXPECT_EQ(kDefinition.recognise(octets("PRI * HTT"), Direction::kOriginator, false), Match::kNeedMore);
  EXPECT_EQ(kDefinition.recognise(octets("GET / HTTP/1.1\r\n"), Direction::kOriginator, false), Match::kNo);
  EXPECT_EQ(kDefinition.recognise(frame(kSettings, 0, 0, {}), Direction::kResponder, false), Match::kNeedMore);
  EXPECT_EQ(http::kDefinition.recognise(kPreface, Direction::kOriginator, false), Match::kNo);
}

}  // namespace
}  // namespace whodunit::protocol::http2
