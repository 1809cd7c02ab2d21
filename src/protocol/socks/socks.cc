#include "protocol/socks/socks.h"

#include <memory>
#include <string>

namespace whodunit::protocol::socks {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {1080};

enum class Step : std::uint8_t { kGreeting, kLogin, kRequest, kAnswer, kDone };

std::string_view status5(std::uint8_t code) {
  static constexpr std::string_view kNames[] = {"succeeded",
                                                "general SOCKS server failure",
                                                "connection not allowed by ruleset",
                                                "Network unreachable",
                                                "Host unreachable",
                                                "Connection refused",
                                                "TTL expired",
                                                "Command not supported",
                                                "Address type not supported"};
  return code < std::size(kNames) ? kNames[code] : std::string_view("unknown");
}
std::string_view status4(std::uint8_t code) {
  switch (code) {
    case 0x5a:
      return "request granted";
    case 0x5b:
      return "request rejected or failed";
    case 0x5c:
      return "request failed because client is not running identd";
    case 0x5d:
      return "request failed because client's identd could not confirm the user ID string in the request";
    default:
      return "unknown";
  }
}

struct Facts {
  base::Time ts;
  record::Place place;
  std::string user, name, bound_name;
  Opt<Address> host, bound;
  Opt<std::uint16_t> port, bound_port;
  std::string_view status;
  std::uint8_t command = 0;
};

// RFC 1928 5: kind, address, port. The size of all, 0 where more is needed, SIZE_MAX where it is none.
std::size_t address_size(Bytes data) {
  if (data.empty()) return 0;
  if (data[0] == 1) return 7;
  if (data[0] == 4) return 19;
  if (data[0] != 3) return SIZE_MAX;
  return data.size() < 2 ? 0 : 4u + data[1];
}
void read_address(Cursor& c, Opt<Address>& host, std::string& name, Opt<std::uint16_t>& port) {
  const std::uint8_t kind = c.u8();
  if (kind == 1) {
    const Bytes a = c.bytes(4);
    if (a.size() == 4) host = Address::v4(a.data());
  } else if (kind == 4) {
    const Bytes a = c.bytes(16);
    if (a.size() == 16) host = Address::v6(a.data());
  } else {
    name = c.text(c.u8());
  }
  port = c.be16();
}

class SocksParser final : public FramedParser {
 public:
  SocksParser() : FramedParser(2048) {}
  void closed(Context& context, End) override {
    if (facts_) write(context);
  }

 protected:
  std::size_t frame(Direction direction, Bytes so_far) override {
    if (so_far.empty()) return kMore;
    const bool client = direction == Direction::kOriginator;
    if (version_ == 0) version_ = so_far[0];
    if (version_ == 4) {
      if (!client) return 8;
      if (so_far.size() < 9) return kMore;
      // A user's name, and for addresses 0.0.0.x a host's name (SOCKS 4a), each with a NUL.
      const bool named = so_far[4] == 0 && so_far[5] == 0 && so_far[6] == 0 && so_far[7] != 0;
      std::size_t at = 8;
      for (int i = 0; i < (named ? 2 : 1); ++i) {
        while (at < so_far.size() && so_far[at] != 0) ++at;
        if (at >= so_far.size()) return so_far.size() > 1024 ? kBad : kMore;
        ++at;
      }
      return at;
    }
    if (version_ != 5) return kBad;
    switch (client ? client_ : server_) {
      case Step::kGreeting:
        if (!client) return 2;
        return so_far.size() < 2 ? kMore : 2u + so_far[1];
      case Step::kLogin: {  // RFC 1929 2
        if (!client) return 2;
        if (so_far.size() < 2) return kMore;
        const std::size_t user = so_far[1];
        return so_far.size() < 3 + user ? kMore : 3 + user + so_far[2 + user];
      }
      case Step::kRequest:
      case Step::kAnswer: {
        if (so_far.size() < 4) return kMore;
        if (so_far[0] != 5) return kBad;
        const std::size_t size = address_size(so_far.subspan(3));
        return size == SIZE_MAX ? kBad : size == 0 ? kMore : 3 + size;
      }
      case Step::kDone:
        return kBad;
    }
    return kBad;
  }

