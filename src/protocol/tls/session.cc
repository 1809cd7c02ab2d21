#include "protocol/tls/session.h"

#include <algorithm>
#include <cctype>

#include "protocol/files/files.h"
#include "protocol/tls/hello.h"
#include "protocol/tls/names.h"
#include "protocol/tls/ssl_record.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::protocol::tls {
namespace {

using base::Cursor;

// As Zeek: a loop of messages must not grow a field without bound.
constexpr std::size_t kMaxHistory = 100;
constexpr std::size_t kMaxChain = 64;
constexpr std::size_t kMaxAlpn = 64;
constexpr std::size_t kMaxExtensions = 256;

// Zeek's letter for a handshake message type (RFC 8446 4, RFC 5246 7.4), '\0' where it is none.
char letter_of(std::uint8_t type) {
  switch (type) {
    case 0:
      return 'h';  // hello_request
    case 1:
      return 'c';  // client_hello
    case 2:
      return 's';  // server_hello
    case 3:
      return 'v';  // hello_verify_request (RFC 6347)
    case 4:
      return 't';  // new_session_ticket
    case 5:
      return 'e';  // end_of_early_data
    case 6:
      return 'j';  // hello_retry_request (drafts)
    case 8:
      return 'o';  // encrypted_extensions
    case 11:
      return 'x';  // certificate
    case 12:
      return 'k';  // server_key_exchange
    case 13:
      return 'r';  // certificate_request
    case 14:
      return 'n';  // server_hello_done
    case 15:
      return 'y';  // certificate_verify
    case 16:
      return 'g';  // client_key_exchange
    case 20:
      return 'f';  // finished
    case 21:
      return 'w';  // certificate_url
    case 22:
      return 'u';  // certificate_status
    case 23:
      return 'a';  // supplemental_data
    case 24:
      return 'p';  // key_update
    case 25:       // compressed_certificate
    case 26:
      return 'z';  // ekt_key
    case 254:
      return 'm';  // message_hash
    default:
      return '\0';
  }
}

record::Text text_or_unset(const std::string& s) { return s.empty() ? record::Text{} : record::Text(s); }

// Views of strings as a list that is set even where it is empty.
struct TextList {
  explicit TextList(const std::vector<std::string>& strings) : views(strings.begin(), strings.end()) {
    if (views.empty()) views.reserve(1);
  }
  record::Texts span() const { return {views.data(), views.size()}; }
  record::Texts span_or_unset() const { return views.empty() ? record::Texts{} : span(); }
  std::vector<std::string_view> views;
};

// How a suite's ServerKeyExchange begins: with a curve (RFC 8422 5.4), with a prime (RFC 5246 7.4.3), or otherwise.
enum class KeyExchange { kOther, kCurve, kPrime };
KeyExchange key_exchange_of(std::uint32_t cipher) {
  const std::string name = cipher_name(cipher);
  const bool psk = name.find("_PSK_") != std::string::npos;  // a hint for the identity comes first (RFC 4279 3)
  if (psk) return KeyExchange::kOther;
  if (name.find("_ECDHE_") != std::string::npos || name.find("_ECDH_ANON_") != std::string::npos ||
      name.find("CECPQ1") != std::string::npos)
    return KeyExchange::kCurve;
  if (name.find("_DHE_") != std::string::npos || name.find("_DH_ANON_") != std::string::npos)
    return KeyExchange::kPrime;
  return KeyExchange::kOther;
}

}  // namespace

Session::Session(Carrier carrier) : carrier_(carrier) {}

void Session::note(Context& context, Direction direction, char letter) {
  // The session's time is that of its first whole message.
  if (!anything_) first_ = context.now();
  anything_ = true;
  touch(context);
  if (history_.size() >= kMaxHistory) return;
  history_ += client(direction) ? static_cast<char>(std::toupper(letter)) : letter;
  if (history_.size() == kMaxHistory) context.weird("SSL_max_ssl_history_length_reached");
}

