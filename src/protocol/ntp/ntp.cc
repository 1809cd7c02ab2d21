#include "protocol/ntp/ntp.h"

#include <cmath>
#include <memory>
#include <string>

namespace whodunit::protocol::ntp {
namespace {

using base::Cursor;

constexpr std::uint16_t kPorts[] = {123};
constexpr std::size_t kSize = 48;

// RFC 5905 6: seconds since 1900 and a fraction; 0 means unknown.
Time timestamp(std::uint64_t value) {
  if (value == 0) return {};
  const std::int64_t seconds = static_cast<std::int64_t>(value >> 32) - 2208988800;
  const auto fraction = static_cast<std::int64_t>(((value & 0xffffffff) * 1'000'000'000) >> 32);
  return Time{seconds * 1'000'000'000 + fraction};
}

double fixed(std::uint32_t value) { return value / 65536.0; }

class NtpParser final : public Parser {
 public:
  void datagram(Context& context, Direction, const packet::Packet& packet) override {
    const Bytes data = packet.payload;
    if (data.empty()) return;
    Cursor c(data);
    const std::uint8_t first = c.u8();
    Ntp row;
    row.head = context.head(context.now(), context.place());
    row.version = first >> 3 & 7;
    row.mode = first & 7;
    row.bytes = packet.payload_length;
    std::string reference;
    if (row.mode == 6) {  // RFC 9327 2
      row.request_code = c.u8() & 0x1f;
    } else if (row.mode == 7) {
      c.skip(2);
      row.request_code = c.u8();
    } else {
      const std::uint8_t stratum = c.u8();
      row.stratum = stratum;
      row.poll = std::exp2(static_cast<std::int8_t>(c.u8()));
      row.precision = std::exp2(static_cast<std::int8_t>(c.u8()));
      row.root_delay = fixed(c.be32());
      row.root_disp = fixed(c.be32());
      const Bytes id = c.bytes(4);
      row.ref_time = timestamp(c.be64());
      row.org_time = timestamp(c.be64());
      row.rec_time = timestamp(c.be64());
      row.xmt_time = timestamp(c.be64());
      if (c.ok()) {
        reference = stratum <= 1 ? std::string(base::as_text(id)) : base::Address::v4(id.data()).to_string();
        row.ref_id = reference;
        // RFC 7822 3: fields of at least 16 bytes; a message's code of 20 or 24 bytes at the end is none.
        std::uint64_t extensions = 0;
        while (c.left() >= 28 || (c.left() == 16 && extensions == 0)) {
          const std::size_t length = base::load_be16(c.rest().data() + 2);
          if (length < 16 || length % 4 != 0 || length > c.left()) break;
          c.skip(length);
          ++extensions;
        }
        row.num_exts = extensions;
      }
    }
    if (c.failed()) {
      context.weird("ntp_truncated");
      return;
    }
    context.recognised = true;
    context.emit(row);
  }
};

Match recognise(Bytes data, Direction, bool port_hint) {
  if (data.size() < 4) return Match::kNo;
  const unsigned version = data[0] >> 3 & 7, mode = data[0] & 7;
  if (version < 1 || version > 4 || mode == 0) return Match::kNo;
  if (mode >= 6) return port_hint ? Match::kYes : Match::kNo;
  if (data.size() < kSize || data[1] > 16) return Match::kNo;
  if (port_hint) return Match::kYes;
  // Elsewhere: the usual sizes, a server's or client's precision, and a time of this age.
  if (data.size() != 48 && data.size() != 68 && data.size() != 72) return Match::kNo;
  const std::uint32_t seconds = base::load_be32(data.data() + 40);
  return version >= 3 && (mode == 3 || mode == 4) && data[3] >= 0xe0 && seconds > 2840140800u ? Match::kYes
                                                                                              : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<NtpParser>(); }

record::Schema* const kSchemas[] = {&Ntp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "ntp", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::ntp
