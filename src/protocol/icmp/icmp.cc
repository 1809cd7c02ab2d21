#include "protocol/icmp/icmp.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "protocol/icmp/router_advertisement.h"

namespace whodunit::protocol::icmp {
namespace {

constexpr std::uint8_t kIpProtocols[] = {packet::kIcmp, packet::kIcmp6};

constexpr std::size_t kMaxPayloads = 1024;
constexpr std::size_t kMaxSizes = 256;
constexpr std::size_t kMaxIds = 256;
constexpr std::size_t kMaxOpen = 256;  // requests that wait for a reply
constexpr std::size_t kEntropySamples = 256;

struct Named {
  std::uint8_t type;
  std::string_view name;
};
// IANA, "ICMP Parameters" and "ICMPv6 Parameters".
constexpr Named kTypes4[] = {
    {0, "echo-reply"},         {3, "unreachable"},          {4, "source-quench"},        {5, "redirect"},
    {8, "echo-request"},       {9, "router-advertisement"}, {10, "router-solicitation"}, {11, "time-exceeded"},
    {12, "parameter-problem"}, {13, "timestamp-request"},   {14, "timestamp-reply"},     {15, "information-request"},
    {16, "information-reply"}, {17, "mask-request"},        {18, "mask-reply"}};
constexpr Named kTypes6[] = {{1, "unreachable"},
                             {2, "packet-too-big"},
                             {3, "time-exceeded"},
                             {4, "parameter-problem"},
                             {128, "echo-request"},
                             {129, "echo-reply"},
                             {130, "listener-query"},
                             {131, "listener-report"},
                             {132, "listener-done"},
                             {133, "router-solicitation"},
                             {134, "router-advertisement"},
                             {135, "neighbor-solicitation"},
                             {136, "neighbor-advertisement"},
                             {137, "redirect"},
                             {143, "listener-report-v2"}};

std::string_view name_of(bool v6, std::uint8_t type) {
  for (const Named& n : v6 ? std::span<const Named>(kTypes6) : std::span<const Named>(kTypes4))
    if (n.type == type) return n.name;
  return "other";
}

bool is_request(bool v6, std::uint16_t type) { return type == (v6 ? 128 : 8); }
bool is_reply(bool v6, std::uint16_t type) { return type == (v6 ? 129 : 0); }
bool is_error(bool v6, std::uint16_t type) {
  return v6 ? type < 128 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

// Each byte one more than the last.
bool counts(Bytes data) {
  for (std::size_t i = 1; i < data.size(); ++i)
    if (data[i] != static_cast<std::uint8_t>(data[i - 1] + 1)) return false;
  return true;
}
bool constant(Bytes data) {
  return std::all_of(data.begin(), data.end(), [&](std::uint8_t b) { return b == data[0]; });
}
// Windows sends the letters a to w over and over.
bool alphabet(Bytes data) {
  for (std::size_t i = 0; i < data.size(); ++i)
    if (data[i] != 'a' + i % 23) return false;
  return true;
}
bool datagram(Bytes data) {
  if (data.size() >= 20 && data[0] == 0x45)
    return base::load_be16(data.data() + 2) <= data.size() && base::load_be16(data.data() + 2) >= 20;
  return data.size() >= 40 && data[0] >> 4 == 6 && base::load_be16(data.data() + 4) + 40u <= data.size() &&
         data[7] != 0;
}

// Unix pings begin with a timestamp of 8 or 16 bytes; what follows counts up or is constant (ping -p).
std::string_view pattern_of(Bytes data) {
  if (data.empty()) return "empty";
  if (data.size() >= 4 && alphabet(data)) return "alphabet";
  if (datagram(data)) return "ip";
  for (const std::size_t skip : {0u, 8u, 16u}) {
    const Bytes rest = base::slice(data, skip);
    if (rest.size() < 8 && skip > 0) break;
    if (rest.size() >= 4 && counts(rest)) return "counting";
    if (constant(rest)) return "constant";
  }
  const bool text = std::all_of(data.begin(), data.end(), [](std::uint8_t b) {
    return (b >= 0x20 && b < 0x7f) || b == '\n' || b == '\r' || b == '\t';
  });
  return text ? "text" : "other";
}

double entropy_of(Bytes data) {
  std::array<std::uint32_t, 256> counts{};
  for (const std::uint8_t b : data) ++counts[b];
  double bits = 0;
  for (const std::uint32_t n : counts) {
    if (n == 0) continue;
    const double p = n / static_cast<double>(data.size());
    bits -= p * std::log2(p);
  }
  return bits;
}

// Sorted, without doubles, of at most `most`.
template <class T>
void note(std::vector<T>& set, T value, std::size_t most) {
  const auto it = std::lower_bound(set.begin(), set.end(), value);
  if ((it == set.end() || *it != value) && set.size() < most) set.insert(it, value);
}

class IcmpParser final : public Parser {
 public:
  ~IcmpParser() override {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, counted_);
  }

  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    if (!facts_) begin(context, packet);
    Facts& f = *facts_;
    const bool v6 = packet.protocol == packet::kIcmp6;
    const std::size_t d = connection::index(direction);
    record::extend(f.place, context.place());
    f.last = std::max(f.last, context.now());
    ++f.messages[d];
    f.bytes[d] += packet.payload_length;
    f.smallest = std::min(f.smallest, packet.payload_length);
    f.largest = std::max(f.largest, packet.payload_length);
    note(f.sizes, static_cast<std::uint16_t>(std::min<std::uint32_t>(packet.payload_length, 0xffff)), kMaxSizes);

    const Bytes payload = packet.payload;
    const std::string_view pattern = pattern_of(payload);
    const bool ordinary = pattern == "alphabet" || pattern == "counting" || pattern == "constant" || pattern == "empty";
    // A timestamp makes every ping's payload another one; the pattern behind it counts.
    const Bytes varied = ordinary && payload.size() >= 24 ? payload.subspan(16) : payload;
    note(f.payloads, static_cast<std::uint32_t>(base::fast_hash(varied)), kMaxPayloads);
    if (payload.size() >= 32 && f.entropies < kEntropySamples) {
      f.entropy += entropy_of(base::slice(payload, 0, 1500));
      ++f.entropies;
    }
    if (is_request(v6, packet.source_port) || is_reply(v6, packet.source_port)) {
      if (ordinary) ++f.patterned;
      echo(is_request(v6, packet.source_port), packet);
    } else if (is_error(v6, packet.source_port) && !f.quoted) {
      quote(v6, payload);
    } else if (v6 && packet.source_port == 134) {
      read_router_advertisement(context, packet, f.advertised);
    }
    account(context);
  }

