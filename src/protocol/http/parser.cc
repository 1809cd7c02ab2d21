#include "protocol/http/parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "protocol/dns/dns.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/http/body_text.h"
#include "protocol/http/decoder.h"
#include "protocol/http/http.h"
#include "protocol/http/multipart.h"
#include "protocol/http/websocket.h"
#include "protocol/plan.h"

namespace whodunit::protocol::http {
namespace {

/// The longest line that is kept; more of it is dropped. Bytes.
constexpr std::size_t kMaxLine = 64u << 10;
/// Header bytes of one message that are read.
constexpr std::size_t kMaxHeaders = 1u << 20;
/// Requests waiting for replies, as Zeek's HTTP::max_pending_requests.
constexpr std::size_t kMaxPending = 100;
constexpr std::size_t kMaxUnanswered = 1024;
/// Files noted per transaction and direction, as Zeek's HTTP::max_files_orig.
constexpr std::size_t kMaxFiles = 15;
constexpr std::size_t kMaxRangeFiles = 16;
constexpr std::size_t kMaxCookies = 32;
/// The longest message of DNS (RFC 8484 6).
constexpr std::size_t kMaxDns = 65535;

constexpr std::string_view kMethods[] = {"GET",     "POST",     "HEAD",      "OPTIONS",   "PUT",   "DELETE", "TRACE",
                                         "CONNECT", "PROPFIND", "PROPPATCH", "MKCOL",     "COPY",  "MOVE",   "LOCK",
                                         "UNLOCK",  "POLL",     "REPORT",    "SUBSCRIBE", "BMOVE", "SEARCH"};

bool is_informational(std::uint16_t code) { return code >= 100 && code <= 199; }

/// A media type without its parameters, in lower case.
std::string text_type(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, std::min<std::size_t>(value.find_first_of("; \t,"), 128)))
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

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

/// The value of a version: "1.1"; "2", which has no minor one (RFC 9113 3.1).
struct VersionText {
  char text[3];
  explicit VersionText(Version v) : text{static_cast<char>('0' + v.major), '.', static_cast<char>('0' + v.minor)} {}
  std::string_view view() const { return {text, text[0] == '2' && text[2] == '0' ? 1u : 3u}; }
};

enum class Framing : std::uint8_t { kHeaders, kLength, kChunkSize, kChunkData, kChunkEnd, kTrailer, kUntilClose };

}  // namespace

struct HttpParser::Message {
  Framing framing = Framing::kHeaders;
  Coding coding = Coding::kIdentity;
  bool body_expected = false;  // a reply that has a body unless its headers say otherwise
  bool chunked = false;
  bool is_multipart = false;
  bool is_message = false;
  bool expect_continue = false;
  bool upgrade = false;
  bool decoding_broken = false;
  bool window_settled = false;
  std::uint16_t code = 0;
  std::size_t header_bytes = 0;
  std::uint64_t left = 0;    // of the body or chunk
  std::uint64_t length = 0;  // of the body so far, decoded
  std::optional<std::uint64_t> content_length;
  std::string header;  // a header that may go on on the next line
  bool header_folded = false;
  std::string boundary;
  std::string upgrade_to;
  std::string window;  // the body's beginning
  std::string dns;     // all of it, where it is a DNS message (RFC 8484)
  bool is_dns = false;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<Multipart> multipart;

  /// The body, or one part of it.
  struct Entity {
    std::string name;
    bool has_name = false;
    bool type_noted = false;
    bool over = false;  // all announced bytes came; more are not its
    bool is_part = false;
    std::string header;                   // of a part, folded lines joined
    std::optional<std::uint64_t> length;  // of a part, as its headers say
    std::string boundary;
    std::optional<ContentRange> range;
    std::uint64_t offset = 0;  // of the next byte, in the whole that a range is of
    FileHandle file;
    std::uint64_t range_key = 0;  // of Rare::ranges; 0: `file`
  };
  Entity entity;
};

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

