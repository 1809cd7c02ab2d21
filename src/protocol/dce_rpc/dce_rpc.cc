#include "protocol/dce_rpc/dce_rpc.h"

#include <algorithm>
#include <string>
#include <utility>

#include "protocol/utf16.h"

namespace whodunit::protocol::dce_rpc {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {135, 593};
constexpr std::size_t kHeader = 16;
constexpr std::size_t kMaxBindings = 64, kMaxCalls = 64, kMaxHeld = 64 << 10;

// [C706] 12.6.4.1.
enum PduType : std::uint8_t {
  kRequest = 0,
  kResponse = 2,
  kFault = 3,
  kBind = 11,
  kBindAck = 12,
  kBindNak = 13,
  kAlterContext = 14,
  kAlterContextResponse = 15,
  kAuth3 = 16,
  kOrphaned = 19
};
constexpr std::uint8_t kFirstFragment = 1, kLastFragment = 2, kObject = 0x80;

struct Header {
  std::uint8_t type = 0, flags = 0;
  bool little_endian = true;
  std::uint16_t length = 0, auth_length = 0;
  std::uint32_t call = 0;
};

bool read_header(Bytes data, Header& h) {
  if (data.size() < kHeader) return false;
  if (data[0] != 5 || data[1] > 1 || data[2] > kOrphaned) return false;
  h.type = data[2];
  h.flags = data[3];
  // [C706] 14.2.5: the upper half of the first byte is the integers' order; ASCII or EBCDIC, IEEE or others below.
  if ((data[4] & 0xf0) > 0x10 || (data[4] & 0x0f) > 1 || data[5] > 3 || data[6] != 0 || data[7] != 0) return false;
  h.little_endian = (data[4] & 0xf0) == 0x10;
  const auto u16 = [&](std::size_t at) {
    return h.little_endian ? base::load_le16(data.data() + at) : base::load_be16(data.data() + at);
  };
  h.length = u16(8);
  h.auth_length = u16(10);
  h.call = h.little_endian ? base::load_le32(data.data() + 12) : base::load_be32(data.data() + 12);
  return h.length >= kHeader && (h.auth_length == 0 || h.auth_length + kHeader + 8u <= h.length);
}

// A cursor that knows the sender's byte order.
struct Fields {
  Cursor c;
  bool little_endian;
  std::uint16_t u16() { return little_endian ? c.le16() : c.be16(); }
  std::uint32_t u32() { return little_endian ? c.le32() : c.be32(); }
};

/// What a procedure returns follows its arguments ([C706] 14.3.12): the last four bytes of stub data, where they are
/// not encrypted. Nothing is left of `f` afterwards.
std::optional<std::uint32_t> return_value(Fields& f, std::uint8_t level) {
  constexpr std::uint8_t kPrivacy = 6;  // [MS-RPCE] 2.2.1.1.8
  if (level >= kPrivacy || f.c.left() < 4) return std::nullopt;
  f.c.skip(f.c.left() - 4);
  return f.u32();
}

std::string_view level_name(std::uint8_t level) {
  static constexpr std::string_view kNames[] = {"none", "none", "connect", "call", "packet", "integrity", "privacy"};
  return level < std::size(kNames) ? kNames[level] : std::string_view("unknown");
}

std::string fault_name(std::uint32_t status) {
  switch (status) {
    case 0x5:
      return "access_denied";
    case 0x1c010002:
      return "nca_op_rng_error";
    case 0x1c010003:
      return "nca_unk_if";
    case 0x1c010013:
      return "nca_proto_error";
    case 0x1c00000b:
      return "nca_remote_comm_failure";
    case 0x1c000001:
      return "nca_fault_int_div_by_zero";
    case 0x1c000002:
      return "nca_fault_addr_error";
    case 0x1c000012:
      return "nca_fault_unspec";
    case 0x6f7:
      return "rpc_x_bad_stub_data";
    case 0x6d1:
      return "rpc_s_procnum_out_of_range";
    default:
      break;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) out += kHex[status >> shift & 15];
  return out;
}

// NDR's conformant and varying strings ([C706] 14.3.4.2): how many there may be, the first's offset (0), how many there
// are, then that many characters. Looked for at each multiple of four.
void find_strings(Bytes stub, std::vector<std::string>& out) {
  const std::size_t end = std::min<std::size_t>(stub.size(), 8192);
  for (std::size_t at = 0; at + 16 <= end && out.size() < 8; at += 4) {
    const std::uint32_t most = base::load_le32(stub.data() + at);
    const std::uint32_t actual = base::load_le32(stub.data() + at + 8);
    if (base::load_le32(stub.data() + at + 4) != 0 || actual < 2 || actual > most || most > 4096) continue;
    const Bytes characters = base::slice(stub, at + 12, std::size_t{actual} * 2);
    if (characters.size() < std::size_t{actual} * 2) continue;
    bool printable = true;
    std::size_t length = actual;
    if (base::load_le16(characters.data() + (actual - 1) * std::size_t{2}) == 0) --length;
    for (std::size_t i = 0; i < length && printable; ++i) {
      const std::uint16_t c = base::load_le16(characters.data() + i * 2);
      printable = c == 9 || c == 10 || c == 13 || (c >= 0x20 && c < 0xfffe && (c < 0x7f || c >= 0xa0));
    }
    if (!printable || length == 0) continue;
    out.push_back(utf16le_text(base::slice(characters, 0, std::min<std::size_t>(length, 512) * 2)));
    at += (12 + characters.size() - 1) / 4 * 4;
  }
}

}  // namespace

