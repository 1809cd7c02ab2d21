#include "protocol/dns/message.h"

#include <array>
#include <charconv>

#include "base/address.h"
#include "base/hash.h"

namespace whodunit::protocol::dns {
namespace {

using base::Address;
using base::Bytes;
using base::Cursor;

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kMaxName = 512;      // bytes of text; RFC 1035 2.3.4 allows 255 on the wire
constexpr std::size_t kMaxAnswers = 4096;  // a 64 KiB message holds at most about 5,900
constexpr std::size_t kMaxText = 1 << 18;  // bytes of text made of one message: compression can blow it up

enum Type : std::uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kSoa = 6,
  kWks = 11,
  kPtr = 12,
  kHinfo = 13,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
  kLoc = 29,
  kNetbios = 32,
  kSrv = 33,
  kNaptr = 35,
  kA6 = 38,
  kOpt = 41,
  kDs = 43,
  kSshfp = 44,
  kRrsig = 46,
  kNsec = 47,
  kDnskey = 48,
  kNsec3 = 50,
  kNsec3param = 51,
  kSvcb = 64,
  kHttps = 65,
  kSpf = 99,
  kTsig = 250,
  kAny = 255,
  kCaa = 257,
  kBindSigning = 65534,
};
constexpr std::uint16_t kClassNone = 254, kClassAny = 255;

void append_number(std::string& out, std::uint64_t n) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
  out.append(digits, end);
}

class Reader {
 public:
  Reader(Bytes data, bool netbios, Message& message) : data_(data), netbios_(netbios), m_(message) {}

  void run() {
    if (data_.size() < kHeaderSize) {
      weird("DNS_truncated_len_lt_hdr_len");
      return;
    }
    m_.header = read_header(data_);
    m_.header_ok = true;
    at_ = kHeaderSize;
    const Header& h = m_.header;
    if (h.questions > kMaxQuestions) {
      weird("DNS_Conn_count_too_large");
      return;
    }
    for (unsigned i = 0; i < h.questions; ++i)
      if (!question()) return;
    m_.questions_ok = true;
    const bool update = h.opcode == kUpdate && !netbios_;
    // RFC 2136 2: an update's prerequisites and changes stand where answers and authorities do.
    for (unsigned i = 0; i < h.answers; ++i)
      if (!resource(update ? Section::kPrerequisite : Section::kAnswer)) return;
    if (update)
      for (unsigned i = 0; i < h.authorities; ++i)
        if (!resource(Section::kChange)) return;
    m_.answers_ok = true;
    m_.read = at_;
    // What follows is looked through for EDNS only, and a flaw there is no reason to doubt the rest.
    if (h.additionals == 0) return;
    if (!update)
      for (unsigned i = 0; i < h.authorities; ++i)
        if (!skip_resource()) return;
    for (unsigned i = 0; i < h.additionals; ++i)
      if (!skip_resource()) return;
  }

 private:
  enum class Section { kAnswer, kPrerequisite, kChange };

  void weird(std::string_view name) {
    if (m_.weirds.size() < 8) m_.weirds.push_back(name);
  }
  std::uint16_t be16() {
    const std::uint16_t v = base::load_be16(data_.data() + at_);
    at_ += 2;
    return v;
  }
  std::uint32_t be32() {
    const std::uint32_t v = base::load_be32(data_.data() + at_);
    at_ += 4;
    return v;
  }
  std::size_t left() const { return data_.size() - at_; }
  Span open() const { return {static_cast<std::uint32_t>(m_.text.size()), 0}; }
  void close(Span& s) const { s.size = static_cast<std::uint32_t>(m_.text.size()) - s.offset; }

  bool name(Span& out) {
    out = open();
    const bool ok = read_name(data_, at_, netbios_, m_.text, &m_.weirds);
    close(out);
    return ok;
  }

