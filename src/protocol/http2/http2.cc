#include "protocol/http2/http2.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/http/http.h"
#include "protocol/http/parser.h"
#include "protocol/http2/hpack.h"

namespace whodunit::protocol::http2 {
namespace {

using base::Cursor;

// RFC 9113 3.4.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kPrefaceLine = kPreface.substr(0, 16);
constexpr std::size_t kFrameHeader = 9;
// Bytes of a frame that are kept (peers take 16 KiB unless they say otherwise, 4.2), and of a header block over
// several.
constexpr std::size_t kMaxFrame = 64 << 10, kMaxBlock = 128 << 10;
// Streams that are open at a time; servers allow 100 or so (6.5.2).
constexpr std::size_t kMaxStreams = 256;

// RFC 9113 6.
enum Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
constexpr std::uint8_t kEndStream = 0x1, kEndHeaders = 0x4, kPadded = 0x8, kHasPriority = 0x20;

struct Frame {
  std::uint32_t length = 0, stream = 0;
  std::uint8_t type = 0, flags = 0;
};

Frame read_frame(Bytes data) {
  Cursor c(data);
  Frame f;
  f.length = c.be24();
  f.type = c.u8();
  f.flags = c.u8();
  f.stream = c.be32() & 0x7fffffff;
  return f;
}

// Which frames belong to the connection and which to a stream, and how long those of a fixed size are: octets in which
// a stream that lost its beat is noticed.
bool plausible(const Frame& f) {
  switch (f.type) {
    case kSettings:
      return f.stream == 0 && f.length % 6 == 0;
    case kPing:
      return f.stream == 0 && f.length == 8;
    case kGoAway:
      return f.stream == 0 && f.length >= 8;
    case kWindowUpdate:
      return f.length == 4;
    case kReset:
      return f.stream != 0 && f.length == 4;
    case kPriority:
      return f.stream != 0 && f.length == 5;
    case kData:
    case kHeaders:
    case kPushPromise:
    case kContinuation:
      return f.stream != 0;
    default:
      return f.length <= 16384;  // extensions (5.5), of the size that every peer takes (4.2)
  }
}

struct Stream {
  std::unique_ptr<http::HttpParser> messages;
  bool asked = false;
  bool ended[2] = {false, false};
  bool tunnel = false;  // CONNECT: what follows is another protocol
};

// What one side sends of header fields.
struct Headers {
  Hpack hpack;
  std::string block;         // of headers, over several frames
  std::uint32_t stream = 0;  // that the block is of; 0: no block is open
  bool ends = false;         // ... and ends
  bool dropped = false;      // ... and was too long
  bool promised = false;     // ... and is a request that the server makes for the client (6.6)
};

struct State {
  Headers sides[2];
  std::map<std::uint32_t, Stream> streams;
  std::uint32_t opened = 0;
  std::size_t counted = 0;  // bytes that the accountant was told
};

class Http2Parser final : public FramedParser {
 public:
  Http2Parser() : FramedParser(kFrameHeader + kMaxFrame) {}
  ~Http2Parser() override { uncount(); }

  void closed(Context& context, End why) override {
    if (!state_) return;
    for (auto& [id, stream] : state_->streams) stream.messages->closed(context, why);
    uncount();
    state_.reset();
  }

 protected:
  std::size_t frame(Direction direction, Bytes so_far) override {
    const std::string_view text = base::as_text(so_far);
    if (!begun_ && text.substr(0, kPreface.size()) == kPreface.substr(0, text.size())) {
      if (text.size() < kPreface.size()) return kMore;
      begun_ = true;
      client_ = direction;
      return kPreface.size();
    }
    if (so_far.size() < kFrameHeader) return kMore;
    const Frame f = read_frame(so_far);
    return plausible(f) ? kFrameHeader + f.length : kBad;
  }