Channel::~Channel() = default;

std::size_t Channel::length_of(Bytes data) {
  // What is there already must fit.
  static constexpr std::uint8_t kAny[kHeader] = {5, 0, 0, 0, 0x10, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0};
  if (data.size() < kHeader) {
    if (!data.empty() && data[0] != kAny[0]) return SIZE_MAX;
    if (data.size() > 2 && data[2] > kOrphaned) return SIZE_MAX;
    return 0;
  }
  Header h;
  return read_header(data, h) ? h.length : SIZE_MAX;
}

bool Channel::data(Context& context, Direction direction, Bytes data, gssapi::Session& authentication) {
  std::vector<std::uint8_t>& held = held_[connection::index(direction)];
  std::vector<std::uint8_t> joined;
  if (!held.empty()) {
    joined.swap(held);
    joined.insert(joined.end(), data.begin(), data.end());
    data = joined;
  }
  while (!data.empty()) {
    const std::size_t length = length_of(data);
    if (length == SIZE_MAX) return false;
    if (length == 0 || length > data.size()) {
      if (data.size() > kMaxHeld) return false;
      held.assign(data.begin(), data.end());
      return true;
    }
    pdu(context, direction, data.subspan(0, length), authentication);
    data = data.subspan(length);
  }
  return true;
}

namespace {

// Tokens of a kind that is not read here ([MS-RPCE] 2.2.1.1.7): of TLS, of Netlogon's secure channel, or unknown.
void unread_authentication(Context& context, std::uint8_t type) {
  constexpr std::uint8_t kTls = 14, kNetlogon = 68;
  const std::string_view source = std::exchange(context.weird_source, "dce_rpc");
  context.weird(type == kTls        ? "tls_dce_rpc_auth_type"
                : type == kNetlogon ? "netlogon_dce_rpc_auth_type"
                                    : "unknown_dce_rpc_auth_type",
                std::to_string(type));
  context.weird_source = source;
}

}  // namespace

