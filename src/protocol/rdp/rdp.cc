#include "protocol/rdp/rdp.h"

#include <memory>
#include <string>
#include <vector>

#include "protocol/utf16.h"

namespace whodunit::protocol::rdp {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {3389};

struct Layout {
  std::uint32_t id;
  std::string_view name;
};
// Windows' keyboard identifiers: the lower half is the language ([MS-LCID]).
constexpr Layout kLayouts[] = {{0x0401, "Arabic"},
                               {0x0402, "Bulgarian"},
                               {0x0404, "Chinese - Taiwan"},
                               {0x0405, "Czech"},
                               {0x0406, "Danish"},
                               {0x0407, "German - Germany"},
                               {0x0408, "Greek"},
                               {0x0409, "English - United States"},
                               {0x040a, "Spanish - Spain (Traditional Sort)"},
                               {0x040b, "Finnish"},
                               {0x040c, "French - France"},
                               {0x040d, "Hebrew"},
                               {0x040e, "Hungarian"},
                               {0x040f, "Icelandic"},
                               {0x0410, "Italian - Italy"},
                               {0x0411, "Japanese"},
                               {0x0412, "Korean"},
                               {0x0413, "Dutch - Netherlands"},
                               {0x0414, "Norwegian (Bokmal)"},
                               {0x0415, "Polish"},
                               {0x0416, "Portuguese - Brazil"},
                               {0x0418, "Romanian"},
                               {0x0419, "Russian"},
                               {0x041a, "Croatian"},
                               {0x041b, "Slovak"},
                               {0x041c, "Albanian"},
                               {0x041d, "Swedish"},
                               {0x041e, "Thai"},
                               {0x041f, "Turkish"},
                               {0x0420, "Urdu"},
                               {0x0421, "Indonesian"},
                               {0x0422, "Ukrainian"},
                               {0x0423, "Belarusian"},
                               {0x0424, "Slovenian"},
                               {0x0425, "Estonian"},
                               {0x0426, "Latvian"},
                               {0x0427, "Lithuanian"},
                               {0x0429, "Farsi"},
                               {0x042a, "Vietnamese"},
                               {0x042b, "Armenian"},
                               {0x042c, "Azeri (Latin)"},
                               {0x042f, "Macedonian"},
                               {0x0437, "Georgian"},
                               {0x0439, "Hindi"},
                               {0x043f, "Kazakh"},
                               {0x0443, "Uzbek (Latin)"},
                               {0x0444, "Tatar"},
                               {0x0804, "Chinese - People's Republic of China"},
                               {0x0807, "German - Switzerland"},
                               {0x0809, "English - United Kingdom"},
                               {0x080a, "Spanish - Mexico"},
                               {0x080c, "French - Belgium"},
                               {0x0810, "Italian - Switzerland"},
                               {0x0813, "Dutch - Belgium"},
                               {0x0816, "Portuguese - Portugal"},
                               {0x081a, "Serbian (Latin)"},
                               {0x0c01, "Arabic - Egypt"},
                               {0x0c04, "Chinese - Hong Kong SAR"},
                               {0x0c07, "German - Austria"},
                               {0x0c09, "English - Australia"},
                               {0x0c0a, "Spanish - Spain (Modern Sort)"},
                               {0x0c0c, "French - Canada"},
                               {0x0c1a, "Serbian (Cyrillic)"},
                               {0x1009, "English - Canada"},
                               {0x100c, "French - Switzerland"},
                               {0x1409, "English - New Zealand"},
                               {0x1809, "English - Ireland"},
                               {0x4009, "English - India"}};

std::string layout_name(std::uint32_t id) {
  for (const Layout& l : kLayouts)
    if (l.id == (id & 0xffff)) return std::string(l.name);
  return "keyboard-" + std::to_string(id);
}

std::string build_name(std::uint32_t build) {
  switch (build) {
    case 419:
      return "RDP 4.0";
    case 2195:
      return "RDP 5.0";
    case 2221:
      return "RDP 5.0";
    case 2600:
      return "RDP 5.1";
    case 3790:
      return "RDP 5.2";
    case 6000:
      return "RDP 6.0";
    case 6001:
      return "RDP 6.1";
    case 6002:
      return "RDP 6.2";
    case 7600:
      return "RDP 7.0";
    case 7601:
      return "RDP 7.1";
    case 9200:
      return "RDP 8.0";
    case 9600:
      return "RDP 8.1";
    case 25189:
    case 25282:
      return "RDP 8.0 (Mac)";
    default:
      return "client_build-" + std::to_string(build);
  }
}

std::string_view protocol_name(std::uint32_t protocol) {
  switch (protocol) {
    case 0:
      return "RDP";
    case 1:
      return "SSL";
    case 2:
      return "HYBRID";
    case 8:
      return "HYBRID_EX";
    default:
      return "unknown";
  }
}

std::string_view failure_name(std::uint32_t code) {  // 2.2.1.2.2
  static constexpr std::string_view kNames[] = {"",
                                                "SSL_REQUIRED_BY_SERVER",
                                                "SSL_NOT_ALLOWED_BY_SERVER",
                                                "SSL_CERT_NOT_ON_SERVER",
                                                "INCONSISTENT_FLAGS",
                                                "HYBRID_REQUIRED_BY_SERVER",
                                                "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER"};
  return code < std::size(kNames) ? kNames[code] : std::string_view("unknown");
}

struct Facts {
  base::Time ts;
  record::Place place;
  std::string cookie, layout, build, name, product, depth;
  std::string_view result, protocol, encryption_level, encryption_method, certificate;
  Opt<bool> permanent;
  Opt<std::uint64_t> certificates;
  std::vector<std::string> channels;
  Opt<std::uint64_t> width, height, layout_id;
};

class RdpParser final : public FramedParser {
 public:
  RdpParser() : FramedParser(16384) {}

