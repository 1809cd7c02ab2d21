#include "protocol/sip/sip.h"

#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "protocol/text/lines.h"

namespace whodunit::protocol::sip {
namespace {

constexpr std::uint16_t kPorts[] = {5060};
constexpr std::size_t kMaxMessage = 64 << 10, kMaxPath = 64, kMaxHeaders = 256;

struct Transaction {
  base::Time ts;
  record::Place place;
  std::string method, uri, date, request_from, request_to, response_from, response_to, reply_to, call_id, seq, subject;
  std::string user_agent, status_msg, warning, content_type, server, auth_user;
  std::vector<std::string> request_path, response_path;
  bool has_subject = false;
  Opt<std::uint64_t> status_code, request_body_len, response_body_len;
};

std::string_view before(std::string_view value, std::string_view mark) {
  // ";tag=" and "; tag=" alike.
  for (std::size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
    std::string_view rest = value.substr(at + 1);
    if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    if (rest.substr(0, mark.size()) == mark) return value.substr(0, at);
  }
  return value;
}

Opt<std::uint64_t> count(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end == text.data()) return {};
  return n;
}

// username="…" of a digest (RFC 3261 22.4).
std::string account(std::string_view value) {
  const std::size_t at = text::lower(value).find("username=\"");
  if (at == std::string::npos) return {};
  const std::string_view rest = value.substr(at + 10);
  return std::string(rest.substr(0, rest.find('"')));
}

// The header section of a message: everything before an empty line.
std::size_t header_size(std::string_view text) {
  const std::size_t crlf = text.find("\r\n\r\n");
  const std::size_t lf = text.find("\n\n");
  if (crlf == std::string_view::npos && lf == std::string_view::npos) return std::string_view::npos;
  return crlf < lf ? crlf + 4 : lf + 2;
}

class SipParser final : public FramedParser {
 public:
  SipParser() : FramedParser(kMaxMessage) {}

  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    const std::string_view text = base::as_text(packet.payload);
    if (direction == Direction::kOriginator) {
      // Blanks that keep a NAT open (RFC 5626 4.4.1 has CR LF for it), told with what comes after them, as Zeek does.
      constexpr std::size_t kMostBlanks = 128;
      if (text::trim(text).empty()) {
        blanks_ += text.substr(0, kMostBlanks - std::min(kMostBlanks, blanks_.size()));
      } else {
        if (!blanks_.empty()) context.weird("sip_junk_before_request", blanks_);
        blanks_.clear();
      }
    }
    take(context, text);
  }
  void closed(Context& context, End) override {
    if (open_) write(context);
    open_.reset();
  }

 protected:
  // RFC 3261 18.3: over streams, Content-Length says where a message ends.
  std::size_t frame(Direction, Bytes so_far) override {
    const std::string_view text = base::as_text(so_far);
    if (text[0] == '\r' || text[0] == '\n') return 1;  // keep-alives (RFC 5626 4.4.1)
    const std::size_t header = header_size(text);
    if (header == std::string_view::npos) return so_far.size() >= 16384 ? kBad : kMore;
    const std::string head = text::lower(text.substr(0, header));
    std::size_t at = head.find("\ncontent-length:");
    std::size_t skip = 16;
    if (at == std::string::npos) {
      at = head.find("\nl:");
      skip = 3;
    }
    if (at == std::string::npos) return header;
    const auto body = count(text::trim(std::string_view(head).substr(at + skip, 16)));
    return header + static_cast<std::size_t>(std::min<std::uint64_t>(body.value_or(0), 1u << 24));
  }
  void message(Context& context, Direction, Bytes message, bool) override {
    if (message.size() > 1) take(context, base::as_text(message));
  }

 private:
  void take(Context& context, std::string_view message) {
    std::string_view rest = message;
    bool cut = false;  // the last line had no end
    const auto next_line = [&rest, &cut] {
      const std::size_t end = rest.find('\n');
      cut = end == std::string_view::npos;
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      return line;
    };
    const std::string_view first = next_line();
    const bool reply = first.substr(0, 4) == "SIP/";
    if (!reply && first.find(" SIP/") == std::string_view::npos) {
      if (!text::trim(message).empty()) context.weird("sip_malformed");
      return;
    }
    context.recognised = true;
    if (!open_) {
      open_ = std::make_unique<Transaction>();
      open_->ts = context.now();
    }
    Transaction& t = *open_;
    record::extend(t.place, context.place());
    std::string_view words = first;
    if (reply) {
      text::word(words);
      t.status_code = count(text::word(words));
      t.status_msg = words;
    } else {
      t.method = text::word(words);
      t.uri = text::word(words);
    }
    std::string folded;
    for (std::size_t i = 0; i < kMaxHeaders && !rest.empty(); ++i) {
      std::string_view line = next_line();
      if (line.empty() || cut) break;  // a header that does not end (RFC 3261 7.3.1) was cut off: of what, who knows
      if (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) {  // folded (7.3.1)
        folded = line;
        while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t') && folded.size() < 8192) {
          folded += ' ';
          folded += text::trim(next_line());
        }
        line = folded;
      }
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string_view value = line.substr(colon + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
      value = value.substr(0, value.find('\r'));  // 25.1: no CR within a value
      header(t, reply, text::upper(text::trim(line.substr(0, colon))), value);
    }
    if (!reply) return;
    write(context);
    const std::uint64_t code = t.status_code.value_or(0);
    const bool final_one = code < 100 || code >= 200;
    if (final_one || t.method.empty()) open_.reset();
  }

