#include "protocol/http/websocket.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace whodunit::protocol::http {
namespace {

/// RFC 6455 5.2: follows frames by their lengths. What their messages carry, joined, may be a stream of another
/// protocol (a tunnel): it is handed on to be recognised.
class WebsocketParser final : public Parser {
 public:
  void stream(Context& context, Direction direction, Bytes data) override {
    Side& s = sides_[connection::index(direction)];
    carried_.clear();
    follow(context, direction, s, data);
    context.within = carried_;
  }

  void gap(Context& context, Direction direction, std::uint64_t bytes) override {
    Side& s = sides_[connection::index(direction)];
    if (s.have == 0 && s.left >= bytes) {
      s.left -= bytes;
      if (s.carries) context.within_gap = bytes;
      s.mask_at = static_cast<std::uint8_t>((s.mask_at + bytes) % 4);
    } else {
      context.failed = true;  // where the next frame begins cannot be told
    }
  }

 private:
  struct Side {
    std::array<std::uint8_t, 14> header{};
    std::array<std::uint8_t, 4> mask{};
    std::uint8_t have = 0;
    std::uint8_t mask_at = 0;  // which octet of the mask comes next
    bool carries = false;      // the frame's payload is of a message, and readable
    bool compressed = false;   // the message's is not: RFC 7692
    std::uint64_t left = 0;    // of the payload
  };

  void follow(Context& context, Direction direction, Side& s, Bytes data) {
    while (!data.empty()) {
      if (s.left > 0) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(s.left, data.size()));
        s.left -= n;
        if (s.carries && context.within_wanted) unmask(s, data.subspan(0, n));
        data = data.subspan(n);
        continue;
      }
      s.header[s.have++] = data[0];
      data = data.subspan(1);
      if (s.have < 2 || s.have < header_size(s)) continue;
      if (!frame(context, direction, s)) {
        context.failed = true;
        return;
      }
      s.have = 0;
    }
  }

  /// RFC 6455 5.3.
  void unmask(Side& s, Bytes payload) {
    const std::size_t at = carried_.size();
    carried_.insert(carried_.end(), payload.begin(), payload.end());
    if (s.mask == std::array<std::uint8_t, 4>{}) return;
    for (std::size_t i = at; i < carried_.size(); ++i) {
      carried_[i] ^= s.mask[s.mask_at];
      s.mask_at = (s.mask_at + 1) % 4;
    }
  }

  static std::size_t header_size(const Side& s) {
    const std::uint8_t length = s.header[1] & 0x7f;
    return 2u + (length == 126 ? 2 : length == 127 ? 8 : 0) + ((s.header[1] & 0x80) != 0 ? 4 : 0);
  }

  /// Takes a whole header; false where it cannot be one.
  bool frame(Context& context, Direction direction, Side& s) {
    base::Cursor c(Bytes(s.header.data(), s.have));
    const std::uint8_t first = c.u8();
    const std::uint8_t second = c.u8();
    const std::uint8_t opcode = first & 0x0f;
    const bool masked = (second & 0x80) != 0;
    s.left = second & 0x7f;
    if (s.left == 126)
      s.left = c.be16();
    else if (s.left == 127)
      s.left = c.be64();
    const bool control = (opcode & 0x08) != 0;
    if ((opcode > 2 && opcode < 8) || opcode > 10) {
      weird(context, 1, "websocket_unknown_opcode");
      return recognised_;  // a peer that goes on after good frames is followed
    }
    if (control && s.left > 125)  // RFC 6455 5.5
      weird(context, 16, "websocket_control_frame_size_exceeded", std::to_string(s.left) + " > 125");
    if (control && (first & 0x80) == 0) weird(context, 2, "websocket_bad_control_frame");
    // RFC 6455 5.1: clients mask, servers do not.
    if (masked != (direction == Direction::kOriginator)) weird(context, 4, "websocket_unexpected_masking");
    if (s.left > INT64_MAX) {
      weird(context, 8, "websocket_bad_length");
      return false;
    }
    s.mask = {};
    s.mask_at = 0;
    if (masked) {
      const Bytes key = c.bytes(4);
      if (key.size() == 4) std::copy(key.begin(), key.end(), s.mask.begin());
    }
    if (!control) {
      if (opcode != 0) s.compressed = (first & 0x40) != 0;  // RSV1 stands in a message's first frame
      s.carries = !s.compressed;
    } else {
      s.carries = false;
    }
    if (!recognised_) context.recognised = recognised_ = true;
    return true;
  }

  void weird(Context& context, std::uint8_t bit, std::string_view name, std::string_view detail = {}) {
    if ((told_ & bit) == 0) context.weird(name, detail);
    told_ |= bit;
  }

  Side sides_[2];
  std::vector<std::uint8_t> carried_;  // of one piece of data
  bool recognised_ = false;
  std::uint8_t told_ = 0;
};

/// Frames have too little that is their own: only HTTP's handshake leads here.
Match recognise(Bytes, Direction, bool) { return Match::kNo; }

std::unique_ptr<Parser> make() { return std::make_unique<WebsocketParser>(); }

record::Schema* const kSchemas[] = {&Websocket::schema};

}  // namespace

const Definition kWebsocket = {
    .name = "websocket", .stream = true, .recognise = recognise, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::http
