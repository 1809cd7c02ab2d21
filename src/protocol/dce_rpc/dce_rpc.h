// DCE/RPC, connection-oriented ([C706] 12.6, [MS-RPCE]), over TCP and over SMB's named pipes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/dce_rpc/interfaces.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::dce_rpc {

using base::Duration;
using record::Opt;
using record::Text;
using record::Texts;

#define WHODUNIT_DCE_RPC_FIELDS(FIELD)                                                                                 \
  FIELD(1, Opt<Duration>, rtt, "rtt", "Request to the last part of the response; unset where no response came.")       \
  FIELD(1, Text, named_pipe, "named_pipe",                                                                             \
        "The secondary address that the server named: a pipe or a port ([C706] 12.6.4.4).")                            \
  FIELD(1, Text, endpoint, "endpoint", "The interface by name; unset where its binding was not captured.")             \
  FIELD(1, Text, operation, "operation", "The operation by name.")                                                     \
  FIELD(1, Text, uuid, "uuid", "The interface's UUID.")                                                                \
  FIELD(1, std::uint64_t, opnum, "opnum", "The operation's number.")                                                   \
  FIELD(1, std::uint64_t, request_bytes, "request_bytes", "Bytes of arguments (stub data) in the request.")            \
  FIELD(1, Opt<std::uint64_t>, response_bytes, "response_bytes", "Bytes of stub data in the response.")                \
  FIELD(1, Texts, strings, "strings",                                                                                  \
        "Texts among the request's arguments (counted UTF-16 strings of NDR), at most eight.")                         \
  FIELD(1, Text, fault, "fault", "The server's fault: a name or a hexadecimal status ([C706] appendix E).")            \
  FIELD(1, Text, auth_level, "auth_level", "none, connect, call, packet, integrity or privacy ([MS-RPCE] 2.2.1.1.8).") \
  FIELD(2, Opt<std::uint64_t>, return_value, "return_value",                                                           \
        "The last four bytes of the response: the status that most operations return (0: done); unset where it is "    \
        "encrypted.")
WHODUNIT_RECORD(DceRpc, "dce_rpc", 2, "One remote procedure call.", WHODUNIT_DCE_RPC_FIELDS)

extern const Definition kDefinition;

/// The calls over one association: a TCP connection, or an open pipe.
class Channel {
 public:
  ~Channel();
  /// Bytes of a direction, in order, whole PDUs or pieces of them. False where they are not DCE/RPC.
  bool data(Context& context, Direction direction, Bytes data, gssapi::Session& authentication);
  /// One whole PDU.
  bool pdu(Context& context, Direction direction, Bytes pdu, gssapi::Session& authentication);
  /// The pipe's name, where the server did not name it.
  void set_pipe(std::string_view name) { pipe_ = name; }
  /// The association ends: calls without a response are written.
  void finish(Context& context);

  /// The length of the PDU that `data` begins with: 0 where more bytes are needed, SIZE_MAX where it is none.
  static std::size_t length_of(Bytes data);

 private:
  struct Call {
    base::Time ts;
    record::Place place;
    std::uint32_t id = 0;
    std::uint32_t request_bytes = 0, response_bytes = 0;
    std::uint16_t context_id = 0, opnum = 0;
    std::uint8_t auth_level = 0;
    std::optional<std::uint32_t> return_value;
    std::vector<std::string> strings;
  };
  struct Binding {
    std::uint16_t context_id;
    Uuid uuid;
  };
  bool bind(Bytes body, bool little_endian);
  void bind_ack(Bytes body, bool little_endian);
  void write(Context& context, const Call& call, bool answered, std::string_view fault);
  bool interface_of(std::uint16_t context_id, Uuid& uuid) const;

  std::vector<Binding> bindings_;
  std::vector<Call> calls_;
  std::string secondary_address_, pipe_;
  std::vector<std::uint8_t> held_[2];
};

}  // namespace whodunit::protocol::dce_rpc