  void closed(Context& context, End) override {
    if (!facts_) return;
    const Facts& f = *facts_;
    const auto set = [](Text& out, std::string_view in) {
      if (!in.empty()) out = in;
    };
    Rdp row;
    row.head = context.head(f.ts, f.place);
    set(row.cookie, f.cookie);
    set(row.result, f.result);
    set(row.security_protocol, f.protocol);
    const std::vector<std::string_view> channels(f.channels.begin(), f.channels.end());
    if (!channels.empty()) row.client_channels = channels;
    set(row.keyboard_layout, f.layout);
    row.keyboard_layout_id = f.layout_id;
    set(row.client_build, f.build);
    set(row.client_name, f.name);
    set(row.client_dig_product_id, f.product);
    row.desktop_width = f.width;
    row.desktop_height = f.height;
    set(row.requested_color_depth, f.depth);
    set(row.encryption_level, f.encryption_level);
    set(row.encryption_method, f.encryption_method);
    set(row.cert_type, f.certificate);
    row.cert_count = f.certificates.value_or(0);
    row.cert_permanent = f.permanent;
    context.emit(row);
    facts_.reset();
  }

 protected:
  // RFC 1006 6: version 3, reserved, a length over all.
  std::size_t frame(Direction, Bytes so_far) override {
    if (done_) return so_far.empty() ? kMore : so_far.size();
    if (so_far.size() < 4) return so_far.empty() || so_far[0] == 3 ? kMore : kBad;
    const std::size_t length = base::load_be16(so_far.data() + 2);
    return so_far[0] != 3 || length < 7 ? kBad : length;
  }

  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (done_) return;
    if (!facts_) {
      facts_ = std::make_unique<Facts>();
      facts_->ts = context.now();
    }
    Facts& f = *facts_;
    record::extend(f.place, context.place());
    const std::uint8_t type = message.size() > 5 ? message[5] & 0xf0 : 0;
    const Bytes rest = base::slice(message, 11);
    if (type == 0xe0 && direction == Direction::kOriginator) {  // X.224 connection request
      const std::string_view text = base::as_text(rest);
      constexpr std::string_view kCookie = "Cookie: mstshash=";
      const std::size_t at = text.find(kCookie);
      if (at != std::string_view::npos) {
        const std::string_view value = text.substr(at + kCookie.size());
        f.cookie = value.substr(0, std::min<std::size_t>(value.find_first_of("\r\n"), 256));
      }
    } else if (type == 0xd0 && direction == Direction::kResponder) {  // its confirmation
      context.recognised = true;
      if (rest.size() < 8) {
        f.protocol = "RDP";  // old servers say nothing more
        return;
      }
      const std::uint32_t value = base::load_le32(rest.data() + 4);
      if (rest[0] == 3) {
        f.result = failure_name(value);
        return;
      }
      f.protocol = protocol_name(value);
      if (value != 0) {
        f.result = "encrypted";
        context.become = "ssl";
      }
    } else if (type == 0xf0) {
      mcs(direction, base::slice(message, 7));
    }
  }
  void lost(Context&, Direction, std::uint64_t) override { done_ = true; }

 private:
  // T.125 connect-initial (7f 65) and connect-response (7f 66) around T.124's data, whose key is "Duca" or "McDn".
  void mcs(Direction direction, Bytes data) {
    Facts& f = *facts_;
    if (data.size() < 8 || data[0] != 0x7f) {
      done_ = true;
      return;
    }
    const std::string_view text = base::as_text(data);
    if (direction == Direction::kResponder) {
      const std::size_t result = text.find("\x0a\x01");
      if (result != std::string_view::npos && result + 2 < data.size() && data[result + 2] == 0) f.result = "Success";
      const std::size_t key = text.find("McDn");
      if (key != std::string_view::npos) server(data.subspan(key + 4));
      done_ = true;
      return;
    }
    const std::size_t key = text.find("Duca");
    if (key == std::string_view::npos) return;
    Cursor c(data.subspan(key + 4));
    const std::uint8_t first = c.u8();
    if (first & 0x80) c.skip(1);
    while (c.left() >= 4) {
      const std::uint16_t type = c.le16(), length = c.le16();
      if (length < 4) break;
      const Bytes block = base::slice(c.rest(), 0, length - 4u);
      if (type == 0xc001) core(block);
      if (type == 0xc003) {
        Cursor n(block);
        const std::uint32_t count = n.le32();
        for (std::uint32_t i = 0; i < count && i < 31 && n.left() >= 12; ++i) {
          const std::string_view name = n.text(8);
          n.skip(4);
          f.channels.emplace_back(name.substr(0, name.find('\0')));
        }
      }
      c.skip(block.size());
      if (block.size() < length - 4u) break;
    }
  }

