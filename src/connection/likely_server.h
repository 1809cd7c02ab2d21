// Ports that make an end a server where the beginning of a connection was not seen.
#pragma once

#include <cstdint>

namespace whodunit::connection {

/// True for the ports on which Zeek expects servers (its likely_server_ports with the base scripts).
bool is_likely_server(std::uint8_t protocol, std::uint16_t port);
/// UDP ports where Zeek's DNS sessions end early: DNS, NetBIOS names, mDNS, LLMNR.
inline bool is_name_service(std::uint16_t port) { return port == 53 || port == 137 || port == 5353 || port == 5355; }
/// Interactive services, which may be silent for long: ftp, ssh, telnet, rlogin.
inline bool is_interactive(std::uint16_t port) { return port == 21 || port == 22 || port == 23 || port == 513; }

}  // namespace whodunit::connection
