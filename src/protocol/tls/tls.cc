#include "protocol/tls/tls.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "protocol/encrypted_record.h"
#include "protocol/tls/assembly.h"
#include "protocol/tls/names.h"
#include "protocol/tls/session.h"
#include "protocol/tls/ssl_record.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::protocol::tls {
namespace {

// RFC 5246 6.2.3: a ciphertext is at most 2^14 + 2048 bytes; the plaintext form is shorter.
constexpr std::size_t kMaxRecord = (1 << 14) + 2048;

bool record_version(std::uint16_t version) { return version >= kSsl3 && version <= kTls12; }

// Bytes kept between segments, counted. Freed with its owner.
class Held {
 public:
  Held() = default;
  ~Held() { clear(); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  bool append(base::MemoryAccountant& memory, Bytes data) {
    if (!memory.take(base::MemoryUse::kReassembly, data.size())) return false;
    memory_ = &memory;
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return true;
  }
  void clear() {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kReassembly, bytes_.size());
    bytes_.clear();
    bytes_.shrink_to_fit();
    memory_ = nullptr;
  }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
  base::MemoryAccountant* memory_ = nullptr;
};

// What is only needed until the session is established.
struct Handshake {
  Session session{Carrier::kTcp};
  struct Side {
    Held record;                   // a record that straddles segments
    Held messages;                 // a handshake message that straddles records
    std::size_t skip_message = 0;  // bytes of a message too long that are still to come
    bool broken = false;           // bytes of messages were lost: their borders are not known any more
  };
  Side sides[2];
  Counted counted;
};

class TlsParser final : public Parser {
 public:
  void stream(Context& context, Direction direction, Bytes data) override;
  void gap(Context& context, Direction direction, std::uint64_t bytes) override;
  void closed(Context& context, End why) override;

 private:
  enum class Mode : std::uint8_t { kHeader, kSkip, kEncrypted, kPlain };
  struct Side {
    std::uint8_t header[5];
    std::uint8_t have = 0;
    std::uint8_t type = 0;
    Mode mode = Mode::kHeader;
    bool lost = false;       // record borders are not known any more
    std::uint32_t left = 0;  // of the current record
    EncryptedAmount encrypted;
    std::uint16_t heartbeat = 0;  // length of the largest encrypted heartbeat
    bool data = false;            // application data was seen
  };

  bool header(Context& context, Direction direction, Side& side);
  void note_heartbeat(Side& side);
  bool header2(Context& context, Direction direction, Side& side, std::size_t& length);
  void finish(Context& context, Direction direction, Side& side, Bytes body);
  void messages(Context& context, Direction direction, Bytes data);
  void message2(Context& context, Direction direction, std::uint8_t type, Bytes body);
  void give_up(Context& context);
  void release(Context& context);
  /// Only while it is not over.
  Handshake& handshake() { return *handshake_; }