  // 2.2.1.4: blocks of a type, a length over all, and data.
  void server(Bytes data) {
    Cursor c(data);
    const std::uint8_t first = c.u8();
    if (first & 0x80) c.skip(1);
    while (c.left() >= 4) {
      const std::uint16_t type = c.le16(), length = c.le16();
      if (length < 4) break;
      const Bytes block = c.bytes(length - 4u);
      if (c.failed()) break;
      if (type == 0x0c02) security(block);
    }
  }

  // 2.2.1.4.3.
  void security(Bytes block) {
    Facts& f = *facts_;
    Cursor c(block);
    const std::uint32_t method = c.le32(), level = c.le32();
    if (c.failed()) return;
    static constexpr std::string_view kLevels[] = {"None", "Low", "Client compatible", "High", "FIPS"};
    f.encryption_level = level < std::size(kLevels) ? kLevels[level] : std::string_view("unknown");
    f.encryption_method = method == 0      ? "None"
                          : method == 0x01 ? "40bit"
                          : method == 0x02 ? "128bit"
                          : method == 0x08 ? "56bit"
                          : method == 0x10 ? "FIPS"
                                           : "unknown";
    const std::uint32_t random = c.le32(), certificate = c.le32();
    c.skip(random);
    const Bytes held = c.bytes(certificate);
    if (c.failed() || held.size() < 4) return;
    // 2.2.1.4.3.1: the top bit says that it is a temporary one.
    const std::uint32_t version = base::load_le32(held.data());
    f.permanent = (version & 0x80000000) == 0;
    f.certificate = (version & 0x7fffffff) == 1 ? "RSA" : (version & 0x7fffffff) == 2 ? "X.509" : "unknown";
    f.certificates = (version & 0x7fffffff) == 2 && held.size() >= 8 ? base::load_le32(held.data() + 4) : 1;
  }

  // 2.2.1.3.2.
  void core(Bytes block) {
    Facts& f = *facts_;
    Cursor c(block);
    c.skip(4);
    const std::uint16_t width = c.le16(), height = c.le16(), depth = c.le16();
    c.skip(2);
    const std::uint32_t layout = c.le32(), build = c.le32();
    const Bytes name = c.bytes(32);
    if (c.failed()) return;
    f.width = width;
    f.height = height;
    f.layout_id = layout;
    f.layout = layout_name(layout);
    f.build = build_name(build);
    f.name = utf16le_text(name);
    f.depth = depth == 0xca00 ? "4bit" : "8bit";
    c.skip(12 + 64);
    const std::uint16_t later = c.le16();
    if (c.ok() && later >= 0xca00 && later <= 0xca04)
      f.depth = later == 0xca00   ? "4bit"
                : later == 0xca01 ? "8bit"
                : later == 0xca02 ? "15bit"
                : later == 0xca03 ? "16bit"
                                  : "24bit";
    c.skip(6);
    const std::uint16_t high = c.le16();
    c.skip(2);
    // 32 bits have no value in the field, only a flag (RNS_UD_CS_WANT_32BPP_SESSION).
    const bool wants_32 = (c.le16() & 0x0002) != 0;
    if (c.ok() && high != 0) f.depth = wants_32 ? "32bit" : std::to_string(high) + "bit";
    const Bytes product = c.bytes(64);
    if (c.ok()) f.product = utf16le_text(product);
  }

  std::unique_ptr<Facts> facts_;
  bool done_ = false;
};

// TPKT's version and length, X.224's length that fits it, and a connection request or confirmation.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < 7) return data.empty() || data[0] == 3 ? Match::kNeedMore : Match::kNo;
  if (data[0] != 3 || data[1] != 0) return Match::kNo;
  const std::size_t length = base::load_be16(data.data() + 2);
  if (length < 11 || length > 1024 || data[4] + 5u > length) return Match::kNo;
  const std::uint8_t type = data[5] & 0xf0;
  if (direction == Direction::kResponder)
    return type == 0xd0 && port_hint ? Match::kYes : type == 0xd0 ? Match::kMaybe : Match::kNo;
  if (type != 0xe0 || data[4] + 5u != length) return Match::kNo;
  const std::string_view text = base::as_text(data);
  const bool named = text.find("Cookie: mstshash=") != std::string_view::npos ||
                     (length == 19 && data.size() >= 19 && data[11] == 1 && data[13] == 8);
  return named || port_hint ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<RdpParser>(); }

record::Schema* const kSchemas[] = {&Rdp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "rdp", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::rdp