bool Session::is_13() const { return tls::is_13(negotiated_); }

bool Session::data_is_encrypted() const {
  switch (negotiated_) {
    case kSsl2:
    case kSsl3:
    case kTls10:
    case kTls11:
    case kTls12:
      return false;
    default:
      return true;
  }
}

void Session::handshake_unread(Context& context, Direction direction, std::uint8_t type) {
  if (const char letter = letter_of(type); letter != '\0') note(context, direction, letter);
}

bool Session::handshake(Context& context, Direction direction, std::uint8_t type, Bytes body) {
  char letter = letter_of(type);
  if (letter == '\0') {
    if (!confirmed_) return false;
    context.weird("ssl_unknown_handshake_message", std::to_string(type));
    note(context, direction, 'z');
    return true;
  }
  switch (type) {
    case 1: {
      ClientHello hello;
      if (!parse_client_hello(body, carrier_ == Carrier::kDtls, hello)) {
        if (!confirmed_) return false;
        context.weird("ssl_malformed_client_hello");
        break;
      }
      if (hello.malformed) context.weird("ssl_malformed_extension");
      // The client is the other end (DTLS after STUN): what comes is told from its side.
      if (!client(direction) && !server_hello_seen_) {
        flipped_ = !flipped_;
        if (history_.size() < kMaxHistory) history_ += '^';
      }
      client_hello(context, hello);
      break;
    }
    case 2: {
      ServerHello hello;
      if (!parse_server_hello(body, hello)) {
        if (!confirmed_) return false;
        context.weird("ssl_malformed_server_hello");
        break;
      }
      if (hello.malformed) context.weird("ssl_malformed_extension");
      server_hello(context, hello);
      if (hello.hello_retry_request) letter = 'j';
      break;
    }
    case 11:
      if (!certificates(context, direction, body)) context.weird("ssl_malformed_certificate_message");
      break;
    case 12:
      server_key_exchange(body);
      break;
    case 16:
      if (client(direction)) client_key_exchange_ = true;
      break;
    case 22:
      certificate_status(context, direction, body);
      break;
    default:
      break;
  }
  note(context, direction, letter);
  if (confirmed_) context.recognised = true;
  return true;
}

void Session::client_hello(Context& context, const ClientHello& hello) {
  confirmed_ = true;
  if (hello.session_ticket) ticket_ = true;
  if (hello.pre_shared_key) psk_ = true;
  // TLS 1.3's middlebox mode sends a random id; all zeros is no id.
  if (!hello.session_id.empty() &&
      !(hello.session_id.size() == 32 &&
        std::all_of(hello.session_id.begin(), hello.session_id.end(), [](auto b) { return b == 0; }))) {
    session_id_.assign(base::as_text(hello.session_id));
    ticket_ = false;
  }
  if (!hello.server_name.empty()) server_name_ = hello.server_name;
  if (client_hello_seen_) return;  // after a HelloRetryRequest, a cookie, or sent again
  client_hello_seen_ = true;
  ja3_ = ja3(hello);
  ja4_ = ja4(hello, carrier_);
  client_version_ = hello.version;
  has_client_version_ = true;
  for (const std::uint16_t v : hello.supported_versions) {
    if (is_grease(v)) continue;
    const bool datagram = v >> 8 == 0xfe;  // DTLS counts downwards
    if (datagram ? v < client_version_ : v > client_version_ && client_version_ >> 8 != 0xfe) client_version_ = v;
  }
  for (std::size_t i = 0; i < std::min(hello.alpn.size(), kMaxAlpn); ++i) alpn_.emplace_back(hello.alpn[i]);
  for (std::size_t i = 0; i < std::min(hello.extensions.size(), kMaxExtensions); ++i)
    extensions_.push_back(hello.extensions[i]);
  (void)context;
}