void HttpParser::emit(Context& context, const Transaction& t) {
  if (t.full) odds_.add(Odd::kStateLimit);
  Http row;
  row.head = context.head(t.ts, t.place);
  row.trans_depth = t.depth;
  row.method = t.get(Slot::kMethod);
  row.host = t.get(Slot::kHost);
  row.uri = t.get(Slot::kUri);
  row.referrer = t.get(Slot::kReferrer);
  const VersionText reply_version(t.reply_version);
  const VersionText request_version(t.request_version);
  if (t.has_status) {
    row.version = reply_version.view();
    row.status_code = t.status;
  }
  if (t.has_request_version) row.request_version = request_version.view();
  row.user_agent = t.get(Slot::kUserAgent);
  row.origin = t.get(Slot::kOrigin);
  row.request_body_len = t.request_body;
  row.response_body_len = t.reply_body;
  row.status_msg = t.get(Slot::kStatusMessage);
  if (t.has_info) row.info_code = t.info;
  row.info_msg = t.get(Slot::kInfoMessage);
  static constexpr std::string_view kNoTags[] = {""};
  row.tags = record::Texts(kNoTags, std::size_t{0});
  row.username = t.get(Slot::kUserName);
  row.password = t.get(Slot::kPassword);
  std::vector<std::string_view> buffers[static_cast<std::size_t>(List::kCount)];
  const auto list = [&](List l) { return t.get(l, buffers[static_cast<std::size_t>(l)]); };
  row.proxied = list(List::kProxied);
  row.orig_fuids = list(List::kRequestFuids);
  row.orig_filenames = list(List::kRequestFileNames);
  row.orig_mime_types = list(List::kRequestMimeTypes);
  row.resp_fuids = list(List::kReplyFuids);
  row.resp_filenames = list(List::kReplyFileNames);
  row.resp_mime_types = list(List::kReplyMimeTypes);
  if (t.request_ended && t.reply_began && t.reply_start >= t.request_end)
    row.server_time = t.reply_start - t.request_end;
  if (t.reply_began && t.reply_ended) row.transfer_time = t.reply_end - t.reply_start;
  row.request_content_type = t.get(Slot::kRequestContentType);
  row.content_type = t.get(Slot::kContentType);
  row.content_encoding = t.get(Slot::kContentEncoding);
  row.server = t.get(Slot::kServer);
  row.location = t.get(Slot::kLocation);
  row.x_forwarded_for = t.get(Slot::kForwardedFor);
  row.accept_language = t.get(Slot::kAcceptLanguage);
  row.authorization = t.get(Slot::kAuthorization);
  row.cookie_names = list(List::kCookieNames);
  row.set_cookie_names = list(List::kSetCookieNames);
  row.request_body = t.get(Slot::kRequestBody);
  row.response_body = t.get(Slot::kResponseBody);
  row.other_headers = list(List::kOtherHeaders);
  context.emit(row);
}

void HttpParser::emit_websocket(Context& context, const Transaction& t) {
  Websocket row;
  row.head = context.head(context.now(), t.place);
  row.host = t.get(Slot::kHost);
  row.uri = t.get(Slot::kUri);
  row.user_agent = t.get(Slot::kUserAgent);
  row.subprotocol = t.get(Slot::kSubprotocol);
  std::vector<std::string_view> buffers[3];
  row.client_protocols = t.get(List::kClientProtocols, buffers[0]);
  row.server_extensions = t.get(List::kServerExtensions, buffers[1]);
  row.client_extensions = t.get(List::kClientExtensions, buffers[2]);
  context.emit(row);
}

void HttpParser::emit_and_forget(Context& context, std::uint64_t index) {
  for (auto at = pending_.begin(); at != pending_.end(); ++at) {
    if ((*at)->index != index) continue;
    emit(context, **at);
    pending_.erase(at);
    return;
  }
}

// --- files

void HttpParser::note_type(Transaction& t, Role role, std::string_view mime_type) {
  const List list = role == Role::kRequest ? List::kRequestMimeTypes : List::kReplyMimeTypes;
  if (!mime_type.empty() && t.size(list) < kMaxFiles) t.add(list, mime_type);
}

