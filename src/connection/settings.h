// What the connection table may be told. Defaults are Zeek's where Zeek has the setting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.h"
#include "base/time.h"

namespace whodunit::connection {

struct Settings {
  // --- time
  base::Duration tcp_inactivity = base::seconds(5 * 60);        ///< both ends known, no packet
  base::Duration tcp_handshake_inactivity = base::seconds(60);  ///< before the handshake is over
  base::Duration interactive_inactivity = base::seconds(3600);  ///< TCP to ftp, ssh, telnet, rlogin
  base::Duration udp_inactivity = base::seconds(60);
  base::Duration dns_session = base::seconds(10);  ///< UDP to DNS ports: looked at this often, over if idle
  base::Duration icmp_inactivity = base::seconds(60);
  base::Duration other_inactivity = base::seconds(60);  ///< other IP protocols
  base::Duration tcp_attempt_delay = base::seconds(5);  ///< a SYN without an answer is over after this
  base::Duration tcp_close_delay = base::seconds(5);    ///< how long a closed connection may still get packets

  // --- limits
  std::size_t connections_per_shard = 131072;     ///< reached: unestablished ones go first
  std::size_t reassembly_bytes = 4 << 20;         ///< out-of-order bytes kept per direction
  std::size_t reassembly_segments = 4096;         ///< out-of-order segments kept per direction
  std::size_t unacknowledged_above_hole = 16384;  ///< bytes above a hole while the peer acknowledged nothing at all

  /// A packet with a bad checksum is told as a weird. True: it is processed nevertheless (captures made on a host whose
  /// network card makes the checksums show bad ones on everything it sent). False: it is not, as its receiver would.
  bool ignore_checksums = true;

  /// conn.local_orig and local_resp; empty: unset.
  std::vector<base::Network> local_networks;
};

}  // namespace whodunit::connection
