#include "protocol/http/parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/dns/dns.h"
#include "protocol/http/body_text.h"
#include "protocol/http/message.h"
#include "protocol/plan.h"

namespace whodunit::protocol::http {
namespace {

/// Header bytes of one message that are read.
constexpr std::size_t kMaxHeaders = 1u << 20;
/// Requests waiting for replies, as Zeek's HTTP::max_pending_requests.
constexpr std::size_t kMaxPending = 100;
constexpr std::size_t kMaxUnanswered = 1024;
constexpr std::string_view kMethods[] = {"GET",     "POST",     "HEAD",      "OPTIONS",   "PUT",   "DELETE", "TRACE",
                                         "CONNECT", "PROPFIND", "PROPPATCH", "MKCOL",     "COPY",  "MOVE",   "LOCK",
                                         "UNLOCK",  "POLL",     "REPORT",    "SUBSCRIBE", "BMOVE", "SEARCH"};

/// The DNS query in a GET's target (RFC 8484 4.1: ?dns= and base64url); empty where there is none.
std::string dns_query(const Transaction& t) {
  const std::string_view uri = t.get(Slot::kUri);
  const std::size_t at = uri.find("?dns=");
  if (at == std::string_view::npos || t.get(Slot::kMethod) != "GET") return {};
  std::string coded(uri.substr(at + 5, kMaxDns));
  coded.resize(std::min(coded.size(), coded.find('&')));
  for (char& c : coded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  std::string message = base::from_base64(coded);
  // A query with one question and no answer: nothing else is asked so.
  const Bytes b = base::as_bytes(message);
  if (b.size() < 17 || (b[2] & 0x80) != 0 || base::load_be16(b.data() + 4) != 1 || base::load_be16(b.data() + 6) != 0)
    return {};
  return message;
}

}  // namespace

HttpParser::HttpParser(bool shadow) : shadow_(shadow) {}
HttpParser::~HttpParser() {
  for (Side& s : sides_) take_line(s);
}

/// Keeps the beginning of a line, within limits.
void HttpParser::hold_line(Context& context, Side& s, std::string_view text) {
  const std::size_t room = kMaxLine - std::min(kMaxLine, s.partial.size());
  const std::size_t n = std::min(room, text.size());
  memory_ = &context.memory();
  if (n < text.size()) odds_.add(Odd::kLineTooLong);
  if (n == 0) return;
  if (!memory_->take(base::MemoryUse::kReassembly, n)) {
    odds_.add(Odd::kStateLimit);
    return;
  }
  s.partial.append(text.substr(0, n));
}

/// Gives what is kept and forgets it.
std::string HttpParser::take_line(Side& s) {
  if (!s.partial.empty()) memory_->give_back(base::MemoryUse::kReassembly, s.partial.size());
  std::string text = std::move(s.partial);
  s.partial = {};
  return text;
}

// --- anomalies

void HttpParser::tell(Context& context) {
  std::uint64_t left = odds_.bits & ~told_;
  told_ |= odds_.bits;
  while (left != 0) {
    const auto odd = static_cast<Odd>(__builtin_ctzll(left));
    std::string_view detail;
    if (odds_.details)
      for (const auto& [which, text] : *odds_.details)
        if (which == odd) detail = text;
    context.weird(name_of(odd), detail);
    left &= left - 1;
  }
  odds_.details.reset();
}

void HttpParser::set_version(Version& held, Version seen) {
  if (held != Version{} && held != seen) odds_.add(Odd::kVersionMismatch);
  held = seen;
  if (held.major > 1 || (held.major == 1 && held.minor > 0)) keep_alive_ = true;
}

// --- transactions

Transaction* HttpParser::transaction(Context& context, Role role) {
  const std::uint64_t index = role == Role::kRequest ? current_request_ : current_reply_;
  auto at = pending_.end();
  while (at != pending_.begin() && (*std::prev(at))->index > index) --at;
  if (at != pending_.begin() && (*std::prev(at))->index == index) {
    Transaction* found = std::prev(at)->get();
    record::extend(found->place, context.place());
    return found;
  }
  auto made = std::make_unique<Transaction>(context.memory());
  made->index = index;
  made->depth = ++depth_;
  made->ts = context.now();
  made->place = context.place();
  return pending_.insert(at, std::move(made))->get();
}

void HttpParser::emit_and_forget(Context& context, std::uint64_t index) {
  for (auto at = pending_.begin(); at != pending_.end(); ++at) {
    if ((*at)->index != index) continue;
    emit(context, **at);
    pending_.erase(at);
    return;
  }
}

// --- messages

void HttpParser::begin_message(Context& context, Role role, bool body_expected) {
  side(role).wait = Wait::kMessage;
  side(role).ongoing = true;
  auto made = std::make_unique<Message>();
  made->body_expected = body_expected;
  message(role) = std::move(made);
  if (!recognised_) {
    recognised_ = true;
    context.recognised = true;
  }
}

void HttpParser::request_line(Context& context, std::string_view text) {
  const auto parsed = parse_request_line(text, odds_);
  if (!parsed) {
    if (requests_ > 0 && !keep_alive_) return;  // crud after the only request
    if (text.empty()) {
      odds_.add(Odd::kEmptyRequest);
    } else {
      side(Role::kRequest).wait = Wait::kNothing;
      if (!recognised_ && (shadow_ || side(Role::kReply).wait == Wait::kNothing)) context.failed = true;
    }
    return;
  }
  set_version(request_version_, parsed->version);
  ++requests_;
  if (!keep_alive_ && requests_ > 1) odds_.add(Odd::kMultipleRequests);
  if (unanswered_.size() >= kMaxUnanswered) unanswered_.erase(0, 1);
  unanswered_ += equals_ignoring_case(parsed->method, "head") ? 'H' : '.';
  if (equals_ignoring_case(parsed->method, "connect")) connect_ = true;

  if (current_request_ < current_reply_) {
    odds_.add(Odd::kResponseBeforeRequest);
    current_request_ = current_reply_;
  }
  if (pending_.size() > kMaxPending) {
    odds_.add(Odd::kExcessivePipelining);
    if (current_reply_ == 0) ++current_reply_;
    for (; current_reply_ < current_request_; ++current_reply_) emit_and_forget(context, current_reply_);
  }
  ++current_request_;
  Transaction* t = transaction(context, Role::kRequest);
  t->set(Slot::kMethod, parsed->method);
  if (parsed->target.find('%') == std::string_view::npos) {
    t->set(Slot::kUri, parsed->target);
  } else {
    std::string uri;
    unescape(parsed->target, uri, odds_);
    t->set(Slot::kUri, uri);
  }
  t->request_version = parsed->version;
  t->has_request_version = true;
  if (std::find(std::begin(kMethods), std::end(kMethods), parsed->method) == std::end(kMethods))
    odds_.add(Odd::kUnknownMethod, parsed->method);

  begin_message(context, Role::kRequest, false);
  if (parsed->version == Version{0, 9}) {
    if (parsed->method != "GET") odds_.add(Odd::kInvalidMethod09, parsed->method);
    if (replies_ > 0) {
      odds_.add(Odd::kReply09BeforeRequest);
      finish(context, Role::kReply, false);
    }
    side(Role::kReply).wait = Wait::kReply09;
  }
}

void HttpParser::begin_reply(Context& context, Version version, std::uint16_t code, std::string_view reason) {
  set_version(reply_version_, version);
  ++replies_;
  Transaction* current = nullptr;
  for (const auto& t : pending_)
    if (t->index == current_reply_) current = t.get();
  if (current == nullptr || (current->has_status && !is_informational(current->status))) ++current_reply_;
  Transaction* t = transaction(context, Role::kReply);
  t->has_status = true;
  t->status = code;
  t->reply_version = reply_version_;
  if (reason.data() == nullptr && version.major < 2) reason = "<empty>";
  if (reason.data() != nullptr) t->set(Slot::kStatusMessage, reason);  // HTTP/2 has none (RFC 9113 8.3.2)
  if (!t->reply_began || is_informational(code)) t->reply_start = context.now();
  t->reply_began = !is_informational(code);
  if (is_informational(code)) {
    t->has_info = true;
    t->info = code;
    if (reason.data() != nullptr) t->set(Slot::kInfoMessage, reason);
  }
  const bool head = !unanswered_.empty() && unanswered_[0] == 'H';
  begin_message(context, Role::kReply, !head && !is_informational(code) && code != 204 && code != 304);
  message(Role::kReply)->code = code;
}

void HttpParser::reply_line(Context& context, std::string_view text) {
  const auto parsed = parse_status_line(text, odds_);
  if (!parsed) {
    if (!text.empty()) {
      side(Role::kReply).wait = Wait::kNothing;
      if (!recognised_) context.failed = true;
    }
    return;
  }
  if (connect_ && parsed->code != 200) connect_ = false;
  begin_reply(context, parsed->version, parsed->code, parsed->reason);
}

void HttpParser::header_line(Context& context, Role role, std::string_view text, int next) {
  Message* m = message(role).get();
  m->header_bytes += text.size();
  if (m->header_bytes > kMaxHeaders && !text.empty()) {
    odds_.add(Odd::kHeaderLimit);
    return;
  }
  if (text.empty() || text[0] == '\0') {
    settle_header(context, role);
    headers_done(context, role);
    return;
  }
  if (is_blank(text[0])) {
    // Obsolete line folding (RFC 9112 5.2).
    if (m->header.empty()) {
      m->header = skip_blanks(text);
      m->header_folded = false;
    } else {
      if (m->header.size() + text.size() <= kMaxLine) m->header += text;
      m->header_folded = true;
    }
    return;
  }
  settle_header(context, role);
  if (next >= 0 && next != ' ' && next != '\t')
    header(context, role, text, false);
  else
    m->header = text;
}

/// The header line that was held is whole: what follows it does not go on with it.
void HttpParser::settle_header(Context& context, Role role) {
  Message& m = *message(role);
  if (!m.header.empty()) {
    const std::string held = std::move(m.header);
    m.header.clear();
    header(context, role, held, m.header_folded);
  }
  m.header_folded = false;
}

void HttpParser::header(Context& context, Role role, std::string_view text, bool folded) {
  const auto h = parse_header(text);
  if (folded) odds_.add(Odd::kObsoleteFolding, h ? h->name : std::string_view());
  if (!h) return;
  framing_header(context, role, h->name, h->value);
  if (role == Role::kRequest)
    request_header(context, h->name, h->value);
  else
    reply_header(context, h->name, h->value);
}

void HttpParser::headers_done(Context& context, Role role) {
  Message& m = *message(role);
  if (m.framing == Framing::kTrailer) {
    finish(context, role, false);
    return;
  }
  if (role == Role::kReply && rare_ && rare_->login == Login::kAnswered && m.code >= 200) {
    rare_->authentication->result(context, m.code != 401 && m.code != 407);
    rare_->login = Login::kNone;
  }
  if (role == Role::kReply && connect_) {
    // RFC 9110 9.3.6: what follows a 200 to CONNECT is the tunnel.
    next_protocol_ = "?";
    context.tunnel("Tunnel::HTTP");
    return;
  }
  if (role == Role::kReply && !m.body_expected) {
    finish(context, role, false);
    return;
  }
  if (m.is_multipart && !m.boundary.empty())
    m.multipart = std::make_unique<Multipart>(m.boundary);
  else if (m.is_message)
    m.multipart = std::make_unique<Multipart>("");
  // RFC 9112 6.3.
  if (m.chunked) {
    m.framing = Framing::kChunkSize;
  } else if (m.content_length) {
    m.left = *m.content_length;
    if (m.left == 0)
      finish(context, role, false);
    else
      m.framing = Framing::kLength;
  } else if (role == Role::kReply) {
    m.framing = Framing::kUntilClose;
  } else {
    finish(context, role, false);
  }
}

void HttpParser::finish(Context& context, Role role, bool interrupted) {
  Side& s = side(role);
  if (!s.ongoing) return;
  s.ongoing = false;
  Message& m = *message(role);
  settle_header(context, role);
  body_ends(context, role);
  Transaction* t = transaction(context, role);
  if (!m.dns.empty() && !interrupted) dns_message(context, role, m.dns);
  if (!m.window.empty()) {
    std::string safe;
    append_safe(m.window, safe);
    if (!context.plan().keep_secrets && role == Role::kRequest) safe = without_secrets(safe);
    t->set(role == Role::kRequest ? Slot::kRequestBody : Slot::kResponseBody, safe);
  }
  std::string_view turns_into;
  if (role == Role::kRequest) {
    if (const std::string query = dns_query(*t); !query.empty()) dns_message(context, role, query);
    t->request_body = m.length;
    t->request_ended = true;
    t->request_end = context.now();
  } else {
    t->reply_body = m.length;
    t->reply_ended = true;
    t->reply_end = context.now();
    const bool final_reply = !(t->has_status && is_informational(t->status));
    if (final_reply) emit_and_forget(context, current_reply_);
    if (!is_informational(m.code) && !unanswered_.empty()) unanswered_.erase(0, 1);
    // RFC 9110 7.8.
    if (m.code == 101 && unanswered_.size() == 1 && m.upgrade && !m.upgrade_to.empty() && !interrupted) {
      std::string lower(m.upgrade_to);
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      const Definition* known = find_definition(lower);
      turns_into = known != nullptr && known->stream ? known->name : std::string_view("?");
      if (lower == "websocket") emit_websocket(context, *t);
    }
  }
  message(role).reset();
  s.wait = interrupted ? Wait::kNothing : Wait::kStartLine;
  if (!turns_into.empty()) next_protocol_ = turns_into;
}

// --- streams

void HttpParser::line(Context& context, Direction direction, std::string_view text, int next) {
  if (requests_ == 0 && replies_ == 0) {
    // A capture that begins in the middle may have the ends the wrong way round.
    Odds ignored;
    const bool reply_from_client = direction == client_ && parse_status_line(text, ignored);
    const bool request_from_server =
        direction != client_ && context.connection().midstream && !parse_status_line(text, ignored) && [&] {
          const auto r = parse_request_line(text, ignored);
          return r && r->version.major >= 1;
        }();
    if (reply_from_client || request_from_server) client_ = connection::opposite(client_);
  }
  const Role role = role_of(direction);
  switch (side(role).wait) {
    case Wait::kStartLine:
      if (role == Role::kRequest)
        request_line(context, text);
      else
        reply_line(context, text);
      return;
    case Wait::kMessage: {
      Message& m = *message(role);
      switch (m.framing) {
        case Framing::kChunkSize: {
          // RFC 9112 7.1; extensions are ignored.
          const auto size = parse_number(text, 16);
          if (!size) odds_.add(Odd::kBadChunkSize, text.substr(0, text.find('\0')));
          m.left = size.value_or(0);
          m.framing = m.left > 0 ? Framing::kChunkData : Framing::kTrailer;
          return;
        }
        case Framing::kChunkEnd:
          m.framing = Framing::kChunkSize;
          return;
        default:
          header_line(context, role, text, next);
          return;
      }
    }
    case Wait::kReply09:
    case Wait::kNothing:
      return;
  }
}

namespace {

/// Whether `data` begins with the first line of a message, whole, as one that nobody doubts looks.
bool begins_message(Bytes data, bool request) {
  const std::string_view text = base::as_text(data);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || end > kMaxLine) return false;
  const std::string_view line = text.substr(0, end > 0 && text[end - 1] == '\r' ? end - 1 : end);
  Odds ignored;
  if (!request) {
    const auto status = parse_status_line(line, ignored);
    return status && status->version.major == 1 && status->code >= 100 && status->code < 600;
  }
  const auto parsed = parse_request_line(line, ignored);
  return parsed && parsed->version.major == 1 &&
         std::find(std::begin(kMethods), std::end(kMethods), parsed->method) != std::end(kMethods);
}

}  // namespace

/// Behind a hole in the lines of `role`, the next message of its is at hand. What was asked before and has no answer
/// yet lost it; a client mostly waits for one before it asks again, so that the next answer is the next request's, or
/// the last one's.
void HttpParser::resume(Context& context, Role role) {
  Side& s = side(role);
  s.lost = s.lone_cr = s.after_cr = false;
  s.wait = Wait::kStartLine;
  const std::uint32_t answered = role == Role::kRequest ? current_reply_ : std::max(current_reply_, current_request_);
  const bool last = role == Role::kReply && current_request_ > current_reply_;
  for (std::uint32_t index = current_reply_ + 1; index <= current_request_; ++index)
    if (!last || index < current_request_) emit_and_forget(context, index);
  unanswered_ = unanswered_.substr(unanswered_.size() - (last && !unanswered_.empty() ? 1 : 0));
  if (role == Role::kRequest)
    current_request_ = answered;
  else if (last)
    current_reply_ = answered - 1;
}

void HttpParser::become(Context& context, Bytes rest) {
  context.become = next_protocol_;
  context.become_rest = rest;
}

namespace {

/// Whether a CR stands alone in `data` (RFC 9112 2.2).
bool has_single_cr(Bytes data) {
  const std::string_view text = base::as_text(data);
  for (std::size_t at = text.find('\r'); at != std::string_view::npos && at + 1 < text.size();
       at = text.find('\r', at + 1))
    if (text[at + 1] != '\n') return true;
  return false;
}

}  // namespace

void HttpParser::stream(Context& context, Direction direction, Bytes data) {
  Side& s = sides_[connection::index(direction)];
  const Wait before = s.wait;
  if (shadow_ && context.connection().midstream) {
    // What the lines mean depends on those before.
    if (direction == client_ && has_single_cr(data)) odds_.add(Odd::kSingleCr);
    tell(context);
    return;
  }
  if (s.lost && s.wait == Wait::kNothing && next_protocol_.empty() &&
      begins_message(data, role_of(direction) == Role::kRequest)) [[unlikely]]
    resume(context, role_of(direction));
  while (!data.empty()) {
    if (s.after_cr) {
      s.after_cr = false;
      if (data[0] == '\n') {
        data = data.subspan(1);
        continue;
      }
      s.lone_cr = true;
    }
    if (!next_protocol_.empty() || s.wait == Wait::kNothing) break;
    const Role role = role_of(direction);
    if (s.wait == Wait::kReply09 && role == Role::kReply) {
      // HTTP/0.9: the reply is a body and nothing else.
      if (!unanswered_.empty()) unanswered_.erase(0, 1);
      begin_reply(context, {0, 9}, 0, {});
      message(role)->framing = Framing::kUntilClose;
    }
    if (const Message* m = message(role).get();
        m != nullptr &&
        (m->framing == Framing::kLength || m->framing == Framing::kChunkData || m->framing == Framing::kUntilClose)) {
      s.lone_cr = false;
      data = data.subspan(body(context, role, data));
      continue;
    }
    if (s.lone_cr) {
      s.lone_cr = false;
      odds_.add(Odd::kSingleCr);
    }
    // A line ends with CR LF, LF, or CR.
    const auto* lf = static_cast<const std::uint8_t*>(std::memchr(data.data(), '\n', data.size()));
    const std::size_t to_lf = lf == nullptr ? data.size() : static_cast<std::size_t>(lf - data.data());
    const auto* cr = static_cast<const std::uint8_t*>(std::memchr(data.data(), '\r', to_lf));
    if (lf == nullptr && cr == nullptr) {
      // The next line has begun: the one before it waits no longer, as it would not in one segment with it.
      if (s.partial.empty() && s.wait == Wait::kMessage && !is_blank(data[0])) settle_header(context, role);
      hold_line(context, s, base::as_text(data));
      data = {};
      break;
    }
    std::size_t size = to_lf;
    std::size_t used = to_lf + 1;
    if (cr != nullptr) {
      size = static_cast<std::size_t>(cr - data.data());
      used = size + 1;
      if (used == data.size())
        s.after_cr = true;
      else if (data[used] == '\n')
        ++used;
      else
        s.lone_cr = true;
    }
    std::string_view text = base::as_text(data.subspan(0, size));
    std::string whole;
    if (!s.partial.empty()) {
      hold_line(context, s, text);
      whole = take_line(s);
      text = whole;
    } else if (text.size() > kMaxLine) {
      odds_.add(Odd::kLineTooLong);
      text = text.substr(0, kMaxLine);
    }
    data = data.subspan(used);
    line(context, direction, text, data.empty() ? -1 : data[0]);
    if (context.failed) break;
  }
  // What comes with a line that is none of HTTP's is looked at for its line ends all the same.
  if (s.wait == Wait::kNothing && before != Wait::kNothing && (s.lone_cr || has_single_cr(data)))
    odds_.add(Odd::kSingleCr);
  if (!next_protocol_.empty() && !s.after_cr) {
    if (role_of(direction) == Role::kReply && !data.empty())
      odds_.add(connect_ ? Odd::kDataAfterConnect : Odd::kDataAfterUpgrade, std::to_string(data.size()));
    become(context, data);
  }
  tell(context);
}

void HttpParser::end(Context& context, Direction direction, End why) {
  if (why == End::kFin) {
    Side& s = sides_[connection::index(direction)];
    if (!s.partial.empty() && s.wait != Wait::kNothing) {
      const std::string text = take_line(s);
      line(context, direction, text, -1);
    }
    if (next_protocol_.empty()) finish(context, role_of(direction), false);
  } else if (why == End::kReset && next_protocol_.empty()) {
    finish(context, Role::kRequest, true);
    finish(context, Role::kReply, true);
  }
  tell(context);
}

void HttpParser::closed(Context& context, End) {
  for (Side& s : sides_) take_line(s);
  finish(context, Role::kRequest, true);
  finish(context, Role::kReply, true);
  if (rare_ && context.has_files()) {
    for (RangeFile& r : rare_->ranges) context.files().close(context, r.file, true);
    rare_->ranges.clear();
  }
  for (const auto& t : pending_)
    if (t->index != 0) emit(context, *t);
  pending_.clear();
  if (rare_ && rare_->authentication) rare_->authentication->finish(context);
  if (rare_ && rare_->dns) {
    rare_->dns->closed(context, End::kFin);
    rare_->dns.reset();
  }
  tell(context);
}

// --- DNS in bodies and targets (RFC 8484)

void HttpParser::dns_message(Context& context, Role role, std::string_view message) {
  if (message.size() < 12) return;
  if (!rare_) rare_ = std::make_unique<Rare>();
  if (!rare_->dns) rare_->dns = dns::kOverTcp.make();
  packet::Packet packet;
  packet.origin = context.at();
  packet.protocol = context.connection().protocol;
  packet.payload = base::as_bytes(message);
  packet.payload_length = static_cast<std::uint32_t>(message.size());
  const std::string_view source = std::exchange(context.weird_source, "dns");
  rare_->dns->datagram(context, direction_of(role), packet);
  context.weird_source = source;
  context.carries("dns");
}

// --- streams of HTTP/2 (RFC 9113)

void HttpParser::begin_stream(std::uint32_t ordinal, Direction client) {
  constexpr std::uint32_t kFilesOfOne = 1024;  // so that files of several streams have numbers of their own
  depth_ = ordinal - 1;
  files_ = (ordinal - 1) * kFilesOfOne;
  client_ = client;
  request_version_ = reply_version_ = {2, 0};
  keep_alive_ = true;
}

void HttpParser::stream_request(Context& context, std::string_view method, std::string_view authority,
                                std::string_view path, std::span<const Field> fields, bool ends) {
  if (requests_ > 0) return;  // a stream has one
  ++requests_;
  unanswered_ = equals_ignoring_case(method, "head") ? "H" : ".";
  current_request_ = std::max(current_request_ + 1, current_reply_);
  Transaction* t = transaction(context, Role::kRequest);
  t->set(Slot::kMethod, method);
  if (!path.empty() || !authority.empty()) {
    std::string uri;
    // CONNECT has its target in :authority (RFC 9113 8.5).
    unescape(path.empty() ? authority : path, uri, odds_);
    t->set(Slot::kUri, uri);
  }
  // RFC 9113 8.3.1: a Host beside :authority is not used, and user names and passwords do not belong there.
  if (!authority.empty()) t->set(Slot::kHost, authority.substr(authority.rfind('@') + 1));
  t->request_version = {2, 0};
  t->has_request_version = true;
  if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods))
    odds_.add(Odd::kUnknownMethod, method);
  begin_message(context, Role::kRequest, false);
  for (const Field& f : fields) {
    framing_header(context, Role::kRequest, f.name, f.value);
    if (authority.empty() || !equals_ignoring_case(f.name, "host")) request_header(context, f.name, f.value);
  }
  stream_body_begins(context, Role::kRequest, ends);
}

