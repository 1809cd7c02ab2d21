#include "protocol/dnp3/dnp3.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

namespace whodunit::protocol::dnp3 {
namespace {

constexpr std::uint16_t kPorts[] = {20000};
// IEEE 1815 9.2.4: start, length, control, destination, source, and a checksum; then blocks of 16 bytes, each with one.
constexpr std::size_t kHeader = 10, kBlock = 16, kChecksum = 2;

// 9.2.6: the polynomial 0x3d65, bits the other way round, the result inverted.
constexpr std::array<std::uint16_t, 256> kTable = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    unsigned crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xa6bc : crc >> 1;
    table[i] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();
std::uint16_t checksum(Bytes data) {
  std::uint16_t crc = 0;
  for (const std::uint8_t b : data) crc = static_cast<std::uint16_t>(kTable[(crc ^ b) & 0xff] ^ (crc >> 8));
  return static_cast<std::uint16_t>(~crc);
}
bool checks(Bytes data, const std::uint8_t* sum) { return checksum(data) == base::load_le16(sum); }

// 4.2.2.5.
std::string function_name(std::uint8_t code) {
  static constexpr std::string_view kNames[] = {"CONFIRM",
                                                "READ",
                                                "WRITE",
                                                "SELECT",
                                                "OPERATE",
                                                "DIRECT_OPERATE",
                                                "DIRECT_OPERATE_NR",
                                                "IMMED_FREEZE",
                                                "IMMED_FREEZE_NR",
                                                "FREEZE_CLEAR",
                                                "FREEZE_CLEAR_NR",
                                                "FREEZE_AT_TIME",
                                                "FREEZE_AT_TIME_NR",
                                                "COLD_RESTART",
                                                "WARM_RESTART",
                                                "INITIALIZE_DATA",
                                                "INITIALIZE_APPL",
                                                "START_APPL",
                                                "STOP_APPL",
                                                "SAVE_CONFIG",
                                                "ENABLE_UNSOLICITED",
                                                "DISABLE_UNSOLICITED",
                                                "ASSIGN_CLASS",
                                                "DELAY_MEASURE",
                                                "RECORD_CURRENT_TIME",
                                                "OPEN_FILE",
                                                "CLOSE_FILE",
                                                "DELETE_FILE",
                                                "GET_FILE_INFO",
                                                "AUTHENTICATE_FILE",
                                                "ABORT_FILE",
                                                "ACTIVATE_CONFIG",
                                                "AUTHENTICATE_REQ",
                                                "AUTHENTICATE_ERR"};
  if (code < std::size(kNames)) return std::string(kNames[code]);
  if (code == 129) return "RESPONSE";
  if (code == 130) return "UNSOLICITED_RESPONSE";
  if (code == 131) return "AUTHENTICATE_RESP";
  return "unknown-" + std::to_string(code);
}

// Bytes of a frame with its checksums.
std::size_t frame_size(std::uint8_t length) {
  const std::size_t data = length - 5u;
  return kHeader + data + (data + kBlock - 1) / kBlock * kChecksum;
}

struct Pending {
  base::Time ts;
  record::Place place;
  std::uint16_t source = 0, destination = 0;
  std::uint8_t function = 0;
};

class Dnp3Parser final : public FramedParser {
 public:
  Dnp3Parser() : FramedParser(512) {}

  void datagram(Context& context, Direction direction, const packet::Packet& packet) override {
    Bytes data = packet.payload;
    while (!data.empty()) {
      const std::size_t size = frame(direction, data);
      if (size == kMore || size == kBad || size > data.size()) {
        context.weird("dnp3_malformed");
        return;
      }
      message(context, direction, data.first(size), false);
      data = data.subspan(size);
    }
  }
  void closed(Context& context, End) override {
    if (pending_) write(context, {}, {});
  }

 protected:
  std::size_t frame(Direction, Bytes so_far) override {
    if (so_far.size() < 3) return so_far.empty() || so_far[0] == 0x05 ? kMore : kBad;
    if (so_far[0] != 0x05 || so_far[1] != 0x64 || so_far[2] < 5) return kBad;
    return frame_size(so_far[2]);
  }

