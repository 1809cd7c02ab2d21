#include "protocol/mysql/mysql.h"

#include <memory>
#include <string>
#include <vector>

#include "protocol/plan.h"

namespace whodunit::protocol::mysql {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {3306};
constexpr std::size_t kMaxPacket = 64 << 10, kMaxText = 1024;
constexpr std::uint32_t kSslCapability = 0x0800;

std::string_view command_name(std::uint8_t code) {
  static constexpr std::string_view kNames[] = {"sleep",
                                                "quit",
                                                "init_db",
                                                "query",
                                                "field_list",
                                                "create_db",
                                                "drop_db",
                                                "refresh",
                                                "shutdown",
                                                "statistics",
                                                "process_info",
                                                "connect",
                                                "process_kill",
                                                "debug",
                                                "ping",
                                                "time",
                                                "delayed_insert",
                                                "change_user",
                                                "binlog_dump",
                                                "table_dump",
                                                "connect_out",
                                                "register_slave",
                                                "stmt_prepare",
                                                "stmt_execute",
                                                "stmt_send_long_data",
                                                "stmt_close",
                                                "stmt_reset",
                                                "set_option",
                                                "stmt_fetch",
                                                "daemon",
                                                "binlog_dump_gtid",
                                                "reset_connection"};
  return code < std::size(kNames) ? kNames[code] : std::string_view();
}

// A statement without what stands in quotes, and without numbers: `?` in their place.
std::string shape(std::string_view sql) {
  std::string out;
  for (std::size_t i = 0; i < sql.size() && out.size() < kMaxText;) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      std::size_t end = i + 1;
      while (end < sql.size() && sql[end] != c) end += sql[end] == '\\' ? 2 : 1;
      out += '?';
      i = end + 1;
    } else if (c >= '0' && c <= '9' &&
               (out.empty() ||
                !(out.back() == '_' || out.back() == '@' || out.back() == '`' ||
                  (out.back() >= 'a' && out.back() <= 'z') || (out.back() >= 'A' && out.back() <= 'Z')))) {
      while (i < sql.size() && ((sql[i] >= '0' && sql[i] <= '9') || sql[i] == '.' || (sql[i] >= 'a' && sql[i] <= 'f') ||
                                (sql[i] >= 'A' && sql[i] <= 'F') || sql[i] == 'x'))
        ++i;
      out += '?';
    } else {
      out += c;
      ++i;
    }
  }
  return out;
}

// A number of one to nine bytes ("length-encoded integer").
std::uint64_t number(Cursor& c) {
  const std::uint8_t first = c.u8();
  if (first < 0xfb) return first;
  if (first == 0xfc) return c.le16();
  if (first == 0xfd) {
    const std::uint64_t low = c.le16();
    return low | static_cast<std::uint64_t>(c.u8()) << 16;
  }
  return first == 0xfe ? c.le64() : 0;
}

// Passes over the attributes of a statement (CLIENT_QUERY_ATTRIBUTES, "COM_QUERY"): how many, sets of them, which are
// null, their types and names, their values. False where they do not fit.
bool skip_attributes(Cursor& c) {
  const std::uint64_t count = number(c);
  number(c);
  if (count == 0) return c.ok();
  if (count > 1024) return false;
  const Bytes null = c.bytes((count + 7) / 8);
  if (c.u8() != 1 || c.failed()) return false;  // without their types they mean nothing
  std::vector<std::uint8_t> types;
  for (std::uint64_t i = 0; i < count && c.ok(); ++i) {
    types.push_back(static_cast<std::uint8_t>(c.le16()));
    c.skip(number(c));
  }
  for (std::uint64_t i = 0; i < count && c.ok(); ++i) {
    if ((null[i / 8] >> (i % 8) & 1) != 0) continue;
    switch (types[i]) {
      case 0x01:  // tiny
        c.skip(1);
        break;
      case 0x02:  // short, year
      case 0x0d:
        c.skip(2);
        break;
      case 0x03:  // long, int24, float
      case 0x09:
      case 0x04:
        c.skip(4);
        break;
      case 0x08:  // long long, double
      case 0x05:
        c.skip(8);
        break;
      case 0x06:  // null
        break;
      case 0x07:  // times, with a length of one byte
      case 0x0a:
      case 0x0b:
      case 0x0c:
        c.skip(c.u8());
        break;
      default:
        c.skip(number(c));
    }
  }
  return c.ok();
}