  // Behind a name that is none, lengths are read as if its last label ended with its length, as Zeek has it: what they
  // say about the message tells accident from attack (CVE-2020-11901, say, has both wrong).
  void after_bad_name(std::size_t at) {
    if (m_.header.answers == 0) return;
    std::string unused;
    if (!read_name(data_, at, netbios_, unused, nullptr)) return;
    length_behind(at);
  }
  void length_behind(std::size_t at) {
    if (at + 10 > data_.size()) {
      if (at + 4 > data_.size()) weird("DNS_truncated_ans_too_short");
      return;
    }
    if (base::load_be16(data_.data() + at + 8) > data_.size() - at - 10) weird("DNS_truncated_RR_rdlength_lt_len");
  }

  // RFC 1035 4.1.2.
  bool question() {
    Span n;
    if (!name(n)) {
      if (left() == 0)
        weird("DNS_truncated_quest_too_short");
      else if (left() >= 4)
        after_bad_name(at_ + 4);
      return false;
    }
    if (left() < 4) {
      weird("DNS_truncated_quest_too_short");
      return false;
    }
    m_.question = n;
    m_.question_type = be16();
    m_.question_class = be16();
    m_.has_question = true;
    return true;
  }

  // RFC 1035 4.1.3.
  bool resource(Section section) {
    Message::Answer answer;
    if (!name(answer.name)) {
      if (left() == 0)
        weird("DNS_truncated_ans_too_short");
      else
        length_behind(at_);
      return false;
    }
    if (left() < 4) {
      weird("DNS_truncated_ans_too_short");
      return false;
    }
    answer.type = be16();
    const std::uint16_t klass = be16();
    if (left() < 6) {
      weird("DNS_truncated_ans_too_short");
      return false;
    }
    answer.ttl = be32();
    const std::size_t length = be16();
    if (length > left()) {
      weird("DNS_truncated_RR_rdlength_lt_len");
      return false;
    }
    const std::size_t end = at_ + length;
    if (m_.answers.size() + m_.others.size() >= kMaxAnswers || m_.text.size() > kMaxText) {
      weird("DNS_answers_limit");
      at_ = end;
      return true;
    }
    bool kept = true;
    answer.text = open();
    if (section == Section::kPrerequisite) {
      prerequisite(answer, klass);
      at_ = end;
    } else if (section == Section::kChange && (klass == kClassAny || klass == kClassNone)) {
      removal(answer, klass);
      at_ = end;
    } else {
      if (section == Section::kChange) m_.text += "add: ";
      const std::size_t before = m_.text.size();
      if (section == Section::kChange && (answer.type == kA || answer.type == kAaaa || answer.type == kA6)) {
        m_.text += answer.type == kA ? "A " : answer.type == kAaaa ? "AAAA " : "A6 ";
        append(answer.name);
        m_.text += ' ';
      }
      if (!rdata(answer, klass, end, kept)) return false;
      if (kept && m_.text.size() == before) m_.text.resize(answer.text.offset);
      at_ = end;
    }
    close(answer.text);
    if (kept) m_.answers.push_back(answer);
    return true;
  }

  void append(Span s) { m_.text.append(m_.text, s.offset, s.size); }

  // RFC 2136 2.4.
  void prerequisite(const Message::Answer& answer, std::uint16_t klass) {
    m_.text += "pre: ";
    if (answer.type == kAny && (klass == kClassNone || klass == kClassAny)) {
      m_.text += klass == kClassNone ? "NameNotInUse " : "NameInUse ";
    } else {
      m_.text += klass == kClassNone ? "NoRRSet " : "RRSetExists ";
      m_.text += type_name(answer.type, scratch_);
      m_.text += ' ';
    }
    append(answer.name);
  }

  // RFC 2136 2.5.
  void removal(const Message::Answer& answer, std::uint16_t klass) {
    m_.text += "del: ";
    if (klass == kClassAny && answer.type == kAny) {
      m_.text += "RRSet * ";
      append(answer.name);
    } else if (klass == kClassNone) {
      m_.text += "RR ";
      m_.text += type_name(answer.type, scratch_);
      m_.text += ' ';
      append(answer.name);
    } else {
      m_.text += "RRSet ";
      m_.text += type_name(answer.type, scratch_);
    }
  }

