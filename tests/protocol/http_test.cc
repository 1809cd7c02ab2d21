// HTTP/1: transactions, framing, codings, parts, what clients and servers get wrong. Every talk is held twice: in large
// pieces and byte by byte; both must give the same rows.
#include "protocol/http/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <functional>

#include "base/hash.h"
#include "protocol/files/file_record.h"
#include "protocol/http/body_text.h"
#include "protocol/http/line.h"
#include "protocol/http/parser.h"
#include "protocol/http/websocket.h"
#include "protocol/talk.h"

namespace whodunit::protocol::http {
namespace {

using protocol::testing::octets;
using protocol::testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;
using namespace std::string_view_literals;

/// What one side sends in a go.
struct Said {
  enum Kind { kClient, kServer, kClientGap, kServerGap, kClientFin, kServerFin, kReset } kind;
  std::string text;
  std::uint64_t bytes = 0;
};
Said client(std::string_view text) { return {Said::kClient, std::string(text)}; }
Said server(std::string_view text) { return {Said::kServer, std::string(text)}; }

/// A row as a text, without times and places.
std::string describe(const Http& r) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.data() != nullptr) out += std::string(name) + "=" + std::string(value) + "|";
  };
  const auto list = [&](std::string_view name, record::Texts values) {
    for (const auto v : values) add(name, v);
  };
  add("depth", std::to_string(r.trans_depth));
  add("method", r.method);
  add("host", r.host);
  add("uri", r.uri);
  add("referrer", r.referrer);
  add("version", r.version);
  add("agent", r.user_agent);
  add("origin", r.origin);
  add("request", std::to_string(r.request_body_len));
  add("response", std::to_string(r.response_body_len));
  if (r.status_code) add("status", std::to_string(*r.status_code));
  add("message", r.status_msg);
  if (r.info_code) add("info", std::to_string(*r.info_code));
  add("user", r.username);
  add("password", r.password);
  list("proxied", r.proxied);
  list("orig_fuid", r.orig_fuids);
  list("orig_name", r.orig_filenames);
  list("orig_type", r.orig_mime_types);
  list("resp_fuid", r.resp_fuids);
  list("resp_name", r.resp_filenames);
  list("resp_type", r.resp_mime_types);
  list("cookie", r.cookie_names);
  add("request_body", r.request_body);
  add("response_body", r.response_body);
  return out;
}
std::string describe(const Files& f) {
  std::string out = f.fuid.to_string() + "|" + std::string(f.mime_type) + "|" + std::string(f.filename) + "|" +
                    std::to_string(f.seen_bytes) + "|" + std::to_string(f.missing_bytes) + "|" + std::string(f.sha256) +
                    "|" + (f.timedout ? "timed out" : "");
  return out;
}

class HttpTest : public ::testing::Test {
 protected:
  static void say(Talk& talk, const Said& said, bool by_byte) {
    switch (said.kind) {
      case Said::kClient:
      case Said::kServer: {
        const Direction d = said.kind == Said::kClient ? Direction::kOriginator : Direction::kResponder;
        if (!by_byte) {
          talk.stream(d, octets(said.text));
          return;
        }
        for (const char c : said.text) talk.stream(d, octets(std::string_view(&c, 1)));
        return;
      }
      case Said::kClientGap:
        talk.gap(Direction::kOriginator, said.bytes);
        return;
      case Said::kServerGap:
        talk.gap(Direction::kResponder, said.bytes);
        return;
      case Said::kClientFin:
        talk.end(Direction::kOriginator, End::kFin);
        return;
      case Said::kServerFin:
        talk.end(Direction::kResponder, End::kFin);
        return;
      case Said::kReset:
        talk.end(Direction::kResponder, End::kReset);
        return;
    }
  }

  /// Holds the talk both ways, compares, and keeps the rows.
  void hold(const std::vector<Said>& talk) {
    std::vector<std::string> seen[2];
    for (const bool by_byte : {true, false}) {
      talk_ = std::make_unique<Talk>(kDefinition, 80);
      talk_->plan = plan_;
      for (const Said& said : talk) say(*talk_, said, by_byte);
      talk_->close();
      for (const auto& r : talk_->rows<Http>()) seen[by_byte].push_back(describe(r));
      for (const auto& f : talk_->rows<Files>()) seen[by_byte].push_back(describe(f));
      auto weirds = talk_->weirds();
      std::sort(weirds.begin(), weirds.end());
      // How much came with the reply that ends HTTP depends on the pieces.
      std::erase_if(weirds, [](const std::string& w) { return w.rfind("protocol_data_with", 0) == 0; });
      for (const auto& w : weirds) seen[by_byte].push_back(w);
    }
    EXPECT_EQ(seen[0], seen[1]);
    rows_ = talk_->rows<Http>();
    files_ = talk_->rows<Files>();
    EXPECT_EQ(talk_->memory.used(), 0u);
  }

