#include "protocol/ldap/ldap.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "protocol/ber/ber.h"
#include "protocol/encrypted_record.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/plan.h"

namespace whodunit::protocol::ldap {
namespace {

constexpr std::uint16_t kPorts[] = {389, 3268};
// A message longer than this is known by its beginning.
constexpr std::size_t kMaxMessage = 1 << 18;

// RFC 4511 4.2–4.14.
enum Operation : std::uint8_t {
  kBind = 0x60,
  kBindAnswer = 0x61,
  kUnbind = 0x42,
  kSearch = 0x63,
  kEntry = 0x64,
  kDone = 0x65,
  kModify = 0x66,
  kModifyAnswer = 0x67,
  kAdd = 0x68,
  kAddAnswer = 0x69,
  kDelete = 0x4a,
  kDeleteAnswer = 0x6b,
  kRename = 0x6c,
  kRenameAnswer = 0x6d,
  kCompare = 0x6e,
  kCompareAnswer = 0x6f,
  kAbandon = 0x50,
  kReference = 0x73,
  kExtended = 0x77,
  kExtendedAnswer = 0x78,
  kIntermediate = 0x79
};

// Choices of AuthenticationChoice beside RFC 4511's ([MS-ADTS] 5.1.1.1.3).
constexpr std::uint8_t kSicilyNegotiate = 0x8a, kSicilyResponse = 0x8b;

bool operation(std::uint8_t tag) {
  for (const std::uint8_t o :
       {kBind,         kBindAnswer,    kUnbind,    kSearch,    kEntry,        kDone,           kModify,
        kModifyAnswer, kAdd,           kAddAnswer, kDelete,    kDeleteAnswer, kRename,         kRenameAnswer,
        kCompare,      kCompareAnswer, kAbandon,   kReference, kExtended,     kExtendedAnswer, kIntermediate})
    if (tag == o) return true;
  return false;
}

std::string_view result_name(std::int64_t code) {
  switch (code) {
    case 0:
      return "success";
    case 1:
      return "operations error";
    case 2:
      return "protocol error";
    case 3:
      return "time limit exceeded";
    case 4:
      return "size limit exceeded";
    case 5:
      return "compare false";
    case 6:
      return "compare true";
    case 7:
      return "auth method not supported";
    case 8:
      return "stronger auth required";
    case 9:
      return "partial results";
    case 10:
      return "referral";
    case 11:
      return "admin limit exceeded";
    case 12:
      return "unavailable critical extension";
    case 13:
      return "confidentiality required";
    case 14:
      return "SASL bind in progress";
    case 16:
      return "no such attribute";
    case 17:
      return "undefined attribute type";
    case 18:
      return "inappropriate matching";
    case 19:
      return "constraint violation";
    case 20:
      return "attribute or value exists";
    case 21:
      return "invalid attribute syntax";
    case 32:
      return "no such object";
    case 33:
      return "alias problem";
    case 34:
      return "invalid DN syntax";
    case 36:
      return "alias dereferencing problem";
    case 48:
      return "inappropriate authentication";
    case 49:
      return "invalid credentials";
    case 50:
      return "insufficient access rights";
    case 51:
      return "busy";
    case 52:
      return "unavailable";
    case 53:
      return "unwilling to perform";
    case 54:
      return "loop detect";
    case 64:
      return "naming violation";
    case 65:
      return "object class violation";
    case 66:
      return "not allowed on non leaf";
    case 67:
      return "not allowed on RDN";
    case 68:
      return "entry already exists";
    case 69:
      return "object class mods prohibited";
    case 71:
      return "affects multiple DSAs";
    case 80:
      return "other";
    default:
      return "unknown";
  }
}

std::string text(Bytes b, std::size_t limit = 512) { return std::string(base::as_text(b).substr(0, limit)); }

/// A value within a filter (RFC 4515 3).
void append_value(std::string& out, Bytes value) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const std::uint8_t c : value) {
    if (out.size() > 1024) return;
    if (c == '(' || c == ')' || c == '*' || c == '\\' || c < 0x20 || c == 0x7f) {
      out += '\\';
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += static_cast<char>(c);
    }
  }
}

