// DTLS: RFC 9147 (1.3), RFC 6347 (1.2), RFC 4347 (1.0).
#include <algorithm>
#include <memory>
#include <vector>

#include "protocol/encrypted_record.h"
#include "protocol/tls/assembly.h"
#include "protocol/tls/names.h"
#include "protocol/tls/session.h"
#include "protocol/tls/ssl_record.h"
#include "protocol/tls/tls.h"

namespace whodunit::protocol::tls {
namespace {

constexpr std::size_t kRecordHeader = 13;      // RFC 6347 4.1
constexpr std::size_t kMessageHeader = 12;     // RFC 6347 4.2.2
constexpr std::size_t kMaxMessage = 64 << 10;  // fragmented messages longer than this are not put together (bytes)

bool record_version(std::uint16_t version) {
  return version == kDtls10 || version == kDtls12 || version == 0x0100;  // OpenSSL's before RFC 4347
}

// A handshake message put together of fragments (RFC 6347 4.2.3).
struct Fragments {
  std::uint16_t sequence = 0;
  std::uint8_t type = 0;
  std::size_t length = 0;
  bool active = false;
  Assembly assembly;
};

struct Handshake {
  Session session{Carrier::kDtls};
  Fragments fragments[2];
  Counted counted;
};

class DtlsParser final : public Parser {
 public:
  void datagram(Context& context, Direction direction, const packet::Packet& packet) override;
  void closed(Context& context, End why) override;

 private:
  struct Side {
    EncryptedAmount encrypted;
  };
  // False where the rest of the datagram is not to be read.
  bool record(Context& context, Direction direction, Bytes& data);
  void encrypted(Context& context, Direction direction, std::size_t bytes);
  void message(Context& context, Direction direction, Bytes body);
  void fragment(Context& context, Direction direction, Bytes header, Bytes part, std::size_t length,
                std::size_t offset);
  void give_up(Context& context);
  /// Only while it is not over, and in `message` and below.
  Handshake& handshake() { return *handshake_; }