bool Channel::pdu(Context& context, Direction direction, Bytes pdu, gssapi::Session& authentication) {
  Header h;
  if (!read_header(pdu, h) || pdu.size() < h.length) return false;
  context.carries("dce_rpc");
  std::uint8_t level = 0;
  std::size_t end = h.length;
  if (h.auth_length != 0) {  // [MS-RPCE] 2.2.2.11: a trailer of eight bytes, then the token
    end = h.length - h.auth_length - 8u;
    const std::uint8_t type = pdu[end];
    level = pdu[end + 1];
    const std::size_t padding = pdu[end + 2];
    if (h.type >= kBind && h.type <= kAuth3) {
      if (type == 9 || type == 10 || type == 16)
        authentication.token(context, pdu.subspan(end + 8, h.auth_length), "dce_rpc");
      else
        unread_authentication(context, type);
    }
    if (padding <= end - kHeader) end -= padding;
  }
  const Bytes body = pdu.subspan(kHeader, end - kHeader);
  switch (h.type) {
    case kBind:
    case kAlterContext:
      if (!bind(body, h.little_endian)) context.weird("dce_rpc_malformed_bind");
      break;
    case kBindAck:
      bind_ack(body, h.little_endian);
      break;
    case kRequest: {
      Fields f{Cursor(body), h.little_endian};
      f.u32();
      const std::uint16_t context_id = f.u16();
      const std::uint16_t opnum = f.u16();
      if (h.flags & kObject) f.c.skip(16);
      if (f.c.failed()) {
        context.weird("dce_rpc_malformed_request");
        break;
      }
      const Bytes stub = f.c.rest();
      auto open = std::find_if(calls_.begin(), calls_.end(), [&](const Call& c) { return c.id == h.call; });
      if ((h.flags & kFirstFragment) == 0 && open != calls_.end()) {
        open->request_bytes += static_cast<std::uint32_t>(stub.size());
        record::extend(open->place, context.place());
        break;
      }
      if (open != calls_.end()) {  // the id is used again: the old call was never answered
        write(context, *open, false, {});
        calls_.erase(open);
      } else if (calls_.size() >= kMaxCalls) {
        write(context, calls_.front(), false, {});
        calls_.erase(calls_.begin());
      }
      Call call;
      call.ts = context.now();
      call.place = context.place();
      call.id = h.call;
      call.context_id = context_id;
      call.opnum = opnum;
      call.request_bytes = static_cast<std::uint32_t>(stub.size());
      call.auth_level = level;
      if (level < 6 && h.little_endian) find_strings(stub, call.strings);
      calls_.push_back(std::move(call));
      break;
    }
    case kResponse:
    case kFault: {
      const auto open = std::find_if(calls_.begin(), calls_.end(), [&](const Call& c) { return c.id == h.call; });
      if (open == calls_.end()) break;  // its request was not seen
      Fields f{Cursor(body), h.little_endian};
      f.u32();
      f.u16();
      f.u16();
      record::extend(open->place, context.place());
      std::string fault;
      if (h.type == kFault)
        fault = fault_name(f.u32());
      else {
        open->response_bytes += static_cast<std::uint32_t>(f.c.left());
        if ((h.flags & kLastFragment) != 0) open->return_value = return_value(f, level);
      }
      if ((h.flags & kLastFragment) == 0 && h.type == kResponse) break;
      write(context, *open, true, fault);
      calls_.erase(open);
      break;
    }
    default:
      break;
  }
  (void)direction;
  return true;
}

// [C706] 12.6.4.3: the presentation contexts, each with the interface that it stands for.
bool Channel::bind(Bytes body, bool little_endian) {
  Fields f{Cursor(body), little_endian};
  f.c.skip(8);
  const unsigned count = f.c.u8();
  f.c.skip(3);
  for (unsigned i = 0; i < count && f.c.ok(); ++i) {
    const std::uint16_t id = f.u16();
    const unsigned syntaxes = f.c.u8();
    f.c.skip(1);
    const Bytes uuid = f.c.bytes(16);
    f.c.skip(4);
    f.c.skip(std::size_t{syntaxes} * 20);
    if (uuid.size() != 16) break;
    const Uuid interface = read_uuid(uuid, little_endian);
    const auto known =
        std::find_if(bindings_.begin(), bindings_.end(), [&](const Binding& b) { return b.context_id == id; });
    if (known != bindings_.end())
      known->uuid = interface;
    else if (bindings_.size() < kMaxBindings)
      bindings_.push_back({id, interface});
  }
  return f.c.ok();
}

