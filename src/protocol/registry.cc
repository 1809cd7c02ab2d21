#include "connection/conn_record.h"
#include "packet/arp_record.h"
#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/dhcp/dhcp.h"
#include "protocol/dnp3/dnp3.h"
#include "protocol/dns/dns.h"
#include "protocol/files/file_record.h"
#include "protocol/ftp/ftp.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/http/http.h"
#include "protocol/http/websocket.h"
#include "protocol/http2/http2.h"
#include "protocol/icmp/icmp.h"
#include "protocol/irc/irc.h"
#include "protocol/krb/krb.h"
#include "protocol/ldap/ldap.h"
#include "protocol/mailbox/mailbox.h"
#include "protocol/modbus/modbus.h"
#include "protocol/mqtt/mqtt.h"
#include "protocol/mysql/mysql.h"
#include "protocol/ntlm/ntlm.h"
#include "protocol/ntp/ntp.h"
#include "protocol/parser.h"
#include "protocol/quic/quic.h"
#include "protocol/radius/radius.h"
#include "protocol/rdp/rdp.h"
#include "protocol/rfb/rfb.h"
#include "protocol/shell/shell.h"
#include "protocol/sip/sip.h"
#include "protocol/smb/smb.h"
#include "protocol/smtp/smtp.h"
#include "protocol/snmp/snmp.h"
#include "protocol/socks/socks.h"
#include "protocol/ssh/ssh.h"
#include "protocol/sunrpc/sunrpc.h"
#include "protocol/syslog/syslog.h"
#include "protocol/tls/tls.h"
#include "record/alert.h"

namespace whodunit::protocol {

// One line a protocol.

std::span<const Definition* const> definitions() {
  static const Definition* const kDefinitions[] = {
      &dns::kOverUdp,      &dns::kOverTcp,        &tls::kSsl,           &tls::kDtls,          &quic::kQuic,
      &icmp::kDefinition,  &ssh::kDefinition,     &http::kDefinition,   &http::kWebsocket,    &krb::kOverUdp,
      &krb::kOverTcp,      &dce_rpc::kDefinition, &smb::kDefinition,    &ntlm::kDefinition,   &ntp::kDefinition,
      &snmp::kDefinition,  &dhcp::kDefinition,    &radius::kDefinition, &modbus::kDefinition, &mqtt::kDefinition,
      &sip::kDefinition,   &irc::kDefinition,     &smtp::kDefinition,   &ftp::kControl,       &ftp::kData,
      &mysql::kDefinition, &rfb::kDefinition,     &socks::kDefinition,  &rdp::kDefinition,    &mailbox::kPop3,
      &mailbox::kImap,     &gssapi::kDefinition,  &ldap::kOverTcp,      &ldap::kOverUdp,      &dnp3::kOverTcp,
      &dnp3::kOverUdp,     &syslog::kDefinition,  &shell::kDefinition,  &sunrpc::kOverTcp,    &sunrpc::kOverUdp,
      &http2::kDefinition,
  };
  return kDefinitions;
}

void register_records() {
  // Those that belong to no one protocol first.
  static record::Schema* const kCommon[] = {&connection::Conn::schema,
                                            &connection::Weird::schema,
                                            &connection::Tunnel::schema,
                                            &packet::ArpRecord::schema,
                                            &Files::schema,
                                            &record::Alert::schema};
  record::register_schemas(kCommon);
  for (const Definition* definition : definitions()) record::register_schemas(definition->schemas);
}

const Definition* find_definition(std::string_view name) {
  for (const Definition* definition : definitions())
    if (definition->name == name) return definition;
  return nullptr;
}

}  // namespace whodunit::protocol