/// The filter as text; false where it is malformed or too deep.
bool append_filter(std::string& out, ber::Element filter, int depth) {
  if (depth > 16) return false;
  if (out.size() > 1024) return true;
  ber::Reader in(filter.content);
  out += '(';
  switch (filter.tag) {
    case 0xa0:
    case 0xa1:
    case 0xa2:
      out += filter.tag == 0xa0 ? '&' : filter.tag == 0xa1 ? '|' : '!';
      while (!in.at_end()) {
        if (!append_filter(out, in.next(), depth + 1)) return false;
        if (in.failed()) return false;
      }
      break;
    case 0xa3:
    case 0xa5:
    case 0xa6:
    case 0xa8:
      append_value(out, in.take(ber::kOctetString));
      out += filter.tag == 0xa3 ? "=" : filter.tag == 0xa5 ? ">=" : filter.tag == 0xa6 ? "<=" : "~=";
      append_value(out, in.take(ber::kOctetString));
      break;
    case 0xa4: {
      append_value(out, in.take(ber::kOctetString));
      out += '=';
      ber::Reader parts = in.enter(ber::kSequence);
      bool star = false;
      while (!parts.at_end()) {
        const ber::Element part = parts.next();
        if (part.tag != 0x80 && !star) out += '*';
        append_value(out, part.content);
        star = part.tag != 0x82;
        if (star) out += '*';
      }
      break;
    }
    case 0x87:
      append_value(out, filter.content);
      out += "=*";
      break;
    case 0xa9: {
      const Bytes rule = in.take(0x81), type = in.take(0x82), value = in.take(0x83), all = in.take(0x84);
      append_value(out, type);
      if (!all.empty() && all[0] != 0) out += ":dn";
      if (!rule.empty()) {
        out += ':';
        append_value(out, rule);
      }
      out += ":=";
      append_value(out, value);
      break;
    }
    default:
      return false;
  }
  out += ')';
  return !in.failed();
}

struct Pending {
  base::Time ts;
  record::Place place;
  std::uint64_t id = 0;
  std::uint8_t operation = 0;
  std::string_view opcode, scope, aliases;
  std::uint64_t version = 0;
  std::string object, argument, dn, filter;
  std::vector<std::string> attributes;
  std::uint64_t size_limit = 0, entries = 0, entry_bytes = 0;
};

class Session {
 public:
  static constexpr std::size_t kMaxPending = 64;
  bool sasl = false;

  /// One LDAPMessage; false where it is malformed.
  bool message(Context& context, Direction, Bytes bytes) {
    ber::Reader in = ber::Reader(bytes).enter(ber::kSequence);
    const auto id = ber::integer(in.take(ber::kInteger));
    if (!id || *id < 0 || in.at_end()) return false;
    const ber::Element op = in.next();
    if (!operation(op.tag)) return false;
    switch (op.tag) {
      case kBind:
        return bind(context, *id, op.content);
      case kSearch:
        return search(context, *id, op.content);
      case kExtended: {
        Pending p = pending(context, *id, op.tag, "extended");
        p.object = extension(text(ber::Reader(op.content).take(0x80)));
        pend(context, std::move(p));
        return true;
      }
      case kModify:
      case kAdd:
      case kRename:
      case kCompare: {
        Pending p = pending(context, *id, op.tag,
                            op.tag == kModify   ? "modify"
                            : op.tag == kAdd    ? "add"
                            : op.tag == kRename ? "modify dn"
                                                : "compare");
        p.dn = text(ber::Reader(op.content).take(ber::kOctetString));
        pend(context, std::move(p));
        return true;
      }
      case kDelete: {
        Pending p = pending(context, *id, op.tag, "delete");
        p.dn = text(op.content);
        pend(context, std::move(p));
        return true;
      }
      case kUnbind:
      case kAbandon:
        emit(context, pending(context, *id, op.tag, op.tag == kUnbind ? "unbind" : "abandon"), {}, {});
        return true;
      case kEntry:
        if (Pending* p = find(*id, kSearch)) {
          ++p->entries;
          p->entry_bytes += op.content.size();
          record::extend(p->place, context.place());
        }
        return true;
      case kReference:
      case kIntermediate:
        return true;
      default:
        return answer(context, *id, op);
    }
  }