bool HttpParser::open_file(Context& context, Role role, Transaction& t) {
  Message& m = *message(role);
  Message::Entity& e = m.entity;
  FileStart start{.source = "HTTP", .direction = direction_of(role)};
  std::optional<std::uint64_t> length = e.is_part ? e.length : m.chunked ? std::nullopt : m.content_length;
  if (m.coding != Coding::kIdentity || length == 0u) length = std::nullopt;
  if (e.has_name) start.name = e.name;
  if (role == Role::kReply && (t.range_request || m.code == 206)) {
    // Ranges of one thing are one file, over several replies of the connection.
    std::string url;
    if (t.range_request) {
      url = t.get(Slot::kHost);
      url += t.get(Slot::kUri);
    } else {
      url = std::to_string(++files_);
    }
    e.range_key = base::fast_hash(url, 1) | 1;
    if (!rare_) rare_ = std::make_unique<Rare>();
    for (RangeFile& r : rare_->ranges)
      if (r.key == e.range_key) return true;
    if (rare_->ranges.size() >= kMaxRangeFiles) {
      odds_.add(Odd::kStateLimit);
      context.files().close(context, rare_->ranges.front().file, true);
      rare_->ranges.erase(rare_->ranges.begin());
    }
    start.ordinal = e.range_key;
    start.total_bytes = !e.range ? length : m.coding == Coding::kIdentity ? e.range->complete : std::nullopt;
    rare_->ranges.push_back({e.range_key, context.files().open(context, start), false});
  } else {
    start.ordinal = ++files_;
    start.total_bytes = length;
    e.file = context.files().open(context, start);
  }
  const List fuids = role == Role::kRequest ? List::kRequestFuids : List::kReplyFuids;
  const List names = role == Role::kRequest ? List::kRequestFileNames : List::kReplyFileNames;
  if (t.size(fuids) < kMaxFiles) {
    const record::Fuid fuid = e.range_key != 0 ? rare_->ranges.back().file->fuid() : e.file->fuid();
    t.add(fuids, fuid.to_string());
    if (e.has_name) t.add(names, e.name);
  }
  return true;
}

void HttpParser::entity_data(Context& context, Role role, Bytes data) {
  Message::Entity& e = message(role)->entity;
  if (data.empty() || e.over || !context.has_files()) return;
  FileHandle* file = &e.file;
  bool* noted = &e.type_noted;
  Transaction* t = nullptr;
  if (!e.file && e.range_key == 0) {
    t = transaction(context, role);
    open_file(context, role, *t);
  }
  if (e.range_key != 0) {
    file = nullptr;
    for (RangeFile& r : rare_->ranges) {
      if (r.key != e.range_key) continue;
      file = &r.file;
      noted = &r.type_noted;
    }
    if (file == nullptr || !*file) return;  // given up for others
  }
  if (e.range) {
    context.files().data_at(context, **file, e.offset, data);
    e.offset += data.size();
  } else {
    context.files().data(context, **file, data);
  }
  if (!*noted && !(*file)->mime_type().empty()) {
    *noted = true;
    note_type(*transaction(context, role), role, (*file)->mime_type());
  }
  if ((*file)->complete()) {
    e.over = true;
    const bool was_noted = *noted;
    const FileClosed closed = context.files().close(context, *file);
    if (!was_noted) note_type(*transaction(context, role), role, closed.mime_type);
    if (e.range_key != 0) {
      std::erase_if(rare_->ranges, [&](const RangeFile& r) { return r.key == e.range_key; });
      e.range_key = 0;
    }
  }
}

void HttpParser::entity_gap(Context& context, Role role, std::uint64_t bytes) {
  Message::Entity& e = message(role)->entity;
  if (e.over || !context.has_files()) return;
  if (e.range) {
    e.offset += bytes;
    return;  // a hole in what is put together
  }
  if (!e.file && e.range_key == 0) open_file(context, role, *transaction(context, role));
  if (e.file) {
    context.files().gap(context, *e.file, bytes);
    if (!e.type_noted && !e.file->mime_type().empty()) {
      e.type_noted = true;
      note_type(*transaction(context, role), role, e.file->mime_type());
    }
  }
}