  Plan plan_;
  std::unique_ptr<Talk> talk_;
  std::vector<Http> rows_;
  std::vector<Files> files_;
};

std::string pack(std::string_view text, int window) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1024, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST_F(HttpTest, OneRequestAndItsReply) {
  hold(
      {client("GET /a%20b?x=1 HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent: test/1\r\nReferer: http://r/\r\n"
              "Origin: http://o\r\nCookie: sid=secret; theme=dark\r\nAccept-Language: en\r\n\r\n"),
       server("HTTP/1.1 200 OK\r\nServer: s/2\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>")});
  ASSERT_EQ(rows_.size(), 1u);
  const Http& r = rows_[0];
  EXPECT_EQ(r.trans_depth, 1u);
  EXPECT_EQ(r.method, "GET");
  EXPECT_EQ(r.uri, "/a b?x=1");
  EXPECT_EQ(r.host, "example.org:8080");
  EXPECT_EQ(r.user_agent, "test/1");
  EXPECT_EQ(r.referrer, "http://r/");
  EXPECT_EQ(r.origin, "http://o");
  EXPECT_EQ(r.version, "1.1");
  EXPECT_EQ(r.request_version, "1.1");
  EXPECT_EQ(r.status_code, 200u);
  EXPECT_EQ(r.status_msg, "OK");
  EXPECT_EQ(r.request_body_len, 0u);
  EXPECT_EQ(r.response_body_len, 13u);
  EXPECT_EQ(r.server, "s/2");
  EXPECT_EQ(r.content_type, "text/html");
  EXPECT_EQ(r.accept_language, "en");
  EXPECT_THAT(r.cookie_names, ElementsAre("sid", "theme"));
  EXPECT_THAT(r.resp_mime_types, ElementsAre("text/html"));
  EXPECT_NE(r.tags.data(), nullptr);
  ASSERT_TRUE(r.server_time);
  EXPECT_EQ(r.server_time->ns, 1'000'000);
  ASSERT_EQ(files_.size(), 1u);
  EXPECT_EQ(files_[0].total_bytes, 13u);
  EXPECT_EQ(files_[0].seen_bytes, 13u);
  EXPECT_THAT(r.resp_fuids, ElementsAre(files_[0].fuid.to_string()));
  EXPECT_TRUE(talk_->recognised);
}

