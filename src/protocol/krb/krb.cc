#include "protocol/krb/krb.h"

#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "protocol/ber/ber.h"

namespace whodunit::protocol::krb {
namespace {

constexpr std::uint16_t kPorts[] = {88};
constexpr std::size_t kMaxMessage = 64 << 10;

// RFC 4120 5.10: message types are application tags.
enum MessageType : std::uint8_t {
  kAsReq = 10,
  kAsRep = 11,
  kTgsReq = 12,
  kTgsRep = 13,
  kApReq = 14,
  kApRep = 15,
  kError = 30
};

std::string cipher_name(std::int64_t type) {
  switch (type) {
    case 1:
      return "des-cbc-crc";
    case 2:
      return "des-cbc-md4";
    case 3:
      return "des-cbc-md5";
    case 5:
      return "des3-cbc-md5";
    case 7:
      return "des3-cbc-sha1";
    case 9:
      return "dsaWithSHA1-CmsOID";
    case 10:
      return "md5WithRSAEncryption-CmsOID";
    case 11:
      return "sha1WithRSAEncryption-CmsOID";
    case 12:
      return "rc2CBC-EnvOID";
    case 13:
      return "rsaEncryption-EnvOID";
    case 14:
      return "rsaES-OAEP-ENV-OID";
    case 15:
      return "des-ede3-cbc-Env-OID";
    case 16:
      return "des3-cbc-sha1-kd";
    case 17:
      return "aes128-cts-hmac-sha1-96";
    case 18:
      return "aes256-cts-hmac-sha1-96";
    case 19:
      return "aes128-cts-hmac-sha256-128";
    case 20:
      return "aes256-cts-hmac-sha384-192";
    case 23:
      return "rc4-hmac";
    case 24:
      return "rc4-hmac-exp";
    case 25:
      return "camellia128-cts-cmac";
    case 26:
      return "camellia256-cts-cmac";
    case 65:
      return "subkey-keymaterial";
    default:
      return "unknown-" + std::to_string(type);
  }
}

// RFC 4120 7.5.9, RFC 4556 3.1.3.
std::string error_name(std::int64_t code) {
  static constexpr std::string_view kFirst[] = {"KDC_ERR_NONE",
                                                "KDC_ERR_NAME_EXP",
                                                "KDC_ERR_SERVICE_EXP",
                                                "KDC_ERR_BAD_PVNO",
                                                "KDC_ERR_C_OLD_MAST_KVNO",
                                                "KDC_ERR_S_OLD_MAST_KVNO",
                                                "KDC_ERR_C_PRINCIPAL_UNKNOWN",
                                                "KDC_ERR_S_PRINCIPAL_UNKNOWN",
                                                "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
                                                "KDC_ERR_NULL_KEY",
                                                "KDC_ERR_CANNOT_POSTDATE",
                                                "KDC_ERR_NEVER_VALID",
                                                "KDC_ERR_POLICY",
                                                "KDC_ERR_BADOPTION",
                                                "KDC_ERR_ETYPE_NOSUPP",
                                                "KDC_ERR_SUMTYPE_NOSUPP",
                                                "KDC_ERR_PADATA_TYPE_NOSUPP",
                                                "KDC_ERR_TRTYPE_NOSUPP",
                                                "KDC_ERR_CLIENT_REVOKED",
                                                "KDC_ERR_SERVICE_REVOKED",
                                                "KDC_ERR_TGT_REVOKED",
                                                "KDC_ERR_CLIENT_NOTYET",
                                                "KDC_ERR_SERVICE_NOTYET",
                                                "KDC_ERR_KEY_EXPIRED",
                                                "KDC_ERR_PREAUTH_FAILED",
                                                "KDC_ERR_PREAUTH_REQUIRED",
                                                "KDC_ERR_SERVER_NOMATCH",
                                                "KDC_ERR_MUST_USE_USER2USER",
                                                "KDC_ERR_PATH_NOT_ACCEPTED",
                                                "KDC_ERR_SVC_UNAVAILABLE",
                                                "",
                                                "KRB_AP_ERR_BAD_INTEGRITY",
                                                "KRB_AP_ERR_TKT_EXPIRED",
                                                "KRB_AP_ERR_TKT_NYV",
                                                "KRB_AP_ERR_REPEAT",
                                                "KRB_AP_ERR_NOT_US",
                                                "KRB_AP_ERR_BADMATCH",
                                                "KRB_AP_ERR_SKEW",
                                                "KRB_AP_ERR_BADADDR",
                                                "KRB_AP_ERR_BADVERSION",
                                                "KRB_AP_ERR_MSG_TYPE",
                                                "KRB_AP_ERR_MODIFIED",
                                                "KRB_AP_ERR_BADORDER",
                                                "",
                                                "KRB_AP_ERR_BADKEYVER",
                                                "KRB_AP_ERR_NOKEY",
                                                "KRB_AP_ERR_MUT_FAIL",
                                                "KRB_AP_ERR_BADDIRECTION",
                                                "KRB_AP_ERR_METHOD",
                                                "KRB_AP_ERR_BADSEQ",
                                                "KRB_AP_ERR_INAPP_CKSUM",
                                                "KRB_AP_PATH_NOT_ACCEPTED",
                                                "KRB_ERR_RESPONSE_TOO_BIG"};
  static constexpr std::string_view kLater[] = {"KRB_ERR_GENERIC",
                                                "KRB_ERR_FIELD_TOOLONG",
                                                "KDC_ERROR_CLIENT_NOT_TRUSTED",
                                                "KDC_ERROR_KDC_NOT_TRUSTED",
                                                "KDC_ERROR_INVALID_SIG",
                                                "KDC_ERR_KEY_TOO_WEAK",
                                                "KDC_ERR_CERTIFICATE_MISMATCH",
                                                "KRB_AP_ERR_NO_TGT",
                                                "KDC_ERR_WRONG_REALM",
                                                "KRB_AP_ERR_USER_TO_USER_REQUIRED",
                                                "KDC_ERR_CANT_VERIFY_CERTIFICATE",
                                                "KDC_ERR_INVALID_CERTIFICATE",
                                                "KDC_ERR_REVOKED_CERTIFICATE",
                                                "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
                                                "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE",
                                                "KDC_ERR_CLIENT_NAME_MISMATCH",
                                                "KDC_ERR_KDC_NAME_MISMATCH"};
  std::string_view name;
  if (code >= 0 && code < static_cast<std::int64_t>(std::size(kFirst)))
    name = kFirst[code];
  else if (code >= 60 && code < 60 + static_cast<std::int64_t>(std::size(kLater)))
    name = kLater[code - 60];
  return name.empty() ? "unknown-" + std::to_string(code) : std::string(name);
}

std::string text(Bytes b) { return std::string(base::as_text(base::slice(b, 0, 1024))); }

// RFC 4120 5.2.2: components with slashes between them.
std::string principal(Bytes content) {
  ber::Reader name(content);
  ber::Reader sequence = name.enter(ber::kSequence);
  std::string out;
  if (!sequence.find(ber::context(1))) return out;
  ber::Reader list = sequence.enter(ber::context(1)).enter(ber::kSequence);
  bool first = true;
  while (!list.at_end() && out.size() < 2048) {
    const ber::Element e = list.next();
    if (!first) out += '/';
    first = false;
    out += text(e.content);
  }
  return out;
}

// The content of a primitive inside a context tag.
Bytes inner(Bytes content) { return ber::Reader(content).next().content; }
std::int64_t number(Bytes content) { return ber::integer(inner(content)).value_or(0); }

// RFC 4120 5.2.3: YYYYMMDDHHMMSSZ.
Opt<Time> time(Bytes content) {
  const std::string_view t = base::as_text(inner(content));
  if (t.size() < 14) return {};
  unsigned v[6] = {};
  static constexpr std::size_t kWidths[6] = {4, 2, 2, 2, 2, 2};
  std::size_t at = 0;
  for (int i = 0; i < 6; ++i)
    for (std::size_t j = 0; j < kWidths[i]; ++j, ++at) {
      if (t[at] < '0' || t[at] > '9') return {};
      v[i] = v[i] * 10 + static_cast<unsigned>(t[at] - '0');
    }
  if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60) return {};
  return base::from_civil(v[0], v[1], v[2], v[3], v[4], v[5]);
}

struct Ticket {
  std::string realm, service;
  std::int64_t cipher = 0;
  bool seen = false;
};

// EncryptedData (5.2.9): its encryption.
std::int64_t encryption(Bytes content) {
  ber::Reader data = ber::Reader(content).enter(ber::kSequence);
  return data.tag() == ber::context(0) ? number(data.take(ber::context(0))) : 0;
}

// RFC 4120 5.3.
Ticket read_ticket(Bytes content) {
  Ticket t;
  ber::Reader sequence = ber::Reader(content).enter(ber::application(1)).enter(ber::kSequence);
  while (!sequence.at_end()) {
    const ber::Element e = sequence.next();
    if (e.tag == ber::context(1)) t.realm = text(inner(e.content));
    if (e.tag == ber::context(2)) t.service = principal(e.content);
    if (e.tag == ber::context(3)) {
      t.cipher = encryption(e.content);
      t.seen = true;
    }
  }
  return t;
}

struct Transaction {
  Time ts;
  record::Place place;
  std::string_view type;
  std::string client, service, error, cipher, reply_cipher;
  std::vector<std::string> ciphers;
  Opt<Time> from, till;
  Opt<bool> success, forwardable, renewable, preauthenticated;
  Opt<std::uint64_t> error_code;
};

void emit(Context& context, const Transaction& t) {
  const auto set = [](Text& out, const std::string& in) {
    if (!in.empty()) out = in;
  };
  Kerberos row;
  row.head = context.head(t.ts, t.place);
  if (!t.type.empty()) row.request_type = t.type;
  set(row.client, t.client);
  set(row.service, t.service);
  row.success = t.success;
  set(row.error_msg, t.error);
  row.error_code = t.error_code;
  row.from = t.from;
  row.till = t.till;
  set(row.cipher, t.cipher);
  row.forwardable = t.forwardable;
  row.renewable = t.renewable;
  const std::vector<std::string_view> ciphers(t.ciphers.begin(), t.ciphers.end());
  if (!ciphers.empty()) row.request_ciphers = ciphers;
  row.preauthenticated = t.preauthenticated;
  set(row.reply_cipher, t.reply_cipher);
  context.emit(row);
}

class KrbParser final : public FramedParser {
 public:
  KrbParser() : FramedParser(kMaxMessage) {}

  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    if (!take(context, direction, packet.payload)) {
      context.weird("krb_malformed");
      if (++bad_ > 3) context.failed = true;
    }
  }
  void closed(Context& context, End) override { finish(context); }

