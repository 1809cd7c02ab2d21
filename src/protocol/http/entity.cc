#include <algorithm>

#include "base/hash.h"
#include "protocol/http/message.h"
#include "protocol/plan.h"

namespace whodunit::protocol::http {
namespace {

/// Files noted per transaction and direction, as Zeek's HTTP::max_files_orig.
constexpr std::size_t kMaxFiles = 15;
constexpr std::size_t kMaxRangeFiles = 16;

}  // namespace

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
    for (Side& each : sides_) each.lost = each.lost || each.wait == Wait::kNothing;
  }
  tell(context);
}

/// The message's body is over: so are its last part and its file.
void HttpParser::body_ends(Context& context, Role role) {
  Message& m = *message(role);
  if (m.multipart) {
    Body sink(*this, context, role);
    m.multipart->finish(sink);
  }
  if (context.has_files()) entity_end(context, role);
}

}  // namespace whodunit::protocol::http
