#include "protocol/dhcp/dhcp.h"

#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "connection/shard.h"
#include "protocol/plan.h"
#include "protocol/ticks.h"

namespace whodunit::protocol::dhcp {
namespace {

using base::Cursor;
using base::Time;

constexpr std::uint16_t kPorts[] = {67, 68, 4011};
constexpr std::uint32_t kCookie = 0x63825363;  // RFC 2131 3
constexpr std::size_t kFixed = 236;
constexpr std::size_t kMaxTypes = 50, kMaxUids = 10, kMaxOpen = 1024;
constexpr std::size_t kMaxServers = 8;  // of a transaction, and of the addresses in an option

std::string_view type_name(std::uint8_t type) {
  static constexpr std::string_view kNames[] = {"",
                                                "DISCOVER",
                                                "OFFER",
                                                "REQUEST",
                                                "DECLINE",
                                                "ACK",
                                                "NAK",
                                                "RELEASE",
                                                "INFORM",
                                                "FORCERENEW",
                                                "LEASEQUERY",
                                                "LEASEUNASSIGNED",
                                                "LEASEUNKNOWN",
                                                "LEASEACTIVE",
                                                "BULKLEASEQUERY",
                                                "LEASEQUERYDONE"};
  return type < std::size(kNames) ? kNames[type] : std::string_view("unknown");
}

std::string mac_text(Bytes address) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t b : address) {
    if (!out.empty()) out += ':';
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

std::vector<std::string> addresses(Bytes option) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i + 4 <= option.size() && out.size() < kMaxServers; i += 4)
    out.push_back(Address::v4(option.data() + i).to_string());
  return out;
}

std::string text(Bytes b) {
  std::string_view t = base::as_text(base::slice(b, 0, 255));
  while (!t.empty() && t.back() == '\0') t.remove_suffix(1);
  return std::string(t);
}

// RFC 4702 2.3: in DNS's wire form where the E bit is set, in letters otherwise.
std::string full_name(Bytes option) {
  if (option.size() < 3) return {};
  const Bytes name = option.subspan(3);
  if ((option[0] & 4) == 0) return text(name);
  std::string out;
  Cursor c(name);
  while (c.ok() && !c.at_end()) {
    const std::uint8_t length = c.u8();
    if (length == 0 || length > 63) break;
    if (!out.empty()) out += '.';
    out += c.text(length);
  }
  return out;
}

struct Transaction {
  std::uint64_t connection = 0;  // its uid where it is not between DHCP's ports; 0 otherwise
  std::uint32_t xid = 0;
  record::Head head;  // of its first message
  Time last;
  Time began, spoke;         // its first and last message by the clock of the steps
  Time waits_from;           // it is looked at in the first step that is ten seconds behind
  std::uint64_t looked = 0;  // the packet up to which steps were looked at
  std::vector<record::Uid> uids;
  std::size_t open = 0;  // how many of these connections are still alive
  Opt<Address> client, server, requested, assigned;
  Opt<Duration> lease;
  std::string mac, client_hardware, host_name, client_fqdn, domain, client_message, server_message, vendor, parameters;
  std::vector<std::string_view> types;
  std::vector<std::string> servers, routers, resolvers;
  std::string settings;  // of the first server that gave any
  Opt<bool> conflicting;
};

// The transactions that may get more messages, in the order of their first ones. An exchange's messages lie on several
// connections: DISCOVER goes from 0.0.0.0 to everybody, OFFER from the server to everybody or to the address it offers.
struct Transactions final : Shared::Part {
  std::list<Transaction> open;
};