  void message(Context& context, Direction direction, Bytes message, bool cut) override {
    if (message.size() == kPreface.size() && base::as_text(message) == kPreface) return;
    if (!state_) state_ = std::make_unique<State>();
    const Frame f = read_frame(message);
    Bytes payload = message.subspan(kFrameHeader);
    Headers& side = state_->sides[connection::index(direction)];
    if (side.stream != 0 && (f.type != kContinuation || f.stream != side.stream)) {
      context.weird("http2_header_block_interrupted");  // 6.2: nothing may come between
      lose_block(side);
    }
    if ((f.flags & kPadded) != 0 && (f.type == kData || f.type == kHeaders || f.type == kPushPromise)) {
      const std::size_t padding = payload.empty() ? 0 : payload[0];
      payload = base::slice(payload, 1);
      if (padding > payload.size() && !cut) {
        context.weird("http2_bad_padding");
        return;
      }
      payload = payload.subspan(0, payload.size() - std::min(padding, payload.size()));
    }
    switch (f.type) {
      case kData:
        data(context, direction, f, payload);
        break;
      case kHeaders:
        if ((f.flags & kHasPriority) != 0) payload = base::slice(payload, 5);
        begin_block(side, f.stream, (f.flags & kEndStream) != 0);
        add_block(context, direction, side, f, payload, cut);
        break;
      case kPushPromise: {
        if (payload.size() < 4) break;
        begin_block(side, base::load_be32(payload.data()) & 0x7fffffff, true);
        side.promised = true;
        add_block(context, direction, side, f, payload.subspan(4), cut);
        break;
      }
      case kContinuation:
        if (side.stream == 0)
          context.weird("http2_stray_continuation");
        else
          add_block(context, direction, side, f, payload, cut);
        break;
      case kReset:
        close(context, f.stream);
        break;
      case kSettings:
        context.recognised = true;
        break;
      default:
        break;
    }
  }

  void lost(Context& context, Direction direction, std::uint64_t) override {
    // Where the next frame begins cannot be told.
    if (state_) lose_block(state_->sides[connection::index(direction)]);
    context.failed = true;
  }

 private:
  static void begin_block(Headers& side, std::uint32_t stream, bool ends) {
    side.block.clear();
    side.stream = stream;
    side.ends = ends;
    side.dropped = side.promised = false;
  }
  static void lose_block(Headers& side) {
    side.hpack.lose();
    side.block = {};
    side.stream = 0;
  }

  void add_block(Context& context, Direction direction, Headers& side, const Frame& f, Bytes piece, bool cut) {
    if (cut || side.block.size() + piece.size() > kMaxBlock) {
      if (!side.dropped) context.weird("http2_header_block_too_long");
      side.dropped = true;
      side.block = {};
    }
    if (!side.dropped) side.block += base::as_text(piece);
    if ((f.flags & kEndHeaders) == 0) return;
    const std::uint32_t id = side.stream;
    if (side.dropped) {
      lose_block(side);
      return;
    }
    std::vector<Field> fields;
    if (!side.hpack.decode(base::as_bytes(side.block), fields)) context.weird("http2_bad_header_block");
    const bool ends = side.ends, promised = side.promised;
    side.block = {};
    side.stream = 0;
    count(context, side);
    fields_of(context, direction, id, fields, ends, promised);
  }