 protected:
  // RFC 4120 7.2.2: four bytes of length, the top bit reserved.
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.size() < 4) return kMore;
    const std::size_t length = base::load_be32(so_far.data());
    return length == 0 || length > (16u << 20) ? kBad : 4 + length;
  }
  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (take(context, direction, message.subspan(4))) return;
    context.weird("krb_malformed");
    if (++bad_ > 3) context.failed = true;
  }
  void lost(Context& context, Direction, std::uint64_t) override {
    finish(context);
    context.failed = true;
  }

 private:
  bool take(Context& context, Direction, Bytes data) {
    ber::Reader outer(data);
    const std::uint8_t tag = outer.tag();
    if ((tag & 0xe0) != 0x60) return false;
    ber::Reader sequence = outer.enter(tag).enter(ber::kSequence);
    if (sequence.at_end()) return false;
    switch (tag & 0x1f) {
      case kAsReq:
      case kTgsReq:
        return request(context, sequence, (tag & 0x1f) == kAsReq);
      case kAsRep:
      case kTgsRep:
        return reply(context, sequence);
      case kError:
        return error(context, sequence);
      case kApReq:
        return shown(context, data, "krb", last_ticket_);
      case kApRep:
        return true;
      default:
        return (tag & 0x1f) >= 20 && (tag & 0x1f) <= 29;  // KRB_SAFE, KRB_PRIV, KRB_CRED, their parts
    }
  }

  Transaction& begin(Context& context) {
    if (!open_) {
      open_ = std::make_unique<Transaction>();
      open_->ts = context.now();
    }
    record::extend(open_->place, context.place());
    return *open_;
  }
  void finish(Context& context) {
    if (!open_) return;
    emit(context, *open_);
    open_.reset();
  }

  // RFC 4120 5.4.1.
  bool request(Context& context, ber::Reader sequence, bool as) {
    finish(context);  // the one before was never answered
    Transaction t;
    t.type = as ? "AS" : "TGS";
    bool proof = false, body = false;
    std::string name, realm;
    while (!sequence.at_end()) {
      const ber::Element e = sequence.next();
      if (e.tag == ber::context(3)) {
        ber::Reader list = ber::Reader(e.content).enter(ber::kSequence);
        for (int i = 0; i < 32 && !list.at_end(); ++i) {
          ber::Reader item = list.enter(ber::kSequence);
          if (item.tag() != ber::context(1)) break;
          const std::int64_t type = number(item.take(ber::context(1)));
          proof |= type == 2 || type == 16 || type == 14 || type == 136 || type == 138;
        }
      } else if (e.tag == ber::context(4)) {
        ber::Reader fields = ber::Reader(e.content).enter(ber::kSequence);
        body = !fields.at_end();
        while (!fields.at_end()) {
          const ber::Element f = fields.next();
          switch (f.tag & 0x1f) {
            case 0: {  // KDCOptions: a bit string, its first byte says how many bits are unused
              const Bytes bits = inner(f.content);
              if (bits.size() >= 2) {
                t.forwardable = (bits[1] & 0x40) != 0;
                t.renewable = bits.size() >= 3 && (bits[2] & 0x80) != 0;
              }
              break;
            }
            case 1:
              name = principal(f.content);
              break;
            case 2:
              realm = text(inner(f.content));
              break;
            case 3:
              t.service = principal(f.content);
              break;
            case 4:
              t.from = time(f.content);
              break;
            case 5:
              t.till = time(f.content);
              break;
            case 8: {
              ber::Reader list = ber::Reader(f.content).enter(ber::kSequence);
              for (int i = 0; i < 32 && !list.at_end(); ++i)
                t.ciphers.push_back(cipher_name(ber::integer(list.next().content).value_or(0)));
              break;
            }
            default:
              break;
          }
        }
      }
    }
    if (!body) context.weird("krb_malformed");  // that somebody asked is told all the same
    if (as) {
      t.client = name + "/" + realm;
      t.preauthenticated = proof;
    }
    Transaction& open = begin(context);
    t.ts = open.ts;
    t.place = open.place;
    open = std::move(t);
    context.recognised = true;
    return true;
  }

  // RFC 4120 5.4.2.
  bool reply(Context& context, ber::Reader sequence) {
    std::string realm, name;
    Ticket ticket;
    std::int64_t own = 0;
    while (!sequence.at_end()) {
      const ber::Element e = sequence.next();
      switch (e.tag & 0x1f) {
        case 3:
          realm = text(inner(e.content));
          break;
        case 4:
          name = principal(e.content);
          break;
        case 5:
          ticket = read_ticket(e.content);
          break;
        case 6:
          own = encryption(e.content);
          break;
        default:
          break;
      }
    }
    if (!ticket.seen) return false;
    Transaction& t = begin(context);
    if (t.client.empty()) t.client = name + "/" + realm;
    t.service = ticket.service;
    t.cipher = cipher_name(ticket.cipher);
    if (own != 0) t.reply_cipher = cipher_name(own);
    t.success = true;
    context.recognised = true;
    finish(context);
    return true;
  }

  // RFC 4120 5.9.1.
  bool error(Context& context, ber::Reader sequence) {
    std::string realm, name, service, words;
    std::int64_t code = -1;
    while (!sequence.at_end()) {
      const ber::Element e = sequence.next();
      switch (e.tag & 0x1f) {
        case 6:
          code = number(e.content);
          break;
        case 7:
          realm = text(inner(e.content));
          break;
        case 8:
          name = principal(e.content);
          break;
        case 10:
          service = principal(e.content);
          break;
        case 11:
          words = text(inner(e.content));
          break;
        default:
          break;
      }
    }
    if (code < 0) return false;
    Transaction& t = begin(context);
    if (t.client.empty() && (!name.empty() || !realm.empty())) t.client = (name.empty() ? "" : name + "/") + realm;
    if (!service.empty()) t.service = service;
    t.success = false;
    t.error_code = static_cast<std::uint64_t>(code);
    t.error = words.empty() ? error_name(code) : words;
    context.recognised = true;
    finish(context);
    return true;
  }

  std::unique_ptr<Transaction> open_;
  std::uint64_t last_ticket_ = 0;
  std::uint8_t bad_ = 0;
};
static_assert(sizeof(KrbParser) <= 128);