  void closed(Context& context, End) override {
    if (!facts_) return;
    const Facts& f = *facts_;
    Icmp row;
    row.head = context.head(f.first, f.place);
    row.ip_version = f.v6 ? 6 : 4;
    row.type = f.type;
    row.code = f.code;
    row.type_name = name_of(f.v6, f.type);
    row.duration = f.last - f.first;
    row.orig_messages = f.messages[0];
    row.resp_messages = f.messages[1];
    row.orig_bytes = f.bytes[0];
    row.resp_bytes = f.bytes[1];
    row.smallest = f.smallest;
    row.largest = f.largest;
    row.distinct_sizes = f.sizes.size();
    row.distinct_payloads = f.payloads.size();
    if (f.echoes) {
      row.echo_ids = f.ids.size();
      row.unanswered = f.forgotten + f.open.size();
      row.unsolicited = f.unsolicited;
      row.altered = f.altered;
      row.patterned = f.patterned;
    }
    row.pattern = f.pattern;
    const std::string start = base::to_hex(Bytes(f.start.data(), f.start_size));
    row.payload_start = start;
    if (f.entropies > 0) row.entropy = f.entropy / f.entropies;
    if (f.quoted) {
      row.quoted_proto = f.quoted_proto;
      row.quoted_src = f.quoted_src;
      row.quoted_dst = f.quoted_dst;
      if (f.quoted_proto == packet::kTcp || f.quoted_proto == packet::kUdp) row.quoted_dst_port = Port{f.quoted_port};
    }
    context.emit(row);
    facts_.reset();
  }

 private:
  struct Open {
    std::uint32_t id_and_sequence;
    std::uint32_t hash;
  };
  struct Facts {
    base::Time first, last;
    record::Place place;
    std::uint64_t messages[2] = {0, 0};
    std::uint64_t bytes[2] = {0, 0};
    std::uint64_t unsolicited = 0, altered = 0, patterned = 0, forgotten = 0;
    std::uint32_t smallest = UINT32_MAX, largest = 0;
    std::vector<std::uint16_t> sizes, ids;
    std::vector<std::uint32_t> payloads;
    std::vector<Open> open;  // oldest first
    double entropy = 0;
    std::uint64_t advertised = 0;  // digest of the last router advertisement
    std::uint32_t entropies = 0;
    std::string_view pattern;
    std::array<std::uint8_t, 32> start{};
    std::uint8_t start_size = 0;
    std::uint8_t type = 0, code = 0;
    bool v6 = false, echoes = false, quoted = false;
    std::uint8_t quoted_proto = 0;
    std::uint16_t quoted_port = 0;
    Address quoted_src, quoted_dst;
  };