  void message(Context& context, Direction direction, Bytes frame, bool) override {
    if (frame.size() < kHeader || !checks(frame.first(8), frame.data() + 8)) {
      context.weird("dnp3_corrupt_header_checksum");
      context.failed = true;
      return;
    }
    context.recognised = true;
    const std::uint8_t control = frame[3];
    const std::uint16_t destination = base::load_le16(frame.data() + 4), source = base::load_le16(frame.data() + 6);
    if (frame.size() == kHeader) return;  // of the link layer alone
    if ((direction == Direction::kOriginator) != ((control & 0x80) != 0))
      context.weird("dnp3_unexpected_flow_direction");
    Bytes rest = frame.subspan(kHeader);
    bool begins = true;
    while (rest.size() > kChecksum) {
      const std::size_t size = std::min(kBlock, rest.size() - kChecksum);
      const Bytes block = rest.first(size);
      if (!checks(block, rest.data() + size)) {
        context.weird("dnp3_corrupt_app_chunk_checksum");
        context.failed = true;
        return;
      }
      // 8.2: the first byte says whether this is a fragment's first segment. What we look at lies in its first block.
      if (begins && (block[0] & 0x40) != 0) fragment(context, block.subspan(1), source, destination);
      begins = false;
      rest = rest.subspan(size + kChecksum);
    }
  }
  void lost(Context&, Direction direction, std::uint64_t) override { resynchronise(direction); }

 private:
  // 4.2.2: application control, function, and in answers the internal indications.
  void fragment(Context& context, Bytes data, std::uint16_t source, std::uint16_t destination) {
    if (data.size() < 2) return;
    const std::uint8_t function = data[1];
    if (function >= 129) {
      Opt<std::uint64_t> indications;
      if (data.size() >= 4) indications = base::load_be16(data.data() + 2);
      if (!pending_) {
        pending_ = std::make_unique<Pending>();
        pending_->place = context.place();
        pending_->source = destination;  // of the master
        pending_->destination = source;
        asked_ = false;
      }
      pending_->ts = context.now();
      record::extend(pending_->place, context.place());
      write(context, function_name(function), indications);
      return;
    }
    // A request that is not answered is followed by the next: one row tells both, as the last of them is answered.
    if (!pending_) {
      pending_ = std::make_unique<Pending>();
      pending_->place = context.place();
    }
    record::extend(pending_->place, context.place());
    pending_->ts = context.now();
    pending_->function = function;
    pending_->source = source;
    pending_->destination = destination;
    asked_ = true;
  }

  void write(Context& context, const std::string& reply, Opt<std::uint64_t> indications) {
    const Pending& p = *pending_;
    Dnp3 row;
    row.head = context.head(p.ts, p.place);
    const std::string request = asked_ ? function_name(p.function) : std::string();
    if (asked_) row.fc_request = request;
    if (!reply.empty()) row.fc_reply = reply;
    row.iin = indications;
    row.source = p.source;
    row.destination = p.destination;
    context.emit(row);
    pending_.reset();
    asked_ = false;
  }

  std::unique_ptr<Pending> pending_;
  bool asked_ = false;
};

// Two start bytes and a header whose checksum is right.
Match recognise(Bytes data, Direction, bool) {
  if (data.size() < kHeader)
    return data.empty() || (data[0] == 0x05 && (data.size() < 2 || data[1] == 0x64)) ? Match::kNeedMore : Match::kNo;
  return data[0] == 0x05 && data[1] == 0x64 && data[2] >= 5 && checks(data.first(8), data.data() + 8) ? Match::kYes
                                                                                                      : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<Dnp3Parser>(); }

record::Schema* const kSchemas[] = {&Dnp3::schema};

}  // namespace

const Definition kOverTcp = {
    .name = "dnp3_tcp", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};
const Definition kOverUdp = {
    .name = "dnp3_udp", .datagram = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::dnp3
