#include "connection/icmp.h"

#include "packet/packet.h"

namespace whodunit::connection {

int icmp_counterpart(std::uint8_t protocol, std::uint8_t type) {
  if (protocol == packet::kIcmp) {
    switch (type) {
      case 8: return 0;    // echo, echo reply (RFC 792)
      case 0: return 8;
      case 13: return 14;  // timestamp and reply (RFC 792)
      case 14: return 13;
      case 15: return 16;  // information request and reply (RFC 792)
      case 16: return 15;
      case 10: return 9;   // router solicitation and advertisement (RFC 1256)
      case 9: return 10;
      case 17: return 18;  // address mask request and reply (RFC 950)
      case 18: return 17;
      default: return -1;
    }
  }
  switch (type) {
    case 128: return 129;  // echo, echo reply (RFC 4443)
    case 129: return 128;
    case 133: return 134;  // router solicitation and advertisement (RFC 4861)
    case 134: return 133;
    case 135: return 136;  // neighbour solicitation and advertisement (RFC 4861)
    case 136: return 135;
    case 130: return 131;  // multicast listener query and report (RFC 2710)
    case 131: return 130;
    case 139: return 140;  // node information query and response (RFC 4620)
    case 140: return 139;
    case 144: return 145;  // home agent address discovery (RFC 6275)
    case 145: return 144;
    default: return -1;
  }
}

}  // namespace whodunit::connection