void Session::server_hello(Context& context, const ServerHello& hello) {
  confirmed_ = true;
  (void)context;
  if (hello.selected_version != 0) {
    negotiated_ = hello.selected_version;
    version_ = hello.selected_version;
  } else {
    negotiated_ = hello.version;
    if (!version_) version_ = hello.version;
  }
  cipher_ = hello.cipher;
  if (hello.group != 0) group_ = hello.group;
  if (!hello.alpn.empty()) next_protocol_ = hello.alpn;
  if (hello.pre_shared_key && psk_) resumed_ = true;
  if (!session_id_.empty() && session_id_ == base::as_text(hello.session_id) && *version_ != kTls13 &&
      !is_tls13_draft(*version_) && *version_ != kDtls13)
    resumed_ = true;
  if (server_hello_seen_ || hello.hello_retry_request) return;
  server_hello_seen_ = true;
  ja3s_ = ja3s(hello);
}

void Session::server_key_exchange(Bytes body) {
  if (!cipher_) return;
  Cursor in(body);
  switch (key_exchange_of(*cipher_)) {
    case KeyExchange::kCurve: {
      const std::uint8_t curve_type = in.u8();
      const std::uint16_t curve = in.be16();
      if (in.ok() && curve_type == 3) group_ = curve;  // named_curve
      break;
    }
    case KeyExchange::kPrime: {
      Bytes prime = in.bytes(in.be16());
      while (!prime.empty() && prime[0] == 0) prime = prime.subspan(1);
      if (in.ok() && !prime.empty())
        dh_bits_ = prime.size() * 8 - static_cast<std::size_t>(__builtin_clz(prime[0]) - 24);
      break;
    }
    case KeyExchange::kOther:
      break;
  }
}

bool Session::certificates(Context& context, Direction direction, Bytes body) {
  Cursor in(body);
  Cursor list(in.bytes(in.be24()));
  std::vector<Bytes> ders;
  while (!list.at_end() && list.ok() && ders.size() < kMaxChain) {
    const Bytes der = list.bytes(list.be24());
    if (list.ok()) ders.push_back(der);
  }
  chain(context, direction, ders);
  return in.ok() && list.ok();
}

void Session::chain(Context& context, Direction direction, const std::vector<Bytes>& ders) {
  const bool from_client = client(direction);
  const std::size_t side = from_client ? 0 : 1;
  if (ders.empty()) return;
  certificates_ = true;
  // Sent again (DTLS, renegotiation): the chain of the record stays bounded.
  const bool fits = chains_[side].size() + ders.size() <= kMaxChain;
  std::vector<std::shared_ptr<const x509::Certificate>> certificates;
  certificates.reserve(ders.size());
  for (const Bytes der : ders) certificates.push_back(x509::Certificate::parse(der));
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const x509::Certificate& c = *certificates[i];
    if (fits) chains_[side].push_back(c.sha256);
    if (i == 0) leaf_[side] = certificates[0];
    if (c.malformed) context.weird("x509_malformed_certificate");
    if (!context.sink().wants(x509::X509::schema)) continue;

    x509::X509 row;
    row.head = context.head(context.now(), context.place());
    row.fingerprint = c.sha256;
    row.sha1 = c.sha1;
    row.size = c.size;
    row.host_cert = i == 0;
    row.client_cert = from_client;
    row.chain_position = i;
    row.chain_length = certificates.size();
    row.malformed = c.malformed;
    const TextList dns(c.dns), uri(c.uri), email(c.email), ip(c.ip);
    if (!c.malformed) {
      row.version = c.version;
      row.serial = c.serial;
      row.subject = c.subject;
      row.issuer = c.issuer;
      row.not_valid_before = c.not_before;
      row.not_valid_after = c.not_after;
      row.key_alg = text_or_unset(c.key_algorithm);
      row.sig_alg = text_or_unset(c.signature_algorithm);
      row.key_type = text_or_unset(c.key_type);
      if (c.key_bits != 0) row.key_length = c.key_bits;
      row.exponent = text_or_unset(c.exponent);
      row.curve = text_or_unset(c.curve);
      row.san_dns = dns.span_or_unset();
      row.san_uri = uri.span_or_unset();
      row.san_email = email.span_or_unset();
      row.san_ip = ip.span_or_unset();
      row.ca = c.ca;
      row.path_len = c.path_length;
      row.self_issued = c.self_issued;
      row.self_signed = c.self_signed;
      if (c.not_after) row.expired = context.now() > *c.not_after;
      if (c.not_before) row.not_yet_valid = context.now() < *c.not_before;
      if (i + 1 < certificates.size() && !certificates[i + 1]->malformed) {
        row.issued_by_next = c.issued_by(*certificates[i + 1]);
        row.signed_by_next = *row.issued_by_next ? c.signed_by(*certificates[i + 1]) : std::optional<bool>(false);
      }
    }
    context.emit(row);
  }
}