void HttpParser::entity_end(Context& context, Role role) {
  Message& m = *message(role);
  Message::Entity& e = m.entity;
  if (e.file) {
    const bool noted = e.type_noted;
    const FileClosed closed = context.files().close(context, e.file);
    if (!noted) note_type(*transaction(context, role), role, closed.mime_type);
  }
  if (e.range_key != 0 && m.code != 206) {
    for (RangeFile& r : rare_->ranges) {
      if (r.key != e.range_key || !r.file) continue;
      const bool noted = r.type_noted;
      const FileClosed closed = context.files().close(context, r.file);
      if (!noted) note_type(*transaction(context, role), role, closed.mime_type);
    }
    std::erase_if(rare_->ranges, [&](const RangeFile& r) { return r.key == e.range_key; });
  }
  e = {};
}

// --- bodies

/// Between a message's body and what is made of it: decoded bytes go to the window and to files, parts split off.
struct HttpParser::Body final : DecodedSink, PartSink {
  Body(HttpParser& parser, Context& context, Role role) : p(parser), c(context), r(role), m(*parser.message(role)) {}

  void decoded(Bytes bytes) override {
    m.length += bytes.size();
    if (m.is_dns && m.dns.size() + bytes.size() <= kMaxDns) m.dns += base::as_text(bytes);
    const std::size_t wanted = c.plan().http_body_window;
    if (m.window.size() < wanted)
      m.window.append(base::as_text(bytes.subspan(0, std::min(bytes.size(), wanted - m.window.size()))));
    if (m.multipart)
      m.multipart->feed(bytes, *this);
    else
      p.entity_data(c, r, bytes);
  }

  void part_begins() override {
    p.entity_end(c, r);
    m.entity.is_part = true;
  }
  void part_header(std::string_view line) override {
    if (!line.empty() && is_blank(line[0])) {
      if (m.entity.header.size() + line.size() < kMaxLine) m.entity.header += line;
      return;
    }
    settle_header();
    m.entity.header = line;
  }
  std::string_view part_body() override {
    settle_header();
    return m.entity.boundary;
  }
  void part_data(Bytes bytes) override { p.entity_data(c, r, bytes); }
  void part_gap(std::uint64_t bytes) override { p.entity_gap(c, r, bytes); }
  void part_ends() override { p.entity_end(c, r); }

  void settle_header() {
    const std::string line = std::move(m.entity.header);
    m.entity.header.clear();
    const auto h = parse_header(line);
    if (!h) return;
    Message::Entity& e = m.entity;
    if (equals_ignoring_case(h->name, "content-disposition")) {
      if (names_file_in_disposition(h->value)) {
        e.name = file_name(h->value);
        e.has_name = true;
      }
    } else if (equals_ignoring_case(h->name, "content-type")) {
      if (names_file_in_type(h->value)) {
        e.name = file_name(h->value);
        e.has_name = true;
      }
      if (equals_ignoring_case(first_token(h->value), "multipart")) e.boundary = parameter(h->value, "boundary");
    } else if (equals_ignoring_case(h->name, "content-length")) {
      e.length = parse_number(first_token(h->value));
    } else if (equals_ignoring_case(h->name, "content-range")) {
      if (r == Role::kReply && m.code == 206) {
        e.range = parse_content_range(h->value, p.odds_);
        if (e.range) e.offset = e.range->first;
      }
    } else if (equals_ignoring_case(h->name, "transfer-encoding")) {
      p.odds_.add(Odd::kNestedTransferEncoding);
    }
  }

  HttpParser& p;
  Context& c;
  Role r;
  Message& m;
};

