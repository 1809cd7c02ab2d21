#include "protocol/sunrpc/sunrpc.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace whodunit::protocol::sunrpc {
namespace {

constexpr std::uint16_t kPorts[] = {111, 2049};
constexpr std::size_t kMaxKept = 4096;   // bytes of a message that are read: headers, and the port mapper's answers
constexpr std::size_t kMaxOpen = 64;     // calls of a connection that wait for their replies
constexpr std::uint32_t kMaxAuth = 400;  // bytes of a credential or verifier (RFC 5531 8.2)
// A universal address (RFC 5665 5.2.3) is an IP address in text, and two numbers of a byte each.
constexpr std::uint32_t kMaxUniversalAddress = 64;

constexpr std::uint32_t kPortMapper = 100000, kNfs = 100003;
constexpr std::uint32_t kSys = 1, kGss = 6;

struct Named {
  std::uint32_t number;
  std::string_view name;
};
constexpr Named kPrograms[] = {
    {100000, "portmapper"}, {100001, "rstatd"}, {100002, "rusersd"}, {100003, "nfs"},        {100004, "ypserv"},
    {100005, "mountd"},     {100007, "ypbind"}, {100008, "walld"},   {100009, "yppasswdd"},  {100011, "rquotad"},
    {100021, "nlockmgr"},   {100024, "status"}, {100068, "cmsd"},    {100083, "ttdbserver"}, {100227, "nfs_acl"},
    {100232, "sadmind"},    {300019, "amd"},    {390109, "nsrstat"}, {390113, "nsrexec"}};
std::string_view program_name(std::uint32_t program) {
  for (const Named& n : kPrograms)
    if (n.number == program) return n.name;
  return {};
}

std::string_view mapper_procedure(std::uint32_t version, std::uint32_t procedure) {
  constexpr std::string_view kTwo[] = {"NULL", "SET", "UNSET", "GETPORT", "DUMP", "CALLIT"};
  constexpr std::string_view kFour[] = {"NULL",     "SET",         "UNSET",       "GETADDR",     "DUMP",
                                        "BCAST",    "GETTIME",     "UADDR2TADDR", "TADDR2UADDR", "GETVERSADDR",
                                        "INDIRECT", "GETADDRLIST", "GETSTAT"};
  if (version == 2) return procedure < std::size(kTwo) ? kTwo[procedure] : std::string_view();
  return procedure < std::size(kFour) ? kFour[procedure] : std::string_view();
}

std::string_view flavour_name(std::uint32_t flavour) {
  constexpr Named kFlavours[] = {
      {0, "AUTH_NONE"}, {1, "AUTH_SYS"}, {2, "AUTH_SHORT"}, {3, "AUTH_DH"}, {6, "RPCSEC_GSS"}};
  for (const Named& n : kFlavours)
    if (n.number == flavour) return n.name;
  return "other";
}

constexpr std::string_view kAccepted[] = {"SUCCESS",      "PROG_UNAVAIL", "PROG_MISMATCH",
                                          "PROC_UNAVAIL", "GARBAGE_ARGS", "SYSTEM_ERR"};

struct Call {
  std::uint32_t xid = 0, program = 0, version = 0, procedure = 0, flavour = 0;
  base::Time ts;
  record::Place place;
  std::string machine;
  Opt<std::uint64_t> uid, mapped_program, mapped_port;
};

struct Auth {
  std::uint32_t flavour = 0, length = 0;
  Bytes body;
};
/// RFC 5531 8.2: a flavour, and opaque bytes, padded to four (RFC 4506 4.10). The body is cut to what is there.
Auth read_auth(base::Cursor& c) {
  Auth a;
  a.flavour = c.be32();
  a.length = c.be32();
  const std::size_t padded = (static_cast<std::size_t>(a.length) + 3) / 4 * 4;
  a.body = c.rest().first(std::min<std::size_t>(a.length, c.left()));
  if (padded > c.left())
    c.fail();
  else
    c.skip(padded);
  return a;
}

class RpcParser final : public FramedParser {
 public:
  RpcParser() : FramedParser(kMaxKept + 4) {}
  ~RpcParser() override {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, counted_);
  }

  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    take(context, direction, packet.payload.first(std::min(packet.payload.size(), kMaxKept)));
  }
  void closed(Context& context, End) override {
    for (const Call& call : open_) emit(context, call, {}, {});
    open_.clear();
    text_bytes_ = 0;
  }

 protected:
  // RFC 5531 11: fragments with a length of 31 bits; the highest bit marks the last.
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.size() < 4) return kMore;
    const std::uint32_t mark = base::load_be32(so_far.data());
    const std::size_t size = mark & 0x7fffffff;
    if (size == 0 || size > (64u << 20)) return kBad;
    return size + 4;
  }
  void message(Context& context, Direction direction, Bytes message, bool) override {
    const bool last = (message[0] & 0x80) != 0, first = !inside_[connection::index(direction)];
    inside_[connection::index(direction)] = !last;
    if (first) take(context, direction, base::slice(message, 4));
  }

 private:
  void take(Context& context, Direction direction, Bytes message) {
    base::Cursor c(message);
    const std::uint32_t xid = c.be32(), type = c.be32();
    if (c.failed() || type > 1) {
      if (!seen_) context.failed = true;
      context.weird("rpc_not_a_message");
      return;
    }
    seen_ = true;
    if (type == 0)
      call(context, c, xid);
    else
      reply(context, c, xid);
    (void)direction;
  }

  void call(Context& context, base::Cursor& c, std::uint32_t xid) {
    Call x;
    x.xid = xid;
    x.ts = context.now();
    x.place = context.place();
    const std::uint32_t rpc_version = c.be32();
    x.program = c.be32();
    x.version = c.be32();
    x.procedure = c.be32();
    if (c.failed() || rpc_version != 2) {
      context.weird("rpc_not_a_call");
      return;
    }
    const Auth credential = read_auth(c);
    const Auth verifier = c.ok() ? read_auth(c) : Auth{};
    x.flavour = credential.flavour;
    if (credential.length > kMaxAuth || verifier.length > kMaxAuth)
      context.weird("rpc_auth_too_long", std::to_string(std::max(credential.length, verifier.length)) +
                                             " bytes, program " + std::to_string(x.program));
    if (credential.flavour == kSys) {
      base::Cursor body(credential.body);
      body.skip(4);
      const std::uint32_t size = body.be32();
      // RFC 5531, appendix A: machinename<255>.
      if (size > 255) context.weird("rpc_machine_name_too_long", std::to_string(size));
      x.machine = std::string(body.text(std::min<std::size_t>(size, 255)));
      body.skip((4 - size % 4) % 4);
      const std::uint32_t uid = body.be32();
      if (body.ok()) x.uid = uid;
    }
    if (credential.flavour == kGss) {
      // RFC 2203 5: version 1; procedures DATA, INIT, CONTINUE_INIT and DESTROY; version 2 adds none (RFC 5403).
      base::Cursor body(credential.body);
      const std::uint32_t version = body.be32(), procedure = body.be32();
      if (body.failed() || version < 1 || version > 3 || procedure > 4)
        context.weird("rpc_gss_credential_malformed", "program " + std::to_string(x.program));
    } else if (verifier.flavour == kGss && verifier.length != 0) {
      // RFC 2203 5.3.1: its verifier goes with its credential.
      context.weird("rpc_gss_verifier_without_credential",
                    std::to_string(verifier.length) + " bytes, program " + std::to_string(x.program));
    }
    if (x.program == kPortMapper && c.ok()) mapper_call(x, c);
    if (open_.size() >= kMaxOpen) {
      // A flood of calls that nobody answers: told once, not call by call.
      if (!flooded_) context.weird("rpc_too_many_open_calls");
      flooded_ = true;
      text_bytes_ -= open_.front().machine.capacity();
      open_.pop_front();
    }
    text_bytes_ += x.machine.capacity();
    open_.push_back(std::move(x));
    account(context);
  }

  // RFC 1833: version 2's mapping is program, version, protocol, port; 3 and 4's strings are not read.
  static void mapper_call(Call& x, base::Cursor& c) {
    if (x.version == 2 && x.procedure >= 1 && x.procedure <= 3) {
      const std::uint32_t program = c.be32();
      c.skip(8);
      const std::uint32_t port = c.be32();
      if (c.failed()) return;
      x.mapped_program = program;
      if (x.procedure == 1) x.mapped_port = port;
    } else if (x.version > 2 && x.procedure >= 1 && x.procedure <= 3) {
      const std::uint32_t program = c.be32();
      if (c.ok()) x.mapped_program = program;
    }
  }

  void reply(Context& context, base::Cursor& c, std::uint32_t xid) {
    const auto at = std::find_if(open_.begin(), open_.end(), [&](const Call& x) { return x.xid == xid; });
    if (at == open_.end()) return;  // the call was not captured
    Call x = std::move(*at);
    text_bytes_ -= x.machine.capacity();
    open_.erase(at);
    account(context);
    record::extend(x.place, context.place());
    const std::uint32_t state = c.be32();
    std::string_view status = "DENIED";
    if (state == 0) {
      read_auth(c);
      const std::uint32_t accepted = c.be32();
      status = accepted < std::size(kAccepted) ? kAccepted[accepted] : std::string_view("other");
      if (c.failed()) status = "cut";
      if (status == "SUCCESS" && x.program == kPortMapper) mapper_reply(context, x, c);
    } else if (state == 1) {
      const std::uint32_t why = c.be32();
      status = why == 1 ? "AUTH_ERROR" : "RPC_MISMATCH";
    } else {
      context.weird("rpc_not_a_reply");
    }
    emit(context, x, status, x.mapped_port);
  }
  static void mapper_reply(Context& context, Call& x, base::Cursor& c) {
    if (x.version == 2 && x.procedure == 3) {
      const std::uint32_t port = c.be32();
      if (c.ok()) x.mapped_port = port;
    } else if (x.version > 2 && (x.procedure == 3 || x.procedure == 9)) {
      const std::uint32_t size = c.be32();
      if (c.failed()) return;
      if (size > kMaxUniversalAddress) context.weird("rpc_universal_address_too_long", std::to_string(size) + " bytes");
      const std::string_view text = c.text(std::min<std::size_t>(size, c.left()));
      // …, h.p: the port's two bytes.
      const std::size_t low = text.rfind('.'),
                        high = low == std::string_view::npos || low == 0 ? low : text.rfind('.', low - 1);
      if (high == std::string_view::npos || size > kMaxUniversalAddress) return;
      const auto number = [](std::string_view digits) {
        std::uint32_t n = 0;
        for (const char d : digits)
          n = d >= '0' && d <= '9' && n < 1000 ? n * 10 + static_cast<std::uint32_t>(d - '0') : 1000;
        return n;
      };
      const std::uint32_t h = number(text.substr(high + 1, low - high - 1)), l = number(text.substr(low + 1));
      if (h < 256 && l < 256) x.mapped_port = h << 8 | l;
    }
  }

  void emit(Context& context, const Call& x, std::string_view status, Opt<std::uint64_t> port) {
    if (x.program == kNfs) return;
    Rpc row;
    row.head = context.head(x.ts, x.place);
    row.program = x.program;
    row.program_name = program_name(x.program);
    row.version = x.version;
    row.procedure = x.procedure;
    if (x.program == kPortMapper) row.procedure_name = mapper_procedure(x.version, x.procedure);
    row.auth = flavour_name(x.flavour);
    row.machine = x.machine;
    row.uid = x.uid;
    row.status = status;
    row.mapped_program = x.mapped_program;
    row.mapped_port = port ? port : x.mapped_port;
    context.emit(row);
  }

  void account(Context& context) {
    const std::size_t bytes = open_.size() * sizeof(Call) + text_bytes_;
    if (bytes > counted_ && !context.memory().take(base::MemoryUse::kParsers, bytes - counted_)) {
      context.failed = true;
      return;
    }
    memory_ = &context.memory();
    if (bytes < counted_) memory_->give_back(base::MemoryUse::kParsers, counted_ - bytes);
    counted_ = bytes;
  }

  std::deque<Call> open_;
  std::size_t text_bytes_ = 0;  // of the machines' names
  base::MemoryAccountant* memory_ = nullptr;
  std::size_t counted_ = 0;
  bool inside_[2] = {false, false};  // of a message of several fragments
  bool seen_ = false;
  bool flooded_ = false;
};

