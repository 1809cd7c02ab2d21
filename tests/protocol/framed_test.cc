// FramedParser: the same messages, however the stream is cut.
#include <gtest/gtest.h>

#include "protocol/dns/dns.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using namespace testing;

// A byte of length, then as many bytes. Length 0xff: not of this protocol; 'S': what follows is another protocol's.
class Counted final : public FramedParser {
 public:
  explicit Counted(std::size_t limit) : FramedParser(limit) {}
  std::vector<std::string> messages;
  std::string rest;

 protected:
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.empty()) return kMore;
    return so_far[0] == 0xff ? kBad : 1u + so_far[0];
  }
  void message(Context& context, Direction, Bytes message, bool cut) override {
    messages.push_back(std::string(base::as_text(message.subspan(1))) + (cut ? "+" : ""));
    if (messages.back() == "S") context.become = "other";
  }
};

Octets counted(std::string_view text) { return Octets{static_cast<std::uint8_t>(text.size())} + octets(text); }

struct Line {
  explicit Line(std::size_t limit = 1000) : talk(dns::kOverTcp, 1) {
    auto p = std::make_unique<Counted>(limit);
    parser = p.get();
    talk.parser = std::move(p);
  }
  Talk talk;
  Counted* parser;
};

TEST(FramedParser, GivesTheSameMessagesHoweverTheStreamIsCut) {
  Octets all;
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back(std::string(static_cast<std::size_t>(i * 4), 'x') + std::to_string(i));
    all = all + counted(expected.back());
  }
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u, 65u, 100u, 1000u, 100000u}) {
    Line line;
    for (std::size_t at = 0; at < all.size(); at += piece)
      line.talk.client(Octets(all.begin() + static_cast<std::ptrdiff_t>(at),
                              all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), at + piece))));
    EXPECT_EQ(line.parser->messages, expected) << piece;
    EXPECT_EQ(line.talk.memory.used(), 0u) << piece;
  }
}

TEST(FramedParser, GivesTheBeginningOfWhatIsTooLong) {
  for (const std::size_t piece : {1u, 5u, 100u, 300u}) {
    Line line(11);
    const Octets all = counted(std::string(200, 'a')) + counted("next");
    for (std::size_t at = 0; at < all.size(); at += piece)
      line.talk.client(Octets(all.begin() + static_cast<std::ptrdiff_t>(at),
                              all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), at + piece))));
    EXPECT_EQ(line.parser->messages, (std::vector<std::string>{"aaaaaaaaaa+", "next"})) << piece;
  }
}

TEST(FramedParser, AHoleInWhatIsSkippedDoesNoHarm) {
  Line line(11);
  line.talk.client(Octets{200} + Octets(50, 'a'));
  line.talk.gap(Direction::kOriginator, 100);
  line.talk.client(Octets(50, 'a') + counted("next"));
  EXPECT_EQ(line.parser->messages, (std::vector<std::string>{"aaaaaaaaaa+", "next"}));
  EXPECT_FALSE(line.talk.failed);
}

TEST(FramedParser, HandsOverTheRestToWhatFollows) {
  for (const bool cut : {false, true}) {
    Line line;
    packet::Origin at;
    at.number = 1;
    const Octets all = counted("hello") + counted("S") + octets("rest");
    Context context(line.talk.view, at, line.talk.sink, line.talk.plan, line.talk.memory, nullptr, line.talk.shared);
    const Bytes bytes = all;
    line.parser->stream(context, Direction::kOriginator, bytes.subspan(0, cut ? 1 : 0));
    line.parser->stream(context, Direction::kOriginator, bytes.subspan(cut ? 1 : 0));
    EXPECT_EQ(context.become, "other");
    EXPECT_EQ(base::as_text(context.become_rest), "rest");
  }
}

TEST(FramedParser, GivesUpWhereTheBytesAreNotOfTheProtocol) {
  Line line;
  line.talk.client(counted("a") + Octets{0xff, 1, 2});
  EXPECT_EQ(line.parser->messages, std::vector<std::string>{"a"});
  EXPECT_TRUE(line.talk.failed);
}

}  // namespace
}  // namespace whodunit::protocol