  // 8.3: what begins with a colon says what HTTP/1's first line does.
  void fields_of(Context& context, Direction direction, std::uint32_t id, const std::vector<Field>& fields, bool ends,
                 bool promised) {
    std::string_view method, authority, path, status, host;
    std::vector<http::HttpParser::Field> others;
    std::string cookies;
    bool bad = false;
    for (const Field& f : fields) {
      // 8.2.1: no upper case, no octets that would end a line of HTTP/1 elsewhere.
      bad |= f.value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos ||
             f.name.find_first_of("\r\n ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos;
      if (f.name == ":method")
        method = f.value;
      else if (f.name == ":authority")
        authority = f.value;
      else if (f.name == ":path")
        path = f.value;
      else if (f.name == ":status")
        status = f.value;
      else if (f.name == "cookie")  // 8.2.3: in pieces
        cookies += (cookies.empty() ? "" : "; ") + f.value;
      else if (!f.name.empty() && f.name[0] != ':')
        others.push_back({f.name, f.value});
      if (f.name == "host") host = f.value;
    }
    if (bad) context.weird("http2_bad_field");
    if (!cookies.empty()) others.push_back({"cookie", cookies});
    if (authority.empty()) authority = host;
    const Direction asks = client_;
    const bool asking = direction == asks || promised;
    // Trailers (8.1) of what is over, or of what began before the capture.
    if (state_->streams.find(id) == state_->streams.end() && (asking ? method : status).empty()) return;
    Stream& s = stream_of(context, id);
    if (asking) {
      if (s.asked) {  // trailers
        if (ends) end_side(context, asks, id);
        return;
      }
      s.asked = true;
      s.tunnel = method == "CONNECT";
      if (method.empty()) context.weird("http2_request_without_method");
      s.messages->stream_request(context, method, authority, path, others, ends);
      note(context);
      if (ends) end_side(context, asks, id);
      return;
    }
    std::uint16_t code = 0;
    const auto parsed = std::from_chars(status.data(), status.data() + status.size(), code);
    if (!status.empty() && parsed.ec == std::errc{}) {
      s.messages->stream_reply(context, code, others, ends);
      note(context);
    }
    if (ends) end_side(context, direction, id);
  }

  void data(Context& context, Direction direction, const Frame& f, Bytes payload) {
    const auto at = state_->streams.find(f.stream);
    if (at == state_->streams.end()) return;  // it is over, or began before the capture
    if (!at->second.tunnel) {
      at->second.messages->stream_body(context, direction, payload);
      if (f.length > kMaxFrame) at->second.messages->stream_gap(context, direction, f.length - kMaxFrame);
      note(context);
    }
    if ((f.flags & kEndStream) != 0) end_side(context, direction, f.stream);
  }

  Stream& stream_of(Context& context, std::uint32_t id) {
    auto& streams = state_->streams;
    const auto at = streams.find(id);
    if (at != streams.end()) return at->second;
    if (streams.size() >= kMaxStreams) {
      context.weird("http2_too_many_streams");
      close(context, streams.begin()->first);
    }
    Stream& s = streams[id];
    s.messages = std::make_unique<http::HttpParser>();
    s.messages->begin_stream(++state_->opened, client_);
    return s;
  }

  void end_side(Context& context, Direction direction, std::uint32_t id) {
    const auto at = state_->streams.find(id);
    if (at == state_->streams.end()) return;
    Stream& s = at->second;
    s.ended[connection::index(direction)] = true;
    s.messages->stream_ends(context, direction);
    note(context);
    if (s.ended[0] && s.ended[1]) close(context, id);
  }

  void close(Context& context, std::uint32_t id) {
    if (!state_) return;
    const auto at = state_->streams.find(id);
    if (at == state_->streams.end()) return;
    at->second.messages->closed(context, End::kReset);
    note(context);
    state_->streams.erase(at);
  }

  // What a stream's parser says of itself is not said of the connection.
  static void note(Context& context) {
    context.failed = false;
    context.become = {};
    context.become_rest = {};
  }

  // The tables of header fields are counted.
  void count(Context& context, Headers& side) {
    const std::size_t now = state_->sides[0].hpack.size() + state_->sides[1].hpack.size();
    memory_of_ = &context.memory();
    if (now > state_->counted && !memory_of_->take(base::MemoryUse::kParsers, now - state_->counted)) {
      context.weird("http2_table_limit");
      side.hpack.lose();
      return;
    }
    if (now < state_->counted) memory_of_->give_back(base::MemoryUse::kParsers, state_->counted - now);
    state_->counted = now;
  }
  void uncount() {
    if (state_ && state_->counted != 0) memory_of_->give_back(base::MemoryUse::kParsers, state_->counted);
    if (state_) state_->counted = 0;
  }

  std::unique_ptr<State> state_;
  base::MemoryAccountant* memory_of_ = nullptr;
  Direction client_ = Direction::kOriginator;
  bool begun_ = false;
};
static_assert(sizeof(Http2Parser) <= 128);

// The client's preface; the server begins with SETTINGS.
Match recognise(Bytes data, Direction, bool) {
  const std::string_view text = base::as_text(data);
  if (text.empty()) return Match::kNeedMore;
  if (text.substr(0, kPrefaceLine.size()) == kPrefaceLine.substr(0, text.size()))
    return text.size() < kPrefaceLine.size() ? Match::kNeedMore : Match::kYes;
  if (data.size() < kFrameHeader) return data[0] == 0 ? Match::kNeedMore : Match::kNo;
  const Frame f = read_frame(data);
  return f.type == kSettings && plausible(f) && f.flags <= 1 && f.length <= 600 ? Match::kNeedMore : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<Http2Parser>(); }

}  // namespace

// One service with HTTP/1.
const Definition kDefinition = {.name = "http", .stream = true, .recognise = recognise, .make = make, .schemas = {}};

}  // namespace whodunit::protocol::http2