// A call says what it is in six fields; a reply says too little by itself.
Match recognise_message(Bytes data, bool port_hint) {
  base::Cursor c(data);
  c.skip(4);
  const std::uint32_t type = c.be32();
  if (c.failed()) return Match::kNeedMore;
  if (type == 1) {
    const std::uint32_t state = c.be32();
    return state <= 1 && port_hint ? Match::kMaybe : Match::kNo;
  }
  if (type != 0) return Match::kNo;
  const std::uint32_t rpc_version = c.be32(), program = c.be32(), version = c.be32(), procedure = c.be32(),
                      flavour = c.be32();
  if (c.failed()) return data.size() >= 12 && rpc_version != 2 ? Match::kNo : Match::kNeedMore;
  // RFC 5531 8.3: up to 0x1fffffff assigned, up to 0x5fffffff defined by users and transient.
  if (rpc_version != 2 || program < 100000 || program > 0x5fffffff || version > 16 || procedure > 256)
    return Match::kNo;
  return flavour <= 3 || flavour == kGss || port_hint ? Match::kYes : Match::kNo;
}
Match over_tcp(Bytes data, Direction, bool port_hint) {
  if (data.size() < 4) return Match::kNeedMore;
  const std::uint32_t size = base::load_be32(data.data()) & 0x7fffffff;
  if (size < 20 || size > (64u << 20)) return Match::kNo;
  return recognise_message(data.subspan(4), port_hint);
}
Match over_udp(Bytes data, Direction, bool port_hint) {
  const Match m = recognise_message(data, port_hint);
  return m == Match::kNeedMore ? Match::kNo : m;
}

std::unique_ptr<Parser> make() { return std::make_unique<RpcParser>(); }

record::Schema* const kSchemas[] = {&Rpc::schema};

}  // namespace

const Definition kOverTcp = {
    .name = "rpc", .stream = true, .recognise = over_tcp, .ports = kPorts, .make = make, .schemas = kSchemas};
const Definition kOverUdp = {.name = "rpc", .datagram = true, .recognise = over_udp, .ports = kPorts, .make = make};

}  // namespace whodunit::protocol::sunrpc
