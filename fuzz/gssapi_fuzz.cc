// Tokens of GSS-API: SPNEGO, NTLM, Kerberos; each piece is one, and an NTLM message alone, too.
#include "protocol_fuzz.h"

#include "protocol/gssapi/gssapi.h"
#include "protocol/ntlm/ntlm.h"

namespace {

using namespace whodunit;

class Tokens final : public protocol::Parser {
 public:
  void stream(protocol::Context& context, protocol::Direction direction, protocol::Bytes data) override {
    (void)gssapi_.token(context, data, "smb");
    (void)ntlm_.token(context, data, "http");
    if (direction != protocol::Direction::kResponder) return;
    gssapi_.status(context, "SUCCESS");
    ntlm_.result(context, data.size() % 2 == 0);
  }
  void closed(protocol::Context& context, protocol::End) override {
    gssapi_.finish(context);
    ntlm_.finish(context);
  }

 private:
  protocol::gssapi::Session gssapi_;
  protocol::ntlm::Session ntlm_;
};

const protocol::Definition kTokens = {
    .name = "gssapi", .stream = true, .make = []() -> std::unique_ptr<protocol::Parser> {
      return std::make_unique<Tokens>();
    }};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Run run(kTokens, 445, packet::kTcp);
  for (const fuzz::Piece& piece : fuzz::pieces({data, size})) run.stream(piece.direction, piece.data);
  run.close();
  return 0;
}
