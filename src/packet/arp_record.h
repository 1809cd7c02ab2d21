// arp: who asked whom on the local network.
#pragma once

#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::packet {

#define WHODUNIT_ARP_FIELDS(FIELD)                                                                       \
  FIELD(1, record::Text, operation, "operation", "request or reply (RFC 826).")                          \
  FIELD(1, record::Text, orig_mac, "orig_mac", "Hardware address of the sender, as the message says.")   \
  FIELD(1, base::Address, orig_h, "orig_h", "Protocol address of the sender.")                           \
  FIELD(1, record::Text, resp_mac, "resp_mac", "Hardware address of the target; all zeros in requests.") \
  FIELD(1, base::Address, resp_h, "resp_h", "Protocol address asked for, or answered to.")               \
  FIELD(1, record::Text, frame_mac, "frame_mac", "Source address of the frame, where it is another.")
WHODUNIT_RECORD(ArpRecord, "arp", 1, "One ARP message; repeats within a second are left out.", WHODUNIT_ARP_FIELDS)

}  // namespace whodunit::packet
