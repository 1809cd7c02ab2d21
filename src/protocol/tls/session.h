// One handshake as both ends' messages tell it: shared by TLS over TCP and DTLS. Freed once its record is out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/parser.h"
#include "protocol/tls/fingerprints.h"

namespace whodunit::protocol::x509 {
class Certificate;
}

namespace whodunit::protocol::tls {

struct ClientHello;
struct ServerHello;

/// Content types of records (RFC 8446 5.1, RFC 6520 4, RFC 9146 5).
enum ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
  kHeartbeat = 24,
  kConnectionId = 25,
  kAck = 26,
};

/// Messages longer than this are not buffered (bytes): certificate chains stay far below.
inline constexpr std::size_t kMaxHandshake = 256 << 10;

class Session {
 public:
  explicit Session(Carrier carrier);

  /// A whole handshake message's body. False where it cannot be one: these bytes are not TLS.
  bool handshake(Context& context, Direction direction, std::uint8_t type, Bytes body);
  /// One that was too long to keep, or of which bytes were lost: it only goes into the history.
  void handshake_unread(Context& context, Direction direction, std::uint8_t type);
  /// A whole plaintext record that holds no handshake message, of a ContentType.
  void record(Context& context, Direction direction, std::uint8_t type, Bytes body);
  void change_cipher_spec(Context& context, Direction direction);
  void alert(Context& context, Direction direction, Bytes body);
  void heartbeat(Context& context, Direction direction, Bytes body);

  /// What follows in this direction is encrypted.
  bool encrypted(Direction direction) const { return encrypted_[connection::index(direction)]; }
  void start_encryption(Direction direction) { encrypted_[connection::index(direction)] = true; }
  /// Application data before any ChangeCipherSpec is encrypted, unless an older version was negotiated (RFC 8446 5.2).
  bool data_is_encrypted() const;
  /// The server chose TLS 1.3, a draft of it, or DTLS 1.3.
  bool is_13() const;
  /// An encrypted record went by: with both sides encrypted, the session is established.
  void ciphertext() { established_ = established_ || (encrypted_[0] && encrypted_[1]); }
  bool established() const { return established_; }
  /// A hello was read: this is TLS.
  bool confirmed() const { return confirmed_; }

  /// A ServerHello that is no HelloRetryRequest was read.
  bool server_chose() const { return server_hello_seen_; }
  const std::string& server_name() const { return server_name_; }
  std::string first_protocol() const { return alpn_.empty() ? std::string() : alpn_[0]; }
  const std::string& ja4_text() const { return ja4_; }

  // SSLv2 (draft-hickman-netscape-ssl-00).
  bool client_hello2(Context& context, Direction direction, Bytes body);
  bool server_hello2(Context& context, Direction direction, Bytes body);

  /// Writes the ssl record, once, if there was anything to tell.
  void emit(Context& context);

 private:
  bool client(Direction direction) const { return (direction == Direction::kOriginator) != flipped_; }
  void note(Context& context, Direction direction, char letter);
  void touch(Context& context) { record::extend(place_, context.place()); }
  void client_hello(Context& context, const ClientHello& hello);
  void server_hello(Context& context, const ServerHello& hello);
  void server_key_exchange(Bytes body);
  bool certificates(Context& context, Direction direction, Bytes body);
  void chain(Context& context, Direction direction, const std::vector<Bytes>& ders);
  void certificate_status(Context& context, Direction direction, Bytes body);

  using Chain = std::vector<std::string>;
  base::Time first_;
  record::Place place_;
  Carrier carrier_;
  bool flipped_ = false;
  bool confirmed_ = false;
  bool anything_ = false;
  bool emitted_ = false;
  bool established_ = false;
  bool resumed_ = false;
  bool ticket_ = false;
  bool psk_ = false;
  bool client_key_exchange_ = false;
  bool certificates_ = false;
  bool client_hello_seen_ = false;
  bool server_hello_seen_ = false;
  bool has_client_version_ = false;
  bool encrypted_[2] = {};
  std::uint64_t files_ = 0;
  std::uint16_t negotiated_ = 0;  // what the last ServerHello says; 0: none yet
  std::uint16_t client_version_ = 0;
  std::optional<std::uint16_t> version_;
  std::optional<std::uint32_t> cipher_;
  std::optional<std::uint16_t> group_;
  std::optional<std::uint16_t> alert_;
  std::optional<std::uint64_t> dh_bits_;
  std::optional<std::uint64_t> heartbeat_excess_;
  std::string history_, server_name_, session_id_, next_protocol_, ja3_, ja3s_, ja4_;
  std::vector<std::string> alpn_;
  std::vector<std::uint64_t> extensions_;
  Chain chains_[2];  // the client's, the server's
  std::shared_ptr<const x509::Certificate> leaf_[2];
};

/// The state of a handshake begins: counted in its member `counted`. False, and said, where there is no memory for it.
template <class Handshake>
bool begin_handshake(Context& context, std::unique_ptr<Handshake>& handshake) {
  auto made = std::make_unique<Handshake>();
  if (!made->counted.take(context.memory(), sizeof(Handshake), context.connection().saw_responder)) {
    context.weird("parser_memory_limit");
    return false;
  }
  handshake = std::move(made);
  return true;
}

}  // namespace whodunit::protocol::tls
