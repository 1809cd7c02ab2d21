#include "connection/conn_record.h"
#include "protocol/dns/dns.h"
#include "protocol/icmp/icmp.h"
#include "protocol/parser.h"
#include "protocol/ssh/ssh.h"
#include "protocol/tls/tls.h"

namespace whodunit::protocol {

// One line a protocol.

std::span<const Definition* const> definitions() {
  static const Definition* const kDefinitions[] = {
      &dns::kOverUdp,
      &dns::kOverTcp,
      &tls::kSsl,
      &tls::kDtls,
      &icmp::kDefinition,
      &ssh::kDefinition,
  };
  return kDefinitions;
}

const Definition* find_definition(std::string_view name) {
  for (const Definition* definition : definitions())
    if (definition->name == name) return definition;
  return nullptr;
}

}  // namespace whodunit::protocol
