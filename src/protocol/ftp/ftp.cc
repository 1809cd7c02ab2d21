#include "protocol/ftp/ftp.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/files/files.h"
#include "protocol/plan.h"
#include "protocol/text/lines.h"

namespace whodunit::protocol::ftp {
namespace {

using base::Time;

constexpr std::uint16_t kPorts[] = {21, 2121};
constexpr std::size_t kMaxLine = 8192, kMaxPending = 20, kMaxName = 128, kMaxText = 4096;

constexpr std::string_view kCommands[] = {
    "USER", "PASS", "ACCT", "CWD",  "CDUP", "SMNT", "QUIT", "REIN", "PORT", "PASV", "TYPE", "STRU", "MODE",
    "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "ABOR", "DELE", "RMD",  "MKD",  "PWD",
    "XPWD", "LIST", "NLST", "SITE", "SYST", "STAT", "HELP", "NOOP", "FEAT", "OPTS", "AUTH", "PBSZ", "PROT",
    "EPRT", "EPSV", "SIZE", "MDTM", "MLSD", "MLST", "CLNT", "LANG", "XMKD", "XRMD", "XCWD", "ADAT", "CCC"};
// Written: what moves files and opens data connections, and how logins went.
constexpr std::string_view kWritten[] = {"APPE", "DELE", "RETR", "STOR", "STOU", "ACCT",
                                         "PORT", "PASV", "EPRT", "EPSV", "PASS"};
constexpr std::string_view kOnFiles[] = {"APPE", "CWD",  "DELE", "MKD",  "RETR", "RMD", "RNFR",
                                         "RNTO", "STOR", "STOU", "REST", "SIZE", "MDTM"};

// Which replies a command can have (RFC 959 5.4; RFC 2228 4, 2389 3.2, 2428 2, 3659): where commands are sent without
// waiting, a reply is given to the oldest that it fits. 421 and 500 fit any.
struct Replies {
  std::string_view verb, codes;
};
constexpr Replies kReplies[] = {
    {"USER", "230 331 332 501 530"},
    {"PASS", "202 230 332 501 503 530"},
    {"ACCT", "202 230 501 503 530"},
    {"CWD", "250 501 502 530 550"},
    {"CDUP", "200 250 501 502 530 550"},
    {"SMNT", "202 250 501 502 530 550"},
    {"REIN", "120 220 502"},
    {"QUIT", "221"},
    {"PORT", "200 501 530"},
    {"PASV", "227 501 502 530"},
    {"EPRT", "200 501 522"},
    {"EPSV", "229 501 522"},
    {"TYPE", "200 501 504 530"},
    {"STRU", "200 501 504 530"},
    {"MODE", "200 501 502 504 530"},
    {"ALLO", "200 202 501 504 530"},
    {"REST", "200 350 501 502 530"},
    {"STOR", "110 125 150 226 250 425 426 450 451 452 501 530 532 550 551 552 553"},
    {"STOU", "110 125 150 226 250 425 426 450 451 452 501 530 532 550 551 552 553"},
    {"APPE", "125 150 226 250 425 426 450 451 452 501 502 530 532 550 551 552 553"},
    {"RETR", "110 125 150 226 250 425 426 450 451 501 530 550"},
    {"LIST", "125 150 226 250 425 426 450 451 501 502 530 550"},
    {"NLST", "125 150 226 250 425 426 450 451 501 502 530 550"},
    {"MLSD", "125 150 226 250 425 426 450 451 501 502 530 550"},
    {"MLST", "150 226 250 501 530 550"},
    {"RNFR", "350 450 501 502 530 550"},
    {"RNTO", "250 501 502 503 530 532 553"},
    {"DELE", "250 450 501 502 530 550"},
    {"RMD", "250 501 502 530 550"},
    {"XRMD", "250 501 502 530 550"},
    {"MKD", "257 501 502 530 550"},
    {"XMKD", "257 501 502 530 550"},
    {"PWD", "257 501 502 550"},
    {"XPWD", "257 501 502 550"},
    {"ABOR", "225 226 501 502"},
    {"SYST", "215 501 502 530"},
    {"STAT", "211 212 213 450 501 502 530"},
    {"HELP", "211 214 200 501 502"},
    {"SITE", "200 202 214 501 502 530"},
    {"NOOP", "200"},
    {"FEAT", "211 502"},
    {"OPTS", "200 451 501"},
    {"SIZE", "213 501 550"},
    {"MDTM", "213 501 550"},
    {"CLNT", "200"},
    {"AUTH", "234 334 336 431 501 502 504 530 534"},
    {"ADAT", "235 335 501 503 535"},
    {"PBSZ", "200 501 503 530"},
    {"PROT", "200 431 501 503 504 530 534 536"},
    {"CCC", "200 533 534"},
};
bool fits(std::string_view code, std::string_view verb) {
  if (code == "421" || code == "500") return true;
  for (const Replies& r : kReplies)
    if (r.verb == verb) return r.codes.find(code) != std::string_view::npos;
  return false;
}

// The control connection is a network virtual terminal's (RFC 959 5.3): NUL is no operation, and what follows IAC are
// Telnet's own commands (RFC 854), as they stand before ABOR.
std::string without_telnet(std::string_view line) {
  constexpr char kIac = '\xff', kWill = '\xfb', kDont = '\xfe';
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\0') continue;
    if (line[i] != kIac) {
      out += line[i];
      continue;
    }
    if (++i == line.size()) break;
    if (line[i] == kIac) out += kIac;
    if (line[i] >= kWill && line[i] <= kDont) ++i;  // an option follows
  }
  return out;
}

template <std::size_t N>
bool among(const std::string_view (&list)[N], std::string_view item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

struct Channel {
  Address from, to;
  std::uint16_t port = 0;
  bool passive = false;
};

struct Command {
  Time ts;
  record::Place place;
  std::string verb, argument, reply;
  Opt<std::uint64_t> code;
  Opt<Channel> channel;
};

struct State {
  std::string user = "<unknown>", password, directory = ".", auth;
  std::vector<Command> pending;
  Opt<std::uint64_t> size;
  Opt<Channel> channel;   // the one announced last
  std::string multiline;  // the code that ends a reply of several lines
  bool has_password = false, greeted = false, knows_command = false;
};

// The types of files that went over announced connections and whose commands are not answered yet.
struct Types final : Shared::Part {
  static constexpr std::size_t kMost = 16384;
  // Who opened it, who waited, on which port. The control connection is between the same two hosts.
  using Key = std::tuple<Address, Address, std::uint16_t>;
  std::map<Key, std::string_view> seen;  // literals

  void note(const Key& key, std::string_view type) {
    if (seen.size() < kMost) seen[key] = type;
  }
  std::string_view take(const Key& key) {
    const auto it = seen.find(key);
    if (it == seen.end()) return {};
    const std::string_view type = it->second;
    seen.erase(it);
    return type;
  }
};

// Six numbers with commas (RFC 959 4.1.2).
bool six_numbers(std::string_view text, Address& address, std::uint16_t& port) {
  const std::size_t first = text.find_first_of("0123456789");
  if (first == std::string_view::npos) return false;
  unsigned v[6];
  const char* at = text.data() + first;
  const char* end = text.data() + text.size();
  for (int i = 0; i < 6; ++i) {
    const auto r = std::from_chars(at, end, v[i]);
    if (r.ec != std::errc{} || v[i] > 255) return false;
    at = r.ptr;
    if (i < 5) {
      if (at == end || *at != ',') return false;
      ++at;
      while (at != end && *at == ' ') ++at;
    }
  }
  address = Address::v4(v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3]);
  port = static_cast<std::uint16_t>(v[4] << 8 | v[5]);
  return true;
}

// |1|address|port| (RFC 2428 2), with whatever delimiter; EPSV leaves the first two out.
bool extended(std::string_view text, Opt<Address>& address, std::uint16_t& port) {
  if (text.empty()) return false;
  const char d = text.front();
  std::string_view parts[4];
  std::size_t n = 0;
  std::string_view rest = text.substr(1);
  while (n < 3) {
    const std::size_t end = rest.find(d);
    if (end == std::string_view::npos) break;
    parts[n++] = rest.substr(0, end);
    rest.remove_prefix(end + 1);
  }
  if (n < 3) return false;
  if (!parts[1].empty()) address = Address::parse(parts[1]);
  const auto r = std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), port);
  return r.ec == std::errc{} && port != 0;
}