  void message(Context& context, Direction direction, Bytes message, bool) override {
    if (!facts_) {
      facts_ = std::make_unique<Facts>();
      facts_->ts = context.now();
    }
    Facts& f = *facts_;
    record::extend(f.place, context.place());
    const bool client = direction == Direction::kOriginator;
    Cursor c(message);
    if (version_ == 4) {
      c.skip(1);
      if (client) {
        f.command = c.u8();
        f.port = c.be16();
        const Bytes a = c.bytes(4);
        if (a.size() != 4) return;
        context.tunnel("Tunnel::SOCKS");
        const std::string_view rest = base::as_text(c.rest());
        f.user = rest.substr(0, rest.find('\0'));
        if (a[0] == 0 && a[1] == 0 && a[2] == 0 && a[3] != 0) {
          const std::string_view name = rest.substr(std::min(rest.size(), f.user.size() + 1));
          f.name = name.substr(0, name.find('\0'));
        } else {
          f.host = Address::v4(a.data());
        }
      } else {
        const std::uint8_t code = c.u8();
        f.bound_port = c.be16();
        const Bytes a = c.bytes(4);
        if (a.size() == 4) f.bound = Address::v4(a.data());
        f.status = status4(code);
        hand_over(context, code == 0x5a);
      }
      return;
    }
    Step& step = client ? client_ : server_;
    // The row's time is that of the first message with something to say, as Zeek has it: the login or the request.
    if (client && !told_ && step != Step::kGreeting) {
      told_ = true;
      f.ts = context.now();
    }
    switch (step) {
      case Step::kGreeting:
        if (client) {
          step = Step::kRequest;  // unless the server asks for a login
        } else {
          step = message[1] == 2 ? Step::kLogin : Step::kAnswer;
          if (message[1] == 2) client_ = Step::kLogin;
          if (message[1] == 0xff) f.status = "no acceptable methods";
        }
        break;
      case Step::kLogin:
        if (client) {
          c.skip(1);
          f.user = c.text(c.u8());  // the password is passed over
        }
        step = client ? Step::kRequest : Step::kAnswer;
        break;
      case Step::kRequest:
        c.skip(1);
        f.command = c.u8();
        c.skip(1);
        read_address(c, f.host, f.name, f.port);
        context.tunnel("Tunnel::SOCKS");
        step = Step::kDone;
        break;
      case Step::kAnswer: {
        c.skip(1);
        const std::uint8_t code = c.u8();
        c.skip(1);
        read_address(c, f.bound, f.bound_name, f.bound_port);
        f.status = status5(code);
        step = Step::kDone;
        hand_over(context, code == 0);
        break;
      }
      case Step::kDone:
        break;
    }
  }
  void lost(Context& context, Direction, std::uint64_t) override { context.failed = true; }

 private:
  void hand_over(Context& context, bool granted) {
    context.recognised = true;
    if (granted && facts_->command == 1) context.become = "?";  // whatever goes through
  }

  void write(Context& context) {
    const Facts& f = *facts_;
    const auto set = [](Text& out, const std::string& in) {
      if (!in.empty()) out = in;
    };
    Socks row;
    row.head = context.head(f.ts, f.place);
    row.version = version_;
    set(row.user, f.user);
    if (!f.status.empty()) row.status = f.status;
    row.request_host = f.host;
    set(row.request_name, f.name);
    if (f.port) row.request_p = Port{*f.port};
    row.bound_host = f.bound;
    set(row.bound_name, f.bound_name);
    if (f.bound_port) row.bound_p = Port{*f.bound_port};
    if (f.command != 0) row.command = f.command == 1 ? "connect" : f.command == 2 ? "bind" : "udp_associate";
    context.emit(row);
    facts_.reset();
  }

  std::unique_ptr<Facts> facts_;
  bool told_ = false;  ///< the client said more than its greeting
  std::uint8_t version_ = 0;
  Step client_ = Step::kGreeting, server_ = Step::kGreeting;
};

// Version 5: methods that fill the segment. Version 4: connect or bind, a port, an address, a name with its NUL.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < 3) return !data.empty() && (data[0] == 4 || data[0] == 5) ? Match::kNeedMore : Match::kNo;
  if (direction == Direction::kResponder) return data[0] == 5 && data.size() == 2 ? Match::kMaybe : Match::kNo;
  if (data[0] == 5) {
    const std::size_t methods = data[1];
    if (methods == 0 || methods > 10 || data.size() != 2 + methods) return Match::kNo;
    for (const std::uint8_t m : data.subspan(2))
      if (m > 9 && m < 0x80) return Match::kNo;
    return Match::kYes;
  }
  if (data[0] != 4 || (data[1] != 1 && data[1] != 2) || data.size() < 9 || data.back() != 0) return Match::kNo;
  return port_hint || (base::load_be16(data.data() + 2) != 0 && data.size() < 300) ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<SocksParser>(); }

record::Schema* const kSchemas[] = {&Socks::schema};

}  // namespace

const Definition kDefinition = {
    .name = "socks", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::socks
