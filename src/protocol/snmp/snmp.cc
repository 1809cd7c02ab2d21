#include "protocol/snmp/snmp.h"

#include <memory>
#include <string>

#include "base/hash.h"
#include "protocol/ber/ber.h"
#include "protocol/plan.h"

namespace whodunit::protocol::snmp {
namespace {

constexpr std::uint16_t kPorts[] = {161, 162};

// RFC 3416 3, RFC 1157 4.1.
enum Pdu : std::uint8_t {
  kGet = 0xa0,
  kGetNext = 0xa1,
  kResponse = 0xa2,
  kSet = 0xa3,
  kTrap1 = 0xa4,
  kGetBulk = 0xa5,
  kInform = 0xa6,
  kTrap2 = 0xa7,
  kReport = 0xa8
};

struct Facts {
  Time first, last;
  record::Place place;
  std::int64_t version = 0;
  std::string community, description, user, engine;
  bool has_community = false;
  std::uint64_t gets = 0, bulks = 0, responses = 0, sets = 0, traps = 0, encrypted = 0, errors = 0;
  Opt<Time> up_since;
};

class SnmpParser final : public Parser {
 public:
  void datagram(Context& context, Direction, const packet::Packet& packet) override {
    ber::Reader message = ber::Reader(packet.payload).enter(ber::kSequence);
    const auto version = ber::integer(message.take(ber::kInteger));
    if (!version || message.at_end() || (*version != 0 && *version != 1 && *version != 3)) {
      context.weird("snmp_malformed");
      return;
    }
    if (!facts_) {
      facts_ = std::make_unique<Facts>();
      facts_->first = context.now();
      facts_->version = *version;
    }
    Facts& f = *facts_;
    f.last = std::max(f.last, context.now());
    record::extend(f.place, context.place());
    if (*version == 3) {
      version3(context, message);
    } else {
      const Bytes community = message.take(ber::kOctetString);
      if (!f.has_community) {
        f.has_community = true;
        f.community = base::as_text(base::slice(community, 0, 256));
      }
      pdu(context, message);
    }
    context.recognised = true;
  }

  void closed(Context& context, End) override {
    if (!facts_) return;
    const Facts& f = *facts_;
    Snmp row;
    row.head = context.head(f.first, f.place);
    row.duration = f.last - f.first;
    row.version = f.version == 0 ? "1" : f.version == 1 ? "2c" : "3";
    std::string community = f.community;
    if (!context.plan().keep_secrets && !community.empty() && community != "public" && community != "private")
      community = "sha256:" + base::digest_hex(base::DigestKind::kSha256, base::as_bytes(community)).substr(0, 16);
    if (f.has_community)
      row.community = community;
    else if (!f.user.empty())
      row.community = f.user;  // what stands in its place in version 3
    row.get_requests = f.gets;
    row.get_bulk_requests = f.bulks;
    row.get_responses = f.responses;
    row.set_requests = f.sets;
    if (!f.description.empty()) row.display_string = f.description;
    row.up_since = f.up_since;
    row.traps = f.traps;
    if (!f.user.empty()) row.user = f.user;
    if (!f.engine.empty()) row.engine_id = f.engine;
    row.encrypted = f.encrypted;
    row.errors = f.errors;
    context.emit(row);
    facts_.reset();
  }

 private:
  // RFC 3412 6, RFC 3414 2.4.
  void version3(Context& context, ber::Reader message) {
    Facts& f = *facts_;
    ber::Reader global = message.enter(ber::kSequence);
    global.next();
    global.next();
    const Bytes flags = global.take(ber::kOctetString);
    ber::Reader security = ber::Reader(message.take(ber::kOctetString)).enter(ber::kSequence);
    const Bytes engine = security.take(ber::kOctetString);
    security.next();
    security.next();
    const Bytes user = security.take(ber::kOctetString);
    if (f.engine.empty()) f.engine = base::to_hex(base::slice(engine, 0, 32));
    if (f.user.empty()) f.user = base::as_text(base::slice(user, 0, 64));
    if (!flags.empty() && (flags[0] & 2) != 0) {
      ++f.encrypted;
      return;
    }
    ber::Reader scoped = message.enter(ber::kSequence);
    scoped.next();
    scoped.next();
    pdu(context, scoped);
  }

  void pdu(Context& context, ber::Reader reader) {
    Facts& f = *facts_;
    const std::uint8_t type = reader.tag();
    ber::Reader fields = reader.enter(type);
    if (type == kTrap1 || type == kTrap2 || type == kInform) {
      ++f.traps;
      return;
    }
    if (type < kGet || type > kReport) return;
    fields.next();  // request id
    const std::int64_t status = ber::integer(fields.next().content).value_or(0);
    fields.next();
    if (type == kResponse && status != 0) ++f.errors;
    ber::Reader bindings = fields.enter(ber::kSequence);
    std::uint64_t count = 0;
    while (!bindings.at_end() && count < 4096) {
      ber::Reader binding = bindings.enter(ber::kSequence);
      if (binding.at_end()) break;
      ++count;
      if (type != kResponse || count > 64) continue;
      const Bytes oid = binding.take(ber::kOid);
      static constexpr std::uint8_t kSystem[] = {0x2b, 6, 1, 2, 1, 1};  // 1.3.6.1.2.1.1
      if (oid.size() != 8 || !std::equal(std::begin(kSystem), std::end(kSystem), oid.begin()) || oid[7] != 0) continue;
      const ber::Element value = binding.next();
      if (oid[6] == 1 && value.tag == ber::kOctetString)
        f.description = base::as_text(base::slice(value.content, 0, 1024));
      if (oid[6] == 3) {  // TimeTicks: hundredths of a second
        const auto ticks = ber::integer(value.content);
        if (ticks && *ticks >= 0 && *ticks <= UINT32_MAX) f.up_since = context.now() + base::milliseconds(-*ticks * 10);
      }
    }
    switch (type) {
      case kGet:
      case kGetNext:
        f.gets += count;
        break;
      case kGetBulk:
        f.bulks += count;
        break;
      case kResponse:
        f.responses += count;
        break;
      case kSet:
        f.sets += count;
        break;
      default:
        break;
    }
  }

  std::unique_ptr<Facts> facts_;
};

// A sequence of the datagram's size, a version, and what must follow it.
Match recognise(Bytes data, Direction, bool port_hint) {
  const auto size = ber::total_size(data);
  if (!size || *size == 0 || data[0] != ber::kSequence || (*size != data.size() && !port_hint)) return Match::kNo;
  ber::Reader message = ber::Reader(data).enter(ber::kSequence);
  if (message.tag() != ber::kInteger) return Match::kNo;
  const auto version = ber::integer(message.take(ber::kInteger));
  if (!version) return Match::kNo;
  if (*version == 3) return message.tag() == ber::kSequence ? Match::kYes : Match::kNo;
  if ((*version != 0 && *version != 1) || message.tag() != ber::kOctetString) return Match::kNo;
  const Bytes community = message.take(ber::kOctetString);
  const bool known = message.tag() >= kGet && message.tag() <= kReport;
  return known && community.size() < 128 ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<SnmpParser>(); }

record::Schema* const kSchemas[] = {&Snmp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "snmp", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::snmp