  // Appends the data's summary to the text. `kept`: Zeek's log summarises this type.
  bool rdata(const Message::Answer& answer, std::uint16_t klass, std::size_t end, bool& kept) {
    const std::size_t length = end - at_;
    switch (answer.type) {
      case kA:
        if (length != 4) {
          weird("DNS_RR_bad_length");
          return false;
        }
        m_.text += Address::v4(data_.data() + at_).to_string();
        return true;
      case kAaaa:
      case kA6:
        if (length < 16) {
          weird(answer.type == kAaaa ? "DNS_AAAA_neg_length" : "DNS_A6_neg_length");
          return false;
        }
        m_.text += Address::v6(data_.data() + at_).to_string();
        return true;
      case kNs:
      case kCname:
      case kPtr:
      case kSoa:
        return target(end, answer.type == kSoa ? 20 : 0);
      case kMx:
        return skip(2, end) && target(end, 0);
      case kSrv:
        if (netbios_) {
          kept = false;
          node_status(end);
          return true;
        }
        return skip(6, end) && target(end, 0);
      case kTxt:
        return strings("TXT", end);
      case kSpf:
        return strings("SPF", end);
      case kNaptr:
        return naptr(end);
      case kWks:
        return true;
      case kOpt:
        kept = false;
        edns(klass, answer.ttl, end);
        return true;
      case kTsig:
        kept = false;
        return true;
      case kHinfo:
      case kCaa:
      case kNetbios:
      case kSvcb:
      case kHttps:
        kept = false;
        other(answer.type, end);
        return true;
      case kRrsig: {
        if (length < 18) return false;
        m_.text += "RRSIG ";
        append_number(m_.text, be16());
        m_.text += ' ';
        at_ += 16;
        const std::size_t before = m_.text.size();
        if (!read_name(data_, at_, netbios_, m_.text, &m_.weirds)) return false;
        if (m_.text.size() == before) m_.text += "<Root>";
        return true;
      }
      case kDnskey:
        if (length < 4) return false;
        m_.text += "DNSKEY ";
        append_number(m_.text, data_[at_ + 3]);
        return true;
      case kNsec:
        m_.text += "NSEC ";
        append(answer.name);
        m_.text += ' ';
        return read_name(data_, at_, netbios_, m_.text, &m_.weirds);
      case kNsec3:
        return fixed("NSEC3", 6, length);
      case kNsec3param:
        return fixed("NSEC3PARAM", 5, length);
      case kBindSigning:
        return fixed("BIND9 signing signal", 5, length);
      case kDs:
        if (length < 4) return false;
        m_.text += "DS ";
        append_number(m_.text, data_[at_ + 2]);
        m_.text += ' ';
        append_number(m_.text, data_[at_ + 3]);
        return true;
      case kSshfp:
        if (length < 2) return false;
        m_.text += "SSHFP: ";
        m_.text += base::to_hex(data_.subspan(at_ + 2, length - 2));
        return true;
      case kLoc:
        if (length < 15) return false;
        m_.text += "LOC:  ";
        append_number(m_.text, data_[at_ + 1]);
        m_.text += ' ';
        append_number(m_.text, data_[at_ + 2]);
        m_.text += ' ';
        append_number(m_.text, data_[at_ + 3]);
        return true;
      default:
        weird("DNS_RR_unknown_type");
        m_.unknown_type = answer.type;
        m_.text += "<unknown type=";
        append_number(m_.text, answer.type);
        m_.text += '>';
        return true;
    }
  }

