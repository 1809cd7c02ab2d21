// Mail's encodings (RFC 2045 6): what is wrong with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocol/files/file_record.h"
#include "protocol/smtp/smtp.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using testing::octets;
using testing::Talk;

/// The anomalies of a mail whose body says that it is base64, as name and detail.
std::vector<std::string> told(const std::string& body) {
  Talk talk(smtp::kDefinition, 25);
  talk.server(octets("220 mx.example ESMTP\r\n"));
  talk.client(octets("EHLO a\r\n"));
  talk.server(octets("250 mx.example\r\n"));
  talk.client(octets("MAIL FROM:<a@b>\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.client(octets("RCPT TO:<c@d>\r\n"));
  talk.server(octets("250 ok\r\n"));
  talk.client(octets("DATA\r\n"));
  talk.server(octets("354 go on\r\n"));
  talk.client(octets("Content-Transfer-Encoding: base64\r\n\r\n" + body + "\r\n.\r\n"));
  talk.server(octets("250 queued\r\n"));
  talk.close();
  std::vector<std::string> out;
  for (const auto& row : talk.rows<connection::Weird>())
    out.push_back(std::string(row.name) + ": " + std::string(row.addl));
  const auto files = talk.rows<Files>();
  EXPECT_EQ(files.size(), 1u);
  if (!files.empty()) {
    EXPECT_EQ(files[0].mime_type, "text/plain");
  }
  return out;
}

TEST(Mime, Base64ThatIsNone) {
  EXPECT_TRUE(told("aGVsbG8gdGhlcmUgYWdhaW4=").empty());
  EXPECT_THAT(told("aGVsbG8gdGhl!cmUgY!WdhaW4="),
              ::testing::ElementsAre("base64_illegal_encoding: character 33 ignored by Base64 decoding"));
  EXPECT_THAT(told("aGVsbG8gdGhlcmUgYWdhaW4=\r\naGVsbG8g"),
              ::testing::ElementsAre("base64_illegal_encoding: extra base64 groups after '=' padding are ignored"));
  EXPECT_THAT(told("aGVsbG8gdGhlcmUgYWdhaW"),
              ::testing::ElementsAre("base64_illegal_encoding: incomplete base64 group, padding with 12 bits of 0"));
}

}  // namespace
}  // namespace whodunit::protocol