  void begin(Context& context, const packet::Packet& packet) {
    facts_ = std::make_unique<Facts>();
    Facts& f = *facts_;
    f.first = f.last = context.now();
    f.v6 = packet.protocol == packet::kIcmp6;
    f.type = static_cast<std::uint8_t>(packet.source_port);
    f.code = static_cast<std::uint8_t>(packet.destination_port);
    f.pattern = pattern_of(packet.payload);
    f.start_size = static_cast<std::uint8_t>(std::min(packet.payload.size(), f.start.size()));
    std::copy_n(packet.payload.begin(), f.start_size, f.start.begin());
  }

  void echo(bool request, const packet::Packet& packet) {
    Facts& f = *facts_;
    f.echoes = true;
    note(f.ids, static_cast<std::uint16_t>(packet.sequence >> 16), kMaxIds);
    const auto hash = static_cast<std::uint32_t>(base::fast_hash(packet.payload));
    if (request) {
      if (f.open.size() >= kMaxOpen) {
        f.open.erase(f.open.begin(), f.open.begin() + kMaxOpen / 2);
        f.forgotten += kMaxOpen / 2;
      }
      f.open.push_back({packet.sequence, hash});
      return;
    }
    const auto it =
        std::find_if(f.open.begin(), f.open.end(), [&](const Open& o) { return o.id_and_sequence == packet.sequence; });
    if (it == f.open.end()) {
      ++f.unsolicited;
      return;
    }
    if (it->hash != hash && !packet.truncated) ++f.altered;
    f.open.erase(it);
  }

  // RFC 792, RFC 4443 3: behind the header stands the beginning of the datagram that caused the error.
  void quote(bool v6, Bytes payload) {
    Facts& f = *facts_;
    base::Cursor c(payload);
    if (v6) {
      const Bytes header = c.bytes(40);
      if (c.failed() || header[0] >> 4 != 6) return;
      f.quoted_proto = header[6];
      f.quoted_src = Address::v6(header.data() + 8);
      f.quoted_dst = Address::v6(header.data() + 24);
    } else {
      const Bytes header = c.bytes(20);
      if (c.failed() || header[0] >> 4 != 4) return;
      f.quoted_proto = header[9];
      f.quoted_src = Address::v4(header.data() + 12);
      f.quoted_dst = Address::v4(header.data() + 16);
      c.seek((header[0] & 15u) * 4);
    }
    c.skip(2);
    f.quoted_port = c.be16();
    if (c.ok()) f.quoted = true;
  }

  void account(Context& context) {
    const Facts& f = *facts_;
    const auto bytes = static_cast<std::uint32_t>(sizeof(Facts) + f.sizes.capacity() * 2 + f.ids.capacity() * 2 +
                                                  f.payloads.capacity() * 4 + f.open.capacity() * sizeof(Open));
    if (bytes == counted_) return;
    memory_ = &context.memory();
    if (bytes > counted_ && !memory_->take(base::MemoryUse::kParsers, bytes - counted_)) {
      // What is there stands; what varies further is not told apart any more.
      std::vector<Open>().swap(facts_->open);
      std::vector<std::uint32_t>().swap(facts_->payloads);
      context.weird("icmp_memory_limit");
      return;
    }
    if (bytes < counted_) memory_->give_back(base::MemoryUse::kParsers, counted_ - bytes);
    counted_ = bytes;
  }

  std::unique_ptr<Facts> facts_;
  base::MemoryAccountant* memory_ = nullptr;
  std::uint32_t counted_ = 0;
};
static_assert(sizeof(IcmpParser) <= 64);

std::unique_ptr<Parser> make() { return std::make_unique<IcmpParser>(); }

record::Schema* const kSchemas[] = {&Icmp::schema, &RouterAdvertisement::schema};

}  // namespace

const Definition kDefinition = {
    .name = "icmp", .datagram = true, .ip_protocols = kIpProtocols, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::icmp