  bool fixed(std::string_view text, std::size_t at_least, std::size_t length) {
    if (length < at_least) return false;
    m_.text += text;
    return true;
  }
  bool skip(std::size_t count, std::size_t end) {
    if (end - at_ < count) {
      weird("DNS_RR_bad_length");
      return false;
    }
    at_ += count;
    return true;
  }
  bool target(std::size_t end, std::size_t after) {
    if (!read_name(data_, at_, netbios_, m_.text, &m_.weirds)) {
      if (after == 0 && at_ != end) weird("DNS_RR_length_mismatch");
      return false;
    }
    if (after == 20) {  // SOA: a second name and five numbers (RFC 1035 3.3.13)
      const std::size_t size = m_.text.size();
      const bool ok = read_name(data_, at_, netbios_, m_.text, &m_.weirds);
      m_.text.resize(size);
      if (!ok || left() < after) return false;
      at_ += after;
    }
    if (at_ != end) weird("DNS_RR_length_mismatch");
    return true;
  }
  bool strings(std::string_view kind, std::size_t end) {
    bool first = true;
    while (at_ < end) {
      const std::size_t size = data_[at_++];
      if (size > end - at_) {
        weird("DNS_TXT_char_str_past_rdlen");
        return false;
      }
      if (!first) m_.text += ' ';
      first = false;
      m_.text += kind;
      m_.text += ' ';
      append_number(m_.text, size);
      m_.text += ' ';
      m_.text += base::as_text(data_.subspan(at_, size));
      at_ += size;
    }
    return true;
  }
  // RFC 3403 4.1.
  bool naptr(std::size_t end) {
    Cursor c(data_.subspan(at_, end - at_));
    m_.text += "NAPTR ";
    append_number(m_.text, c.be16());
    m_.text += ' ';
    append_number(m_.text, c.be16());
    for (int i = 0; i < 2; ++i) {
      m_.text += ' ';
      m_.text += c.text(c.u8());
    }
    m_.text += ' ';
    const std::string_view expression = c.text(c.u8());
    if (c.failed()) {
      weird("DNS_NAPTR_too_short");
      return false;
    }
    m_.text += expression;
    at_ += c.offset();
    const std::size_t before = m_.text.size();
    if (!expression.empty()) m_.text += ' ';
    const std::size_t start = m_.text.size();
    if (!read_name(data_, at_, netbios_, m_.text, &m_.weirds)) return false;
    if (m_.text.size() == start) m_.text.resize(before);
    return true;
  }

  void finish_other(Span s) {
    close(s);
    m_.others.push_back(s);
  }

  void other(std::uint16_t type, std::size_t end) {
    Span s = open();
    Cursor c(data_.subspan(at_, end - at_));
    switch (type) {
      case kHinfo:  // RFC 1035 3.3.2
        m_.text += "HINFO ";
        m_.text += c.text(c.u8());
        m_.text += ' ';
        m_.text += c.text(c.u8());
        break;
      case kCaa: {  // RFC 8659 4.1
        m_.text += "CAA ";
        append_number(m_.text, c.u8());
        m_.text += ' ';
        m_.text += c.text(c.u8());
        m_.text += ' ';
        m_.text += base::as_text(c.rest());
        break;
      }
      case kNetbios:  // RFC 1002 4.2.13: flags and address, repeated
        if (!netbios_) return;
        m_.text += "NB";
        for (int i = 0; i < 32 && c.left() >= 6; ++i) {
          c.skip(2);
          m_.text += ' ';
          m_.text += Address::v4(c.bytes(4).data()).to_string();
        }
        break;
      default:
        service_binding(type, end);
        break;
    }
    finish_other(s);
  }

  // RFC 9460 2.2.
  void service_binding(std::uint16_t type, std::size_t end) {
    m_.text += type == kHttps ? "HTTPS " : "SVCB ";
    if (end - at_ < 3) return;
    append_number(m_.text, be16());
    m_.text += ' ';
    const std::size_t before = m_.text.size();
    if (!read_name(data_, at_, netbios_, m_.text, nullptr) || at_ > end) return;
    if (m_.text.size() == before) m_.text += '.';
    Cursor c(data_.subspan(at_, end - at_));
    while (c.left() >= 4 && c.ok()) {
      const std::uint16_t key = c.be16();
      Cursor value(c.bytes(c.be16()));
      if (c.failed()) break;
      static constexpr std::string_view kKeys[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                                   "ipv4hint",  "ech",  "ipv6hint"};
      m_.text += ' ';
      if (key < std::size(kKeys)) {
        m_.text += kKeys[key];
      } else {
        m_.text += "key";
        append_number(m_.text, key);
      }
      if (key == 1) {
        char separator = '=';
        while (value.ok() && !value.at_end()) {
          m_.text += separator;
          m_.text += value.text(value.u8());
          separator = ',';
        }
        if (value.failed()) weird("DNS_SVCB_alpn_length_invalid");
      } else if (key == 3) {
        if (value.left() != 2) weird("DNS_SVCB_port_length_invalid");
        m_.text += '=';
        append_number(m_.text, value.be16());
      } else if (key == 4 || key == 6) {
        const std::size_t size = key == 4 ? 4 : 16;
        char separator = '=';
        while (value.left() >= size) {
          m_.text += separator;
          const Bytes b = value.bytes(size);
          m_.text += (key == 4 ? Address::v4(b.data()) : Address::v6(b.data())).to_string();
          separator = ',';
        }
      }
    }
  }

