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
constexpr std::size_t kMaxLine = 4096, kMaxPending = 20, kMaxName = 128;

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
    std::string_view rest = line;
    while (!rest.empty() && (static_cast<unsigned char>(rest.front()) >= 0xf0))
      rest.remove_prefix(1);  // Telnet's interrupts before ABOR
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
      context.weird("FTP_too_many_pending_commands");
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
      if (!ends || line.substr(0, 3) != s.multiline) return;  // within a reply of several lines
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
    Command& c = s.pending.front();
    c.code = code;
    c.reply = text;
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
    if (code < 200) return;  // the real reply follows
    if (code == 234 && c.verb == "AUTH") context.become = "ssl";
    if (c.verb == "CWD" && code == 250) s.directory = join(s.directory, c.argument);
    if (c.verb == "CDUP" && (code == 200 || code == 250)) s.directory = join(s.directory, "..");
    if ((c.verb == "PWD" || c.verb == "XPWD") && code == 257) {
      const std::size_t a = text.find('"'), b = text.find('"', a + 1);
      if (b != std::string_view::npos && b > a + 1)
        s.directory = text.substr(a + 1, std::min<std::size_t>(b - a - 1, 1024));
    }
    Command done = std::move(c);
    s.pending.erase(s.pending.begin());
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
