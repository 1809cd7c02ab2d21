// QUIC datagrams as they come, and the same bytes as the frames of Initial packets that open.
#include "../tests/protocol/quic_seal.h"
#include "protocol_fuzz.h"

#include "protocol/quic/quic.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  using namespace whodunit::protocol::testing;
  fuzz::datagrams(protocol::quic::kQuic, {data, size}, 443);

  fuzz::Run run(protocol::quic::kQuic, 443, packet::kUdp);
  std::uint16_t number = 0;
  for (const fuzz::Piece& piece : fuzz::pieces({data, size})) {
    if (piece.data.size() < 2) continue;
    const bool client = piece.direction == connection::Direction::kOriginator;
    const std::vector<std::uint8_t> frames(piece.data.begin(), piece.data.end());
    run.datagram(piece.direction, seal_initial(client ? kQuicClientKeys : kQuicServerKeys,
                                               client ? kQuicId : std::vector<std::uint8_t>{1},
                                               {client ? std::uint8_t{1} : std::uint8_t{2}}, number++, frames));
  }
  run.close();
  return 0;
}