// [C706] 12.6.4.4.
void Channel::bind_ack(Bytes body, bool little_endian) {
  Fields f{Cursor(body), little_endian};
  f.c.skip(8);
  std::string_view address = f.c.text(f.u16());
  if (!address.empty() && address.back() == '\0') address.remove_suffix(1);
  if (!address.empty()) secondary_address_ = address.substr(0, 256);
}

bool Channel::interface_of(std::uint16_t context_id, Uuid& uuid) const {
  for (const Binding& b : bindings_)
    if (b.context_id == context_id) {
      uuid = b.uuid;
      return true;
    }
  if (!bindings_.empty()) {
    uuid = bindings_.back().uuid;
    return true;
  }
  // The binding was not seen: some pipes say enough.
  return interface_of_pipe(secondary_address_.empty() ? pipe_ : secondary_address_, uuid);
}

void Channel::write(Context& context, const Call& call, bool answered, std::string_view fault) {
  Uuid uuid{};
  std::string endpoint, operation, id;
  // Where the binding was not captured, the operation's number is what is known.
  if (interface_of(call.context_id, uuid)) {
    endpoint = interface_name(uuid);
    operation = operation_name(uuid, call.opnum);
    id = to_text(uuid);
  }
  const std::vector<std::string_view> strings(call.strings.begin(), call.strings.end());
  DceRpc row;
  row.head = context.head(call.ts, call.place);
  if (!endpoint.empty()) row.endpoint = endpoint;
  if (!operation.empty()) row.operation = operation;
  if (!id.empty()) row.uuid = id;
  row.opnum = call.opnum;
  if (!secondary_address_.empty())
    row.named_pipe = secondary_address_;
  else if (!pipe_.empty())
    row.named_pipe = pipe_;
  if (answered && context.now() > call.ts) row.rtt = context.now() - call.ts;
  row.request_bytes = call.request_bytes;
  if (answered && fault.empty()) row.response_bytes = call.response_bytes;
  if (answered && fault.empty() && call.return_value) row.return_value = *call.return_value;
  if (!strings.empty()) row.strings = strings;
  if (!fault.empty()) row.fault = fault;
  row.auth_level = level_name(call.auth_level);
  context.emit(row);
}

void Channel::finish(Context& context) {
  for (const Call& call : calls_) write(context, call, false, {});
  calls_.clear();
}

namespace {

struct State {
  Channel channel;
  gssapi::Session authentication;
};

class DceRpcParser final : public FramedParser {
 public:
  DceRpcParser() : FramedParser(65536) {}
  void closed(Context& context, End) override {
    if (!state_) return;
    state_->channel.finish(context);
    state_->authentication.finish(context);
    state_.reset();
  }

 protected:
  std::size_t frame(Direction, Bytes so_far) override {
    const std::size_t length = Channel::length_of(so_far);
    return length == 0 ? kMore : length;
  }
  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (!state_) state_ = std::make_unique<State>();
    if (state_->channel.pdu(context, direction, message, state_->authentication)) context.recognised = true;
  }

 private:
  std::unique_ptr<State> state_;
};
static_assert(sizeof(DceRpcParser) <= 96);

Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < kHeader) {
    const bool possible = Channel::length_of(data) == 0 && (data.size() < 2 || data[1] <= 1);
    return possible ? Match::kNeedMore : Match::kNo;
  }
  Header h;
  if (!read_header(data, h)) return Match::kNo;
  // Who calls begins with a bind; in the middle of a stream anything may come first.
  const bool begins = direction == Direction::kOriginator ? h.type == kBind : h.type == kBindAck || h.type == kBindNak;
  if (begins) return Match::kYes;
  return port_hint || h.call != 0 ? Match::kMaybe : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<DceRpcParser>(); }

record::Schema* const kSchemas[] = {&DceRpc::schema};

}  // namespace

const Definition kDefinition = {
    .name = "dce_rpc", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::dce_rpc
