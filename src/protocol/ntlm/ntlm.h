// NTLM ([MS-NLMP]): who logs in from where, as carried in SMB, DCE/RPC, LDAP, HTTP and others. Passwords and what could
// be cracked to them stay out.
#pragma once

#include <memory>
#include <string>

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::ntlm {

using record::Opt;
using record::Text;

#define WHODUNIT_NTLM_FIELDS(FIELD)                                                                                \
  FIELD(1, Text, username, "username", "The account ([MS-NLMP] 2.2.1.3).")                                         \
  FIELD(1, Text, hostname, "hostname", "The client's name, as it says.")                                           \
  FIELD(1, Text, domainname, "domainname", "The account's domain.")                                                \
  FIELD(1, Text, server_nb_computer_name, "server_nb_computer_name", "The server's NetBIOS name (2.2.2.1).")       \
  FIELD(1, Text, server_dns_computer_name, "server_dns_computer_name", "The server's DNS name.")                   \
  FIELD(1, Text, server_tree_name, "server_tree_name", "DNS name of the server's forest.")                         \
  FIELD(1, Opt<bool>, success, "success", "The negotiation that carried it ended well or not (RFC 4178 4.2.2).")   \
  FIELD(1, Text, status, "status", "What the carrying protocol answered: SUCCESS, LOGON_FAILURE, ….")              \
  FIELD(1, Opt<std::uint64_t>, response_version, "response_version",                                               \
        "1 (24 bytes, or none) or 2: which response the client gave.")                                             \
  FIELD(1, Text, client_version, "client_version", "Windows version and build that the client states (2.2.2.10).") \
  FIELD(1, Text, server_version, "server_version", "Windows version and build that the server states.")            \
  FIELD(1, Text, server_nb_domain_name, "server_nb_domain_name", "NetBIOS name of the server's domain.")           \
  FIELD(1, Text, carrier, "carrier", "The protocol that carried it: smb, dce_rpc, http, ldap, ….")
WHODUNIT_RECORD(Ntlm, "ntlm", 1, "One login by NTLM.", WHODUNIT_NTLM_FIELDS)

/// For conn.service and the tables; never recognised by itself.
extern const Definition kDefinition;

/// The logins on one connection.
class Session {
 public:
  Session();
  ~Session();
  /// A token; false where it is no NTLM message. `carrier` is a literal.
  bool token(Context& context, Bytes token, std::string_view carrier);
  /// The outcome by negotiation: writes the record.
  void result(Context& context, bool success);
  /// What the carrying protocol answered; a literal.
  void status(Context& context, std::string_view status);
  /// The connection ends: what was not written is.
  void finish(Context& context);

 private:
  struct Facts;
  void write(Context& context);
  std::unique_ptr<Facts> facts_;
};

}  // namespace whodunit::protocol::ntlm
