// How protocols give way to others, and carry others.
#include "engine/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "protocol/http/http.h"
#include "protocol/smtp/smtp.h"
#include "protocol/ssh/ssh.h"
#include "protocol/talk.h"

namespace whodunit::engine {
namespace {

using connection::Direction;
using protocol::testing::octets;
using namespace std::string_literals;

class DispatcherTest : public ::testing::Test {
 protected:
  DispatcherTest() {
    view_.id = {*base::Address::parse("192.0.2.10"), *base::Address::parse("198.51.100.20"), {40000}, {8888}};
    view_.protocol = packet::kTcp;
    view_.uid = {7};
    view_.saw_responder = true;
  }
  void client(std::string_view said) { say(Direction::kOriginator, said); }
  void server(std::string_view said) { say(Direction::kResponder, said); }
  void say(Direction direction, std::string_view said) {
    ++at_.number;
    ++at_.run_number;
    sink_.at(at_.run_number);
    dispatcher_.stream(view_, slot_, direction, octets(said), at_);
  }
  std::string close() { return std::string(dispatcher_.closed(view_, slot_, connection::End::kFin, at_)); }
  template <class R>
  std::vector<R> rows() {
    record::Batch& batch = sink_.batch(R::schema);
    std::vector<R> out;
    for (std::size_t i = 0; i < batch.rows(); ++i) out.push_back(R::read(batch, i));
    return out;
  }

  /// Records have their numbers before a dispatcher asks for them.
  struct Registered {
    Registered() { protocol::testing::register_records(); }
  } registered_;
  connection::View view_;
  packet::Origin at_;
  protocol::Plan plan_;
  record::Sink sink_;
  base::MemoryAccountant memory_;
  std::uint64_t slot_ = 0;
  Dispatcher dispatcher_{plan_, sink_, memory_};
};

TEST_F(DispatcherTest, WhatWebSocketCarriesIsRecognised) {
  client("GET /tunnel HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  server("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  server("\x82\x0fSSH-2.0-server\r\n"s.substr(0, 2) + "SSH-2.0-serve\r\n");
  client("\x82\x8f\0\0\0\0SSH-2.0-clien\r\n"s);
  EXPECT_EQ(close(), "http,websocket,ssh");
  ASSERT_EQ(rows<protocol::ssh::Ssh>().size(), 1u);
  EXPECT_EQ(rows<protocol::ssh::Ssh>()[0].client, "SSH-2.0-clien");
  EXPECT_EQ(rows<protocol::ssh::Ssh>()[0].server, "SSH-2.0-serve");
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(DispatcherTest, WhereTlsDoesNotBeginTheProtocolGoesOn) {
  server("220 mx ESMTP\r\n");
  client("EHLO c\r\nSTARTTLS\r\n");
  server("250 mx\r\n220 ready\r\n");
  client("EHLO c\r\nMAIL FROM:<a@b>\r\n");
  server("250 mx\r\n250 ok\r\n");
  EXPECT_EQ(close(), "smtp");
  ASSERT_EQ(rows<protocol::smtp::Smtp>().size(), 2u);
  EXPECT_EQ(rows<protocol::smtp::Smtp>()[1].mailfrom, "a@b");
}

TEST_F(DispatcherTest, WhereTlsBeginsItTakesOver) {
  server("220 mx ESMTP\r\n");
  client("EHLO c\r\nSTARTTLS\r\n");
  server("250 mx\r\n220 ready\r\n");
  client("\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"s);
  client("MAIL FROM:<a@b>\r\n");
  close();
  ASSERT_EQ(rows<protocol::smtp::Smtp>().size(), 1u);
  EXPECT_EQ(rows<protocol::smtp::Smtp>()[0].mailfrom.data(), nullptr);
}

}  // namespace
}  // namespace whodunit::engine
