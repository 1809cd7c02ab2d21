#include "protocol/irc/irc.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include "protocol/text/lines.h"

namespace whodunit::protocol::irc {
namespace {

constexpr std::uint16_t kPorts[] = {6666, 6667, 6668, 6669, 7000};

class IrcParser final : public text::LineParser {
 public:
  IrcParser() : LineParser(1024) {}

 protected:
  void line(Context& context, Direction direction, std::string_view line) override {
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.empty()) return;
    std::string_view rest = line;
    if (rest.front() == ':') text::word(rest);  // who sends it (RFC 2812 2.3)
    const std::string command = text::upper(text::word(rest));
    const bool client = direction == Direction::kOriginator;
    if (!client) {
      // A numeric reply or a known command says that it is a server.
      if (line.front() == ':' && command.size() == 3 && command.find_first_not_of("0123456789") == std::string::npos)
        answered_ = true;
    } else if (command == "NICK") {
      const std::string nick(parameter(rest));
      write(context, "NICK", nick, {}, true);
      nick_ = nick.substr(0, 64);
      asked_ = true;
    } else if (command == "USER") {
      const std::string user(text::word(rest)), host(text::word(rest)), server(text::word(rest));
      std::string_view name = rest;
      if (!name.empty() && name.front() == ':') name.remove_prefix(1);
      const std::string more = host + " " + server + " " + std::string(name);
      write(context, "USER", user, more, true);
      user_ = user.substr(0, 64);
      asked_ = true;
    } else if (command == "JOIN") {
      std::string_view channels = text::word(rest);
      std::string_view keys = text::word(rest);
      if (!channels.empty() && channels.front() == ':') channels.remove_prefix(1);
      for (int i = 0; i < 64 && !channels.empty(); ++i) {
        const std::string channel(channels.substr(0, channels.find(',')));
        const std::string key(keys.substr(0, keys.find(',')));
        channels.remove_prefix(std::min(channels.size(), channel.size() + 1));
        keys.remove_prefix(std::min(keys.size(), key.size() + 1));
        write(context, "JOIN", channel, key.empty() ? "" : " with channel key: '" + std::string("<hidden>") + "'",
              true);
      }
    } else if (command == "PRIVMSG") {
      dcc(context, rest);
    }
    if (command == "PRIVMSG" && !client) dcc(context, rest);
    if (asked_ && (answered_ || nick_seen_and_user())) context.recognised = true;
    if (++lines_ > 64 && !asked_ && !answered_) context.failed = true;
  }
  void lost(Context&, Direction, std::uint64_t) override {}

 private:
  bool nick_seen_and_user() const { return !nick_.empty() && !user_.empty(); }

  static std::string_view parameter(std::string_view rest) {
    if (!rest.empty() && rest.front() == ':') return rest.substr(1);
    return text::word(rest);
  }

  // A file offered: \x01DCC SEND name address port size\x01.
  void dcc(Context& context, std::string_view rest) {
    const std::size_t at = rest.find(
        "\x01"
        "DCC ");
    if (at == std::string_view::npos) return;
    std::string_view words = rest.substr(at + 5);
    const std::string kind(text::word(words));
    const std::string name(text::word(words));
    const std::string_view host = text::word(words), port = text::word(words);
    if (kind == "SEND") {  // an IPv4 address as one number, or in words, or one of IPv6
      std::uint64_t number = 0;
      const auto whole = [&number](std::string_view t) {
        const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), number);
        return error == std::errc{} && end == t.data() + t.size();
      };
      if (!whole(host) && !base::Address::parse(host))
        context.weird("irc_invalid_dcc_host");
      else if (!whole(port) || number == 0 || number > 65535)
        context.weird("irc_invalid_dcc_port", std::to_string(whole(port) ? number : 0));
    }
    Irc row;
    row.head = context.head(context.now(), context.place());
    row.command = "DCC";
    row.value = kind;
    if (kind == "SEND") {
      row.dcc_file_name = name;
      std::uint64_t size = 0;
      if (std::from_chars(words.data(), words.data() + words.size(), size).ec == std::errc{}) row.dcc_file_size = size;
    }
    who(row);
    context.emit(row);
  }

  void who(Irc& row) const {
    if (!nick_.empty()) row.nick = nick_;
    if (!user_.empty()) row.user = user_;
  }
  void write(Context& context, std::string_view command, std::string_view value, const std::string& more, bool always) {
    Irc row;
    row.head = context.head(context.now(), context.place());
    who(row);
    row.command = command;
    row.value = value;
    if (!more.empty() || always) row.addl = more;
    if (command == "NICK") row.addl = {};
    context.emit(row);
  }

  std::string nick_, user_;
  std::uint32_t lines_ = 0;
  bool asked_ = false, answered_ = false;
};
static_assert(sizeof(IrcParser) <= 256);

// As text, with what clients put into messages: CTCP's quotes, bold, colours and their like.
bool printable(std::string_view text) {
  constexpr std::string_view kMarks = "\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f";
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return text::printable(std::string_view(&c, 1)) || kMarks.find(c) != std::string_view::npos;
  });
}

bool has_line(std::string_view text, std::string_view command) {
  for (std::size_t at = 0; at < text.size();) {
    std::string_view line = text.substr(at);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (text::begins(line, command)) return true;
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return false;
}

// The client names itself twice; the server answers with its name, a number of three digits and the nickname.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (text.empty()) return Match::kNeedMore;
  if (!printable(text)) return Match::kNo;
  if (direction == Direction::kOriginator) {
    const bool nick = has_line(text, "NICK "), user = has_line(text, "USER ");
    if (nick && user) return Match::kYes;
    const bool begins = text::begins(text, "NICK ") || text::begins(text, "USER ") || text::begins(text, "CAP ") ||
                        text::begins(text, "PASS ");
    if (begins) return port_hint && (nick || user) ? Match::kYes : text.size() < 512 ? Match::kNeedMore : Match::kNo;
    return text.size() < 5 ? Match::kNeedMore : Match::kNo;
  }
  if (text.find(" NOTICE AUTH :") != std::string_view::npos || text::begins(text, "NOTICE AUTH :"))
    return Match::kMaybe;
  if (text.front() != ':')
    return text::begins(text, "PING :") || text::begins(text, "NOTICE ") ? Match::kNeedMore : Match::kNo;
  std::string_view rest = text;
  text::word(rest);
  const std::string_view number = text::word(rest);
  const bool numeric = number.size() == 3 && number.find_first_not_of("0123456789") == std::string_view::npos;
  return numeric || number == "NOTICE" ? Match::kMaybe : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<IrcParser>(); }

record::Schema* const kSchemas[] = {&Irc::schema};

}  // namespace

const Definition kDefinition = {
    .name = "irc", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::irc