void HttpParser::body_bytes(Context& context, Role role, Bytes data) {
  Message& m = *message(role);
  if (data.empty() || m.decoding_broken) return;
  Body sink(*this, context, role);
  if (m.coding != Coding::kIdentity && !m.decoder) {
    m.decoder = Decoder::make(m.coding, context.plan().decompress_limit, context.memory());
    if (!m.decoder) {
      odds_.add(Odd::kStateLimit);
      m.decoding_broken = true;
      return;
    }
  }
  if (m.decoder) {
    switch (m.decoder->feed(data, sink)) {
      case Decoder::State::kGoing:
        return;
      case Decoder::State::kFailed:
        odds_.add(Odd::kInflateFailed);
        break;
      case Decoder::State::kLimit:
        odds_.add(Odd::kDecompressionLimit);
        break;
      case Decoder::State::kEnded:
        break;
    }
    m.decoder.reset();
    m.decoding_broken = true;  // what follows is not of the body
  } else {
    sink.decoded(data);
  }
}

std::size_t HttpParser::body(Context& context, Role role, Bytes data) {
  Message& m = *message(role);
  if (m.framing == Framing::kUntilClose) {
    body_bytes(context, role, data);
    return data.size();
  }
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(m.left, data.size()));
  body_bytes(context, role, data.subspan(0, n));
  m.left -= n;
  if (m.left == 0) {
    if (m.framing == Framing::kLength)
      finish(context, role, false);
    else
      m.framing = Framing::kChunkEnd;
  }
  return n;
}