  void finish(Context& context) {
    for (const Pending& p : pending_) emit(context, p, {}, {});
    pending_.clear();
    if (authentication_) authentication_->finish(context);
  }

 private:
  Pending pending(const Context& context, std::int64_t id, std::uint8_t operation, std::string_view opcode) const {
    Pending p;
    p.ts = context.now();
    p.place = context.place();
    p.id = static_cast<std::uint64_t>(id);
    p.operation = operation;
    p.opcode = opcode;
    return p;
  }
  void pend(Context& context, Pending p) {
    if (pending_.size() >= kMaxPending) {
      context.weird("ldap_too_many_unanswered");
      emit(context, pending_.front(), {}, {});
      pending_.erase(pending_.begin());
    }
    pending_.push_back(std::move(p));
  }
  Pending* find(std::int64_t id, std::uint8_t operation) {
    for (Pending& p : pending_)
      if (p.id == static_cast<std::uint64_t>(id) && p.operation == operation) return &p;
    return nullptr;
  }

  /// NTLM or Kerberos in a bind (GSS-SPNEGO, GSSAPI: RFC 4511 4.2; the sicily methods: [MS-ADTS] 5.1.1.1.3).
  void authenticate(Context& context, Bytes token) {
    if (token.empty()) return;
    if (!authentication_) authentication_ = std::make_unique<gssapi::Session>();
    authentication_->token(context, token, "ldap");
    context.clear_carried();  // what a bind holds is no service of the connection
  }

  bool bind(Context& context, std::int64_t id, Bytes content) {
    ber::Reader in(content);
    Pending p = pending(context, id, kBind, "bind simple");
    const auto version = ber::integer(in.take(ber::kInteger));
    if (!version) return false;
    p.version = static_cast<std::uint64_t>(*version);
    p.object = text(in.take(ber::kOctetString));
    if (in.tag() == 0x80) {
      const Bytes password = in.take(0x80);
      p.argument = context.plan().keep_secrets ? text(password) : password.empty() ? std::string() : "REDACTED";
    } else if (in.tag() == 0xa3) {
      p.opcode = "bind SASL";
      ber::Reader sasl_bind = in.enter(0xa3);
      p.argument = text(sasl_bind.take(ber::kOctetString), 64);
      authenticate(context, sasl_bind.take(ber::kOctetString));
    } else if (in.tag() == kSicilyNegotiate || in.tag() == kSicilyResponse) {
      p.opcode = "bind unknown";
      authenticate(context, in.take(in.tag()));
    } else if (in.tag() != 0) {
      p.opcode = "bind unknown";  // [MS-ADTS] 5.1.1.1.3: the sicily methods
    }
    pend(context, std::move(p));
    return true;
  }

