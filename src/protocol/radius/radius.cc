#include "protocol/radius/radius.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace whodunit::protocol::radius {
namespace {

using base::Cursor;
using base::Time;

constexpr std::uint16_t kPorts[] = {1812, 1813, 1645, 1646, 3799};
constexpr std::size_t kHeader = 20, kMaxOpen = 64;

// RFC 2865 3, RFC 5176 3.
enum Code : std::uint8_t {
  kAccessRequest = 1,
  kAccessAccept = 2,
  kAccessReject = 3,
  kAccountingRequest = 4,
  kAccountingResponse = 5,
  kAccessChallenge = 11,
  kStatusServer = 12,
  kDisconnectRequest = 40,
  kChangeNak = 45
};

bool is_request(std::uint8_t code) {
  return code == kAccessRequest || code == kAccountingRequest || code == kStatusServer || code == 40 || code == 43;
}

std::string_view kind(std::uint8_t code) {
  switch (code) {
    case kAccessRequest:
      return "access";
    case kAccountingRequest:
      return "accounting";
    case 40:
      return "disconnect";
    case 43:
      return "change";
    default:
      return "other";
  }
}

struct Transaction {
  Time ts;
  record::Place place;
  std::uint8_t id = 0, code = 0;
  std::string username, mac, tunnel, info, message, nas, state;
  bool challenged = false;  // waits for the request that answers the challenge
  std::string_view result = "unknown";
  Opt<Address> framed;
  Opt<Duration> delay;
};

// A hardware address in one of the usual spellings, as six pairs with colons; empty where it is none.
std::string mac_of(std::string_view station) {
  std::string digits;
  for (const char c : station) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
      digits += c;
    else if (c >= 'A' && c <= 'F')
      digits += static_cast<char>(c + 32);
    else if (c != ':' && c != '-' && c != '.')
      return {};
  }
  if (digits.size() != 12) return {};
  std::string out;
  for (std::size_t i = 0; i < 12; i += 2) out += (i == 0 ? "" : ":") + digits.substr(i, 2);
  return out;
}

class RadiusParser final : public Parser {
 public:
  void datagram(Context& context, Direction, const packet::Packet& packet) override {
    Cursor c(packet.payload);
    const std::uint8_t code = c.u8(), id = c.u8();
    std::size_t length = c.be16();
    c.skip(16);
    if (c.failed() || length < kHeader) {
      context.weird("radius_malformed");
      return;
    }
    if (length > packet.payload.size()) {
      // RFC 2865 3 has the peer discard it. What is there still tells who asked.
      context.weird("radius_shorter_than_its_length");
      length = packet.payload.size();
    }
    context.recognised = true;
    const bool request = is_request(code);
    if (request) {
      for (const auto& t : open_)
        if (t->id == id && t->code == code) return;  // sent again
    }
    const Bytes attributes = packet.payload.subspan(kHeader, length - kHeader);
    Transaction* answered = request ? challenged(attributes) : nullptr;
    if (answered != nullptr) {
      answered->id = id;
      answered->challenged = false;
    }
    Transaction& t = answered != nullptr ? *answered : request ? begin(context, id, code) : find(context, id);
    record::extend(t.place, context.place());
    Cursor a(attributes);
    while (a.left() >= 2) {  // RFC 2865 5
      const std::uint8_t type = a.u8(), size = a.u8();
      const Bytes value = a.bytes(size < 2 ? 0 : size - 2u);
      if (size < 2 || a.failed()) {
        context.weird("radius_malformed_attribute");
        break;
      }
      const std::string_view text = base::as_text(value);
      switch (type) {
        case 1:
          t.username = text;
          break;
        case 4:
          if (value.size() == 4 && t.nas.empty()) t.nas = Address::v4(value.data()).to_string();
          break;
        case 8:
          if (value.size() == 4) t.framed = Address::v4(value.data());
          break;
        case 18:
          t.message = text;
          break;
        case 24:
          if (code == kAccessChallenge) t.state = text;
          break;
        case 31:
          t.mac = mac_of(text);
          break;
        case 32:
          t.nas = text;
          break;
        case 66:
          t.tunnel = text;
          break;
        case 77:
          t.info = text;
          break;
        default:
          break;
      }
    }
    if (code == kAccessChallenge) t.challenged = true;  // the dialogue goes on
    if (request || code == kAccessChallenge) return;
    if (context.now() > t.ts) t.delay = context.now() - t.ts;
    if (code == kAccessAccept) t.result = "success";
    if (code == kAccessReject) t.result = "failed";
    finish(context, t);
  }

