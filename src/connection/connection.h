// What a parser or a consumer sees of a connection. The table's own entry (TCP state, timers) is inside connection/.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/time.h"
#include "packet/packet.h"
#include "record/types.h"

namespace whodunit::connection {

enum class Direction : std::uint8_t { kOriginator = 0, kResponder = 1 };
inline Direction opposite(Direction d) {
  return d == Direction::kOriginator ? Direction::kResponder : Direction::kOriginator;
}
inline std::size_t index(Direction d) { return static_cast<std::size_t>(d); }

/// Read-only facts of a connection, valid during a call into a parser.
struct View {
  record::Uid uid;
  record::Endpoints id;
  std::uint8_t protocol = 0;    ///< IP protocol number
  base::Time first;             ///< its first packet
  bool saw_originator = false;  ///< any packet from the originator, from the responder
  bool saw_responder = false;
  bool midstream = false;  ///< its beginning was not seen (TCP)
};

/// Why a stream or connection ends.
enum class End : std::uint8_t {
  kFin,  ///< this direction closed in order
  kReset,
  kTimeout,  ///< no packet for the protocol's timeout
  kRunOver,  ///< the capture ended
  kEvicted,  ///< a limit was reached
};

/// Who takes what connections carry: one per worker; the engine gives it. All calls for a connection come in order.
/// Which end is the originator may turn out only with the second packet, but never after bytes were handed over. `slot`
/// is 8 bytes of the entry that the consumer owns (a parser's handle), 0 at first.
class Consumer {
 public:
  virtual ~Consumer() = default;
  /// In-order bytes of a TCP direction, each once.
  virtual void stream(const View& connection, std::uint64_t& slot, Direction direction, base::Bytes data,
                      const packet::Origin& at) = 0;
  /// `bytes` of a TCP direction were never seen; what follows comes after them.
  virtual void gap(const View& connection, std::uint64_t& slot, Direction direction, std::uint64_t bytes,
                   const packet::Origin& at) = 0;
  /// A UDP, ICMP or other datagram.
  virtual void datagram(const View& connection, std::uint64_t& slot, Direction direction,
                        const packet::Packet& packet) = 0;
  /// This direction of a TCP stream ended. Bytes behind its FIN may still follow, where the peer acknowledges them.
  virtual void end(const View& connection, std::uint64_t& slot, Direction direction, End why,
                   const packet::Origin& at) = 0;
  /// The connection is over; the consumer frees what `slot` stands for. Its `conn` record follows. Returns the names of
  /// the services recognised, comma-separated (conn.service), as a view valid until the next call.
  virtual std::string_view closed(const View& connection, std::uint64_t& slot, End why, const packet::Origin& at) = 0;
  /// An anomaly (Zeek's weird names where Zeek has one). `connection` may be null.
  virtual void weird(const View* connection, std::string_view name, std::string_view detail,
                     const packet::Origin& at) = 0;
};

}  // namespace whodunit::connection