  std::unique_ptr<Handshake> handshake_;  // null before the first byte and once it is over
  Side sides_[2];
  bool over_ = false;       // the ssl record is out
  bool version_2_ = false;  // SSLv2's record layer, for good
  bool seen_tls_ = false;   // a record of SSLv3 or later was seen
  bool lost_ = false;
  bool early_heartbeat_ = false;  // before any application data
};
static_assert(sizeof(TlsParser) <= 128);

// The first bytes of a record, or of a message that stands in for it, complete: says what to do with its body. False
// where this is no TLS.
bool TlsParser::header(Context& context, Direction direction, Side& side) {
  const std::uint16_t version = base::load_be16(side.header + 1);
  const std::size_t length = base::load_be16(side.header + 3);
  side.type = side.header[0];
  if (!record_version(version) || side.type < kChangeCipherSpec || side.type > 30 || length > kMaxRecord) return false;
  seen_tls_ = true;
  side.left = static_cast<std::uint32_t>(length);
  if (over_) {
    side.mode = Mode::kEncrypted;
    note_heartbeat(side);
    return true;
  }
  Session& session = handshake().session;
  if (side.type == kApplicationData && !session.encrypted(direction) && session.data_is_encrypted())
    session.start_encryption(direction);
  side.mode = session.encrypted(direction) ? Mode::kEncrypted : Mode::kPlain;
  if (side.mode == Mode::kPlain && side.type == kApplicationData) {
    context.weird("ssl_early_application_data");
    side.mode = Mode::kSkip;
  }
  note_heartbeat(side);
  return true;
}

void TlsParser::note_heartbeat(Side& side) {
  if (side.mode != Mode::kEncrypted) return;
  side.data |= side.type == kApplicationData;
  if (side.type != kHeartbeat) return;
  side.heartbeat = std::max(side.heartbeat, static_cast<std::uint16_t>(side.left));
  early_heartbeat_ |= !sides_[0].data && !sides_[1].data;
}

void TlsParser::stream(Context& context, Direction direction, Bytes data) {
  Side& side = sides_[connection::index(direction)];
  if (!handshake_ && !over_ && !begin_handshake(context, handshake_)) {
    over_ = true;
    context.failed = true;
    return;
  }
  while (!data.empty()) {
    if (side.lost) {
      side.encrypted.bytes += data.size();
      return;
    }
    if (side.mode == Mode::kHeader) {
      std::size_t need = 5;
      // SSLv2's header is two bytes, or three with padding (draft-hickman-netscape-ssl-00 1.1). A ClientHello in its
      // form may open a connection of any version (RFC 5246 E.2).
      const std::uint8_t first = side.have > 0 ? side.header[0] : data[0];
      const bool form_2 = version_2_ || (!seen_tls_ && !over_ && (first & 0x80) != 0);
      if (form_2) need = version_2_ ? ((first & 0x80) != 0 ? 2 : 3) : 5;
      // The server chose SSLv2 while a longer header of the client's was half read: nobody does that.
      if (side.have > need) {
        context.weird("ssl_invalid_record_header");
        give_up(context);
        return;
      }
      const std::size_t n = std::min(need - side.have, data.size());
      std::copy_n(data.begin(), n, side.header + side.have);
      side.have = static_cast<std::uint8_t>(side.have + n);
      data = data.subspan(n);
      if (side.have < need) return;
      side.have = 0;
      bool good;
      std::size_t length = 0;
      if (form_2) {
        good = header2(context, direction, side, length);
        if (good && !version_2_) {
          // Three bytes of the body are in the header already: keep them with what follows.
          auto& held = handshake().sides[connection::index(direction)].record;
          if (!held.append(context.memory(), Bytes(side.header + 2, 3))) good = false;
          side.left = static_cast<std::uint32_t>(length - 3);
        }
      } else {
        good = header(context, direction, side);
      }
      if (!good) {
        if (over_ || (handshake_ && handshake_->session.confirmed())) context.weird("ssl_invalid_record_header");
        give_up(context);
        return;
      }
    }
    const std::size_t n = std::min<std::size_t>(side.left, data.size());
    const Bytes part = data.subspan(0, n);
    data = data.subspan(n);
    side.left -= static_cast<std::uint32_t>(n);
    switch (side.mode) {
      case Mode::kEncrypted:
        side.encrypted.bytes += n;
        if (side.left == 0) {
          ++side.encrypted.records;
          side.mode = Mode::kHeader;
          if (!over_) {
            Session& session = handshake().session;
            session.ciphertext();
            if (session.established()) release(context);
          }
        }
        break;
      case Mode::kPlain: {
        Held& held = handshake().sides[connection::index(direction)].record;
        if (side.left == 0 && held.empty()) {
          side.mode = Mode::kHeader;
          finish(context, direction, side, part);
        } else {
          if (!held.append(context.memory(), part)) {
            context.weird("message_buffer_limit");
            give_up(context);
            return;
          }
          if (side.left == 0) {
            side.mode = Mode::kHeader;
            finish(context, direction, side, held.bytes());
            if (handshake_) handshake_->sides[connection::index(direction)].record.clear();
          }
        }
        break;
      }
      case Mode::kSkip:
      case Mode::kHeader:
        if (side.left == 0) side.mode = Mode::kHeader;
        break;
    }
    if (context.failed) return;
  }
}

// A record of SSLv2's form. `length` is that of its data (type included) without padding.
bool TlsParser::header2(Context& context, Direction direction, Side& side, std::size_t& length) {
  const std::uint8_t* h = side.header;
  length = (h[0] & 0x80) != 0 ? static_cast<std::size_t>(h[0] & 0x7f) << 8 | h[1]
                              : static_cast<std::size_t>(h[0] & 0x3f) << 8 | h[1];
  side.type = 0;
  side.mode = Mode::kPlain;
  if (version_2_) {
    side.left = static_cast<std::uint32_t>(length);
    if (over_ || handshake().session.encrypted(direction)) side.mode = Mode::kEncrypted;
    return true;
  }
  if (length < 3) return false;
  const std::uint16_t version = base::load_be16(h + 3);
  if (h[2] == 1)
    return direction == Direction::kOriginator && (version == kSsl2 || record_version(version));  // CLIENT-HELLO
  if (h[2] == 4 && h[3] < 2 && h[4] < 2 && direction == Direction::kResponder) {                  // SERVER-HELLO
    version_2_ = true;
    // The rest of this record is read as one of the long form.
    auto& held = handshake().sides[connection::index(direction)].record;
    if (!held.append(context.memory(), Bytes(side.header + 2, 3))) return false;
    side.left = static_cast<std::uint32_t>(length - 3);
    return true;
  }
  return false;
}

// A whole plaintext record.
void TlsParser::finish(Context& context, Direction direction, Side& side, Bytes body) {
  if (side.type == kHandshake) {
    messages(context, direction, body);
  } else if (side.type != 0) {
    handshake().session.record(context, direction, side.type, body);
  } else if (!body.empty()) {
    message2(context, direction, body[0], body.subspan(1));
  }
}

void TlsParser::message2(Context& context, Direction direction, std::uint8_t type, Bytes body) {
  Session& session = handshake().session;
  switch (type) {
    case 1:
      if (!session.client_hello2(context, direction, body)) give_up(context);
      break;
    case 4:
      if (!session.server_hello2(context, direction, body)) give_up(context);
      break;
    case 2:  // CLIENT-MASTER-KEY: all that follows is encrypted
      session.start_encryption(Direction::kOriginator);
      session.start_encryption(Direction::kResponder);
      break;
    case 0:  // ERROR
      session.alert(context, direction, body);
      break;
    default:
      context.weird("ssl_unknown_record_type", std::to_string(type));
      break;
  }
}

// Handshake messages may straddle records and share them (RFC 8446 5.1).
void TlsParser::messages(Context& context, Direction direction, Bytes data) {
  Handshake& all = handshake();
  Handshake::Side& side = all.sides[connection::index(direction)];
  const auto length_of = [](Bytes message) {
    return static_cast<std::size_t>(message[1]) << 16 | static_cast<std::size_t>(message[2]) << 8 | message[3];
  };
  // A message of this length is not kept. False where that ends it all.
  const auto too_long = [&](std::uint8_t type, std::size_t length) {
    if (!all.session.confirmed()) return false;
    context.weird("ssl_handshake_message_too_long", std::to_string(length));
    all.session.handshake_unread(context, direction, type);
    side.skip_message = length;
    return true;
  };
  if (side.broken) return;
  while (!data.empty()) {
    if (side.skip_message > 0) {
      const std::size_t n = std::min(side.skip_message, data.size());
      side.skip_message -= n;
      data = data.subspan(n);
      continue;
    }
    if (side.messages.empty()) {
      if (data.size() >= 4) {
        const std::size_t length = length_of(data);
        if (length > kMaxHandshake) {
          if (!too_long(data[0], length)) return give_up(context);
          data = data.subspan(4);
          continue;
        }
        if (data.size() >= 4 + length) {
          if (!all.session.handshake(context, direction, data[0], data.subspan(4, length))) return give_up(context);
          data = data.subspan(4 + length);
          continue;
        }
      }
      if (!side.messages.append(context.memory(), data)) {
        context.weird("message_buffer_limit");
        give_up(context);
      }
      return;
    }
    // Fill up what is held to a header, then to a whole message.
    const std::size_t have = side.messages.size();
    const std::size_t want = have < 4 ? 4 : 4 + length_of(side.messages.bytes());
    const std::size_t n = std::min(want - have, data.size());
    if (!side.messages.append(context.memory(), data.subspan(0, n))) {
      context.weird("message_buffer_limit");
      return give_up(context);
    }
    data = data.subspan(n);
    const Bytes held = side.messages.bytes();
    if (held.size() < 4) return;
    const std::size_t length = length_of(held);
    if (length > kMaxHandshake) {
      if (!too_long(held[0], length)) return give_up(context);
      side.messages.clear();
    } else if (held.size() == 4 + length) {
      if (!all.session.handshake(context, direction, held[0], held.subspan(4))) return give_up(context);
      side.messages.clear();
    }
  }
}

// The bytes are no TLS, or not any more.
void TlsParser::give_up(Context& context) {
  if (!over_ && handshake_ && handshake_->session.confirmed()) handshake_->session.emit(context);
  if (over_) {
    // The session stands; its records cannot be followed any further.
    for (Side& side : sides_) side.lost = true;
    lost_ = true;
    return;
  }
  over_ = true;
  handshake_.reset();
  context.failed = true;
}

// The session is established: its record goes out and its state goes away.
void TlsParser::release(Context& context) {
  handshake_->session.emit(context);
  handshake_.reset();
  over_ = true;
  // The other direction may stand inside a plaintext record: of no interest any more.
  for (Side& side : sides_)
    if (side.mode == Mode::kPlain) side.mode = Mode::kSkip;
}

void TlsParser::gap(Context& context, Direction direction, std::uint64_t bytes) {
  Side& side = sides_[connection::index(direction)];
  if (side.lost) return;
  // Inside a record, its border is still known.
  if (side.mode != Mode::kHeader && bytes <= side.left) {
    side.left -= static_cast<std::uint32_t>(bytes);
    if (side.mode == Mode::kPlain) {
      Handshake::Side& messages = handshake().sides[connection::index(direction)];
      messages.record.clear();
      messages.messages.clear();
      if (side.type == kHandshake) messages.broken = true;
      side.mode = Mode::kSkip;
    }
    if (side.left == 0) side.mode = Mode::kHeader;
    return;
  }
  if (!over_ && !(handshake_ && handshake_->session.confirmed())) {
    give_up(context);
    return;
  }
  side.lost = true;
  lost_ = true;
  if (handshake_) {
    handshake_->sides[connection::index(direction)].record.clear();
    handshake_->sides[connection::index(direction)].messages.clear();
  }
}

void TlsParser::closed(Context& context, End) {
  if (handshake_) {
    handshake_->session.emit(context);
    handshake_.reset();
  }
  auto row = encrypted_row(context, "ssl", sides_[0].encrypted, sides_[1].encrypted);
  if (!row) return;
  row->lost = lost_;
  if (sides_[0].heartbeat != 0) row->orig_heartbeat = sides_[0].heartbeat;
  if (sides_[1].heartbeat != 0) row->resp_heartbeat = sides_[1].heartbeat;
  if (row->orig_heartbeat || row->resp_heartbeat) row->early_heartbeat = early_heartbeat_;
  context.emit(*row);
}

// A record header, then what it should hold.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.empty()) return Match::kNeedMore;
  // SSLv2's CLIENT-HELLO and SERVER-HELLO: the length, the type, the version, the lengths that follow.
  if ((data[0] & 0x80) != 0) {
    if (data.size() < 11) return data.size() >= 3 && data[2] != 1 && data[2] != 4 ? Match::kNo : Match::kNeedMore;
    const std::size_t length = static_cast<std::size_t>(data[0] & 0x7f) << 8 | data[1];
    if (data[2] == 1 && direction == Direction::kOriginator) {
      const std::uint16_t version = base::load_be16(data.data() + 3);
      const std::size_t ciphers = base::load_be16(data.data() + 5), id = base::load_be16(data.data() + 7),
                        challenge = base::load_be16(data.data() + 9);
      const bool good = (version == kSsl2 || record_version(version)) && ciphers != 0 && ciphers % 3 == 0 &&
                        (id == 0 || id == 16 || id == 32) && challenge >= 16 && challenge <= 32 &&
                        length == 9 + ciphers + id + challenge;
      return good ? Match::kYes : Match::kNo;
    }
    if (data[2] == 4 && direction == Direction::kResponder)
      return data[3] < 2 && data[4] < 2 && base::load_be16(data.data() + 5) == kSsl2 ? Match::kYes : Match::kNo;
    return Match::kNo;
  }
  if (data[0] < kChangeCipherSpec || data[0] > kHeartbeat) return Match::kNo;
  if (data.size() >= 2 && data[1] != 3) return Match::kNo;
  if (data.size() < 5) return Match::kNeedMore;
  const std::size_t length = base::load_be16(data.data() + 3);
  if (!record_version(base::load_be16(data.data() + 1)) || length > kMaxRecord || length == 0) return Match::kNo;
  switch (data[0]) {
    case kHandshake: {
      if (data.size() < 11) return Match::kNeedMore;
      const std::uint16_t version = base::load_be16(data.data() + 9);
      const bool hello = (data[5] == 1 && record_version(version)) ||
                         (data[5] == 2 && (record_version(version) || version == kTls13 || is_tls13_draft(version)));
      // A message's length fits its record, or the record is full and it goes on in the next one.
      const std::size_t message =
          static_cast<std::size_t>(data[6]) << 16 | static_cast<std::size_t>(data[7]) << 8 | data[8];
      if (hello && message >= 34 && message <= kMaxHandshake) return Match::kYes;
      return port_hint && data[5] <= 25 ? Match::kMaybe : Match::kNo;
    }
    case kAlert:
      if (data.size() < 7) return Match::kNeedMore;
      if (length == 2 && (data[5] == 1 || data[5] == 2)) {
        // An alert alone may open a direction: refused before any hello. A second record tells more.
        return data.size() >= 8 ? (data[7] == kHandshake ? Match::kYes : Match::kMaybe)
               : port_hint      ? Match::kYes
                                : Match::kMaybe;
      }
      return port_hint ? Match::kMaybe : Match::kNo;
    case kChangeCipherSpec:
      if (data.size() < 6) return Match::kNeedMore;
      return length == 1 && data[5] == 1 ? (port_hint ? Match::kYes : Match::kMaybe) : Match::kNo;
    default:
      return port_hint ? Match::kMaybe : Match::kNo;
  }
}

constexpr std::uint16_t kPorts[] = {443, 465, 563, 585,  614,  636,  853,  989, 990,
                                    992, 993, 995, 5061, 5223, 6697, 8443, 9443};
record::Schema* const kSchemas[] = {&Ssl::schema, &x509::X509::schema, &Encrypted::schema};

}  // namespace

const Definition kSsl = {.name = "ssl",
                         .stream = true,
                         .datagram = false,
                         .recognise = recognise,
                         .ports = kPorts,
                         .ip_protocols = {},
                         .make = [] { return std::unique_ptr<Parser>(std::make_unique<TlsParser>()); },
                         .schemas = kSchemas,
                         .late = true};

}  // namespace whodunit::protocol::tls