// The last number in a text.
Opt<std::uint64_t> last_number(std::string_view text) {
  const std::size_t end = text.find_last_of("0123456789");
  if (end == std::string_view::npos) return {};
  std::size_t begin = end;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  std::uint64_t v = 0;
  if (std::from_chars(text.data() + begin, text.data() + end + 1, v).ec != std::errc{}) return {};
  return v;
}

std::string join(std::string_view directory, std::string_view name) {
  std::string path = !name.empty() && (name.front() == '/' || (name.size() > 1 && name[1] == ':'))
                         ? std::string(name)
                         : std::string(directory) + (directory.ends_with('/') ? "" : "/") + std::string(name);
  // "a/../" goes; a slash stands once.
  std::string out;
  for (const char c : path) {
    if (c == '/' && out.ends_with('/')) continue;
    out += c;
  }
  for (int i = 0; i < 64; ++i) {
    const std::size_t up = out.find("/..");
    if (up == std::string::npos || up == 0 || (up + 3 < out.size() && out[up + 3] != '/')) break;
    const std::size_t before = out.rfind('/', up - 1);
    out.erase(before == std::string::npos ? 0 : before, up + 3 - (before == std::string::npos ? 0 : before));
  }
  if (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

class ControlParser final : public text::LineParser {
 public:
  ControlParser() : LineParser(kMaxLine) {}

  void closed(Context& context, End) override {
    if (!state_) return;
    for (Command& c : state_->pending) write(context, c);
    state_.reset();
  }

 protected:
  void line(Context& context, Direction direction, std::string_view line) override {
    if (!state_) state_ = std::make_unique<State>();
    if (direction == Direction::kOriginator)
      command(context, line);
    else
      reply(context, line);
    if (state_->greeted && state_->knows_command) context.recognised = true;
  }
  void lost(Context&, Direction, std::uint64_t) override {}

 private:
  void command(Context& context, std::string_view line) {
    State& s = *state_;
    std::string plain;
    std::string_view rest = line;
    if (line.find('\xff') != std::string_view::npos || line.find('\0') != std::string_view::npos) {
      plain = without_telnet(line);
      rest = plain;
    }
    if (!s.pending.empty() && s.pending.front().code.value_or(0) >= 200) finish(context, 0);
    Command c;
    c.ts = context.now();
    c.place = context.place();
    c.verb = text::upper(text::word(rest));
    if (!among(kCommands, c.verb)) {
      if (++unknown_ > 32 && !s.knows_command) context.failed = true;
      if (c.verb.size() > 4 || c.verb.size() < 3) return;
    } else {
      s.knows_command = true;
    }
    c.argument = rest;
    if (c.verb == "USER") {
      s.user = rest.substr(0, kMaxName);
      s.has_password = false;
    } else if (c.verb == "PASS") {
      s.password = rest.substr(0, kMaxName);
      s.has_password = true;
    } else if (c.verb == "PORT" || c.verb == "EPRT") {
      Opt<Address> address;
      std::uint16_t port = 0;
      Address six;
      if (c.verb == "PORT" ? six_numbers(rest, six, port) : extended(rest, address, port)) {
        if (c.verb == "PORT") address = six;
        const Channel channel{context.connection().id.resp_h, address.value_or(context.connection().id.orig_h), port,
                              false};
        c.channel = s.channel = channel;
        context.expect(channel.to, channel.port, "ftp-data");
      }
    }
    if (s.pending.size() >= kMaxPending) {
      context.weird("FTP_too_many_pending_commands", std::to_string(kMaxPending));
      write(context, s.pending.front());
      s.pending.erase(s.pending.begin());
    }
    s.pending.push_back(std::move(c));
  }

  void reply(Context& context, std::string_view line) {
    State& s = *state_;
    const bool coded =
        line.size() >= 3 && line.find_first_not_of("0123456789") >= 3 && line[0] >= '1' && line[0] <= '6';
    const bool ends = coded && (line.size() == 3 || line[3] == ' ');
    const bool goes_on = coded && line.size() > 3 && line[3] == '-';
    if (!s.multiline.empty()) {
      // Within a reply of several lines. One that begins as a reply does, with another code, was not padded as it had
      // to be (RFC 959 4.2), or the server never ends the lines: such text as replies have makes it one.
      if (!ends || (line.substr(0, 3) != s.multiline && (line.size() < 14 || !text::printable(line.substr(0, 14)))))
        return;
      s.multiline.clear();
    } else if (goes_on) {
      s.multiline = line.substr(0, 3);
      return;
    } else if (!ends) {
      if (++unknown_ > 32 && !s.greeted) context.failed = true;
      return;
    }
    std::uint64_t code = 0;
    std::from_chars(line.data(), line.data() + 3, code);
    const std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view();
    if (!s.greeted) {
      s.greeted = true;
      if (code == 220 || code == 120) return;
    }
    if (s.pending.empty()) return;
    const std::size_t answered = answers(line.substr(0, 3), text);
    Command& c = s.pending[answered];
    const bool again = c.code.value_or(0) >= 200;  // more of an answer that was given already
    // That the server closes (421), or what fits no such command, answers nothing.
    if (again && (code == 421 || !fits(line.substr(0, 3), c.verb))) return;
    c.code = code;
    c.reply = text.substr(0, kMaxText);
    record::extend(c.place, context.place());
    if ((code == 150 && c.verb == "RETR") || (code == 213 && c.verb == "SIZE")) {
      if (const auto size = last_number(text)) s.size = size;
    } else if (code == 227 || code == 229) {
      Channel channel{context.connection().id.orig_h, context.connection().id.resp_h, 0, true};
      Address six;
      Opt<Address> address;
      const std::size_t open = text.find('(');
      const std::string_view inside = open == std::string_view::npos ? text : text.substr(open + 1);
      if (code == 227 ? six_numbers(inside, six, channel.port) : extended(inside, address, channel.port)) {
        if (code == 227) channel.to = six;
        if (address) channel.to = *address;
        c.channel = s.channel = channel;
        context.expect(channel.to, channel.port, "ftp-data");
      }
    }
    if (code < 200 || again) return;  // the real reply follows, or was
    if (code == 234 && c.verb == "AUTH") context.become = "ssl";
    if (c.verb == "CWD" && code == 250) s.directory = join(s.directory, c.argument);
    if (c.verb == "CDUP" && (code == 200 || code == 250)) s.directory = join(s.directory, "..");
    if ((c.verb == "PWD" || c.verb == "XPWD") && code == 257) {
      const std::size_t a = text.find('"'), b = text.find('"', a + 1);
      if (b != std::string_view::npos && b > a + 1)
        s.directory = text.substr(a + 1, std::min<std::size_t>(b - a - 1, 1024));
    }
    // The only one waits for what may still follow (426 and 226 after ABOR): the next command ends it.
    if (s.pending.size() > 1) finish(context, answered);
  }

  // The command that a reply belongs to: the oldest of those that it fits best, by its code and its words.
  std::size_t answers(std::string_view code, std::string_view text) const {
    std::size_t best = 0;
    int most = -1;
    for (std::size_t i = 0; i < state_->pending.size(); ++i) {
      const Command& c = state_->pending[i];
      const int points = (fits(code, c.verb) ? 100 : 0) + (text.find(c.verb) != std::string_view::npos ? 20 : 0) +
                         (text.find(c.argument) != std::string_view::npos ? 10 : 0);
      if (points > most) {
        most = points;
        best = i;
      }
    }
    return best;
  }

  void finish(Context& context, std::size_t which) {
    const auto at = state_->pending.begin() + static_cast<std::ptrdiff_t>(which);
    const Command done = std::move(*at);
    state_->pending.erase(at);
    write(context, done);
  }

  void write(Context& context, const Command& c) {
    State& s = *state_;
    if (!among(kWritten, c.verb)) return;
    const std::string user = text::lower(s.user);
    const bool guest = user == "anonymous" || user == "ftp" || user == "ftpuser" || user == "guest";
    const bool show = guest || context.plan().keep_secrets;
    Ftp row;
    row.head = context.head(c.ts, c.place);
    row.user = s.user;
    if (s.has_password) row.password = show ? std::string_view(s.password) : std::string_view("<hidden>");
    row.command = c.verb;
    std::string argument = c.argument;
    if (c.verb == "PASS" && !show) argument = "<hidden>";
    if (among(kOnFiles, c.verb)) {
      std::string path = join(s.directory, c.argument);
      if (path.empty() || path.front() != '/') path = "/" + path;
      const Address& server = context.connection().id.resp_h;
      argument = "ftp://" + (server.is_v4() ? server.to_string() : "[" + server.to_string() + "]") + path;
    }
    if (argument.size() > kMaxText) argument.resize(kMaxText);
    if (!argument.empty()) row.arg = argument;
    if (s.channel && (c.verb == "RETR" || c.verb == "STOR" || c.verb == "STOU" || c.verb == "APPE")) {
      const std::string_view type =
          context.shared().of<Types>().take({s.channel->from, s.channel->to, s.channel->port});
      if (!type.empty()) row.mime_type = type;
    }
    if (s.size && (c.verb == "RETR" || c.verb == "STOR" || c.verb == "APPE" || c.verb == "DELE")) {
      row.file_size = s.size;
      s.size.reset();
    }
    row.reply_code = c.code;
    if (c.code) row.reply_msg = c.reply;
    if (c.channel) {
      row.data_channel_passive = c.channel->passive;
      row.data_channel_orig_h = c.channel->from;
      row.data_channel_resp_h = c.channel->to;
      row.data_channel_resp_p = Port{c.channel->port};
    }
    context.emit(row);
  }

  std::unique_ptr<State> state_;
  std::uint32_t unknown_ = 0;
};
static_assert(sizeof(ControlParser) <= 128);

class DataParser final : public Parser {
 public:
  void stream(Context& context, Direction direction, Bytes data) override {
    context.recognised = true;
    if (!context.has_files()) return;
    FileHandle& file = files_[connection::index(direction)];
    if (!file) {
      FileStart start;
      start.source = "FTP_DATA";
      start.direction = direction;
      start.ordinal = connection::index(direction);
      file = context.files().open(context, start);
      if (!file) return;
    }
    context.files().data(context, *file, data);
    note(context, file->mime_type());
  }
  void gap(Context& context, Direction direction, std::uint64_t bytes) override {
    FileHandle& file = files_[connection::index(direction)];
    if (file) context.files().gap(context, *file, bytes);
  }
  void end(Context& context, Direction direction, End why) override {
    FileHandle& file = files_[connection::index(direction)];
    if (file && why == End::kFin) note(context, context.files().close(context, file).mime_type);
  }
  void closed(Context& context, End why) override {
    for (FileHandle& file : files_)
      if (file) note(context, context.files().close(context, file, why == End::kTimeout).mime_type);
  }

 private:
  void note(Context& context, std::string_view type) {
    if (type.empty() || noted_) return;
    noted_ = true;
    const auto& id = context.connection().id;
    context.shared().of<Types>().note({id.orig_h, id.resp_h, id.resp_p.value}, type);
  }

  FileHandle files_[2];
  bool noted_ = false;
};

// A greeting that names FTP; a command that only FTP has.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (text.size() < 4) return text::printable(text) ? Match::kNeedMore : Match::kNo;
  if (direction == Direction::kOriginator) {
    std::string_view rest = text.substr(0, text.find_first_of("\r\n"));
    const std::string verb = text::upper(text::word(rest));
    if (verb == "PASV" || verb == "EPSV" || verb == "FEAT" || verb == "SYST" || verb == "PBSZ") return Match::kYes;
    if (verb == "USER") return rest.find(' ') == std::string_view::npos ? Match::kMaybe : Match::kNo;
    if (verb == "AUTH" && (text::begins(rest, "TLS") || text::begins(rest, "SSL"))) return Match::kMaybe;
    return port_hint && among(kCommands, verb) ? Match::kYes : Match::kNo;
  }
  if (text.substr(0, 3) != "220" || (text[3] != ' ' && text[3] != '-'))
    return text.substr(0, 3) == "421" && port_hint ? Match::kMaybe : Match::kNo;
  const std::string line = text::upper(text.substr(0, text.find('\n')));
  if (line.find("SMTP") != std::string::npos) return Match::kNo;
  if (line.find("FTP") != std::string::npos) return Match::kYes;
  return port_hint && text.find('\n') != std::string_view::npos ? Match::kYes : Match::kNeedMore;
}

Match announced_only(Bytes, Direction, bool) { return Match::kNo; }

record::Schema* const kSchemas[] = {&Ftp::schema};

}  // namespace

const Definition kControl = {.name = "ftp",
                             .stream = true,
                             .recognise = recognise,
                             .ports = kPorts,
                             .make = [] { return std::unique_ptr<Parser>(std::make_unique<ControlParser>()); },
                             .schemas = kSchemas};
const Definition kData = {.name = "ftp-data", .stream = true, .recognise = announced_only, .make = [] {
                            return std::unique_ptr<Parser>(std::make_unique<DataParser>());
                          }};

}  // namespace whodunit::protocol::ftp