void HttpParser::gap(Context& context, Direction direction, std::uint64_t bytes) {
  const Role role = role_of(direction);
  Side& s = side(role);
  s.after_cr = false;
  Message* m = message(role).get();
  const bool in_body =
      m != nullptr && (m->framing == Framing::kUntilClose ||
                       ((m->framing == Framing::kLength || m->framing == Framing::kChunkData) && m->left >= bytes));
  if (s.wait == Wait::kMessage && in_body) {
    m->length += bytes;
    if (m->coding != Coding::kIdentity) {
      m->decoder.reset();
      m->decoding_broken = true;  // nothing after the hole can be decoded
    }
    if (m->multipart) {
      Body sink(*this, context, role);
      m->multipart->gap(bytes, sink);
    } else {
      entity_gap(context, role, bytes);
    }
    if (m->framing != Framing::kUntilClose) {
      m->left -= bytes;
      if (m->left == 0) {
        if (m->framing == Framing::kLength)
          finish(context, role, false);
        else
          m->framing = Framing::kChunkEnd;
      }
    }
  } else if (next_protocol_.empty()) {
    // Lines are lost: which reply is to which request cannot be told any more.
    if (role == Role::kRequest) finish(context, Role::kRequest, true);
    finish(context, Role::kReply, true);
    s.wait = Wait::kNothing;
    take_line(s);
  }
  tell(context);
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
    if (!m->header.empty()) {
      const std::string held = std::move(m->header);
      m->header.clear();
      header(context, role, held, m->header_folded);
    }
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
  if (!m->header.empty()) {
    const std::string held = std::move(m->header);
    m->header.clear();
    header(context, role, held, m->header_folded);
  }
  m->header_folded = false;
  if (next >= 0 && next != ' ' && next != '\t')
    header(context, role, text, false);
  else
    m->header = text;
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

/// Headers that say how the message goes on, and what its body is.
void HttpParser::framing_header(Context&, Role role, std::string_view name, std::string_view value) {
  Message& m = *message(role);
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  switch (name.size()) {
    case 6:
      if (is("expect")) {
        if (!equals_ignoring_case(first_token(value), "100-continue")) odds_.add(Odd::kExpectNot100);
        m.expect_continue = true;
        if (m.content_length == 0u) odds_.add(Odd::kLength0AndExpect);
      }
      break;
    case 12:
      if (is("content-type")) {
        if (names_file_in_type(value)) {
          m.entity.name = file_name(value);
          m.entity.has_name = true;
        }
        const std::string_view type = first_token(value);
        m.is_multipart = equals_ignoring_case(type, "multipart");
        m.is_message = equals_ignoring_case(type, "message");
        m.is_dns = equals_ignoring_case(type, "application") && text_type(value) == "application/dns-message";
        if (m.is_multipart) m.boundary = parameter(value, "boundary");
      }
      break;
    case 13:
      if (is("content-range") && role == Role::kReply && m.code == 206) {
        if (m.chunked) odds_.add(Odd::kRangeAndChunked);
        m.entity.range = parse_content_range(value, odds_);
        if (m.entity.range) {
          m.entity.offset = m.entity.range->first;
          const std::uint64_t length = m.entity.range->length;
          if (m.content_length.value_or(0) > 0 && *m.content_length != length) odds_.add(Odd::kRangeNotMatchingLength);
          m.content_length = std::max(m.content_length.value_or(0), length);
        }
      }
      break;
    case 14:
      if (is("content-length")) {
        if (m.chunked) odds_.add(Odd::kLengthAndChunked);
        const std::string_view token = first_token(value);
        if (token.empty()) break;
        const auto n = parse_number(token);
        if (!n) {
          odds_.add(Odd::kBadLength, token);
          m.content_length = 0;
          break;
        }
        if (*n > 0 && token[0] == '0') odds_.add(Odd::kLengthLeadingZeros);
        m.content_length = *n;
        if (m.entity.range && m.entity.range->length != *n) {
          odds_.add(Odd::kRangeNotMatchingLength);
          m.content_length = std::max(*n, m.entity.range->length);
        }
        if (*n == 0 && m.expect_continue) odds_.add(Odd::kLength0AndExpect);
      }
      break;
    case 16:
      if (is("content-encoding")) {
        const std::string_view token = first_token(value);
        if (equals_ignoring_case(token, "gzip") || equals_ignoring_case(token, "x-gzip")) m.coding = Coding::kGzip;
        if (equals_ignoring_case(token, "deflate")) m.coding = Coding::kDeflate;
        if (equals_ignoring_case(token, "br")) m.coding = Coding::kBrotli;
      }
      break;
    case 17:
      if (is("transfer-encoding")) {
        const Version version = side(Role::kRequest).ongoing ? request_version_ : reply_version_;
        std::string_view rest;
        if (equals_ignoring_case(first_token(value, &rest), "chunked") && version == Version{1, 1}) {
          m.chunked = true;
          if (!rest.empty()) odds_.add(Odd::kChunkedMulti, rest.substr(0, rest.find('\0')));
          if (m.content_length) odds_.add(Odd::kLengthAndChunked);
        }
      }
      break;
    case 19:
      if (is("content-disposition") && names_file_in_disposition(value)) {
        m.entity.name = file_name(value);
        m.entity.has_name = true;
      }
      break;
    default:
      break;
  }
}

namespace {

/// The names of a Cookie header's pairs, or the one of a Set-Cookie.
void cookie_names(Transaction& t, List list, std::string_view value, bool all) {
  while (!value.empty() && t.size(list) < kMaxCookies) {
    const std::size_t end = std::min(value.find(';'), value.size());
    std::string_view name = skip_blanks(value.substr(0, end));
    name = name.substr(0, name.find('='));
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (!name.empty()) t.add(list, name);
    if (!all) return;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

/// The items of a list (RFC 9110 5.6.1).
void list_items(Transaction& t, List list, std::string_view value, bool keep_secrets) {
  for (;;) {
    const std::size_t end = std::min(value.find(','), value.size());
    std::string_view item = skip_blanks(value.substr(0, end));
    while (!item.empty() && is_blank(item.back())) item.remove_suffix(1);
    // Where browsers cannot set Authorization, tokens travel as a protocol's name.
    constexpr std::string_view kBearer = "authorization.bearer.";
    if (!keep_secrets && item.substr(0, kBearer.size()) == kBearer) item = "authorization.bearer.***";
    t.add(list, item);
    if (end == value.size()) return;
    value.remove_prefix(end + 1);
  }
}

/// RFC 9110 11: the scheme, and for Basic (RFC 7617) and Digest (RFC 7616) who it is.
void credentials(Transaction& t, std::string_view value, bool keep_secrets) {
  const std::string_view scheme = value.substr(0, value.find_first_of(" \t,=:;\""));
  if (!scheme.empty() && scheme.size() <= 32) {
    std::string lower(scheme);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    t.set(Slot::kAuthorization, lower);
  }
  if (scheme.size() == value.size()) return;
  const std::string_view rest = skip_blanks(value.substr(scheme.size()));
  if (equals_ignoring_case(scheme, "basic")) {
    const std::string pair = base::from_base64(rest);
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos) {
      t.set(Slot::kUserName,
            keep_secrets ? "<problem-decoding> (" + std::string(value) + ")" : std::string("<problem-decoding>"));
      return;
    }
    t.set(Slot::kUserName, std::string_view(pair).substr(0, colon));
    if (keep_secrets) t.set(Slot::kPassword, std::string_view(pair).substr(colon + 1));
  } else if (equals_ignoring_case(scheme, "digest")) {
    std::string pairs(";");
    for (const char c : rest) pairs += c == ',' ? ';' : c;
    if (const std::string_view user = parameter(pairs, "username"); !user.empty()) t.set(Slot::kUserName, user);
  }
}

/// A header's value with signs of code in it: expressions, markup, quotes, pipes, paths upward. Headers that have
/// fields of their own are left out; of those that hold secrets only the expression is kept.
void keep_code(Transaction& t, std::string_view name, std::string_view value) {
  constexpr std::size_t kMost = 512;
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  if (is("user-agent") || is("referer") || is("host") || is("origin") || is("accept-language") || is("x-forwarded-for"))
    return;
  const std::size_t expression = value.find("${");
  if (is("cookie") || is("authorization") || is("proxy-authorization")) {
    if (expression == std::string_view::npos) return;
    value = value.substr(expression);
    const std::size_t end = value.rfind('}');
    value = value.substr(0, end == std::string_view::npos ? 64 : end + 1);
  } else if (expression == std::string_view::npos && value.find_first_of("<'`|") == std::string_view::npos &&
             value.find("() {") == std::string_view::npos && value.find("../") == std::string_view::npos) {
    return;
  }
  std::string text(name.substr(0, 64));
  text += ": ";
  text += value.substr(0, kMost);
  t.add(List::kOtherHeaders, text);
}

/// A list with an element of nothing before its last comma.
bool empty_element(std::string_view list) {
  bool empty = true;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      if (empty) return true;
      empty = true;
    } else if (list[i] != ' ' && list[i] != '\t') {
      empty = false;
    }
  }
  return false;
}

}  // namespace