// An application tag of a message type, a sequence, pvno 5 and the same type again (RFC 4120 5.4, 5.5, 5.9).
bool looks_right(Bytes data) {
  if (data.size() < 10) return false;
  const std::uint8_t type = data[0] & 0x1f;
  if ((data[0] & 0xe0) != 0x60 || type < kAsReq || (type > kApRep && type != kError)) return false;
  ber::Reader sequence = ber::Reader(data).enter(data[0]).enter(ber::kSequence);
  const std::uint8_t first = type == kAsReq || type == kTgsReq ? 1 : 0;
  if (sequence.tag() != ber::context(first)) return false;
  if (number(sequence.take(ber::context(first))) != 5) return false;
  return sequence.tag() == ber::context(first + 1u) && number(sequence.take(ber::context(first + 1u))) == type;
}

Match recognise_datagram(Bytes data, Direction, bool) { return looks_right(data) ? Match::kYes : Match::kNo; }

Match recognise_stream(Bytes data, Direction, bool) {
  if (data.size() < 5) return data.size() >= 1 && data[0] != 0 ? Match::kNo : Match::kNeedMore;
  const std::size_t length = base::load_be32(data.data());
  if (length < 10 || length > (1u << 20) || (data[4] & 0xe0) != 0x60) return Match::kNo;
  if (data.size() < 4 + std::min<std::size_t>(length, 32)) return Match::kNeedMore;
  return looks_right(data.subspan(4)) ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<KrbParser>(); }