std::string terminated(Cursor& c) {
  const std::string_view rest = base::as_text(c.rest());
  const std::size_t end = rest.find('\0');
  std::string out(rest.substr(0, std::min(end, kMaxText)));
  c.skip(end == std::string_view::npos ? c.left() : end + 1);
  return out;
}

struct State {
  base::Time ts;
  record::Place place;
  std::string command, argument, version;
  std::uint64_t rows = 0, columns = 0;
  bool greeted = false, logged_in = false, waiting = false, in_rows = false, deprecate_eof = false,
       columns_done = false, attributes = false;
};

class MysqlParser final : public FramedParser {
 public:
  MysqlParser() : FramedParser(kMaxPacket) {}

  void closed(Context& context, End) override {
    if (state_ && state_->waiting) write(context, {}, {}, {}, {});
    state_.reset();
  }

 protected:
  // Three bytes of length, one of sequence.
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.size() < 4) return kMore;
    return 4u + (base::load_le16(so_far.data()) | static_cast<std::size_t>(so_far[2]) << 16);
  }

  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (!state_) state_ = std::make_unique<State>();
    const Bytes payload = message.subspan(4);
    if (payload.empty()) return;
    if (direction == Direction::kResponder)
      server(context, payload);
    else
      client(context, payload, message[3]);
  }
  void lost(Context& context, Direction, std::uint64_t) override { context.failed = true; }

 private:
  void begin(Context& context, std::string_view command, std::string argument) {
    State& s = *state_;
    if (s.waiting) write(context, {}, {}, {}, {});
    s.ts = context.now();
    s.place = context.place();
    s.command = command;
    s.argument = std::move(argument);
    s.waiting = true;
    s.in_rows = s.columns_done = false;
    s.rows = s.columns = 0;
  }

  void client(Context& context, Bytes payload, std::uint8_t sequence) {
    State& s = *state_;
    if (!s.logged_in && s.command != "login") {
      Cursor c(payload);  // HandshakeResponse41, or 320 where CLIENT_PROTOCOL_41 is not set
      const std::uint16_t low = c.le16();
      if (low & 0x0200) {
        const std::uint16_t high = c.le16();
        s.deprecate_eof = (high & 0x0100) != 0;
        s.attributes = (high & 0x0800) != 0;
        c.skip(28);
      } else {
        c.skip(3);
      }
      if ((low & kSslCapability) != 0 && c.left() == 0) {  // SSLRequest
        context.recognised = true;
        context.become = "ssl";
        return;
      }
      const std::string user = terminated(c);
      if (s.greeted) context.recognised = true;
      begin(context, "login", user);
      return;
    }
    if (!s.logged_in || sequence != 0) return;  // the login's further steps
    const std::string_view name = command_name(payload[0]);
    if (name.empty()) return;
    std::string_view text = base::as_text(base::slice(payload, 1, kMaxText * 4));
    if (payload[0] == 3 && s.attributes) {
      Cursor c(base::slice(payload, 1));
      if (skip_attributes(c)) text = base::as_text(base::slice(c.rest(), 0, kMaxText * 4));
    }
    std::string argument;
    if (payload[0] == 4) argument = text.substr(0, std::min<std::size_t>(text.find('\0'), 256));   // the table's name
    if (payload[0] == 17) argument = text.substr(0, std::min<std::size_t>(text.find('\0'), 256));  // change_user
    if (payload[0] == 2 || payload[0] == 5 || payload[0] == 6) argument = text.substr(0, kMaxText);
    if (payload[0] == 3 || payload[0] == 22)
      argument = context.plan().keep_secrets ? std::string(text.substr(0, kMaxText)) : shape(text);
    begin(context, name, argument);
    if (payload[0] == 1 || payload[0] == 25 || payload[0] == 24) write(context, {}, {}, {}, {});  // without an answer
  }

  void server(Context& context, Bytes payload) {
    State& s = *state_;
    if (!s.greeted) {
      s.greeted = true;
      Cursor c(payload);
      const std::uint8_t protocol = c.u8();
      if (protocol == 10 || protocol == 9) s.version = terminated(c);
      return;
    }
    if (!s.waiting) return;
    record::extend(s.place, context.place());
    Cursor c(payload.subspan(1));
    switch (payload[0]) {
      case 0xff: {  // ERR_Packet
        const std::uint16_t code = c.le16();
        std::string_view text = base::as_text(c.rest());
        if (!text.empty() && text.front() == '#') text.remove_prefix(std::min<std::size_t>(6, text.size()));
        write(context, false, {}, std::string(text.substr(0, kMaxText)), code);
        break;
      }
      case 0x00:
        if (s.in_rows) {
          ++s.rows;
          break;
        }
        if (s.command == "login") s.logged_in = true;
        write(context, true, number(c), {}, {});
        break;
      case 0xfe:
        if (s.command == "login" && payload.size() > 8) break;  // another method is asked for
        if (payload.size() > 9) {
          ++s.rows;
          break;
        }
        if (s.in_rows && !s.columns_done && !s.deprecate_eof) {
          s.columns_done = true;
          s.rows = 0;
          break;
        }
        write(context, true, 0, {}, {}, s.in_rows ? Opt<std::uint64_t>(s.rows) : Opt<std::uint64_t>());
        break;
      default:
        if (s.command == "login") break;
        if (!s.in_rows) {
          s.in_rows = true;  // how many columns
          s.columns = payload[0];
          break;
        }
        ++s.rows;
        if (!s.columns_done && s.deprecate_eof && s.rows == s.columns) {
          s.columns_done = true;
          s.rows = 0;
        }
        break;
    }
  }

  void write(Context& context, Opt<bool> success, Opt<std::uint64_t> rows, const std::string& response,
             Opt<std::uint64_t> code, Opt<std::uint64_t> given = {}) {
    State& s = *state_;
    s.waiting = false;
    Mysql row;
    row.head = context.head(s.ts, s.place);
    row.cmd = s.command;
    row.arg = s.argument;
    row.success = success;
    row.rows = rows;
    row.result_rows = given;
    if (!response.empty()) row.response = response;
    if (!s.version.empty()) row.server_version = s.version;
    row.error_code = code;
    context.emit(row);
    if (s.command == "login" && success.has_value() && !*success) s.command.clear();
  }

  std::unique_ptr<State> state_;
};

// A greeting: sequence 0, protocol 10, a version of printable letters with a NUL.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < 5) return Match::kNeedMore;
  const std::size_t length = base::load_le16(data.data()) | static_cast<std::size_t>(data[2]) << 16;
  if (direction == Direction::kOriginator)
    return data[3] == 1 && length >= 32 && length < 4096 && port_hint ? Match::kMaybe : Match::kNo;
  if (data[3] != 0 || length < 10 || length > 1024) return Match::kNo;
  if (data[4] == 0xff) return port_hint ? Match::kMaybe : Match::kNo;
  if (data[4] != 10) return Match::kNo;
  const std::string_view rest = base::as_text(data.subspan(5));
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) return rest.size() < 64 ? Match::kNeedMore : Match::kNo;
  if (end < 3 || rest[0] < '0' || rest[0] > '9') return Match::kNo;
  for (const char c : rest.substr(0, end))
    if (c < 0x20 || c > 0x7e) return Match::kNo;
  return Match::kYes;
}

std::unique_ptr<Parser> make() { return std::make_unique<MysqlParser>(); }

record::Schema* const kSchemas[] = {&Mysql::schema};

}  // namespace

const Definition kDefinition = {
    .name = "mysql", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::mysql