TEST_F(HttpTest, PipelinedRequestsMeetTheirReplies) {
  hold({client(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: b\r\n\r\nGET /3 HTTP/1.1\r\nHost: c\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
               "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 3u);
  EXPECT_EQ(rows_[0].uri, "/1");
  EXPECT_EQ(rows_[0].response_body_len, 2u);
  EXPECT_EQ(rows_[1].method, "HEAD");
  EXPECT_EQ(rows_[1].response_body_len, 0u);
  EXPECT_EQ(rows_[2].host, "c");
  EXPECT_EQ(rows_[2].status_code, 404u);
  EXPECT_EQ(rows_[2].status_msg, "Not Found");
  EXPECT_THAT(talk_->weirds(), IsEmpty());
}

TEST_F(HttpTest, ChunksWithExtensionsAndTrailers) {
  hold({client("POST /u HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n8\r\n, "
               "world!\r\n0\r\nX-Trailer: 1\r\n\r\n"),
        server("HTTP/1.1 204 No Content\r\n\r\n"), client("GET /next HTTP/1.1\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].request_body_len, 13u);
  EXPECT_THAT(rows_[0].orig_mime_types, ElementsAre("text/plain"));
  EXPECT_EQ(rows_[0].status_code, 204u);
  EXPECT_EQ(rows_[1].uri, "/next");
  EXPECT_FALSE(rows_[1].status_code);
}

TEST_F(HttpTest, ABadChunkSizeEndsTheBody) {
  hold({client("GET / HTTP/1.1\r\n\r\n"), server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")});
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_bad_chunk_size"));
  hold({client("GET / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n")});
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_bad_chunk_size"));
  EXPECT_EQ(rows_.size(), 1u);
}

TEST_F(HttpTest, ABodyUntilTheConnectionEnds) {
  hold({client("GET / HTTP/1.0\r\n\r\n"),
        server("HTTP/1.0 200 OK\r\n\r\nsome text\r\nand more\n"),
        server("the end"),
        {Said::kServerFin, {}}});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].response_body_len, 27u);
  EXPECT_EQ(rows_[0].version, "1.0");
}

TEST_F(HttpTest, InformationalRepliesComeBeforeTheReal) {
  hold({client("PUT /f HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
        server("HTTP/1.1 100 Continue\r\n\r\n"), client("data"),
        server("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].info_code, 100u);
  EXPECT_EQ(rows_[0].info_msg, "Continue");
  EXPECT_EQ(rows_[0].status_code, 201u);
  EXPECT_EQ(rows_[0].request_body_len, 4u);
}

TEST_F(HttpTest, CodingsAreUndone) {
  plan_.file_sha256 = true;
  std::string page = "<html><body>";
  while (page.size() < 40000) page += "all work and no play ";
  const std::string digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(page));
  for (const auto& [coding, window] : {std::pair{"gzip", 31}, std::pair{"deflate", 15}, std::pair{"deflate", -15}}) {
    const std::string body = pack(page, window);
    hold({client("GET / HTTP/1.1\r\n\r\n"),
          server(std::string("HTTP/1.1 200 OK\r\nContent-Encoding: ") + coding +
                 "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body)});
    ASSERT_EQ(rows_.size(), 1u);
    EXPECT_EQ(rows_[0].response_body_len, page.size());
    EXPECT_THAT(rows_[0].resp_mime_types, ElementsAre("text/html"));
    ASSERT_EQ(files_.size(), 1u);
    EXPECT_EQ(files_[0].sha256, digest);
    EXPECT_FALSE(files_[0].total_bytes);
  }
  // Brotli (RFC 7932): an uncompressed metablock of "hello, world".
  const std::string brotli = "\x8b\x05\x80hello, world\x03";
  hold({client("GET / HTTP/1.1\r\n\r\n"), server("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: " +
                                                 std::to_string(brotli.size()) + "\r\n\r\n" + brotli)});
  EXPECT_EQ(rows_[0].response_body_len, 12u);
}

TEST_F(HttpTest, DecompressionIsLimitedAndFailureIsSaid) {
  plan_.decompress_limit = 1000;
  const std::string bomb = pack(std::string(5'000'000, 'a'), 31);
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n\r\n";
  hold({client("GET / HTTP/1.1\r\n\r\n"), server(head + bomb), client("GET /2 HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].response_body_len, 1000u);
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_decompression_limit"));
  hold({client("GET / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\nthis is not gzip atall")});
  EXPECT_THAT(talk_->weirds(), ElementsAre("inflate_failed"));
}

TEST_F(HttpTest, ABrokenBrotliBodyIsTheSameHoweverItIsCut) {
  // An uncompressed metablock, then one with a reserved bit: what stands before the break was said.
  const std::string body = "\x8b\x05\x80hello, world\xff\xff\xff\xff\xff\xff";
  const std::string reply =
      "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::vector<Said> bytes = {client("GET / HTTP/1.1\r\n\r\n")};
  for (const char c : reply) bytes.push_back(server(std::string(1, c)));
  for (const auto& steps : {std::vector<Said>{bytes[0], server(reply)}, bytes}) {
    hold(steps);
    ASSERT_EQ(rows_.size(), 1u);
    EXPECT_EQ(rows_[0].response_body_len, 12u);
    EXPECT_EQ(files_.size(), 1u);
    EXPECT_THAT(talk_->weirds(), ElementsAre("inflate_failed"));
  }
}

TEST_F(HttpTest, PartsOfAFormAreFiles) {
  plan_.file_sha256 = true;
  const std::string file("\x89PNG\r\n\x1a\n\0\0\r\n--\r\n-- not the end\r\n--XX"sv);
  const std::string body =
      "preamble\r\n--XX-bound\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\njust a note here\r\n"
      "--XX-bound\r\nContent-Disposition: form-data; name=\"f\"; filename=\"p%20q.png\"\r\nContent-Type: "
      "image/png\r\n\r\n" +
      file + "\r\n--XX-bound--\r\n";
  hold({client("POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=XX-bound\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body),
        server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].request_body_len, body.size());
  EXPECT_THAT(rows_[0].orig_mime_types, ElementsAre("text/plain", "image/png"));
  EXPECT_THAT(rows_[0].orig_filenames, ElementsAre("p q.png"));
  ASSERT_EQ(files_.size(), 2u);
  EXPECT_EQ(files_[0].seen_bytes, 16u);
  EXPECT_EQ(files_[1].sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(file)));
}

TEST_F(HttpTest, PartsInParts) {
  const std::string body =
      "--out\r\nContent-Type: multipart/mixed; boundary=\"in side\"\r\n\r\n--in side\r\n\r\nfirst inner part\r\n"
      "--in side\r\n\r\nsecond inner part\r\n--in side--\r\n--out\r\n\r\nan outer part\r\n--out--\r\n";
  hold({client("POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=out\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body)});
  ASSERT_EQ(files_.size(), 3u);
  EXPECT_EQ(files_[0].seen_bytes, 16u);
  EXPECT_EQ(files_[1].seen_bytes, 17u);
  EXPECT_EQ(files_[2].seen_bytes, 13u);
}

TEST_F(HttpTest, RangesOfAFileAreOneFile) {
  plan_.file_sha256 = true;
  const std::string whole = "0123456789abcdefghij";
  const auto part = [&](std::size_t from, std::size_t to) {
    return std::vector<Said>{
        client("GET /big HTTP/1.1\r\nHost: h\r\nRange: bytes=" + std::to_string(from) + "-\r\n\r\n"),
        server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
               std::to_string(to - 1) + "/20\r\nContent-Length: " + std::to_string(to - from) + "\r\n\r\n" +
               whole.substr(from, to - from))};
  };
  auto talk = part(10, 20);
  for (const Said& s : part(0, 10)) talk.push_back(s);
  hold(talk);
  ASSERT_EQ(rows_.size(), 2u);
  ASSERT_EQ(files_.size(), 1u);
  EXPECT_EQ(files_[0].total_bytes, 20u);
  EXPECT_EQ(files_[0].sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(whole)));
  EXPECT_FALSE(files_[0].timedout);
  hold(part(5, 10));
  ASSERT_EQ(files_.size(), 1u);
  EXPECT_TRUE(files_[0].timedout);
}

TEST_F(HttpTest, UpgradesHandTheConnectionOver) {
  hold({client("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        server("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n")});
  EXPECT_FALSE(talk_->become.empty());
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].status_code, 101u);
  EXPECT_EQ(rows_[0].info_code, 101u);
}

TEST_F(HttpTest, WebSocketsHaveARowAndTheirFramesAreFollowed) {
  hold({client("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v1, "
               "authorization.bearer.eyJ\r\n"
               "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"),
        server("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
               "websocket\r\nSec-WebSocket-Protocol: v1\r\n\r\n")});
  EXPECT_EQ(talk_->become, "websocket");
  const auto sockets = talk_->rows<Websocket>();
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_EQ(sockets[0].host, "h");
  EXPECT_EQ(sockets[0].subprotocol, "v1");
  EXPECT_THAT(sockets[0].client_protocols, ElementsAre("v1", "authorization.bearer.***"));
  EXPECT_THAT(sockets[0].client_extensions, ElementsAre("permessage-deflate; client_max_window_bits"));

  // What the messages carry, unmasked and without control frames, is a stream.
  Talk tunnel(kWebsocket, 80);
  tunnel.client(
      octets("\x02\x82\x01\x02\x03\x04"
             "RQ\x89\x80\x01\x01\x01\x01\x80\x82\x01\x02\x03\x04"
             "IQ"));
  EXPECT_EQ(tunnel.within, "SSHS");
  tunnel.server(octets("\xc1\x02xx\x80\x02yy"));  // compressed (RFC 7692)
  EXPECT_EQ(tunnel.within, "SSHS");

  for (const bool by_byte : {true, false}) {
    Talk frames(kWebsocket, 80);
    say(frames, client("\x81\x85\x01\x02\x03\x04hello\x82\xfe\x01\x00mask"sv.substr(0, 11)), by_byte);
    say(frames, server(std::string("\x82\x7e\x01\x00"sv) + std::string(256, 'x') + "\x89\x00"s), by_byte);
    EXPECT_TRUE(frames.recognised);
    EXPECT_FALSE(frames.failed);
    EXPECT_THAT(frames.weirds(), IsEmpty());
    say(frames, server("\x81\x80mask"), by_byte);
    EXPECT_THAT(frames.weirds(), ElementsAre("websocket_unexpected_masking"));
    say(frames, server(std::string("\x88\x7e\x00\x7e"sv) + std::string(126, 'x')), by_byte);
    EXPECT_THAT(frames.weirds(), ElementsAre("websocket_unexpected_masking", "websocket_control_frame_size_exceeded"));
    say(frames, {Said::kServerGap, {}, 10}, by_byte);
    EXPECT_TRUE(frames.failed);
  }
}

TEST_F(HttpTest, ConnectOpensATunnel) {
  hold({client("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n"),
        server("HTTP/1.0 200 Connection established\r\n\r\n")});
  EXPECT_EQ(talk_->become, "?");
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].method, "CONNECT");
  EXPECT_EQ(rows_[0].uri, "example.org:443");
  hold({client("CONNECT example.org:443 HTTP/1.1\r\n\r\n"),
        server("HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), client("GET / HTTP/1.1\r\n\r\n")});
  EXPECT_TRUE(talk_->become.empty());
  EXPECT_EQ(rows_.size(), 2u);
}

TEST_F(HttpTest, CredentialsGiveTheUserNeverThePassword) {
  const std::string header = "Authorization: Basic " + base::to_base64(base::as_bytes("alice:s3cret:x")) + "\r\n";
  hold({client("GET / HTTP/1.1\r\n" + header + "\r\n")});
  EXPECT_EQ(rows_[0].username, "alice");
  EXPECT_EQ(rows_[0].password.data(), nullptr);
  EXPECT_EQ(rows_[0].authorization, "basic");
  plan_.keep_secrets = true;
  hold({client("GET / HTTP/1.1\r\n" + header + "\r\n")});
  EXPECT_EQ(rows_[0].password, "s3cret:x");
  plan_.keep_secrets = false;
  hold({client("GET / HTTP/1.1\r\nAuthorization: Digest realm=\"x\", username=\"bob\", uri=\"/\"\r\n\r\n")});
  EXPECT_EQ(rows_[0].username, "bob");
  hold({client("GET / HTTP/1.1\r\nAuthorization: Bearer abcdef\r\n\r\n")});
  EXPECT_EQ(rows_[0].username.data(), nullptr);
  EXPECT_EQ(rows_[0].authorization, "bearer");
}

TEST_F(HttpTest, BodiesAreKeptWhereAskedWithoutSecrets) {
  hold({client("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na=b")});
  EXPECT_EQ(rows_[0].request_body.data(), nullptr);
  plan_.http_body_window = 64;
  hold({client("POST / HTTP/1.1\r\nContent-Length: 31\r\n\r\nuser=eve&password=hunter2&go=yes"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nok\0\x80\r\n"sv)});
  EXPECT_EQ(rows_[0].request_body, "user=eve&password=***&go=ye");
  EXPECT_EQ(rows_[0].response_body, "ok..\r\n");
}

TEST_F(HttpTest, OldAndBrokenRequests) {
  hold({client("GET /old\r\n"), server("<html>old</html>")});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].uri, "/old");
  EXPECT_EQ(rows_[0].version, "0.9");
  EXPECT_EQ(rows_[0].request_version, "0.9");
  EXPECT_EQ(rows_[0].status_msg, "<empty>");
  EXPECT_EQ(rows_[0].response_body_len, 16u);

  hold({client("GET /no-cr HTTP/1.1\nHost: x\n\n"), server("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx")});
  EXPECT_EQ(rows_[0].host, "x");
  EXPECT_EQ(rows_[0].status_msg, "<empty>");

  hold({client("GET /folded HTTP/1.1\r\nX-A: 1\r\nUser-Agent: one\r\n two\r\n\tthree\r\nHost: h\r\n\r\n")});
  EXPECT_EQ(rows_[0].user_agent, "one two\tthree");
  EXPECT_EQ(rows_[0].host, "h");
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_obsolete_line_folding"));

  hold({client("get /lower http/1.1\r\n\r\n")});
  EXPECT_EQ(rows_[0].method, "get");
  EXPECT_THAT(talk_->weirds(), ::testing::UnorderedElementsAre("lowercase_HTTP_keyword", "unknown_HTTP_method"));

  hold({client("GET /a b c HTTP/1.1\r\n\r\n")});
  EXPECT_EQ(rows_[0].uri, "/a b c");

  hold({client("GET / HTTP/1.1\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")});
  EXPECT_EQ(rows_.size(), 2u);
}

TEST_F(HttpTest, LengthsThatLie) {
  hold({client("GET / HTTP/1.1\r\n\r\n"), server("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")});
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_bad_content_length"));
  hold({client("GET / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n")});
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_bad_content_length"));
  hold(
      {client("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled "
              "HTTP/1.1\r\n\r\n")});
  EXPECT_EQ(rows_.size(), 2u);
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_content_length_and_chunked"));
}

TEST_F(HttpTest, AHoleInABodyIsCounted) {
  hold({client("GET / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n<html>body"),
        {Said::kServerGap, {}, 15},
        server("12345"),
        client("GET /2 HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].response_body_len, 30u);
  EXPECT_EQ(files_[0].missing_bytes, 15u);
  EXPECT_EQ(files_[0].seen_bytes, 15u);
  EXPECT_EQ(rows_[1].status_code, 404u);
}

TEST_F(HttpTest, AHoleInHeadersEndsTheDirection) {
  hold({client("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nCont"),
        {Said::kServerGap, {}, 100},
        server("more data")});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].status_code, 200u);
}

// What begins a segment and is a message's first line: the only thing here that looks at segments.
TEST_F(HttpTest, AMessageBehindAHoleIsTakenUp) {
  Talk replies(kDefinition, 80);
  replies.client(octets("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"));
  replies.server(octets("HTTP/1.1 200 OK\r\nCont"));
  replies.gap(Direction::kResponder, 100);
  replies.server(octets("more data, GET / HTTP/1.1\r\n"));
  replies.client(octets("HEAD /2 HTTP/1.1\r\n\r\n"));
  replies.server(octets("HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n"));
  replies.client(octets("GET /3 HTTP/1.1\r\n\r\n"));
  replies.server(octets("HTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\nhi"));
  replies.close();
  const auto of_replies = replies.rows<Http>();
  ASSERT_EQ(of_replies.size(), 3u);
  EXPECT_EQ(of_replies[0].uri, "/1");
  EXPECT_EQ(of_replies[0].status_code, 200u);
  EXPECT_EQ(of_replies[1].uri, "/2");
  EXPECT_EQ(of_replies[1].status_code, 404u);
  EXPECT_EQ(of_replies[2].uri, "/3");
  EXPECT_EQ(of_replies[2].status_code, 201u);
  EXPECT_EQ(of_replies[2].response_body_len, 2u);
  // Of both: a request that got no answer seen lost it.
  Talk both(kDefinition, 80);
  both.client(octets("GET /1 HTTP/1.1\r\n\r\n"));
  both.gap(Direction::kOriginator, 100);
  both.gap(Direction::kResponder, 100);
  both.client(octets("POST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"));
  both.server(octets("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  both.client(octets("GET /3 HTTP/1.1\r\n\r\n"));
  both.server(octets("HTTP/1.1 204 OK\r\n\r\n"));
  both.close();
  const auto of_both = both.rows<Http>();
  ASSERT_EQ(of_both.size(), 3u);
  EXPECT_EQ(of_both[0].uri, "/1");
  EXPECT_FALSE(of_both[0].status_code);
  EXPECT_EQ(of_both[1].uri, "/2");
  EXPECT_EQ(of_both[1].status_code, 200u);
  EXPECT_EQ(of_both[2].status_code, 204u);
}

TEST_F(HttpTest, RepliesWithoutRequests) {
  hold({server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), client("GET /late HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].method.data(), nullptr);
  EXPECT_EQ(rows_[1].uri, "/late");
  EXPECT_EQ(rows_[1].status_code, 201u);
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_response_before_request"));
}

TEST_F(HttpTest, AReplyToABadRequestIsSeen) {
  hold({client("\x01\x02 junk\r\nmore\r\n"), server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_[0].status_code, 400u);
  EXPECT_FALSE(talk_->failed);
  hold({client("junk\r\n"), server("220 mail\r\n")});
  EXPECT_TRUE(talk_->failed);
}

TEST_F(HttpTest, TheEndsMayBeTheWrongWayRound) {
  hold({client("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), server("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")});
  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_EQ(rows_[0].status_code, 200u);
  EXPECT_EQ(rows_[1].host, "h");
}

TEST_F(HttpTest, ManyRequestsWithoutRepliesAreBounded) {
  std::vector<Said> talk;
  for (int i = 0; i < 400; ++i) talk.push_back(client("GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
  hold(talk);
  EXPECT_EQ(rows_.size(), 400u);
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_excessive_pipelining"));
}

TEST_F(HttpTest, LongLinesAndHeadersAreCutNotKept) {
  std::string huge(300000, 'a');
  hold({client("GET /" + huge + " HTTP/1.1\r\nHost: h\r\n\r\n")});
  EXPECT_LE(rows_[0].uri.size(), 65536u);
  std::string headers;
  for (int i = 0; i < 40; ++i) headers += "X-" + std::to_string(i) + ": " + std::string(60000, 'b') + "\r\n";
  talk_ = std::make_unique<Talk>(kDefinition, 80);
  talk_->client(octets("GET / HTTP/1.1\r\n" + headers + "Host: h\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"));
  talk_->close();
  EXPECT_EQ(talk_->rows<Http>().size(), 2u);
  EXPECT_THAT(talk_->weirds(), ElementsAre("HTTP_header_limit"));
}

TEST_F(HttpTest, ManyPartsManyFilesFewNoted) {
  std::string body;
  for (int i = 0; i < 200; ++i) body += "--b\r\nContent-Disposition: form-data; filename=f\r\n\r\nsome plain text\r\n";
  body += "--b--\r\n";
  hold({client("POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body)});
  EXPECT_EQ(files_.size(), 200u);
  EXPECT_EQ(rows_[0].orig_fuids.size(), 15u);
}

TEST_F(HttpTest, AnIdleParserIsSmall) { EXPECT_LE(sizeof(HttpParser), 256u); }

TEST(HttpRecognition, ByContent) {
  const auto judge = [](std::string_view text, bool hint = false) {
    return kDefinition.recognise(base::as_bytes(text), Direction::kOriginator, hint);
  };
  EXPECT_EQ(judge("GET / HTTP/1.1\r\n"), Match::kYes);
  EXPECT_EQ(judge("\r\nPOST /x HTTP/1.0\r\n"), Match::kYes);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n"), Match::kYes);
  EXPECT_EQ(judge("HTTP/1."), Match::kNeedMore);
  EXPECT_EQ(judge("GET /long"), Match::kNeedMore);
  EXPECT_EQ(judge("GET /old\r\n"), Match::kNo);
  EXPECT_EQ(judge("GET /old\r\n", true), Match::kMaybe);
  EXPECT_EQ(judge("OPTIONS rtsp://x RTSP/1.0\r\n"), Match::kNo);
  EXPECT_EQ(judge("INVITE sip:a@b SIP/2.0\r\n"), Match::kNo);
  EXPECT_EQ(judge("not a request\r\n", true), Match::kNeedMore);
  EXPECT_EQ(judge("PRI * HTTP/2.0\r\n"), Match::kNo);
  EXPECT_EQ(judge("PRI * HTTP/2.0\r\n", true), Match::kNeedMore);  // HTTP/2's
  EXPECT_EQ(judge("USER anonymous\r\n"), Match::kNo);
  EXPECT_EQ(judge("\x16\x03\x01"), Match::kNo);
  EXPECT_EQ(judge("SSH-2.0-x\r\n"), Match::kNo);
}

// At HTTP's ports, or with its methods, and not HTTP: what stands against it is told, and nothing else.
TEST(HttpShadow, SaysWhatIsWrong) {
  const auto told = [](const std::vector<Said>& said, bool midstream = false) {
    Talk talk(kDefinition, 80);
    talk.parser = kDefinition.make_shadow();
    talk.view.midstream = midstream;
    for (const Said& s : said) {
      if (talk.failed) break;
      if (s.kind == Said::kClientFin)
        talk.end(Direction::kOriginator, End::kFin);
      else
        talk.stream(s.kind == Said::kClient ? Direction::kOriginator : Direction::kResponder, octets(s.text));
    }
    return talk.weirds();
  };
  EXPECT_THAT(told({client("\x16\x03\x01\n and\r more"), client("lost\rin a later packet")}),
              ::testing::UnorderedElementsAre("bad_HTTP_request", "line_terminated_with_single_CR"));
  EXPECT_THAT(told({client("{\"jsonrpc\": 2}"), {Said::kClientFin, {}}}), ElementsAre("bad_HTTP_request"));
  EXPECT_THAT(told({client("\x05\x01"), client("\x05GET / HTTP/1.1\r\n")}),
              ElementsAre("bad_HTTP_request_with_version"));
  EXPECT_THAT(told({server("NOSA\n and\r more")}), ElementsAre("line_terminated_with_single_CR"));
  EXPECT_THAT(told({client("body\rof something"), server("a\rb")}, true),
              ElementsAre("line_terminated_with_single_CR"));
  EXPECT_THAT(told({client("OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n\r\n"), server("RTSP/1.0 200 OK\r\n\r\n"),
                    client("DESCRIBE rtsp://a RTSP/1.0\r\nCSeq: 2\r\n\r\n")}),
              ::testing::UnorderedElementsAre("invalid_http_09_request_method", "unknown_HTTP_method",
                                              "unexpected_multiple_HTTP_requests", "http_09_reply_before_request"));
  const auto resembles = [](std::string_view text) { return kDefinition.resembles(base::as_bytes(text)); };
  EXPECT_TRUE(resembles("OPTIONS rtsp://a"));
  EXPECT_FALSE(resembles("OPTION a"));
  EXPECT_FALSE(resembles("EHLO a"));
}

TEST(HttpLine, Unescaping) {
  const auto u = [](std::string_view text) {
    std::string out;
    Odds odds;
    unescape(text, out, odds);
    return out;
  };
  EXPECT_EQ(u("/plain"), "/plain");
  EXPECT_EQ(u("/%41%62"), "/Ab");
  EXPECT_EQ(u("%%41"), "A");
  EXPECT_EQ(u("%u0041%u4e2d"), "A\x4e\x2d");
  EXPECT_EQ(u("100%"), "100%");
  EXPECT_EQ(u("%4"), "%4");
  EXPECT_EQ(u("%zz"), "%zz");
}

TEST(HttpWeird, EmptyElementsOfEncodings) {
  const auto weirds = [](std::string_view list) {
    Talk talk(kDefinition, 80);
    talk.client(octets("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + std::string(list) + "\r\n\r\n"));
    talk.close();
    return talk.weirds().size();
  };
  EXPECT_EQ(weirds("doar-e, ftw, imo, ,"), 1u) << "CVE-2021-31166";
  EXPECT_EQ(weirds("gzip, deflate, br"), 0u);
  EXPECT_EQ(weirds("gzip, deflate,"), 0u) << "a comma too many";
  EXPECT_EQ(weirds(""), 0u);
}

TEST(HttpLine, FileNames) {
  EXPECT_EQ(file_name("attachment; filename=\"a b.txt\""), "a b.txt");
  EXPECT_EQ(file_name("attachment; filename=a.txt"), "a.txt");
  EXPECT_EQ(file_name("attachment; filename*=UTF-8''na%C3%AFve.txt"), "na\xc3\xafve.txt");
  EXPECT_EQ(file_name("image/png; name=\"x.png\""), "x.png");
  EXPECT_TRUE(names_file_in_disposition("attachment; FileName = x"));
  EXPECT_FALSE(names_file_in_disposition("form-data; name=\"x\""));
}

TEST(HttpLine, Parameters) {
  EXPECT_EQ(parameter("multipart/form-data; charset=x; boundary=\"a b\"", "boundary"), "a b");
  EXPECT_EQ(parameter("multipart/form-data;boundary=----abc; x=y", "boundary"), "----abc");
  EXPECT_EQ(parameter("text/html", "boundary").data(), nullptr);
  EXPECT_EQ(parameter("a;;;b", "boundary").data(), nullptr);
  EXPECT_EQ(parameter("a; boundary=\"unfinished", "boundary"), "unfinished");
}

TEST(HttpBodyText, SecretsGo) {
  EXPECT_EQ(without_secrets("a=1&passwd=x&b=2"), "a=1&passwd=***&b=2");
  EXPECT_EQ(without_secrets("{\"user\":\"u\",\"password\": \"p\\\"q\",\"n\":1}"),
            "{\"user\":\"u\",\"password\": \"***\",\"n\":1}");
  EXPECT_EQ(without_secrets("name=\"userpass\"\r\n\r\nvalue\r\n--b"), "name=\"userpass\"\r\n\r\n***\r\n--b");
  EXPECT_EQ(without_secrets("password"), "password");
  EXPECT_EQ(without_secrets("token="), "token=");
}

}  // namespace
}  // namespace whodunit::protocol::http
