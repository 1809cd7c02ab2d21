// What the dispatcher makes of any conversation: recognition by content, beginnings held back, one protocol handed over
// to another (STARTTLS, CONNECT, upgrades), announced connections. The first byte chooses transport and port.
#include <cstdlib>

#include "connection/conn_record.h"
#include "engine/dispatcher.h"
#include "protocol/plan.h"
#include "protocol_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  if (size == 0) return 0;
  fuzz::register_once();
  static constexpr std::uint16_t kPorts[] = {9,   21,   25,   53,   80,   110,  143, 443,
                                             445, 1080, 3306, 3389, 5060, 8080, 88,  161};
  const bool datagram = (data[0] & 0x80) != 0;
  const std::vector<fuzz::Piece> all = fuzz::pieces({data + 1, size - 1});
  protocol::Plan plan;
  plan.http_body_window = 256;
  plan.file_sha256 = (data[0] & 0x40) != 0;
  base::MemoryAccountant memory((data[0] & 0x20) != 0 ? 20'000 : 0);
  {
    fuzz::PooledSink sink;
    engine::Dispatcher dispatcher(plan, *sink, memory);
    connection::View view;
    view.id = {*base::Address::parse("192.0.2.1"), *base::Address::parse("192.0.2.2"), {40000}, {kPorts[data[0] & 15]}};
    view.protocol = datagram ? packet::kUdp : packet::kTcp;
    view.uid = {1};
    view.saw_originator = view.saw_responder = true;
    std::uint64_t slot = 0;
    packet::Origin at;
    for (std::size_t i = 0; i < all.size(); ++i) {
      ++at.number;
      at.run_number = at.number;
      at.time = at.time + base::milliseconds(1);
      sink->at(at.run_number);
      if (!datagram) {
        dispatcher.stream(view, slot, all[i].direction, all[i].data, at);
        if (all[i].data.size() % 64 == 63) dispatcher.gap(view, slot, all[i].direction, 100, at);
        continue;
      }
      packet::Packet packet;
      packet.origin = at;
      packet.protocol = view.protocol;
      packet.payload = all[i].data;
      packet.payload_length = static_cast<std::uint32_t>(all[i].data.size());
      dispatcher.datagram(view, slot, all[i].direction, packet);
    }
    if (!datagram) dispatcher.end(view, slot, connection::Direction::kOriginator, connection::End::kFin, at);
    (void)dispatcher.closed(view, slot, connection::End::kRunOver, at);
  }
  if (memory.used() != 0) std::abort();
  return 0;
}