void HttpParser::request_header(Context& context, std::string_view name, std::string_view value) {
  Transaction& t = *transaction(context, Role::kRequest);
  if (context.plan().http_code_headers) keep_code(t, name, value);
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  const auto proxied = [&] {
    std::string text;
    for (const char c : name) text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    text += " -> ";
    text += value;
    t.add_once(List::kProxied, text);
  };
  switch (name.size()) {
    case 3:
      if (is("via")) proxied();
      break;
    case 4:
      if (is("host")) t.set(Slot::kHost, value);
      break;
    case 5:
      if (is("range")) t.range_request = true;
      break;
    case 6:
      if (is("origin")) t.set(Slot::kOrigin, value);
      if (is("cookie")) cookie_names(t, List::kCookieNames, value, true);
      break;
    case 7:
      if (is("referer")) t.set(Slot::kReferrer, value);
      break;
    case 9:
      if (is("forwarded") || is("client-ip")) proxied();
      break;
    case 10:
      if (is("user-agent")) t.set(Slot::kUserAgent, value);
      if (is("connection") && equals_ignoring_case(first_token(value), "keep-alive")) keep_alive_ = true;
      break;
    case 12:
      if (is("content-type")) t.set(Slot::kRequestContentType, value);
      break;
    case 13:
      if (is("authorization")) {
        credentials(t, value, context.plan().keep_secrets);
        authenticate(context, Role::kRequest, value);
      }
      break;
    case 15:
      if (is("accept-language")) t.set(Slot::kAcceptLanguage, value);
      // RFC 9110 5.6.1.1: senders must not make empty elements in a list; the end is where clumsy ones do.
      if (is("accept-encoding") && empty_element(value)) context.weird("HTTP_accept_encoding_empty_element");
      if (is("x-forwarded-for")) {
        t.set(Slot::kForwardedFor, value);
        proxied();
      }
      break;
    case 16:
      if (is("x-forwarded-from") || is("xroxy-connection") || is("proxy-connection")) proxied();
      break;
    case 22:
      if (is("sec-websocket-protocol")) list_items(t, List::kClientProtocols, value, context.plan().keep_secrets);
      break;
    case 24:
      if (is("sec-websocket-extensions")) list_items(t, List::kClientExtensions, value, true);
      break;
    case 19:
      if (is("proxy-authorization")) {
        credentials(t, value, context.plan().keep_secrets);
        authenticate(context, Role::kRequest, value);
      }
      break;
    default:
      break;
  }
}