  bool search(Context& context, std::int64_t id, Bytes content) {
    ber::Reader in(content);
    Pending p = pending(context, id, kSearch, "search");
    p.object = text(in.take(ber::kOctetString));
    const auto scope = ber::integer(in.take(ber::kEnumerated)), aliases = ber::integer(in.take(ber::kEnumerated)),
               size = ber::integer(in.take(ber::kInteger)), time = ber::integer(in.take(ber::kInteger));
    in.take(0x01);  // types only
    if (!scope || !aliases || !size || !time) return false;
    p.scope = *scope == 0 ? "base" : *scope == 1 ? "single" : *scope == 2 ? "tree" : "unknown";
    p.aliases = *aliases == 0   ? "never"
                : *aliases == 1 ? "searching"
                : *aliases == 2 ? "finding"
                : *aliases == 3 ? "always"
                                : "unknown";
    p.size_limit = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *size));
    const ber::Element filter = in.next();
    if (in.failed()) return false;
    if (!append_filter(p.filter, filter, 0)) {
      context.weird("ldap_filter_malformed");
      p.filter.clear();
    }
    if (p.filter.size() > 1024) p.filter.resize(1024);
    ber::Reader attributes = in.enter(ber::kSequence);
    while (!attributes.at_end() && p.attributes.size() < 32)
      p.attributes.push_back(text(attributes.take(ber::kOctetString), 128));
    pend(context, std::move(p));
    return true;
  }

  bool answer(Context& context, std::int64_t id, const ber::Element& op) {
    // An answer's tag is the request's and one, but for these.
    std::uint8_t asked = static_cast<std::uint8_t>(op.tag - 1);
    if (op.tag == kDone) asked = kSearch;
    if (op.tag == kDeleteAnswer) asked = kDelete;
    ber::Reader in(op.content);
    const auto code = ber::integer(in.take(ber::kEnumerated));
    if (!code) return false;
    const Bytes matched = in.take(ber::kOctetString);
    const std::string diagnostic = text(in.take(ber::kOctetString));
    if (asked == kBind && authentication_) {
      // serverSaslCreds (RFC 4511 4.2.2) behind referrals; the sicily methods have their challenge in matchedDN.
      constexpr int kSaslBindInProgress = 14;
      const bool challenge = base::as_text(matched).substr(0, 7) == "NTLMSSP";
      if (in.tag() == 0xa3) in.take(0xa3);
      authenticate(context, challenge ? matched : in.take(0x87));
      if (!challenge && *code != kSaslBindInProgress) authentication_->result(context, *code == 0);
    }
    const auto at = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) {
      return p.id == static_cast<std::uint64_t>(id) && p.operation == asked;
    });
    if (at == pending_.end()) return true;
    Pending p = std::move(*at);
    pending_.erase(at);
    record::extend(p.place, context.place());
    if (asked == kBind && *code == 0 && p.opcode == "bind SASL") sasl = true;
    // StartTLS (RFC 4511 4.14): what follows is TLS.
    if (asked == kExtended && *code == 0 && p.object.substr(0, 22) == "1.3.6.1.4.1.1466.20037") context.become = "ssl";
    emit(context, p, result_name(*code), diagnostic);
    return true;
  }

  static std::string extension(std::string oid) {
    if (oid == "1.3.6.1.4.1.1466.20037") return oid + " (StartTLS)";
    if (oid == "1.3.6.1.4.1.4203.1.11.3") return oid + " (whoami)";
    return oid;
  }

  /// Unset where there is nothing.
  static Text said(std::string_view s) { return s.empty() ? Text{} : s; }

  static void emit(Context& context, const Pending& p, std::string_view result, std::string_view diagnostic) {
    if (p.operation == kSearch) {
      LdapSearch row;
      row.head = context.head(p.ts, p.place);
      row.message_id = p.id;
      row.scope = p.scope;
      row.deref_aliases = p.aliases;
      row.base_object = said(p.object);
      row.result_count = p.entries;
      row.result = result;
      row.diagnostic_message = said(diagnostic);
      row.filter = said(p.filter);
      std::array<std::string_view, 32> attributes;
      std::copy(p.attributes.begin(), p.attributes.end(), attributes.begin());
      row.attributes = Texts(attributes.data(), p.attributes.size());
      row.size_limit = p.size_limit;
      row.result_bytes = p.entry_bytes;
      context.emit(row);
      return;
    }
    Ldap row;
    row.head = context.head(p.ts, p.place);
    row.message_id = p.id;
    if (p.operation == kBind) row.version = p.version;
    row.opcode = p.opcode;
    row.result = result;
    row.diagnostic_message = said(diagnostic);
    row.object = said(p.object);
    row.argument = said(p.argument);
    row.dn = said(p.dn);
    context.emit(row);
  }
  std::vector<Pending> pending_;
  std::unique_ptr<gssapi::Session> authentication_;
};

/// The plain text of a token that is signed only; empty where it is sealed, or of no known form.
std::vector<std::uint8_t> signed_text(Bytes token) {
  constexpr std::size_t kHeader = 16;
  if (token.size() <= kHeader) return {};
  if (token[0] == 0x05 && token[1] == 0x04) {
    // RFC 4121 4.2.6.2: flags, extra count, right rotation count; then the text and its checksum, turned.
    if ((token[2] & 0x02) != 0) return {};
    const std::size_t extra = base::load_be16(token.data() + 4);
    const Bytes turned = token.subspan(kHeader);
    const std::size_t turn = base::load_be16(token.data() + 6) % turned.size();
    if (extra > turned.size()) return {};
    std::vector<std::uint8_t> out(turned.begin() + static_cast<std::ptrdiff_t>(turn), turned.end());
    out.insert(out.end(), turned.begin(), turned.begin() + static_cast<std::ptrdiff_t>(turn));
    out.resize(out.size() - extra);
    return out;
  }
  // [MS-NLMP] 2.2.2.9: version 1, a checksum and a number, then the text, sealed or not.
  if (base::load_le32(token.data()) == 1 && token[kHeader] == ber::kSequence)
    return {token.begin() + kHeader, token.end()};
  return {};
}