  // RFC 1002 4.2.18: the names that a node holds.
  void node_status(std::size_t end) {
    Cursor c(data_.subspan(at_, end - at_));
    const unsigned count = c.u8();
    for (unsigned i = 0; i < count && c.left() >= 18; ++i) {
      std::string_view n = c.text(15);
      const std::uint8_t suffix = c.u8();
      const std::uint16_t flags = c.be16();
      n = n.substr(0, n.find_last_not_of(std::string_view(" \0", 2)) + 1);
      Span s = open();
      static constexpr char kHex[] = "0123456789abcdef";
      m_.text += "NBSTAT ";
      m_.text += n;
      m_.text += '<';
      m_.text += kHex[suffix >> 4];
      m_.text += kHex[suffix & 15];
      m_.text += '>';
      if (flags & 0x8000) m_.text += " group";
      finish_other(s);
    }
    if (c.left() >= 6) {  // the statistics begin with the unit id, its MAC address
      Span s = open();
      m_.text += "NBSTAT mac ";
      m_.text += base::to_hex(c.bytes(6));
      finish_other(s);
    }
  }

  // RFC 6891 6.1.
  void edns(std::uint16_t klass, std::uint32_t ttl, std::size_t end) {
    if (m_.has_edns) return;
    m_.has_edns = true;
    m_.edns_size = klass;
    m_.edns_do = (ttl & 0x8000) != 0;
    Cursor c(data_.subspan(at_, end - at_));
    while (c.left() >= 4 && m_.edns_options.size() < 32) {
      const std::uint16_t code = c.be16();
      Cursor value(c.bytes(c.be16()));
      if (c.failed()) break;
      m_.edns_options.push_back(code);
      if (code == 8) client_subnet(value);
    }
    if (c.failed() || (c.left() > 0 && c.left() < 4)) weird("EDNS_truncated_option");
  }

  // RFC 7871 6.
  void client_subnet(Cursor& value) {
    const std::uint16_t family = value.be16();
    const unsigned bits = value.u8();
    value.skip(1);
    if (value.failed()) {
      weird("EDNS_ECS_invalid_option_len");
      return;
    }
    const unsigned most = family == 1 ? 32 : 128;
    if ((family != 1 && family != 2) || bits > most || value.left() * 8 < bits || value.left() > most / 8) {
      weird(family == 1 ? "EDNS_ECS_invalid_addr_v4" : "EDNS_ECS_invalid_addr_v6");
      return;
    }
    std::array<std::uint8_t, 16> address{};
    const Bytes given = value.rest();
    std::copy(given.begin(), given.end(), address.begin());
    const Address a = family == 1 ? Address::v4(address.data()) : Address::v6(address.data());
    m_.client_subnet = open();
    m_.text += a.to_string();
    m_.text += '/';
    append_number(m_.text, bits);
    close(m_.client_subnet);
  }

  bool skip_resource() {
    const std::size_t size = m_.text.size();
    const bool ok = read_name(data_, at_, netbios_, m_.text, nullptr);
    m_.text.resize(size);
    if (!ok || left() < 10) return false;
    const std::uint16_t type = be16();
    const std::uint16_t klass = be16();
    const std::uint32_t ttl = be32();
    const std::size_t length = be16();
    if (length > left()) return false;
    const std::size_t end = at_ + length;
    if (type == kOpt) edns(klass, ttl, end);
    at_ = end;
    return true;
  }

  Bytes data_;
  bool netbios_;
  Message& m_;
  std::size_t at_ = 0;
  std::string scratch_;
};

char lower(std::uint8_t c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); }

}  // namespace

