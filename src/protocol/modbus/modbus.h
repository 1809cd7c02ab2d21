// Modbus over TCP (Modbus Messaging on TCP/IP Implementation Guide 1.0b): what is read and written in plants.
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::modbus {

using record::Opt;
using record::Text;

#define WHODUNIT_MODBUS_FIELDS(FIELD)                                                   \
  FIELD(1, std::uint64_t, tid, "tid", "Transaction's number.")                          \
  FIELD(1, std::uint64_t, unit, "unit", "Device behind the address.")                   \
  FIELD(1, Text, func, "func", "Function, with _EXCEPTION where the device refuses.")   \
  FIELD(1, Text, pdu_type, "pdu_type", "REQ or RESP.")                                  \
  FIELD(1, Text, exception, "exception", "Why the device refuses.")                     \
  FIELD(1, Opt<std::uint64_t>, address, "address", "Requests: first coil or register.") \
  FIELD(1, Opt<std::uint64_t>, quantity, "quantity", "Requests: how many, or the value of a single write.")
WHODUNIT_RECORD(Modbus, "modbus", 1, "One Modbus request or response.", WHODUNIT_MODBUS_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::modbus
