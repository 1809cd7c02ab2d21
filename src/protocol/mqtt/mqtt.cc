#include "protocol/mqtt/mqtt.h"

#include <memory>
#include <string>
#include <vector>

namespace whodunit::protocol::mqtt {
namespace {

using base::Cursor;
using base::Time;

constexpr std::uint16_t kPorts[] = {1883};
constexpr std::size_t kMaxOpen = 64, kShownPayload = 100, kMaxMessage = 64 << 10;

// MQTT 3.1.1 2.2.1.
enum Type : std::uint8_t {
  kConnect = 1,
  kConnack,
  kPublish,
  kPuback,
  kPubrec,
  kPubrel,
  kPubcomp,
  kSubscribe,
  kSuback,
  kUnsubscribe,
  kUnsuback,
  kPingreq,
  kPingresp,
  kDisconnect,
  kAuth
};

// 2.2.3: seven bits a byte, least first, at most four bytes. 0 bytes used: more are needed; 5: it is none.
struct Length {
  std::size_t value = 0, used = 0;
};
Length read_length(Bytes data) {
  Length l;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i >= data.size()) return {};
    l.value |= static_cast<std::size_t>(data[i] & 0x7f) << (7 * i);
    if ((data[i] & 0x80) == 0) {
      l.used = i + 1;
      return l;
    }
  }
  return {0, 5};
}

std::string_view return_code(std::uint8_t code) {
  switch (code) {
    case 0:
      return "Connection Accepted";
    case 1:
      return "Refused: unacceptable protocol version";
    case 2:
      return "Refused: identifier rejected";
    case 3:
      return "Refused: server unavailable";
    case 4:
      return "Refused: bad user name or password";
    case 5:
      return "Refused: not authorized";
    default:
      return "unknown";
  }
}

struct Connect {
  Time ts;
  record::Place place;
  std::string name, version, client, will_topic, will_payload, user;
  bool seen = false;
};
struct Publish {
  Time ts;
  record::Place place;
  std::string topic, payload;
  std::uint64_t size = 0;
  std::uint16_t id = 0;
  std::uint8_t qos = 0;
  bool from_client = false, retain = false, received = false, released = false;
};
struct Subscribe {
  Time ts;
  record::Place place;
  std::vector<std::string> topics;
  std::vector<std::uint64_t> levels;
  std::uint16_t id = 0;
  bool unsubscribe = false;
};
struct State {
  Connect connect;
  std::vector<Publish> publishes;
  std::vector<Subscribe> subscribes;
  std::uint8_t version = 4;
  bool connected = false;
};

// A type that both sides may send at any time, with the flags that it must have (MQTT 3.1.1 2.2).
bool plausible(std::uint8_t first) {
  const int type = first >> 4;
  return type >= 2 && type <= 14 &&
         (type == kPublish || (first & 0xf) == (type == 6 || type == 8 || type == 10 ? 2 : 0));
}

class MqttParser final : public FramedParser {
 public:
  MqttParser() : FramedParser(kMaxMessage) {}

  void closed(Context& context, End) override {
    if (!state_) return;
    if (state_->connect.seen && !state_->connected) write(context, state_->connect, {});
    for (const Publish& p : state_->publishes) write(context, p, "incomplete_qos");
    for (const Subscribe& s : state_->subscribes) write(context, s, {}, false);
    state_.reset();
  }

 protected:
  std::size_t frame(Direction direction, Bytes so_far) override {
    if (so_far.size() < 2) return kMore;
    const bool searching = searching_[connection::index(direction)];
    const Length l = read_length(so_far.subspan(1));
    if (searching && (!plausible(so_far[0]) || l.used == 0 || l.used == 5 || 1 + l.used + l.value > so_far.size()))
      return so_far.size();
    if (so_far[0] >> 4 == 0) return kBad;
    return l.used == 5 ? kBad : l.used == 0 ? kMore : 1 + l.used + l.value;
  }