  static void header(Transaction& t, bool reply, const std::string& name, std::string_view value) {
    if (name == "VIA" || name == "V") {
      auto& path = reply ? t.response_path : t.request_path;
      if (path.size() < kMaxPath) path.emplace_back(before(value, "branch"));
    } else if (name == "FROM" || name == "F") {
      (reply ? t.response_from : t.request_from) = before(value, "tag=");
    } else if (name == "TO" || name == "T") {
      (reply ? t.response_to : t.request_to) = value;
    } else if (name == "CONTENT-LENGTH" || name == "L") {
      (reply ? t.response_body_len : t.request_body_len) = count(text::trim(value));
    } else if (reply) {
      if (name == "CONTENT-TYPE" || name == "C") t.content_type = value;
      if (name == "WARNING") t.warning = value;
      if (name == "SERVER") t.server = value;
    } else {
      if (name == "CALL-ID") t.call_id = value;
      if (name == "CSEQ") t.seq = value;
      if (name == "DATE") t.date = value;
      if (name == "REPLY-TO") t.reply_to = value;
      if (name == "SUBJECT" || name == "S") t.subject = value, t.has_subject = true;
      if (name == "USER-AGENT") t.user_agent = value;
      if (name == "AUTHORIZATION" || name == "PROXY-AUTHORIZATION") t.auth_user = account(value);
    }
  }

  void write(Context& context) {
    const Transaction& t = *open_;
    const auto set = [](Text& out, const std::string& in) {
      if (!in.empty()) out = in;
    };
    Sip row;
    row.head = context.head(t.ts, t.place);
    set(row.method, t.method);
    set(row.uri, t.uri);
    set(row.date, t.date);
    set(row.request_from, t.request_from);
    set(row.request_to, t.request_to);
    set(row.response_from, t.response_from);
    set(row.response_to, t.response_to);
    set(row.reply_to, t.reply_to);
    set(row.call_id, t.call_id);
    set(row.seq, t.seq);
    if (t.has_subject) row.subject = t.subject;
    static constexpr std::string_view kNone[1];  // an empty path is one
    const std::vector<std::string_view> request(t.request_path.begin(), t.request_path.end());
    const std::vector<std::string_view> response(t.response_path.begin(), t.response_path.end());
    row.request_path = request.empty() ? Texts(kNone, std::size_t{0}) : Texts(request);
    row.response_path = response.empty() ? Texts(kNone, std::size_t{0}) : Texts(response);
    set(row.user_agent, t.user_agent);
    row.status_code = t.status_code;
    set(row.status_msg, t.status_msg);
    set(row.warning, t.warning);
    row.request_body_len = t.request_body_len;
    row.response_body_len = t.response_body_len;
    set(row.content_type, t.content_type);
    set(row.server, t.server);
    set(row.auth_user, t.auth_user);
    context.emit(row);
  }

  std::unique_ptr<Transaction> open_;
  std::string blanks_;  // datagrams of nothing else since the client's last message
};

// "SIP/2.0 200 …", or a method of capital letters, a URI with a known scheme, and "SIP/2.0".
Match recognise(Bytes data, Direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (text.size() < 12) return text::printable(text) && !text.empty() ? Match::kNeedMore : Match::kNo;
  if (text.substr(0, 8) == "SIP/2.0 ") return text[8] >= '1' && text[8] <= '6' ? Match::kYes : Match::kNo;
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos || space < 3 || space > 16) return Match::kNo;
  for (const char c : text.substr(0, space))
    if (c < 'A' || c > 'Z') return Match::kNo;
  const std::string_view uri = text.substr(space + 1);
  const std::string_view line = text.substr(0, text.find('\n'));
  if (line.find(" SIP/2.0") == std::string_view::npos)
    return line.size() == text.size() && text.size() < 512 ? Match::kNeedMore : Match::kNo;
  const bool scheme = text::begins(uri, "sip:") || text::begins(uri, "sips:") || text::begins(uri, "tel:");
  return scheme || port_hint ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<SipParser>(); }

record::Schema* const kSchemas[] = {&Sip::schema};

}  // namespace

const Definition kDefinition = {.name = "sip",
                                .stream = true,
                                .datagram = true,
                                .recognise = recognise,
                                .ports = kPorts,
                                .make = make,
                                .schemas = kSchemas};

}  // namespace whodunit::protocol::sip