void Session::certificate_status(Context& context, Direction direction, Bytes body) {
  // RFC 6066 8: status_type ocsp(1), then a response of 24-bit length.
  Cursor in(body);
  const std::uint8_t type = in.u8();
  const Bytes response = in.bytes(in.be24());
  if (type != 1) return;
  if (in.failed() || response.empty()) {
    context.weird("SSL_zero_length_stapled_OCSP_message");
    return;
  }
  if (!context.has_files()) return;
  FileHandle file = context.files().open(
      context,
      {.source = "SSL", .direction = direction, .ordinal = files_++, .mime_type = "application/ocsp-response"});
  context.files().data(context, *file, response);
  context.files().close(context, file);
}

void Session::record(Context& context, Direction direction, std::uint8_t type, Bytes body) {
  switch (type) {
    case kChangeCipherSpec:
      change_cipher_spec(context, direction);
      break;
    case kAlert:
      alert(context, direction, body);
      break;
    case kHeartbeat:
      heartbeat(context, direction, body);
      break;
    default:
      context.weird("ssl_unknown_record_type", std::to_string(type));
      break;
  }
}

void Session::change_cipher_spec(Context& context, Direction direction) {
  note(context, direction, 'i');
  if (client(direction) && ticket_ && !client_key_exchange_) resumed_ = true;
  // In TLS 1.3 it means nothing (RFC 8446 D.4); encryption is seen by the first application data.
  if (!is_13()) start_encryption(direction);
}

void Session::alert(Context& context, Direction direction, Bytes body) {
  // Level and description (RFC 8446 6); several may share a record before TLS 1.3.
  constexpr std::size_t kMaxAlerts = 10;
  // A session joined in its middle: an alert of no known level is an encrypted one.
  if (!confirmed_ && (body.size() < 2 || (body[0] != 1 && body[0] != 2))) return;
  const std::size_t count = std::min(body.size() / 2, is_13() ? std::size_t{1} : kMaxAlerts);
  if (body.size() / 2 > count) context.weird("SSL_excessive_alerts_in_record", std::to_string(body.size() / 2));
  for (std::size_t i = 0; i < count; ++i) {
    note(context, direction, 'l');
    alert_ = body[2 * i + 1];
  }
}

void Session::heartbeat(Context& context, Direction direction, Bytes body) {
  note(context, direction, 'b');
  // RFC 6520 4: type, payload_length, payload, at least 16 bytes of padding.
  Cursor in(body);
  in.u8();
  const std::uint64_t claimed = in.be16();
  if (in.failed()) return;
  constexpr std::uint64_t kLeastPadding = 16;
  const std::uint64_t needed = claimed + kLeastPadding;
  const std::uint64_t excess = needed > in.left() ? needed - in.left() : 0;
  heartbeat_excess_ = std::max(heartbeat_excess_.value_or(0), excess);
}

