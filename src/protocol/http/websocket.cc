#include "protocol/http/websocket.h"

#include <algorithm>
#include <array>

namespace whodunit::protocol::http {
namespace {

/// RFC 6455 5.2: follows frames by their lengths; their payload is not kept.
class WebsocketParser final : public Parser {
 public:
  void stream(Context& context, Direction direction, Bytes data) override {
    Side& s = sides_[connection::index(direction)];
    while (!data.empty()) {
      if (s.left > 0) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(s.left, data.size()));
        s.left -= n;
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

  void gap(Context& context, Direction direction, std::uint64_t bytes) override {
    Side& s = sides_[connection::index(direction)];
    if (s.have == 0 && s.left >= bytes)
      s.left -= bytes;
    else
      context.failed = true;  // where the next frame begins cannot be told
  }

 private:
  struct Side {
    std::array<std::uint8_t, 14> header{};
    std::uint8_t have = 0;
    std::uint64_t left = 0;  // of the payload
  };

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
    if (control && (s.left > 125 || (first & 0x80) == 0)) weird(context, 2, "websocket_bad_control_frame");
    // RFC 6455 5.1: clients mask, servers do not.
    if (masked != (direction == Direction::kOriginator)) weird(context, 4, "websocket_unexpected_masking");
    if (s.left > INT64_MAX) {
      weird(context, 8, "websocket_bad_length");
      return false;
    }
    if (!recognised_) context.recognised = recognised_ = true;
    return true;
  }

  void weird(Context& context, std::uint8_t bit, std::string_view name) {
    if ((told_ & bit) == 0) context.weird(name);
    told_ |= bit;
  }

  Side sides_[2];
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