  void message(Context& context, Direction direction, Bytes message, bool cut) override {
    const Length l = read_length(message.subspan(1));
    bool& searching = searching_[connection::index(direction)];
    if (searching && (!plausible(message[0]) || 1 + l.used + l.value != message.size())) return;
    searching = false;
    Cursor c(message.subspan(1 + l.used));
    if (!state_) state_ = std::make_unique<State>();
    const std::uint8_t type = message[0] >> 4;
    switch (type) {
      case kConnect:
        connect(context, c);
        break;
      case kConnack: {
        c.skip(1);
        const std::uint8_t code = c.u8();
        if (c.failed()) break;
        if (!state_->connect.seen) state_->connect.ts = context.now();
        record::extend(state_->connect.place, context.place());
        write(context, state_->connect, state_->version >= 5 && code != 0 ? "Refused" : return_code(code));
        state_->connected = true;
        context.recognised = true;
        break;
      }
      case kPublish:
        publish(context, direction, message[0], c, l.value);
        break;
      case kPuback:
        settle(context, c.be16(), 1);
        break;
      case kPubrec:
      case kPubrel: {
        const std::uint16_t id = c.be16();
        for (Publish& p : state_->publishes)
          if (p.id == id) (type == kPubrec ? p.received : p.released) = true;
        break;
      }
      case kPubcomp:
        settle(context, c.be16(), 2);
        break;
      case kSubscribe:
      case kUnsubscribe:
        subscribe(context, c, type == kUnsubscribe);
        break;
      case kSuback:
      case kUnsuback: {
        const std::uint16_t id = c.be16();
        if (state_->version >= 5) skip_properties(c);
        const Opt<std::uint64_t> granted =
            type == kSuback && c.left() > 0 ? Opt<std::uint64_t>(c.u8()) : Opt<std::uint64_t>();
        for (auto it = state_->subscribes.begin(); it != state_->subscribes.end(); ++it) {
          if (it->id != id) continue;
          record::extend(it->place, context.place());
          write(context, *it, granted, true);
          state_->subscribes.erase(it);
          break;
        }
        break;
      }
      default:
        break;
    }
    if (c.failed() && !cut) context.weird("mqtt_malformed");
  }

  // Packets are short and mostly begin segments: the next that begins like one is taken for one, the other side goes
  // on.
  void lost(Context&, Direction direction, std::uint64_t) override { searching_[connection::index(direction)] = true; }

 private:
  static std::string text(Cursor& c) { return std::string(c.text(c.be16())); }
  static void skip_properties(Cursor& c) {  // MQTT 5 2.2.2
    const Length l = read_length(c.rest());
    c.skip(l.used > 4 ? c.left() + 1 : l.used + l.value);
  }

  // 3.1.
  void connect(Context& context, Cursor& c) {
    Connect& k = state_->connect;
    k = {};
    k.ts = context.now();
    k.place = context.place();
    k.name = text(c);
    state_->version = c.u8();
    const std::uint8_t flags = c.u8();
    c.skip(2);
    if (state_->version >= 5) skip_properties(c);
    k.client = text(c);
    if (flags & 0x04) {
      if (state_->version >= 5) skip_properties(c);
      k.will_topic = text(c);
      k.will_payload = text(c);
    }
    if (flags & 0x80) k.user = text(c);
    k.version = state_->version == 3   ? "3.1"
                : state_->version == 4 ? "3.1.1"
                : state_->version == 5 ? "5.0"
                                       : "unknown-" + std::to_string(state_->version);
    if (c.failed() || (k.name != "MQTT" && k.name != "MQIsdp")) {
      context.failed = true;
      return;
    }
    k.seen = true;
    context.recognised = true;
  }

  // 3.3. `size` is what is announced: the message may be cut.
  void publish(Context& context, Direction direction, std::uint8_t first, Cursor& c, std::size_t size) {
    Publish p;
    p.ts = context.now();
    p.place = context.place();
    p.qos = first >> 1 & 3;
    p.retain = (first & 1) != 0;
    p.from_client = direction == Direction::kOriginator;
    p.topic = text(c);
    if (p.qos > 0) p.id = c.be16();
    if (state_->version >= 5) skip_properties(c);
    if (c.failed()) return;
    p.payload = base::as_text(base::slice(c.rest(), 0, kShownPayload));
    p.size = size - std::min(size, c.offset());
    context.recognised = true;
    if (p.qos == 0) {
      write(context, p, "ok");
      return;
    }
    for (auto it = state_->publishes.begin(); it != state_->publishes.end(); ++it)
      if (it->id == p.id && it->from_client == p.from_client) {  // sent again
        state_->publishes.erase(it);
        break;
      }
    if (state_->publishes.size() >= kMaxOpen) {
      write(context, state_->publishes.front(), "incomplete_qos");
      state_->publishes.erase(state_->publishes.begin());
    }
    state_->publishes.push_back(std::move(p));
  }