record::Schema* const kSchemas[] = {&Kerberos::schema};

}  // namespace

bool shown(Context& context, Bytes message, std::string_view carrier, std::uint64_t& last) {
  ber::Reader sequence = ber::Reader(message).enter(ber::application(kApReq)).enter(ber::kSequence);
  Ticket ticket;
  std::uint64_t hash = 0;
  while (!sequence.at_end()) {
    const ber::Element e = sequence.next();
    if (e.tag == ber::context(3)) {
      ticket = read_ticket(e.content);
      hash = base::fast_hash(e.content) | 1;
    }
  }
  if (!ticket.seen) return false;
  if (hash == last) return true;
  last = hash;
  const std::string service = ticket.service + "@" + ticket.realm;
  const std::string cipher = cipher_name(ticket.cipher);
  Kerberos row;
  row.head = context.head(context.now(), context.place());
  row.shown_service = service;
  row.shown_cipher = cipher;
  row.carrier = carrier;
  context.emit(row);
  return true;
}

const Definition kOverUdp = {.name = "krb",
                             .datagram = true,
                             .recognise = recognise_datagram,
                             .ports = kPorts,
                             .make = make,
                             .schemas = kSchemas};
const Definition kOverTcp = {.name = "krb_tcp",
                             .stream = true,
                             .recognise = recognise_stream,
                             .ports = kPorts,
                             .make = make,
                             .schemas = kSchemas};

}  // namespace whodunit::protocol::krb
