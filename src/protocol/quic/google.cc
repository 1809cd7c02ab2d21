#include "protocol/quic/google.h"

namespace whodunit::protocol::quic {
namespace {

using base::Cursor;

constexpr std::size_t kHash = 12;  // of packets that are not encrypted yet

// An integer of 0 to 8 bytes; Q039 turned the byte order around.
std::uint64_t integer(Cursor& in, std::size_t size, bool big_endian) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t byte = in.u8();
    v = big_endian ? v << 8 | byte : v | byte << (8 * i);
  }
  return v;
}

// The data of the first STREAM frame of stream 1, the crypto handshake's.
Bytes crypto_stream(Cursor& in, bool big_endian) {
  while (in.ok() && !in.at_end()) {
    const std::uint8_t type = in.u8();
    if (type == 0x07) continue;  // PING
    if ((type & 0x80) == 0) return {};
    const std::size_t stream_size = (type & 3u) + 1;
    const std::size_t offset_size = (type >> 2 & 7u) == 0 ? 0 : (type >> 2 & 7u) + 1;
    const std::uint64_t stream = integer(in, stream_size, big_endian);
    const std::uint64_t offset = integer(in, offset_size, big_endian);
    const std::size_t length = (type & 0x20) != 0 ? static_cast<std::size_t>(integer(in, 2, big_endian)) : in.left();
    const Bytes data = in.bytes(length);
    if (in.failed()) return {};
    if (stream == 1 && offset == 0) return data;
  }
  return {};
}

}  // namespace

bool read_google(Bytes packet, GooglePacket& out) {
  Cursor in(packet);
  const std::uint8_t flags = in.u8();
  std::size_t number_size;
  if ((flags & 0x80) != 0) {
    // Q046: a long header whose ids' lengths share a byte (draft-ietf-quic-transport-17 17.2).
    out.version = in.be32();
    if (!is_google(out.version) || out.version == kQ050) return false;
    const std::uint8_t lengths = in.u8();
    const auto length = [](unsigned nibble) { return nibble == 0 ? 0u : nibble + 3; };
    out.destination = in.bytes(length(lengths >> 4));
    out.source = in.bytes(length(lengths & 15u));
    number_size = (flags & 3u) + 1;
  } else {
    // The public header: version and an id of eight bytes are there.
    if ((flags & 0xc9) != 0x09) return false;
    out.destination = in.bytes(8);
    out.version = in.be32();
    if (!is_google(out.version)) return false;
    static constexpr std::size_t kSizes[] = {1, 2, 4, 6};
    number_size = kSizes[flags >> 4 & 3];
  }
  if (in.failed()) return false;
  const unsigned number = (out.version >> 8 & 15) * 10 + (out.version & 15);
  in.skip(number_size + kHash);
  if (number < 34) {  // private flags, and the FEC group where they say so
    const std::uint8_t more = in.u8();
    if ((more & 0x02) != 0) in.u8();
  }
  if (in.ok()) out.stream = crypto_stream(in, number >= 39);
  return true;
}

bool read_client_tags(Bytes message, GoogleHello& out) {
  Cursor in(message);
  if (in.text(4) != "CHLO") return false;
  const std::size_t count = in.le16();
  in.skip(2);
  constexpr std::size_t kMaxTags = 128;  // as Google's own parser
  if (in.failed() || count > kMaxTags) return false;
  const Bytes values = base::slice(message, in.offset() + 8 * count);
  std::size_t from = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto tag = in.text(4);
    const std::size_t to = in.le32();
    if (in.failed() || to < from || to > values.size()) break;
    const auto value = base::as_text(values.subspan(from, to - from));
    from = to;
    if (tag == std::string_view("SNI\0", 4)) out.server_name = value;
    if (tag == "UAID") out.user_agent = value;
  }
  return true;
}

}  // namespace whodunit::protocol::quic
