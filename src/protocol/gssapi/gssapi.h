// GSS-API tokens (RFC 2743) as protocols carry them: SPNEGO (RFC 4178) around NTLM or Kerberos, or either alone.
#pragma once

#include "protocol/ntlm/ntlm.h"
#include "protocol/parser.h"

namespace whodunit::protocol::gssapi {

/// For conn.service; never recognised by itself and without a record of its own.
extern const Definition kDefinition;

/// The authentications on one connection.
class Session {
 public:
  /// A token; false where it is none. `carrier` is a literal: "smb", "dce_rpc", ….
  bool token(Context& context, Bytes token, std::string_view carrier);
  /// What the carrying protocol answered to the last tokens; a literal.
  void status(Context& context, std::string_view status) { ntlm_.status(context, status); }
  /// The carrying protocol let the client in, or did not.
  void result(Context& context, bool success) { ntlm_.result(context, success); }
  void finish(Context& context) { ntlm_.finish(context); }

 private:
  bool mechanism(Context& context, Bytes token, std::string_view carrier);
  ntlm::Session ntlm_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace whodunit::protocol::gssapi