  void closed(Context& context, End) override {
    for (const auto& t : open_) write(context, *t);
    open_.clear();
  }

 private:
  Transaction& begin(Context& context, std::uint8_t id, std::uint8_t code) {
    if (open_.size() >= kMaxOpen) {
      write(context, *open_.front());
      open_.erase(open_.begin());
    }
    open_.push_back(std::make_unique<Transaction>());
    Transaction& t = *open_.back();
    t.ts = context.now();
    t.id = id;
    t.code = code;
    return t;
  }
  // The transaction whose challenge this request answers: it gives back its State (RFC 2865 4.4, 5.24).
  Transaction* challenged(Bytes attributes) {
    std::string_view state;
    Cursor a(attributes);
    while (a.left() >= 2 && a.ok()) {
      const std::uint8_t type = a.u8(), size = a.u8();
      if (size < 2) break;
      const std::string_view value = a.text(size - 2u);
      if (type == 24 && a.ok()) state = value;
    }
    for (const auto& t : open_)
      if (t->challenged && !state.empty() && t->state == state) return t.get();
    return nullptr;
  }
  Transaction& find(Context& context, std::uint8_t id) {
    for (const auto& t : open_)
      if (t->id == id) return *t;
    return begin(context, id, 0);
  }
  void finish(Context& context, const Transaction& t) {
    for (auto it = open_.begin(); it != open_.end(); ++it)
      if (it->get() == &t) {
        write(context, t);
        open_.erase(it);
        return;
      }
  }
  void write(Context& context, const Transaction& t) {
    const auto set = [](Text& out, const std::string& in) {
      if (!in.empty()) out = in;
    };
    Radius row;
    row.head = context.head(t.ts, t.place);
    set(row.username, t.username);
    set(row.mac, t.mac);
    row.framed_addr = t.framed;
    set(row.tunnel_client, t.tunnel);
    set(row.connect_info, t.info);
    set(row.reply_msg, t.message);
    row.result = t.result;
    row.ttl = t.delay;
    if (t.code != 0) row.request = kind(t.code);
    set(row.nas, t.nas);
    context.emit(row);
  }

  std::vector<std::unique_ptr<Transaction>> open_;
};

// A code, a length that is the datagram's, and attributes that fill it.
Match recognise(Bytes data, Direction, bool port_hint) {
  if (data.size() < kHeader) return Match::kNo;
  const std::size_t length = base::load_be16(data.data() + 2);
  const bool known =
      (data[0] >= 1 && data[0] <= 5) || (data[0] >= 11 && data[0] <= 13) || (data[0] >= 40 && data[0] <= 45);
  if (!known || length < kHeader || (length != data.size() && !port_hint)) return Match::kNo;
  std::size_t at = kHeader, attributes = 0;
  while (at + 2 <= std::min(length, data.size())) {
    // At its port one whole attribute is enough: the rest may be damaged.
    if (data[at + 1] < 2 || at + data[at + 1] > length) return port_hint && attributes > 0 ? Match::kYes : Match::kNo;
    at += data[at + 1];
    ++attributes;
  }
  if (at != length) return port_hint && attributes > 0 ? Match::kYes : Match::kNo;
  return port_hint || attributes >= 3 ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<RadiusParser>(); }

record::Schema* const kSchemas[] = {&Radius::schema};

}  // namespace

const Definition kDefinition = {
    .name = "radius", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::radius