class LdapParser final : public FramedParser {
 public:
  LdapParser() : FramedParser(kMaxMessage) {}
  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    if (!session_) session_ = std::make_unique<Session>();
    if (messages(context, direction, packet.payload))
      context.recognised = true;
    else
      context.weird("ldap_malformed");
  }
  void closed(Context& context, End) override {
    if (session_) session_->finish(context);
    session_.reset();
    if (const auto row = encrypted_row(context, "ldap", sealed_[0], sealed_[1])) context.emit(*row);
  }

 protected:
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.size() < 2) return kMore;
    if (so_far[0] == ber::kSequence) {
      const auto size = ber::total_size(so_far);
      if (!size) return kBad;
      return *size;  // 0 is kMore
    }
    // A SASL layer's length (RFC 4422 3.7), only after a bind by SASL.
    if (so_far.size() < 4) return kMore;
    const std::size_t length = base::load_be32(so_far.data());
    if (!session_ || !session_->sasl || length == 0 || length > (1u << 24)) return kBad;
    return 4 + length;
  }

  void message(Context& context, Direction direction, Bytes message, bool cut) override {
    if (!session_) session_ = std::make_unique<Session>();
    bool good = true;
    if (!message.empty() && message[0] == ber::kSequence) {
      good = session_->message(context, direction, message) || cut;
    } else if (message.size() > 4) {
      const std::vector<std::uint8_t> plain = signed_text(message.subspan(4));
      if (plain.empty()) {
        const std::size_t side = connection::index(direction);
        sealed_[side].bytes += message.size() - 4;
        ++sealed_[side].records;
      } else {
        good = messages(context, direction, plain) || cut;
      }
    }
    if (good)
      context.recognised = true;
    else
      context.weird("ldap_malformed");
  }

 private:
  /// LDAPMessages one after the other.
  bool messages(Context& context, Direction direction, Bytes data) {
    bool any = false;
    while (!data.empty()) {
      const auto size = ber::total_size(data);
      if (!size || *size == 0) return any;
      if (!session_->message(context, direction, data.subspan(0, std::min(*size, data.size())))) return false;
      any = true;
      data = data.subspan(std::min(*size, data.size()));
    }
    return any;
  }
  std::unique_ptr<Session> session_;
  EncryptedAmount sealed_[2];
};
static_assert(sizeof(LdapParser) <= 128);

// A sequence, its length, a message's number of one to four bytes, and an operation that this end may send.
Match recognise(Bytes data, Direction direction, bool) {
  if (data.empty()) return Match::kNeedMore;
  if (data[0] != ber::kSequence) return Match::kNo;
  std::size_t at = 2;
  if (data.size() < 2) return Match::kNeedMore;
  if ((data[1] & 0x80) != 0) {
    const std::size_t bytes = data[1] & 0x7f;
    if (bytes == 0 || bytes > 4) return Match::kNo;
    at += bytes;
  }
  if (data.size() < at + 2) return Match::kNeedMore;
  if (data[at] != ber::kInteger || data[at + 1] == 0 || data[at + 1] > 4) return Match::kNo;
  at += 2u + data[at + 1];
  if (data.size() < at + 1) return Match::kNeedMore;
  const std::uint8_t tag = data[at];
  const bool asks = tag == kBind || tag == kUnbind || tag == kSearch || tag == kModify || tag == kAdd ||
                    tag == kDelete || tag == kRename || tag == kCompare || tag == kAbandon || tag == kExtended;
  if (!operation(tag) || asks != (direction == Direction::kOriginator)) return Match::kNo;
  return Match::kYes;
}

std::unique_ptr<Parser> make() { return std::make_unique<LdapParser>(); }
record::Schema* const kSchemas[] = {&Ldap::schema, &LdapSearch::schema};

}  // namespace

const Definition kOverTcp = {
    .name = "ldap", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};
const Definition kOverUdp = {
    .name = "ldap", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::ldap
