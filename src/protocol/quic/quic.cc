#include "protocol/quic/quic.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <string>

#include "base/hash.h"
#include "protocol/encrypted_record.h"
#include "protocol/quic/google.h"
#include "protocol/quic/initial.h"
#include "protocol/quic/quic_record.h"
#include "protocol/tls/assembly.h"
#include "protocol/tls/session.h"
#include "protocol/tls/ssl_record.h"

namespace whodunit::protocol::quic {
namespace {

using base::Cursor;

constexpr std::size_t kMaxHistory = 100;
// CRYPTO data of Initial packets is a hello each way (bytes); RFC 9000 7.5 asks for 4096 at least.
constexpr std::size_t kMaxCrypto = 64 << 10;
constexpr std::size_t kMaxText = 256;

enum class Type : std::uint8_t { kInitial, kZeroRtt, kHandshake, kRetry };

// RFC 9000 16.
std::uint64_t variable(Cursor& in) {
  const std::uint8_t first = in.u8();
  std::uint64_t v = first & 0x3f;
  for (int more = (1 << (first >> 6)) - 1; more > 0; --more) v = v << 8 | in.u8();
  return v;
}

struct LongHeader {
  Type type = Type::kInitial;
  std::uint32_t version = 0;
  Bytes destination, source;
  std::size_t number_offset = 0;  // from the packet's first byte
  std::size_t size = 0;           // of the whole packet
};

bool is_read(std::uint32_t version) { return is_known(version) || is_reserved(version); }

// RFC 9000 17.2. False where the packet does not add up. `packet` begins with a long header; for versions that are not
// known, only version and ids are read.
bool read_long(Bytes packet, LongHeader& out) {
  Cursor in(packet);
  const std::uint8_t first = in.u8();
  out.version = in.be32();
  const std::size_t destination = in.u8();
  if (destination > kMaxConnectionId && is_read(out.version)) return false;
  out.destination = in.bytes(destination);
  const std::size_t source = in.u8();
  if (source > kMaxConnectionId && is_read(out.version)) return false;
  out.source = in.bytes(source);
  out.size = packet.size();
  if (in.failed()) return false;
  if (!is_read(out.version)) return true;
  unsigned type = first >> 4 & 3;
  if (is_version_2(out.version)) type = (type + 3) & 3;  // RFC 9369 3.2
  out.type = static_cast<Type>(type);
  if (out.type == Type::kRetry) return true;
  if (out.type == Type::kInitial) {
    const std::uint64_t token = variable(in);
    if (token > in.left()) return false;
    in.skip(token);
  }
  const std::uint64_t length = variable(in);
  if (in.failed() || length > in.left()) return false;
  out.number_offset = in.offset();
  out.size = in.offset() + length;
  return true;
}

struct ConnectionId {
  std::uint8_t size = 0;
  std::uint8_t bytes[kMaxConnectionId];
  void set(Bytes b) {
    size = static_cast<std::uint8_t>(std::min(b.size(), kMaxConnectionId));
    std::copy_n(b.begin(), size, bytes);
  }
  bool operator==(Bytes b) const { return std::equal(b.begin(), b.end(), bytes, bytes + size); }
  std::string hex() const { return base::to_hex({bytes, size}); }
};

// What is needed until both hellos are read.
struct Handshake {
  Handshake(std::uint32_t version, Bytes connection_id) : keys(version, connection_id) {}
  InitialKeys keys;
  std::unique_ptr<tls::Session> session;  // never null in a handshake that is kept
  tls::Assembly crypto[2];
  std::size_t read[2] = {};  // bytes of messages that were handed over
  bool refused[2] = {};
  bool server_hello = false;
  tls::Counted counted;
};

// One QUIC connection on this pair of ports.
struct Connection {
  base::Time first;
  record::Place place;
  std::uint32_t version = 0;
  bool opened = false;  // an Initial packet was
  ConnectionId initial, client, server;
  std::string history, server_name, protocol, ja4, user_agent;
};

class QuicParser final : public Parser {
 public:
  void datagram(Context& context, Direction direction, const packet::Packet& packet) override;
  void closed(Context& context, End why) override;

