#include "protocol/modbus/modbus.h"

#include <memory>
#include <string>

namespace whodunit::protocol::modbus {
namespace {

constexpr std::uint16_t kPorts[] = {502};

struct Named {
  std::uint8_t code;
  std::string_view name;
};
// Modbus Application Protocol 1.1b3 5.1, and codes that vendors use.
constexpr Named kFunctions[] = {{0x01, "READ_COILS"},
                                {0x02, "READ_DISCRETE_INPUTS"},
                                {0x03, "READ_HOLDING_REGISTERS"},
                                {0x04, "READ_INPUT_REGISTERS"},
                                {0x05, "WRITE_SINGLE_COIL"},
                                {0x06, "WRITE_SINGLE_REGISTER"},
                                {0x07, "READ_EXCEPTION_STATUS"},
                                {0x08, "DIAGNOSTICS"},
                                {0x09, "PROGRAM_484"},
                                {0x0a, "POLL_484"},
                                {0x0b, "GET_COMM_EVENT_COUNTER"},
                                {0x0c, "GET_COMM_EVENT_LOG"},
                                {0x0d, "PROGRAM_584_984"},
                                {0x0e, "POLL_584_984"},
                                {0x0f, "WRITE_MULTIPLE_COILS"},
                                {0x10, "WRITE_MULTIPLE_REGISTERS"},
                                {0x11, "REPORT_SLAVE_ID"},
                                {0x12, "PROGRAM_884_U84"},
                                {0x13, "RESET_COMM_LINK_884_U84"},
                                {0x14, "READ_FILE_RECORD"},
                                {0x15, "WRITE_FILE_RECORD"},
                                {0x16, "MASK_WRITE_REGISTER"},
                                {0x17, "READ_WRITE_MULTIPLE_REGISTERS"},
                                {0x18, "READ_FIFO_QUEUE"},
                                {0x28, "PROGRAM_CONCEPT"},
                                {0x29, "MULTIPLE_FUNCTION_CODES"},
                                {0x2b, "ENCAP_INTERFACE_TRANSPORT"},
                                {0x5a, "PROGRAM_UNITY"},
                                {0x5b, "OBJECT_MESSAGING"},
                                {0x7d, "FIRMWARE_REPLACEMENT"},
                                {0x7e, "PROGRAM_584_984_2"},
                                {0x7f, "REPORT_LOCAL_ADDRESS"}};
// 7 of the same.
constexpr Named kExceptions[] = {{0x01, "ILLEGAL_FUNCTION"},
                                 {0x02, "ILLEGAL_DATA_ADDRESS"},
                                 {0x03, "ILLEGAL_DATA_VALUE"},
                                 {0x04, "SLAVE_DEVICE_FAILURE"},
                                 {0x05, "ACKNOWLEDGE"},
                                 {0x06, "SLAVE_DEVICE_BUSY"},
                                 {0x08, "MEMORY_PARITY_ERROR"},
                                 {0x0a, "GATEWAY_PATH_UNAVAILABLE"},
                                 {0x0b, "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND"}};

template <std::size_t N>
std::string_view find(const Named (&table)[N], std::uint8_t code) {
  for (const Named& n : table)
    if (n.code == code) return n.name;
  return {};
}

std::string function_name(std::uint8_t code) {
  const std::string_view name = find(kFunctions, code & 0x7f);
  if (name.empty()) return "unknown-" + std::to_string(code);
  return std::string(name) + (code & 0x80 ? "_EXCEPTION" : "");
}

// The header: number, protocol 0, length of what follows (3.1.3), a unit and a function.
bool begins_message(Bytes data) {
  const std::size_t length = data.size() >= 6 ? base::load_be16(data.data() + 4) : 2;
  return (data.size() < 4 || base::load_be16(data.data() + 2) == 0) && length >= 2 && length <= 260;
}

class ModbusParser final : public FramedParser {
 public:
  ModbusParser() : FramedParser(512) {}

 protected:
  std::size_t frame(Direction, Bytes so_far) override {
    if (!begins_message(so_far)) return kBad;
    return so_far.size() < 6 ? kMore : 6u + base::load_be16(so_far.data() + 4);
  }
  void message(Context& context, Direction direction, Bytes message, bool) override {
    base::Cursor c(message);
    Modbus row;
    row.head = context.head(context.now(), context.place());
    row.tid = c.be16();
    c.skip(4);
    row.unit = c.u8();
    const std::uint8_t function = c.u8();
    const std::string name = function_name(function);
    std::string reason;
    row.func = name;
    const bool request = direction == Direction::kOriginator;
    row.pdu_type = request ? "REQ" : "RESP";
    if (!request && (function & 0x80) != 0) {
      const std::uint8_t code = c.u8();
      reason = find(kExceptions, code);
      if (reason.empty()) reason = "unknown-" + std::to_string(code);
      row.exception = reason;
    } else if (request && ((function >= 1 && function <= 6) || function == 0x0f || function == 0x10)) {
      const std::uint16_t address = c.be16(), quantity = c.be16();
      if (c.ok()) {
        row.address = address;
        row.quantity = quantity;
      }
    }
    context.recognised = true;
    context.emit(row);
  }
  // Messages are short and begin segments: what comes after a hole is taken for one.
  void lost(Context&, Direction, std::uint64_t) override {}
};

Match recognise(Bytes data, Direction direction, bool port_hint) {
  if (data.size() < 8) return begins_message(data) ? Match::kNeedMore : Match::kNo;
  if (!begins_message(data)) return Match::kNo;
  const std::size_t length = base::load_be16(data.data() + 4);
  const std::string_view known = find(kFunctions, data[7] & 0x7f);
  if (port_hint) return Match::kYes;
  // Elsewhere: a request whose length suits its function, alone in its segment.
  const bool fits = data[7] >= 1 && data[7] <= 6 && length == 6 && data.size() == 12;
  return direction == Direction::kOriginator && !known.empty() && fits ? Match::kYes : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<ModbusParser>(); }

record::Schema* const kSchemas[] = {&Modbus::schema};

}  // namespace

const Definition kDefinition = {
    .name = "modbus", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::modbus