void Message::clear() {
  header = {};
  header_ok = questions_ok = answers_ok = has_question = has_edns = edns_do = false;
  question = client_subnet = {};
  question_type = question_class = edns_size = 0;
  read = 0;
  answers.clear();
  others.clear();
  edns_options.clear();
  text.clear();
  weirds.clear();
}

void parse(Bytes data, bool netbios, Message& message) {
  message.clear();
  Reader(data, netbios, message).run();
}

Header read_header(Bytes data) {
  Cursor c(data);
  Header h;
  h.id = c.be16();
  const std::uint16_t flags = c.be16();
  h.reply = (flags & 0x8000) != 0;
  h.opcode = (flags >> 11) & 0xf;
  h.authoritative = (flags & 0x0400) != 0;
  h.truncated = (flags & 0x0200) != 0;
  h.recursion_desired = (flags & 0x0100) != 0;
  h.recursion_available = (flags & 0x0080) != 0;
  h.z = (flags >> 4) & 7;
  h.rcode = flags & 0xf;
  h.questions = c.be16();
  h.answers = c.be16();
  h.authorities = c.be16();
  h.additionals = c.be16();
  return h;
}

bool read_name(Bytes all, std::size_t& offset, bool netbios, std::string& out, std::vector<std::string_view>* weirds) {
  const auto weird = [weirds](std::string_view name) {
    if (weirds != nullptr && weirds->size() < 8) weirds->push_back(name);
  };
  const std::size_t start = out.size();
  std::size_t at = offset;
  bool jumped = false;
  std::size_t end = all.size();  // after a jump: where it came from, so that reading only ever goes backwards
  while (true) {
    if (jumped && at >= end) {
      weird("DNS_label_forward_compress_offset");
      break;
    }
    if (at >= all.size()) {  // whoever reads the name says what is too short
      offset = all.size();
      return false;
    }
    const std::uint8_t length = all[at];
    if (length == 0) {
      ++at;
      break;
    }
    if ((length & 0xc0) == 0xc0) {  // RFC 1035 4.1.4
      if (at + 2 > all.size()) {
        offset = all.size();
        return false;
      }
      const std::size_t to = static_cast<std::size_t>(length & 0x3f) << 8 | all[at + 1];
      if (!jumped) offset = at + 2;
      jumped = true;
      if (to >= at) {
        // What was read so far stands, and so does what comes behind the pointer.
        weird("DNS_label_forward_compress_offset");
        at = offset;
        break;
      }
      end = at;
      at = to;
      continue;
    }
    if (at + 1 + length > all.size()) {
      if (at + 1 < all.size()) weird("DNS_label_len_gt_pkt");
      offset = all.size();
      return false;
    }
    if (length > 63 && !netbios) {
      weird("DNS_label_too_long");
      if (!jumped) offset = at + 1;
      return false;
    }
    if (out.size() - start + length + 1 > kMaxName) {
      weird("DNS_label_len_gt_name_len");
      if (out.size() - start >= 255) weird("DNS_NAME_too_long");
      if (!jumped) offset = at + 1;
      return false;
    }
    if (out.size() != start) out += '.';
    for (unsigned i = 1; i <= length; ++i) out += lower(all[at + i]);
    at += 1u + length;
  }
  if (out.size() - start >= 255) weird("DNS_NAME_too_long");
  if (!jumped) offset = at;
  return true;
}

std::string decode_netbios_name(std::string_view encoded) {
  if (encoded.size() != 32) return {};
  std::string name;
  bool open = true;
  for (std::size_t i = 0; i < 16; ++i) {
    unsigned nibble[2];
    for (std::size_t j = 0; j < 2; ++j) {
      const char c = encoded[2 * i + j];
      const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      if (upper < 'A' || upper > 'P') return {};
      nibble[j] = static_cast<unsigned>(upper - 'A');
    }
    const unsigned value = nibble[0] << 4 | nibble[1];
    // \x01\x02 begins the browsers' group name (__MSBROWSE__).
    open = open && ((value >= 0x20 && value < 0x7f) || value < 3);
    if (!open) break;
    if (i < 15) name += static_cast<char>(value);  // the last is the suffix
  }
  name.resize(name.find_last_not_of(std::string_view(" \0", 2)) + 1);
  return name;
}

}  // namespace whodunit::protocol::dns
