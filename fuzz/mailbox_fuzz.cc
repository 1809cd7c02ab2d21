// POP3 and IMAP streams.
#include "protocol_fuzz.h"

#include "protocol/mailbox/mailbox.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::mailbox::kPop3, {data, size}, 110);
  whodunit::fuzz::stream(whodunit::protocol::mailbox::kImap, {data, size}, 143);
  return 0;
}