  void settle(Context& context, std::uint16_t id, std::uint8_t qos) {
    for (auto it = state_->publishes.begin(); it != state_->publishes.end(); ++it) {
      if (it->id != id || it->qos != qos) continue;
      if (qos == 2 && !(it->received && it->released)) return;
      record::extend(it->place, context.place());
      write(context, *it, "ok");
      state_->publishes.erase(it);
      return;
    }
  }

  // 3.8, 3.10.
  void subscribe(Context& context, Cursor& c, bool unsubscribe) {
    Subscribe s;
    s.ts = context.now();
    s.place = context.place();
    s.unsubscribe = unsubscribe;
    s.id = c.be16();
    if (state_->version >= 5) skip_properties(c);
    while (c.ok() && !c.at_end() && s.topics.size() < 64) {
      s.topics.push_back(text(c));
      if (!unsubscribe) s.levels.push_back(c.u8() & 3);
    }
    if (c.failed()) return;
    if (state_->subscribes.size() >= kMaxOpen) {
      write(context, state_->subscribes.front(), {}, false);
      state_->subscribes.erase(state_->subscribes.begin());
    }
    state_->subscribes.push_back(std::move(s));
  }

  static void set(Text& out, const std::string& in) {
    if (!in.empty()) out = in;
  }
  void write(Context& context, const Connect& k, std::string_view status) {
    MqttConnect row;
    row.head = context.head(k.ts, k.place);
    if (k.seen) {
      row.proto_name = k.name;
      row.proto_version = k.version;
      row.client_id = k.client;
    }
    if (!status.empty()) row.connect_status = status;
    set(row.will_topic, k.will_topic);
    set(row.will_payload, k.will_payload);
    set(row.user, k.user);
    context.emit(row);
  }
  void write(Context& context, const Publish& p, std::string_view status) {
    static constexpr std::string_view kLevels[] = {"at most once", "at least once", "exactly once", "reserved"};
    MqttPublish row;
    row.head = context.head(p.ts, p.place);
    row.from_client = p.from_client;
    row.retain = p.retain;
    row.qos = kLevels[p.qos];
    row.status = status;
    row.topic = p.topic;
    row.payload = p.payload;
    row.payload_len = p.size;
    context.emit(row);
  }
  void write(Context& context, const Subscribe& s, Opt<std::uint64_t> granted, bool acknowledged) {
    const std::vector<std::string_view> topics(s.topics.begin(), s.topics.end());
    MqttSubscribe row;
    row.head = context.head(s.ts, s.place);
    row.action = s.unsubscribe ? "MQTT::UNSUBSCRIBE" : "MQTT::SUBSCRIBE";
    row.topics = topics;
    if (!s.unsubscribe) row.qos_levels = s.levels;
    row.granted_qos_level = granted;
    row.ack = acknowledged;
    context.emit(row);
  }

  std::unique_ptr<State> state_;
  bool searching_[2] = {false, false};  // a hole: where the next packet begins is not known
};
static_assert(sizeof(MqttParser) <= 96);

// A CONNECT with the protocol's name; at the home port, any packet that could be one.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < 2) return Match::kNeedMore;
  const Length l = read_length(data.subspan(1));
  if (l.used == 5) return Match::kNo;
  if (data[0] == 0x10 && direction == Direction::kOriginator) {
    if (l.used == 0 || data.size() < 1 + l.used + 8) return Match::kNeedMore;
    const std::string_view text = base::as_text(data.subspan(1 + l.used));
    if (text.substr(0, 6) == std::string_view("\0\4MQTT", 6) || text.substr(0, 8) == std::string_view("\0\6MQIsdp", 8))
      return Match::kYes;
    return Match::kNo;
  }
  if (!port_hint || l.used == 0) return Match::kNo;
  const std::uint8_t type = data[0] >> 4;
  // A publication before any CONNECT breaks MQTT 5.0 3.1, but brokers see it.
  if (type == kPublish && direction == Direction::kOriginator && (data[0] & 6) != 6 && l.value >= 2 &&
      data.size() >= 1 + l.used + l.value && l.value >= 2 + std::size_t{base::load_be16(data.data() + 1 + l.used)})
    return Match::kYes;
  return plausible(data[0]) && 1 + l.used + l.value <= data.size() + 65536 ? Match::kMaybe : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<MqttParser>(); }

record::Schema* const kSchemas[] = {&MqttConnect::schema, &MqttPublish::schema, &MqttSubscribe::schema};

}  // namespace

const Definition kDefinition = {
    .name = "mqtt", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::mqtt