  std::unique_ptr<Handshake> handshake_;
  Side sides_[2];
  std::uint8_t bad_ = 0;  // datagrams in a row that were no DTLS
  bool over_ = false;
};
static_assert(sizeof(DtlsParser) <= 128);

void DtlsParser::datagram(Context& context, Direction direction, const packet::Packet& packet) {
  Bytes data = packet.payload;
  while (!data.empty()) {
    if (!record(context, direction, data)) {
      // STUN, TURN and RTP share the port with DTLS (RFC 7983); a few strangers prove nothing.
      constexpr std::uint8_t kMaxBad = 20;
      if (!over_ && !(handshake_ && handshake_->session.confirmed()) && ++bad_ >= kMaxBad) give_up(context);
      return;
    }
    if (context.failed) return;
  }
}

bool DtlsParser::record(Context& context, Direction direction, Bytes& data) {
  const std::uint8_t type = data[0];
  if ((type & 0xe0) == 0x20) {
    // RFC 9147 4: the unified header of encrypted records: 001, C (connection id), S (sequence), L (length), epoch.
    if (!over_ && !(handshake_ && handshake_->session.is_13())) return false;
    std::size_t at = 1 + ((type & 0x08) != 0 ? 2 : 1);
    std::size_t length = data.size() > at ? data.size() - at : 0;
    if ((type & 0x10) != 0) {
      // The connection id's length is not on the wire here: the rest of the datagram is one record.
    } else if ((type & 0x04) != 0) {
      if (data.size() < at + 2) return false;
      length = base::load_be16(data.data() + at);
      at += 2;
      if (length > data.size() - at) length = data.size() - at;
    }
    encrypted(context, direction, length);
    data = base::slice(data, at + length);
    return true;
  }
  if (data.size() < kRecordHeader || type < kChangeCipherSpec || type > kAck) return false;
  const std::uint16_t version = base::load_be16(data.data() + 1);
  if (!record_version(version)) return false;
  const std::uint16_t epoch = base::load_be16(data.data() + 3);
  if (type == kConnectionId) {  // RFC 9146 4: the connection id, of a length not told here, comes before the length
    encrypted(context, direction, data.size() - (kRecordHeader - 2));
    data = {};
    return true;
  }
  const std::size_t length = base::load_be16(data.data() + 11);
  const Bytes body = base::slice(data, kRecordHeader, length);
  const bool cut = body.size() < length;
  data = base::slice(data, kRecordHeader + length);
  bad_ = 0;
  if (over_ || epoch > 0) {
    encrypted(context, direction, body.size());
    return true;
  }
  if (!handshake_ && !begin_handshake(context, handshake_)) {
    give_up(context);
    return true;
  }
  if (type != kHandshake)
    handshake().session.record(context, direction, type, body);
  else if (cut)
    context.weird("dtls_record_cut");
  else
    message(context, direction, body);
  return true;
}

void DtlsParser::encrypted(Context& context, Direction direction, std::size_t bytes) {
  Side& side = sides_[connection::index(direction)];
  side.encrypted.bytes += bytes;
  ++side.encrypted.records;
  if (over_ || !handshake_) return;
  Session& session = handshake_->session;
  // DTLS 1.3 sends no ChangeCipherSpec.
  if (session.is_13()) session.start_encryption(direction);
  session.ciphertext();
  if (session.established()) {
    session.emit(context);
    handshake_.reset();
    over_ = true;
  }
}

// One or more handshake messages, or fragments of them.
void DtlsParser::message(Context& context, Direction direction, Bytes body) {
  Handshake& all = handshake();
  while (body.size() >= kMessageHeader) {
    base::Cursor in(body);
    const std::uint8_t type = in.u8();
    const std::size_t length = in.be24();
    in.skip(2);
    const std::size_t offset = in.be24();
    const std::size_t part = in.be24();
    const Bytes bytes = in.bytes(part);
    if (in.failed() || offset + part > length) {
      context.weird("dtls_malformed_handshake_fragment");
      if (!all.session.confirmed()) give_up(context);
      return;
    }
    const Bytes header = body.subspan(0, kMessageHeader);
    body = body.subspan(kMessageHeader + part);
    if (offset == 0 && part == length) {
      if (!all.session.handshake(context, direction, type, bytes)) return give_up(context);
    } else if (length > kMaxMessage) {
      context.weird("ssl_handshake_message_too_long", std::to_string(length));
    } else {
      fragment(context, direction, header, bytes, length, offset);
      if (context.failed) return;
    }
  }
}

void DtlsParser::fragment(Context& context, Direction direction, Bytes header, Bytes part, std::size_t length,
                          std::size_t offset) {
  Handshake& all = handshake();
  Fragments& f = all.fragments[connection::index(direction)];
  const std::uint16_t sequence = base::load_be16(header.data() + 4);
  if (!f.active || f.sequence != sequence || f.length != length || f.type != header[0]) {
    f.assembly.clear();
    f.active = true;
    f.sequence = sequence;
    f.type = header[0];
    f.length = length;
  }
  if (!f.assembly.put(context.memory(), offset, part, length)) {
    context.weird("dtls_handshake_not_put_together");
    f.assembly.clear();
    f.active = false;
    return;
  }
  if (f.assembly.whole().size() != length) return;
  const bool good = all.session.handshake(context, direction, f.type, f.assembly.whole());
  f.assembly.clear();
  f.active = false;
  if (!good) give_up(context);
}

void DtlsParser::give_up(Context& context) {
  if (handshake_ && handshake_->session.confirmed()) handshake_->session.emit(context);
  handshake_.reset();
  over_ = true;
  context.failed = true;
}

void DtlsParser::closed(Context& context, End) {
  if (handshake_) {
    handshake_->session.emit(context);
    handshake_.reset();
  }
  if (const auto row = encrypted_row(context, "dtls", sides_[0].encrypted, sides_[1].encrypted)) context.emit(*row);
}

// A plaintext record header and a hello in it.
Match recognise(Bytes data, Direction, bool port_hint) {
  if (data.size() < kRecordHeader || data[0] < kChangeCipherSpec || data[0] > kAck) return Match::kNo;
  if (!record_version(base::load_be16(data.data() + 1))) return Match::kNo;
  const std::size_t length = base::load_be16(data.data() + 11);
  if (data[0] == kHandshake && base::load_be16(data.data() + 3) == 0) {
    if (data.size() < kRecordHeader + kMessageHeader) return Match::kNo;
    base::Cursor in(data.subspan(kRecordHeader));
    const std::uint8_t type = in.u8();
    const std::size_t message = in.be24();
    in.skip(2);
    const std::size_t offset = in.be24();
    const std::size_t part = in.be24();
    return type >= 1 && type <= 3 && offset + part <= message && part + kMessageHeader <= length ? Match::kYes
                                                                                                 : Match::kNo;
  }
  return port_hint && length <= data.size() - kRecordHeader ? Match::kMaybe : Match::kNo;
}

constexpr std::uint16_t kPorts[] = {443, 4433, 5684};

}  // namespace

const Definition kDtls = {.name = "dtls",
                          .stream = false,
                          .datagram = true,
                          .recognise = recognise,
                          .ports = kPorts,
                          .ip_protocols = {},
                          .make = [] { return std::unique_ptr<Parser>(std::make_unique<DtlsParser>()); },
                          .schemas = {}};

}  // namespace whodunit::protocol::tls