class DhcpParser final : public Parser {
 public:
  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    const Bytes data = packet.payload;
    if (data.size() < kFixed + 4 || base::load_be32(data.data() + kFixed) != kCookie) {
      context.weird("dhcp_malformed");
      return;
    }
    const bool request = data[0] == 1;
    const std::uint32_t xid = base::load_be32(data.data() + 4);
    // RFC 2132 2: a type, a length, a value; 0 pads, 255 ends. The header's name fields may hold more (option 52).
    std::uint8_t type = 0;
    Transaction found;
    std::vector<Bytes> areas{data.subspan(kFixed + 4)};
    for (std::size_t a = 0; a < areas.size() && a < 3; ++a) {
      Cursor c(areas[a]);
      while (c.ok() && !c.at_end()) {
        const std::uint8_t code = c.u8();
        if (code == 0) continue;
        if (code == 255) break;
        const Bytes value = c.bytes(c.u8());
        if (c.failed()) break;
        switch (code) {
          case 3:
            found.routers = addresses(value);
            break;
          case 6:
            found.resolvers = addresses(value);
            break;
          case 12:
            found.host_name = text(value);
            break;
          case 15:
            found.domain = text(value);
            break;
          case 50:
            if (value.size() == 4) found.requested = Address::v4(value.data());
            break;
          case 51:
            if (value.size() == 4) found.lease = base::seconds(base::load_be32(value.data()));
            break;
          case 52:
            if (!value.empty() && a == 0) {
              if (value[0] & 1) areas.push_back(data.subspan(108, 128));
              if (value[0] & 2) areas.push_back(data.subspan(44, 64));
            }
            break;
          case 53:
            if (!value.empty()) type = value[0];
            break;
          case 55:
            for (const std::uint8_t p : value)
              found.parameters += (found.parameters.empty() ? "" : ",") + std::to_string(p);
            break;
          case 56:
            (request ? found.client_message : found.server_message) = text(value);
            break;
          case 60:
            found.vendor = text(value);
            break;
          case 61:
            if (value.size() == 7 && value[0] == 1) found.mac = mac_text(value.subspan(1));
            break;
          case 81:
            found.client_fqdn = full_name(value);
            break;
          default:
            break;
        }
      }
    }
    if (type == 0) return;  // plain BOOTP
    context.recognised = true;
    Transaction& t = transaction(context, xid);
    t.last = context.now();
    if (const Ticks* ticks = context.plan().ticks) t.spoke = ticks->forward(t.last, context.at().run_number);
    record::extend(t.head.place, context.place());
    if (t.types.size() < kMaxTypes) t.types.push_back(type_name(type));
    const auto take = [](std::string& into, std::string& from) {
      if (!from.empty()) into = std::move(from);
    };
    take(t.client_message, found.client_message);
    take(t.server_message, found.server_message);
    const std::string hardware = mac_text(data.subspan(28, std::min<std::size_t>(data[2], 16)));
    const auto& id = context.connection().id;
    if (request) {
      const Address& from = direction == Direction::kOriginator ? id.orig_h : id.resp_h;
      if (!from.is_unspecified() && !(from.is_v4() && from.v4_value() == 0) && !from.is_limited_broadcast())
        t.client = from;
      take(t.host_name, found.host_name);
      take(t.client_fqdn, found.client_fqdn);
      take(t.vendor, found.vendor);
      take(t.parameters, found.parameters);
      if (!found.mac.empty())
        t.mac = found.mac;
      else
        t.client_hardware = hardware;
      if (found.requested) t.requested = found.requested;
    } else {
      const std::uint32_t yours = base::load_be32(data.data() + 16);
      if (yours != 0) {
        t.server = direction == Direction::kOriginator ? id.orig_h : id.resp_h;
        t.assigned = Address::v4(yours);
        std::string server = t.server->to_string();
        if (t.servers.size() < kMaxServers && std::find(t.servers.begin(), t.servers.end(), server) == t.servers.end())
          t.servers.push_back(std::move(server));
        std::string settings;
        for (const std::string& r : found.routers) settings += r + ' ';
        for (const std::string& r : found.resolvers) settings += '/' + r;
        if (t.settings.empty()) t.settings = settings;
        if (t.servers.size() > 1)
          t.conflicting = t.conflicting.value_or(false) || (!settings.empty() && settings != t.settings);
        if (!found.routers.empty()) t.routers = std::move(found.routers);
        if (!found.resolvers.empty()) t.resolvers = std::move(found.resolvers);
      }
      if (t.mac.empty()) t.mac = hardware;
      if (!t.client && t.assigned) t.client = t.assigned;
      take(t.domain, found.domain);
      if (found.lease) t.lease = found.lease;
    }
  }

  void closed(Context& context, End) override {
    if (!joined_) return;
    auto& open = context.shared().of<Transactions>().open;
    for (auto it = open.begin(); it != open.end();) {
      const auto here = std::find(it->uids.begin(), it->uids.end(), context.connection().uid);
      if (here != it->uids.end() && --it->open == 0) {
        write(context, *it);
        it = open.erase(it);
      } else {
        ++it;
      }
    }
  }

 private:
  // As Zeek: looked at in steps of some ten seconds, from ten seconds after its first message on. It is over where it
  // was silent for more than five seconds then, or has lasted for more than half a minute; else it has five seconds
  // more.
  static bool is_over(Context& context, Transaction& t) {
    const Ticks* ticks = context.plan().ticks;
    if (ticks == nullptr) {
      const Duration age = context.now() - t.head.ts;
      return age > base::seconds(30) || (age >= base::seconds(12) && context.now() - t.last > base::seconds(5));
    }
    for (const Ticks::Tick& tick : ticks->recent()) {
      if (tick.run_number <= t.looked) continue;
      if (tick.run_number > context.at().run_number) break;
      t.looked = tick.run_number;
      if (!(t.waits_from + base::seconds(10) < tick.time)) continue;
      if (tick.time - t.spoke > base::seconds(5) || tick.time - t.began > base::seconds(30)) return true;
      t.waits_from = whole_seconds(*ticks, tick.time + base::seconds(-5));
    }
    return false;
  }
  // Such times are counted in whole seconds since the first packet.
  static Time whole_seconds(const Ticks& ticks, Time time) {
    const Duration since = time - ticks.start();
    return ticks.start() + Duration{since.ns - since.ns % base::seconds(1).ns};
  }

  Transaction& transaction(Context& context, std::uint32_t xid) {
    joined_ = true;
    const auto& view = context.connection();
    const bool joins = connection::is_dhcp(view.protocol, view.id.orig_p.value, view.id.resp_p.value);
    const std::uint64_t connection = joins ? 0 : view.uid.value;
    auto& open = context.shared().of<Transactions>().open;
    // All that are over and began before the first that is not, and the one asked for.
    while (!open.empty() && (open.size() >= kMaxOpen || is_over(context, open.front()))) {
      write(context, open.front());
      open.pop_front();
    }
    for (auto it = open.begin(); it != open.end(); ++it) {
      if (it->xid != xid || it->connection != connection) continue;
      const bool known = std::find(it->uids.begin(), it->uids.end(), view.uid) != it->uids.end();
      if (is_over(context, *it) || it->types.size() >= kMaxTypes || (!known && it->uids.size() >= kMaxUids)) {
        write(context, *it);
        open.erase(it);
        break;
      }
      if (!known) {
        it->uids.push_back(view.uid);
        ++it->open;
      }
      return *it;
    }
    Transaction& t = open.emplace_back();
    t.connection = connection;
    t.xid = xid;
    t.head = context.head(context.now(), context.place());
    t.last = context.now();
    t.looked = context.at().run_number;
    if (const Ticks* ticks = context.plan().ticks) {
      t.began = ticks->forward(context.now(), t.looked);
      t.waits_from = whole_seconds(*ticks, t.began);
    }
    t.uids.push_back(view.uid);
    t.open = 1;
    return t;
  }

  void write(Context& context, const Transaction& t) {
    const auto set = [](Text& out, const std::string& in) {
      if (!in.empty()) out = in;
    };
    Dhcp row;
    row.head = t.head;
    std::vector<std::string> uids;
    for (const record::Uid& uid : t.uids) uids.push_back(uid.to_string());
    const std::vector<std::string_view> views(uids.begin(), uids.end());
    row.uids = views;
    row.client_addr = t.client;
    row.server_addr = t.server;
    set(row.mac, t.mac.empty() ? t.client_hardware : t.mac);
    set(row.host_name, t.host_name);
    set(row.client_fqdn, t.client_fqdn);
    set(row.domain, t.domain);
    row.requested_addr = t.requested;
    row.assigned_addr = t.assigned;
    row.lease_time = t.lease;
    set(row.client_message, t.client_message);
    set(row.server_message, t.server_message);
    row.msg_types = t.types;
    row.duration = t.last - t.head.ts;
    row.xid = t.xid;
    set(row.vendor_class, t.vendor);
    set(row.parameters, t.parameters);
    const std::vector<std::string_view> servers(t.servers.begin(), t.servers.end());
    const std::vector<std::string_view> routers(t.routers.begin(), t.routers.end());
    const std::vector<std::string_view> resolvers(t.resolvers.begin(), t.resolvers.end());
    row.servers = servers;
    row.routers = routers;
    row.dns_servers = resolvers;
    row.conflicting = t.conflicting;
    context.emit(row);
  }

  bool joined_ = false;  // part of a transaction
};

// An operation, a hardware type with its length, and the magic cookie.
Match recognise(Bytes data, Direction, bool port_hint) {
  if (data.size() < kFixed + 4) return Match::kNo;
  if ((data[0] != 1 && data[0] != 2) || data[2] > 16) return Match::kNo;
  if (base::load_be32(data.data() + kFixed) != kCookie) return Match::kNo;
  return port_hint || (data[1] == 1 && data[2] == 6) ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<DhcpParser>(); }

record::Schema* const kSchemas[] = {&Dhcp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "dhcp", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::dhcp