 private:
  struct Side {
    EncryptedAmount encrypted;
    std::uint32_t short_packets = 0;
  };
  bool from_client(Direction direction) const { return (direction == Direction::kOriginator) != flipped_; }
  void note(Context& context, Direction direction, char letter);
  Connection& begin(Context& context, Direction direction, const LongHeader& header);
  void initial(Context& context, Direction direction, const LongHeader& header, Bytes packet);
  bool frames(Context& context, Direction direction, Bytes plain);
  void messages(Context& context, Direction direction);
  void encrypted(Context& context, Direction direction, std::size_t bytes);
  void emit(Context& context);
  void google(Context& context, Direction direction, Bytes packet);
  bool tags(Context& context, Direction direction, Bytes message);
  void finish_handshake(Context& context);

  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<tls::Session> retried_;  // of a client that is to begin anew
  Side sides_[2];
  std::uint32_t decrypted_ = 0;
  std::uint32_t discarded_ = 0;
  bool flipped_ = false;
  tls::Counted counted_;  // of connection_, once
  bool reserved_ = false;
  bool google_ = false;   // a version with tags and Google's own headers
  bool unknown_ = false;  // a version that is not ours: told once, then let be
};
static_assert(sizeof(QuicParser) <= 128);

void QuicParser::note(Context& context, Direction direction, char letter) {
  if (!connection_) return;
  record::extend(connection_->place, context.place());
  std::string& history = connection_->history;
  if (history.size() >= kMaxHistory) return;
  history += from_client(direction) ? static_cast<char>(std::toupper(letter)) : letter;
  if (history.size() == kMaxHistory) context.weird("QUIC_max_history_length_reached");
}

Connection& QuicParser::begin(Context& context, Direction direction, const LongHeader& header) {
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    connection_->first = context.now();
    connection_->version = header.version;
  }
  if (from_client(direction)) {
    if (connection_->initial.size == 0) connection_->initial.set(header.destination);
    connection_->client.set(header.source);
  } else {
    connection_->server.set(header.source);
  }
  return *connection_;
}

void QuicParser::datagram(Context& context, Direction direction, const packet::Packet& packet) {
  if (!reserved_) {
    reserved_ = counted_.take(context.memory(), sizeof(Connection), context.connection().saw_responder);
    if (!reserved_) {
      context.weird("parser_memory_limit");
      context.failed = true;
      return;
    }
  }
  Bytes data = packet.payload;
  GooglePacket first;
  if (google_ || (!connection_ && read_google(data, first))) return google(context, direction, data);
  while (!data.empty() && !unknown_) {
    // RFC 9000 17.2: without the fixed bit a packet is discarded; often padding after the last one. Unless the ends
    // agreed to grease it (RFC 9287), which only long headers can show.
    LongHeader header;
    if ((data[0] & 0x40) == 0 &&
        !((data[0] & 0x80) != 0 && connection_ && read_long(data, header) && header.version == connection_->version)) {
      constexpr std::uint32_t kMaxDiscarded = 100;
      if (decrypted_ > 0 && ++discarded_ <= kMaxDiscarded) note(context, direction, 'x');
      return;
    }
    if ((data[0] & 0x80) == 0) {
      // A short header (RFC 9000 17.3) fills the rest of the datagram.
      if (!connection_) return;
      Side& side = sides_[connection::index(direction)];
      ++side.short_packets;
      if ((side.short_packets & (side.short_packets - 1)) == 0) note(context, direction, 'o');
      encrypted(context, direction, data.size());
      return;
    }
    header = {};
    if (!read_long(data, header)) {
      if (connection_ && !packet.truncated) context.weird("quic_malformed_long_header");
      return;
    }
    if (header.version == 0) return;  // version negotiation (RFC 9000 17.2.1)
    if (!is_read(header.version)) {
      if (connection_) return;
      begin(context, direction, header);
      note(context, direction, 'u');
      emit(context);
      unknown_ = true;
      return;
    }
    const Bytes whole = data.subspan(0, header.size);
    data = data.subspan(header.size);
    switch (header.type) {
      case Type::kInitial:
        initial(context, direction, header, whole);
        break;
      case Type::kHandshake:
        begin(context, direction, header);
        note(context, direction, 'h');
        encrypted(context, direction, whole.size() - header.number_offset);
        break;
      case Type::kZeroRtt:
        begin(context, direction, header);
        note(context, direction, 'z');
        encrypted(context, direction, whole.size() - header.number_offset);
        break;
      case Type::kRetry:
        // RFC 9000 17.2.5: the client begins anew, with other keys.
        begin(context, direction, header);
        note(context, direction, 'r');
        emit(context);
        if (handshake_) retried_ = std::move(handshake_->session);
        handshake_.reset();
        return;
    }
  }
}

// A datagram of Google's own form. Packets that state their version are the client's first; the others cannot be read.
void QuicParser::google(Context& context, Direction direction, Bytes packet) {
  GooglePacket read;
  Side& side = sides_[connection::index(direction)];
  if (read_google(packet, read)) {
    if (!google_) flipped_ = direction != Direction::kOriginator;
    google_ = true;
    LongHeader header;
    header.version = read.version;
    header.destination = read.destination;
    header.source = read.source;
    begin(context, direction, header);
    note(context, direction, 'i');
    context.recognised = true;
    if (!read.stream.empty() && tags(context, direction, read.stream)) return;
  } else if (connection_) {
    ++side.short_packets;
    if ((side.short_packets & (side.short_packets - 1)) == 0) note(context, direction, 'o');
  }
  encrypted(context, direction, packet.size());
}

bool QuicParser::tags(Context& context, Direction direction, Bytes message) {
  GoogleHello hello;
  if (!read_client_tags(message, hello)) return false;
  note(context, direction, 's');
  if (!hello.server_name.empty()) connection_->server_name = hello.server_name.substr(0, kMaxText);
  if (!hello.user_agent.empty()) connection_->user_agent = hello.user_agent.substr(0, kMaxText);
  return true;
}

void QuicParser::initial(Context& context, Direction direction, const LongHeader& header, Bytes packet) {
  std::optional<std::vector<std::uint8_t>> plain;
  if (handshake_) plain = handshake_->keys.open(packet, header.number_offset, from_client(direction));
  // The keys come from the id that the client addressed first: what opens with it as the client's is a client's first
  // packet, whoever sent the first datagram here, and whatever connection was here before. Initial packets of a known
  // connection are not tried.
  const bool known = connection_ && connection_->opened &&
                     (connection_->initial == header.destination || connection_->server == header.destination);
  if (!plain && !known && !header.destination.empty()) {
    constexpr std::uint32_t kVersion1 = 1, kDraft29 = 0xff00001d;
    auto attempt =
        std::make_unique<Handshake>(is_reserved(header.version) ? kVersion1 : header.version, header.destination);
    if (attempt->counted.take(context.memory(), sizeof(Handshake) + sizeof(tls::Session), connection_ != nullptr))
      plain = attempt->keys.open(packet, header.number_offset, true);
    else
      context.weird("parser_memory_limit");
    if (!plain && is_reserved(header.version)) {
      attempt->keys = InitialKeys(kDraft29, header.destination);
      plain = attempt->keys.open(packet, header.number_offset, true);
    }
    if (plain) {
      if (handshake_) handshake_->session->emit(context);
      if (connection_ && connection_->opened) emit(context);
      flipped_ = direction != Direction::kOriginator;
      handshake_ = std::move(attempt);
      handshake_->session = retried_ ? std::move(retried_) : std::make_unique<tls::Session>(tls::Carrier::kQuic);
      begin(context, direction, header).initial.set(header.destination);
    }
  }
  begin(context, direction, header);
  note(context, direction, 'i');
  if (!plain) {
    if (handshake_) context.weird("quic_initial_not_opened");
    encrypted(context, direction, packet.size() - header.number_offset);
    return;
  }
  ++decrypted_;
  connection_->opened = true;
  context.recognised = true;
  if (handshake_ && !frames(context, direction, *plain)) context.weird("quic_malformed_frame");
}

// The frames that Initial packets may hold (RFC 9000 12.4).
bool QuicParser::frames(Context& context, Direction direction, Bytes plain) {
  Cursor in(plain);
  while (in.ok() && !in.at_end()) {
    std::uint64_t type = variable(in);
    if (has_google_frames(connection_->version)) {
      if (type > 0x01 && type != 0x08) return true;  // its other frames are not ours
      if (type == 0x08) type = 0x06;
    }
    switch (type) {
      case 0x00:  // PADDING
      case 0x01:  // PING
        break;
      case 0x02:
      case 0x03: {  // ACK
        variable(in);
        variable(in);
        std::uint64_t ranges = variable(in);
        variable(in);
        for (; ranges > 0 && in.ok(); --ranges) {
          variable(in);
          variable(in);
        }
        if (type == 0x03)
          for (int i = 0; i < 3; ++i) variable(in);
        break;
      }
      case 0x06: {  // CRYPTO
        const std::uint64_t offset = variable(in);
        const std::uint64_t length = variable(in);
        if (in.failed() || length > in.left()) return false;
        const Bytes data = in.bytes(length);
        const std::size_t side = connection::index(direction);
        if (handshake_->refused[side]) break;
        if (!handshake_->crypto[side].put(context.memory(), offset > kMaxCrypto ? kMaxCrypto + 1 : offset, data,
                                          kMaxCrypto)) {
          context.weird("quic_crypto_not_put_together");
          handshake_->crypto[side].clear();
          handshake_->refused[side] = true;
          break;
        }
        messages(context, direction);
        if (!handshake_) return true;
        break;
      }
      case 0x1c:
      case 0x1d: {  // CONNECTION_CLOSE
        variable(in);
        if (type == 0x1c) variable(in);
        const std::uint64_t reason = variable(in);
        if (in.failed() || reason > in.left()) return false;
        in.skip(reason);
        note(context, direction, 'c');
        handshake_->session->emit(context);
        handshake_.reset();
        emit(context);
        return true;
      }
      default:
        return false;
    }
  }
  return in.ok();
}

// Handshake messages that are whole by now.
void QuicParser::messages(Context& context, Direction direction) {
  const std::size_t side = connection::index(direction);
  if (connection_->version == kQ050) {
    if (handshake_->read[side] == 0 && tags(context, direction, handshake_->crypto[side].whole()))
      handshake_->read[side] = 1;
    return;
  }
  for (;;) {
    const Bytes have = handshake_->crypto[side].whole().subspan(
        std::min(handshake_->read[side], handshake_->crypto[side].whole().size()));
    if (have.size() < 4) return;
    const std::size_t length =
        static_cast<std::size_t>(have[1]) << 16 | static_cast<std::size_t>(have[2]) << 8 | have[3];
    if (length > kMaxCrypto) {
      context.weird("ssl_handshake_message_too_long", std::to_string(length));
      handshake_->crypto[side].clear();
      handshake_->refused[side] = true;
      return;
    }
    if (have.size() < 4 + length) return;
    const std::uint8_t type = have[0];
    const Bytes body = have.subspan(4, length);
    handshake_->read[side] += 4 + length;
    if (type != 1 && type != 2) continue;
    if (!handshake_->session->handshake(context, direction, type, body)) {
      context.weird(type == 1 ? "ssl_malformed_client_hello" : "ssl_malformed_server_hello");
      continue;
    }
    note(context, direction, 's');
    if (type == 1) {
      const tls::Session& session = *handshake_->session;
      connection_->server_name = session.server_name().substr(0, kMaxText);
      connection_->protocol = session.first_protocol().substr(0, kMaxText);
      connection_->ja4 = session.ja4_text();
    } else if (handshake_->session->server_chose()) {
      handshake_->server_hello = true;
      handshake_->crypto[0].clear();
      handshake_->crypto[1].clear();
      handshake_->refused[0] = handshake_->refused[1] = true;
      return;
    }
  }
}

// A packet that cannot be opened. Once the client sends one after the ServerHello, both sides have the keys.
void QuicParser::encrypted(Context& context, Direction direction, std::size_t bytes) {
  Side& side = sides_[connection::index(direction)];
  side.encrypted.bytes += bytes;
  ++side.encrypted.records;
  if (handshake_ && handshake_->server_hello && from_client(direction)) finish_handshake(context);
}

void QuicParser::finish_handshake(Context& context) {
  handshake_->session->start_encryption(Direction::kOriginator);
  handshake_->session->start_encryption(Direction::kResponder);
  handshake_->session->ciphertext();
  handshake_->session->emit(context);
  handshake_.reset();
}

void QuicParser::emit(Context& context) {
  if (!connection_) return;
  Quic row;
  row.head = context.head(connection_->first, connection_->place);
  const auto text = [](const std::string& s) { return s.empty() ? record::Text{} : record::Text(s); };
  const std::string version = version_name(connection_->version), initial = connection_->initial.hex(),
                    client = connection_->client.hex(), server = connection_->server.hex();
  row.version = version;
  row.client_initial_dcid = text(initial);
  row.client_scid = text(client);
  row.server_scid = text(server);
  row.server_name = text(connection_->server_name);
  row.client_protocol = text(connection_->protocol);
  row.history = connection_->history;
  row.ja4 = text(connection_->ja4);
  row.user_agent = text(connection_->user_agent);
  context.emit(row);
  connection_.reset();
}

void QuicParser::closed(Context& context, End) {
  if (handshake_) handshake_->session->emit(context);
  if (retried_) retried_->emit(context);
  handshake_.reset();
  retried_.reset();
  emit(context);
  if (const auto row = encrypted_row(context, "quic", sides_[0].encrypted, sides_[1].encrypted)) context.emit(*row);
}

// A long header of a version that we know, whose lengths add up.
Match recognise(Bytes data, Direction, bool port_hint) {
  GooglePacket google;
  if (read_google(data, google)) return Match::kYes;
  if (data.size() < 7 || (data[0] & 0xc0) != 0xc0) return Match::kNo;
  LongHeader header;
  if (!read_long(data, header)) return Match::kNo;
  if (is_known(header.version)) {
    if (header.destination.empty() && header.source.empty()) return port_hint ? Match::kMaybe : Match::kNo;
    return Match::kYes;
  }
  // Versions that force a negotiation (RFC 9000 15).
  return port_hint && is_reserved(header.version) ? Match::kMaybe : Match::kNo;
}

constexpr std::uint16_t kPorts[] = {443, 784, 853, 4433, 8853};
record::Schema* const kSchemas[] = {&Quic::schema};

}  // namespace

const Definition kQuic = {.name = "quic",
                          .stream = false,
                          .datagram = true,
                          .recognise = recognise,
                          .ports = kPorts,
                          .ip_protocols = {},
                          .make = [] { return std::unique_ptr<Parser>(std::make_unique<QuicParser>()); },
                          .schemas = kSchemas};

}  // namespace whodunit::protocol::quic