/// Tokens in headers (RFC 4559 4, [MS-NTHT] 2.1): they are of the connection, not of a request.
void HttpParser::authenticate(Context& context, Role role, std::string_view value) {
  constexpr std::size_t kLongest = 64 << 10;  // bytes of base64; tickets with many groups are long
  std::string_view token;
  const std::string_view scheme = first_token(value, &token);
  if (!equals_ignoring_case(scheme, "ntlm") && !equals_ignoring_case(scheme, "negotiate")) return;
  token = skip_blanks(token);
  token = token.substr(0, token.find_first_of(" \t,"));
  if (token.empty() || token.size() > kLongest) return;
  const std::string plain = base::from_base64(token);
  if (!rare_) rare_ = std::make_unique<Rare>();
  Rare& r = *rare_;
  if (!r.authentication) r.authentication = std::make_unique<gssapi::Session>();
  const bool known = r.authentication->token(context, base::as_bytes(plain), "http");
  context.clear_carried();  // what headers hold is no service of the connection
  if (!known) return;
  if (role == Role::kReply)
    r.login = Login::kChallenged;
  else if (r.login == Login::kChallenged)
    r.login = Login::kAnswered;
}

void HttpParser::reply_header(Context& context, std::string_view name, std::string_view value) {
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  const auto set = [&](Slot slot) { transaction(context, Role::kReply)->set(slot, value); };
  Message& m = *message(Role::kReply);
  switch (name.size()) {
    case 6:
      if (is("server")) set(Slot::kServer);
      break;
    case 7:
      if (is("upgrade")) m.upgrade_to = first_token(value);
      break;
    case 8:
      if (is("location")) set(Slot::kLocation);
      break;
    case 10:
      if (is("connection") && equals_ignoring_case(first_token(value), "upgrade")) m.upgrade = true;
      if (is("set-cookie")) cookie_names(*transaction(context, Role::kReply), List::kSetCookieNames, value, false);
      break;
    case 12:
      if (is("content-type")) set(Slot::kContentType);
      break;
    case 22:
      if (is("sec-websocket-protocol")) set(Slot::kSubprotocol);
      break;
    case 24:
      if (is("sec-websocket-extensions"))
        list_items(*transaction(context, Role::kReply), List::kServerExtensions, value, true);
      break;
    case 16:
      if (is("www-authenticate")) authenticate(context, Role::kReply, value);
      if (is("content-encoding")) set(Slot::kContentEncoding);
      break;
    case 18:
      if (is("proxy-authenticate")) authenticate(context, Role::kReply, value);
      break;
    default:
      break;
  }
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
  if (!m.header.empty()) {
    const std::string held = std::move(m.header);
    m.header.clear();
    header(context, role, held, m.header_folded);
  }
  if (m.multipart) {
    Body sink(*this, context, role);
    m.multipart->finish(sink);
  }
  if (context.has_files()) entity_end(context, role);
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
  if (!authority.empty()) t->set(Slot::kHost, authority);
  t->request_version = {2, 0};
  t->has_request_version = true;
  if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods))
    odds_.add(Odd::kUnknownMethod, method);
  begin_message(context, Role::kRequest, false);
  for (const Field& f : fields) {
    framing_header(context, Role::kRequest, f.name, f.value);
    request_header(context, f.name, f.value);
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