void HttpParser::stream_reply(Context& context, std::uint16_t code, std::span<const Field> fields, bool ends) {
  if (message(Role::kReply)) return;  // its trailers
  begin_reply(context, {2, 0}, code, {});
  for (const Field& f : fields) {
    framing_header(context, Role::kReply, f.name, f.value);
    reply_header(context, f.name, f.value);
  }
  stream_body_begins(context, Role::kReply, ends || is_informational(code));
}

void HttpParser::stream_body_begins(Context& context, Role role, bool ends) {
  Message& m = *message(role);
  m.chunked = m.upgrade = false;  // RFC 9113 8.2.2: there is no such thing
  if (m.is_multipart && !m.boundary.empty())
    m.multipart = std::make_unique<Multipart>(m.boundary);
  else if (m.is_message)
    m.multipart = std::make_unique<Multipart>("");
  m.framing = Framing::kUntilClose;
  if (ends) finish(context, role, false);
  tell(context);
}

void HttpParser::stream_body(Context& context, Direction direction, Bytes data) {
  const Role role = role_of(direction);
  if (message(role)) body(context, role, data);
  tell(context);
}

void HttpParser::stream_gap(Context& context, Direction direction, std::uint64_t bytes) {
  if (message(role_of(direction))) gap(context, direction, bytes);
}

void HttpParser::stream_ends(Context& context, Direction direction) {
  finish(context, role_of(direction), false);
  tell(context);
}

}  // namespace whodunit::protocol::http