bool Session::client_hello2(Context& context, Direction direction, Bytes body) {
  // After the type: version, lengths of cipher specs, session id and challenge.
  Cursor in(body);
  const std::uint16_t version = in.be16();
  const std::size_t ciphers = in.be16();
  const std::size_t id = in.be16();
  const std::size_t challenge = in.be16();
  in.skip(ciphers);
  const Bytes session_id = in.bytes(id);
  in.skip(challenge);
  if (in.failed() || ciphers % 3 != 0 || ciphers == 0) return false;
  confirmed_ = true;
  context.recognised = true;
  if (!session_id.empty()) session_id_.assign(base::as_text(session_id));
  if (!client_hello_seen_) {
    client_version_ = version;
    has_client_version_ = true;
  }
  client_hello_seen_ = true;
  note(context, direction, 'c');
  return true;
}

bool Session::server_hello2(Context& context, Direction direction, Bytes body) {
  Cursor in(body);
  in.u8();  // session id hit
  in.u8();  // certificate type: 1 is X.509
  const std::uint16_t version = in.be16();
  const std::size_t certificate = in.be16();
  const std::size_t ciphers = in.be16();
  const std::size_t id = in.be16();
  const Bytes der = in.bytes(certificate);
  Cursor kinds(in.bytes(ciphers));
  in.skip(id);
  if (in.failed() || version != kSsl2) return false;
  confirmed_ = true;
  context.recognised = true;
  server_hello_seen_ = true;
  negotiated_ = version;
  if (!version_) version_ = version;
  const std::uint32_t kind = kinds.be24();
  cipher_ = kinds.ok() ? kind : 0;
  note(context, direction, 's');
  if (!der.empty()) chain(context, direction, {der});
  return true;
}

void Session::emit(Context& context) {
  if (emitted_ || !anything_) return;
  emitted_ = true;
  Ssl row;
  row.head = context.head(first_, place_);
  const std::string version = version_ ? version_name(*version_) : std::string();
  const std::string cipher = cipher_ ? cipher_name(*cipher_) : std::string();
  const std::string curve = group_ ? group_name(*group_) : std::string();
  const std::string alert = alert_ ? alert_name(*alert_) : std::string();
  const std::string offered = has_client_version_ ? version_name(client_version_) : std::string();
  row.version = text_or_unset(version);
  row.cipher = text_or_unset(cipher);
  row.curve = text_or_unset(curve);
  row.server_name = text_or_unset(server_name_);
  row.resumed = resumed_;
  row.last_alert = text_or_unset(alert);
  row.next_protocol = text_or_unset(next_protocol_);
  row.established = established_;
  row.ssl_history = history_;
  const TextList server_chain(chains_[1]), client_chain(chains_[0]), alpn(alpn_);
  if (certificates_) {
    row.cert_chain_fps = server_chain.span();
    row.client_cert_chain_fps = client_chain.span();
  }
  if (leaf_[1] && !leaf_[1]->malformed) {
    if (!server_name_.empty()) row.sni_matches_cert = leaf_[1]->matches_host(server_name_);
    row.subject = leaf_[1]->subject;
    row.issuer = leaf_[1]->issuer;
  }
  if (leaf_[0] && !leaf_[0]->malformed) {
    row.client_subject = leaf_[0]->subject;
    row.client_issuer = leaf_[0]->issuer;
  }
  row.ja3 = text_or_unset(ja3_);
  row.ja3s = text_or_unset(ja3s_);
  row.ja4 = text_or_unset(ja4_);
  row.client_version = text_or_unset(offered);
  row.orig_alpn = alpn.span_or_unset();
  if (!extensions_.empty()) row.ssl_client_exts = extensions_;
  row.dh_param_size = dh_bits_;
  row.heartbeat_excess = heartbeat_excess_;
  context.emit(row);
}

}  // namespace whodunit::protocol::tls
