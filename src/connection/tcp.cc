// TCP's state as Zeek sees it: two endpoints with a state each, tolerant of what was not captured. RFC 9293 says how
// TCP should behave; what is seen in captures often does not.
#include "connection/likely_server.h"
#include "connection/table_impl.h"

namespace whodunit::connection {
namespace {

using packet::kAck;
using packet::kFin;
using packet::kRst;
using packet::kSyn;
using packet::kUrg;

// A jump of the sequence number that a SYN or RST is not believed.
constexpr std::int32_t kTooFar = 1 << 20;
constexpr std::uint16_t kStorm = 1000;

/// Signed distance on the circle of sequence numbers.
std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

std::uint64_t full(std::uint32_t sequence, std::uint16_t wraps) {
  return (static_cast<std::uint64_t>(wraps) << 32) + sequence;
}

/// What a segment takes of the sequence space; a RST's data is not part of the stream.
std::uint32_t segment_length(const packet::Packet& p) {
  std::uint32_t length = (p.tcp_flags & kRst) != 0 ? 0 : p.payload_length;
  if ((p.tcp_flags & kSyn) != 0) ++length;
  if ((p.tcp_flags & kFin) != 0) ++length;
  return length;
}

/// `sequence` counted from the endpoint's SYN, going around as often as `reference` (its highest so far) has.
/// `underflow`: it lies before the SYN.
std::uint64_t relative(const TcpEndpoint& end, std::uint32_t sequence, std::uint32_t reference, std::uint16_t wraps,
                       bool& underflow) {
  const std::int32_t delta = distance(sequence, reference);
  if (delta < 0 && wraps != 0 && sequence > reference)
    --wraps;
  else if (delta > 0 && sequence < reference)
    ++wraps;
  if (wraps == 0) {
    const std::int32_t from_start = distance(sequence, end.start);
    underflow = from_start < 0;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(from_start));
  }
  underflow = false;
  return full(sequence, wraps) - end.start;
}

void set_last(TcpEndpoint& end, std::uint32_t sequence) {
  if (sequence < end.last) ++end.last_wraps;
  end.last = sequence;
}

void set_acknowledged(TcpEndpoint& end, std::uint32_t sequence) {
  const std::int32_t delta = distance(sequence, end.acknowledged);
  if (sequence == 0 && delta > kTooFar) return;  // a broken acknowledgement rather than so large a connection
  if (delta <= 0) return;
  if (sequence < end.acknowledged) ++end.acknowledged_wraps;
  end.acknowledged = sequence;
}

bool in_handshake(TcpState s) {
  return s == TcpState::kInactive || s == TcpState::kSynSent || s == TcpState::kSynAckSent;
}

bool nothing_acknowledged(const TcpEndpoint& end) {
  const std::uint64_t ack = full(end.acknowledged, end.acknowledged_wraps);
  return ack == end.start || ack == std::uint64_t{end.start} + 1;
}

/// Relative: up to where the peer has acknowledged.
std::uint64_t acknowledged_bytes(const TcpEndpoint& end) {
  return full(end.acknowledged, end.acknowledged_wraps) - end.start;
}

bool both_established(const Entry& e) {
  return e.end[0].tcp.state == TcpState::kEstablished && e.end[1].tcp.state == TcpState::kEstablished;
}

/// The consumer has had bytes (a SYN may carry some): the ends stay as they are then.
bool handed_over(const Entry& e) { return e.end[0].tcp.next > 1 || e.end[1].tcp.next > 1; }

bool is_active(const TcpEndpoint& end) { return end.state != TcpState::kInactive && !end.closed; }

}  // namespace

std::uint64_t tcp_size(const TcpEndpoint& end, const TcpEndpoint& peer) {
  // A half-open connection that was found and aborted: its numbers say nothing, and it could not send data.
  if (end.previous == TcpState::kSynSent && end.state == TcpState::kReset && peer.state == TcpState::kInactive &&
      !nothing_acknowledged(end))
    return 0;
  const std::uint64_t last = full(end.last, end.last_wraps);
  const std::uint64_t acknowledged = full(end.acknowledged, end.acknowledged_wraps);
  std::uint64_t size = std::max(last, acknowledged) - end.start;
  if (size != 0) --size;                   // the SYN
  if (end.fins != 0 && size != 0) --size;  // the FIN
  return size;
}

void Table::Impl::set_state(Entry& e, Direction d, TcpState state) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  if (state == end.state) return;
  if (!in_handshake(state) && in_handshake(end.state) && in_handshake(peer.state))
    e.inactivity = static_cast<std::uint16_t>(std::max<std::int64_t>(
        std::min<std::int64_t>(settings_.tcp_inactivity.ns / 1'000'000'000, 65535), e.inactivity));
  end.previous = end.state;
  end.state = state;
}

void Table::Impl::established(Entry& e) {
  std::uint16_t port = e.port[1];
  // Half of a handshake: the originator's port, where that is the known one.
  if (e.end[0].tcp.state == TcpState::kInactive && !is_likely_server(e.protocol, port) &&
      is_likely_server(e.protocol, e.port[0]))
    port = e.port[0];
  if (is_interactive(port))
    e.inactivity =
        static_cast<std::uint16_t>(std::min<std::int64_t>(settings_.interactive_inactivity.ns / 1'000'000'000, 65535));
}

bool Table::Impl::is_reuse(Entry& e, const packet::Packet& packet) {
  // Only a SYN begins a connection anew, or a SYN-ACK where only the responder was seen.
  if ((packet.tcp_flags & kSyn) == 0) return false;
  const bool ack = (packet.tcp_flags & kAck) != 0;
  const TcpEndpoint &originator = e.end[0].tcp, &responder = e.end[1].tcp;
  if (ack && e.extra != nullptr && e.extra->syn && packet.acknowledgement == *e.extra->syn + 1) return true;
  if (ack && originator.state != TcpState::kInactive) return false;
  const TcpEndpoint& end = ack ? responder : originator;
  if (!originator.closed && !responder.closed) {
    if (packet.sequence == end.start || both_established(e)) return false;
    // SYN and SYN-ACK in the wrong order, as two interfaces may give them: not another connection.
    if (!ack && end.state == TcpState::kSynAckSent && responder.state == TcpState::kInactive &&
        packet.sequence == responder.start)
      return false;
    weird(e, end.state == TcpState::kSynSent ? TableWeird::kSynSeqJump : TableWeird::kActiveReuse, packet.origin);
  } else if (originator.state != TcpState::kReset && responder.state != TcpState::kReset) {
    if (is_active(originator) || is_active(responder))
      weird(e, TableWeird::kActiveReuse, packet.origin);
    else if (packet.origin.time - base::Time{e.last_ns} < settings_.tcp_close_delay)
      weird(e, TableWeird::kPrematureReuse, packet.origin);
  }
  return true;
}

void Table::Impl::begin_endpoint(Entry& e, Direction d, const packet::Packet& packet, std::uint32_t last) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  const bool syn = (packet.tcp_flags & kSyn) != 0;
  const std::uint32_t sequence = packet.sequence;
  switch (end.state) {
    case TcpState::kInactive:
      // Without a SYN, numbers are as if one had come before, and the first packet is no repetition.
      end.start = end.acknowledged = syn ? sequence : sequence - 1;
      end.last = syn ? last : sequence;
      return;
    case TcpState::kSynSent:
    case TcpState::kSynAckSent:
      if (!syn || sequence == end.start) return;
      weird(e, TableWeird::kSynSeqJump, packet.origin);
      break;
    case TcpState::kEstablished:
    case TcpState::kPartial:
      if (!syn) return;
      if (tcp_size(end, e.end[1 - index(d)].tcp) > 0) weird(e, TableWeird::kSynInsideConnection, packet.origin);
      if (sequence != end.start) weird(e, TableWeird::kSynSeqJump, packet.origin);
      break;
    case TcpState::kReset:
      // Its numbers came from a RST, which may have been forged.
      if (!syn || end.previous != TcpState::kInactive) return;
      break;
    default:
      return;
  }
  // Its stream begins (again) here: Zeek's guess is that the connection was not established before.
  if (sequence != end.start) {
    drop_segments(e, d);
    end.next = 1;
  }
  end.start = end.acknowledged = sequence;
  end.last = last;
}

void Table::Impl::begin_peer(Entry& e, Direction d, const packet::Packet& packet) {
  const TcpEndpoint& end = e.end[index(d)].tcp;
  TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  // It acknowledges what we did not see (told where nothing else was told before, as Zeek does; a checksum says nothing
  // about the path).
  constexpr std::uint32_t kChecksum = std::uint32_t{1} << static_cast<unsigned>(TableWeird::kBadChecksum);
  if (end.state == TcpState::kSynSent && (packet.tcp_flags & (kSyn | kFin | kRst)) == 0 && (e.weirds & ~kChecksum) == 0)
    weird(e, TableWeird::kPossibleSplitRouting, packet.origin);
  peer.start = peer.acknowledged = peer.last = packet.acknowledgement - 1;
}

void Table::Impl::tcp_history(Entry& e, Direction d, std::uint8_t flags, std::uint64_t relative, std::uint32_t length) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  const auto letter_of = [&](char c) { return d == Direction::kOriginator ? c : static_cast<char>(c | 0x20); };
  const auto repeatable = [&](std::uint32_t mask, char letter, auto number, auto& seen) {
    if (check_history(e, d, mask, letter) && number != seen) add_history(e, letter_of(letter));
    seen = number;
  };
  const auto folded = [](std::uint64_t number) {
    const auto low = static_cast<std::uint32_t>(number);
    return static_cast<std::uint16_t>(low ^ low >> 16);
  };
  const int set = ((flags & kSyn) != 0) + ((flags & kFin) != 0) + ((flags & kRst) != 0);
  if (set > 1) {
    if ((flags & kFin) != 0 && (flags & kRst) != 0)
      check_history(e, d, kLetterFinRst, 'I');
    else
      check_history(e, d, kLetterMultiFlag, 'Q');
  } else if (set == 1) {
    if ((flags & kSyn) != 0)
      repeatable(kLetterSyn, (flags & kAck) != 0 ? 'H' : 'S', folded(relative), end.last_syn_letter);
    if ((flags & kFin) != 0)
      repeatable(kLetterFin, 'F', static_cast<std::uint32_t>(relative + length), end.last_fin_letter);
    if ((flags & kRst) != 0) repeatable(kLetterRst, 'R', folded(relative), end.last_rst_letter);
  } else if (length != 0) {
    check_history(e, d, kLetterData, 'D');
  } else if ((flags & kAck) != 0) {
    check_history(e, d, kLetterAck, 'A');
  }
}

// RFC 7323 2.2: the factor stands in the SYNs, and counts where both have it.
void Table::Impl::window_scale(Entry& e, Direction d, const packet::Packet& packet) {
  constexpr std::uint8_t kEnd = 0, kNothing = 1, kWindowScale = 3, kMostScale = 14;
  TcpEndpoint& end = e.end[index(d)].tcp;
  const base::Bytes options = packet.tcp_options;
  int scale = -1;
  for (std::size_t at = 0; at < options.size() && options[at] != kEnd;) {
    if (options[at] == kNothing) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size() || options[at + 1] < 2 || at + options[at + 1] > options.size()) break;
    if (options[at] == kWindowScale && options[at + 1] >= 3) scale = options[at + 2];
    at += options[at + 1];
  }
  if (scale > kMostScale) {  // RFC 7323 2.3: to be told, and taken for 14
    weird(e, TableWeird::kScaleRange, name_of(TableWeird::kScaleRange), packet.origin, std::to_string(scale));
    scale = kMostScale;
  }
  end.scale = static_cast<std::uint8_t>(std::max(scale, 0)) & 15u;
  if (scale < 0 && (packet.tcp_flags & kAck) != 0) e.end[1 - index(d)].tcp.scale = 0;
}

// RFC 9293 3.8.6: a receiver should not take back what it allowed ("shrinking the window"). What comes with a SYN, FIN
// or RST, or after one end has closed, says nothing: buffers go away with their process.
void Table::Impl::window(Entry& e, Direction d, const packet::Packet& packet) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  if ((packet.tcp_flags & (kSyn | kFin | kRst | kAck)) != kAck || end.state == TcpState::kClosed ||
      end.state == TcpState::kReset)
    return;
  // An older segment than the last, or an older acknowledgement, has an older window (RFC 9293 3.10.7.4).
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  if (distance(packet.sequence + packet.payload_length, end.last) < 0 ||
      (peer.state != TcpState::kInactive && distance(packet.acknowledgement, peer.acknowledged) < 0))
    return;
  const std::uint32_t edge = packet.acknowledgement + (std::uint32_t{packet.window} << end.scale);
  // Rounded to the factor, an unchanged edge may seem to go back by less than one step.
  if (end.edge_known && distance(end.window_edge, edge) >= 1 << end.scale)
    weird(e, TableWeird::kWindowRecision, packet.origin);
  end.window_edge = edge;
  end.edge_known = true;
}

// A segment below the highest number seen repeats bytes, or fills a hole: then the network has changed the order (what
// RFC 9293 3.10.7.4 has a receiver keep for later), or the first copy was lost before it came here. Only what waits
// above a hole can tell; a hole that was given up (the peer has acknowledged beyond it) is none any more.
bool Table::Impl::fills_hole(const Entry& e, Direction d, std::uint64_t from, std::uint32_t length) const {
  if (!has_stored(e, d) || from < e.end[index(d)].tcp.next) return false;
  const std::vector<Segment>& segments = e.extra->segments[index(d)];
  const auto after = std::partition_point(segments.begin(), segments.end(),
                                          [from](const Segment& segment) { return segment.to <= from; });
  return after != segments.end() && after->from >= from + length;
}

std::int32_t Table::Impl::update_last(Entry& e, Direction d, std::uint32_t last, std::uint8_t flags,
                                      std::uint32_t length, bool reordered) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  const std::int32_t delta = distance(last, end.last);
  if ((flags & (kSyn | kRst)) != 0 && (delta > kTooFar || delta < -kTooFar)) return delta;
  if ((flags & kFin) != 0 && end.last == end.start + 1) {
    set_last(end, last);  // only SYN and FIN were captured: the distance may be more than half the circle
  } else if (end.state == TcpState::kReset) {
    // Numbers after a RST are not believed.
  } else if (delta > 0) {
    set_last(end, last);
  } else if (length > 0) {
    if (end.retransmits != 0xffffffff) {
      ++end.retransmits;
      if (reordered) ++e.extra->reordered[index(d)];
    }
    // Zeek's letter stands for both.
    scaled_history(e, d, end.retransmits, 'T');
  }
  return delta;
}

// --- the state machine: each gives true where this packet closes the endpoint

bool Table::Impl::inactive_state(Entry& e, Direction& d, const packet::Packet& packet) {
  const std::uint8_t flags = packet.tcp_flags;
  const bool ack = (flags & kAck) != 0;
  bool closes = false;
  const auto end = [&]() -> TcpEndpoint& { return e.end[index(d)].tcp; };
  const auto peer = [&]() -> TcpEndpoint& { return e.end[1 - index(d)].tcp; };
  if (end().first_flags == 0) end().first_flags = static_cast<std::uint8_t>((flags & 0x3f) | kFirstFlagsKnown);
  if ((flags & kSyn) != 0) {
    if (d == Direction::kOriginator) {
      if (ack) weird(e, TableWeird::kOriginatorSynAck, packet.origin);
      set_state(e, d, ack ? TcpState::kSynAckSent : TcpState::kSynSent);
      if (settings_.tcp_attempt_delay.ns != 0 && (e.flags & kClosing) == 0)
        e.deadline_ns = (packet.origin.time + settings_.tcp_attempt_delay).ns;
    } else {
      if (ack) {
        e.flags |= kSynAckSeen;
        if (peer().state != TcpState::kInactive && peer().state != TcpState::kPartial &&
            (distance(packet.acknowledgement, peer().start) < 0 || distance(packet.acknowledgement, peer().last) > 0))
          weird(e, TableWeird::kBadSynAck, packet.origin);
      } else if (peer().state == TcpState::kSynAckSent && packet.sequence == end().start && !handed_over(e)) {
        // The SYN comes after its SYN-ACK: the ends are the other way around.
        flip(e);
        d = opposite(d);
        set_state(e, opposite(d), TcpState::kEstablished);
        e.flags |= kSawOriginator;
      } else {
        weird(e, TableWeird::kSimultaneousOpen, packet.origin);
      }
      if (peer().state == TcpState::kSynSent) set_state(e, opposite(d), TcpState::kEstablished);
      set_state(e, d, TcpState::kEstablished);
      if (peer().state != TcpState::kPartial) established(e);
    }
  }
  if ((flags & kFin) != 0) {
    set_state(e, d, TcpState::kClosed);
    closes = true;
  }
  if ((flags & kRst) != 0) {
    set_state(e, d, TcpState::kReset);
    closes = true;
  }
  if (end().state != TcpState::kInactive) return closes;
  if (d == Direction::kResponder && packet.payload_length == 0 && peer().state == TcpState::kSynSent) {
    // Some acknowledge a SYN before they send their own.
  } else if (ack && peer().state == TcpState::kEstablished) {
    // SYN-ACK and acknowledgement: only the first SYN was missed.
    set_state(e, d, TcpState::kEstablished);
    e.flags &= static_cast<std::uint16_t>(~kMidstream);
    e.flags |= d == Direction::kOriginator ? kSawOriginator : kSawResponder;
  } else {
    set_state(e, d, TcpState::kPartial);
  }
  return closes;
}

bool Table::Impl::syn_sent_state(Entry& e, Direction d, const packet::Packet& packet) {
  const std::uint8_t flags = packet.tcp_flags;
  const TcpEndpoint& end = e.end[index(d)].tcp;
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  bool closes = false;
  if ((flags & kSyn) != 0) {
    if (d == Direction::kOriginator) {
      if ((flags & (kAck | kFin | kRst)) == kAck && end.state != TcpState::kSynAckSent)
        weird(e, TableWeird::kRepeatedSynWithAck, packet.origin);
    } else if ((flags & kAck) == 0 && end.state != TcpState::kSynSent) {
      weird(e, TableWeird::kRepeatedSynReply, packet.origin);
    }
  }
  if ((flags & kFin) != 0) {
    if (peer.state == TcpState::kInactive || peer.state == TcpState::kSynSent)
      weird(e, TableWeird::kInappropriateFin, packet.origin);
    set_state(e, d, TcpState::kClosed);
    closes = true;
  }
  if ((flags & kRst) != 0) {
    set_state(e, d, TcpState::kReset);
    closes = true;
  } else if (packet.payload_length > 0) {
    weird(e, TableWeird::kDataBeforeEstablished, packet.origin);
  }
  return closes;
}

bool Table::Impl::established_state(Entry& e, Direction d, const packet::Packet& packet) {
  const std::uint8_t flags = packet.tcp_flags;
  const TcpEndpoint& end = e.end[index(d)].tcp;
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  bool closes = false;
  if ((flags & kSyn) != 0 && (flags & kAck) == 0 && end.state == TcpState::kPartial &&
      peer.state == TcpState::kInactive) {
    weird(e, TableWeird::kSynAfterPartial, packet.origin);
    set_state(e, d, TcpState::kSynSent);
  }
  if ((flags & kFin) != 0 && (flags & kRst) == 0) {
    set_state(e, d, TcpState::kClosed);
    // The peer sent a FIN and then a RST: that was an ordinary end after all.
    if (peer.state == TcpState::kReset && peer.previous == TcpState::kClosed)
      set_state(e, opposite(d), TcpState::kClosed);
    closes = true;
  }
  if ((flags & kRst) != 0) {
    set_state(e, d, TcpState::kReset);
    closes = true;
  }
  return closes;
}

bool Table::Impl::closed_state(Entry& e, Direction d, const packet::Packet& packet, std::int32_t delta_last) {
  const std::uint8_t flags = packet.tcp_flags;
  if ((flags & kSyn) != 0) weird(e, TableWeird::kSynAfterClose, packet.origin);
  if ((flags & kFin) != 0 && delta_last > 0) weird(e, TableWeird::kFinAdvancedLastSeq, packet.origin);
  // A RST after both FINs changes nothing.
  if ((flags & kRst) != 0 && e.end[1 - index(d)].tcp.state != TcpState::kClosed) {
    set_state(e, d, TcpState::kReset);
    return !e.end[index(d)].tcp.closed;
  }
  return false;
}

void Table::Impl::reset_state(Entry& e, const packet::Packet& packet) {
  const std::uint8_t flags = packet.tcp_flags;
  if ((flags & kSyn) != 0) weird(e, TableWeird::kSynAfterReset, packet.origin);
  if (packet.payload_length > 0 && (flags & kRst) == 0) weird(e, TableWeird::kDataAfterReset, packet.origin);
}

// --- ends

bool Table::Impl::data_pending(const Entry& e, Direction d) const {
  const TcpEndpoint& end = e.end[index(d)].tcp;
  const std::uint64_t delivered = end.start + end.next;
  const std::uint64_t last = full(end.last, end.last_wraps);
  if (last < delivered) return false;
  // A FIN takes a number, a RST does not.
  if (delivered != last - 1 && delivered != last) return true;
  // It may still acknowledge what the peer sent; after a RST it can not.
  if (end.state == TcpState::kReset) return false;
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  return has_stored(e, opposite(d)) || peer.next > std::max<std::uint64_t>(acknowledged_bytes(peer), 1);
}

void Table::Impl::closed(Entry& e, Direction d) {
  if (data_pending(e, d)) {
    e.flags |= kCloseDeferred;
    return;
  }
  e.flags &= static_cast<std::uint16_t>(~kCloseDeferred);
  TcpEndpoint& end = e.end[index(d)].tcp;
  const TcpEndpoint& peer = e.end[1 - index(d)].tcp;
  if (end.closed) return;
  end.closed = true;
  if (end.state == TcpState::kReset || peer.closed || peer.state == TcpState::kInactive) {
    const std::int64_t over = (base::Time{e.last_ns} + settings_.tcp_close_delay).ns;
    if ((e.flags & kClosing) == 0 || over < e.deadline_ns) e.deadline_ns = over;
    e.flags |= kClosing;
  }
}

void Table::Impl::check_end(Entry& e, Direction d, const packet::Origin& at) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  if (!end.all_delivered) {
    if (end.fins == 0 && end.state != TcpState::kClosed && end.state != TcpState::kReset) return;
    if (data_pending(e, d)) return;
    end.all_delivered = true;
    if ((e.flags & kCloseDeferred) != 0) {
      closed(e, d);
      e.flags &= static_cast<std::uint16_t>(~kCloseDeferred);
    }
  }
  // A FIN or RST may be forged: the consumer hears of a FIN when the peer has acknowledged it, of a RST when the
  // connection is over, and of the bytes that come until then.
  if (!end.ended && end.fins != 0 && end.state != TcpState::kReset && acknowledged_bytes(end) >= end.fin)
    end_stream(e, d, End::kFin, at);
}

void Table::Impl::handshake(Entry& e, Direction d, const packet::Packet& packet) {
  // SYN, SYN-ACK, and the originator's first acknowledgement of that.
  if ((e.flags & (kFirstIsSyn | kSynAckSeen | kHandshakeKnown)) != (kFirstIsSyn | kSynAckSeen) ||
      d != Direction::kOriginator || (packet.tcp_flags & (kSyn | kRst | kAck)) != kAck)
    return;
  if (packet.acknowledgement != e.end[1].tcp.start + 1 && distance(packet.acknowledgement, e.end[1].tcp.start + 1) < 0)
    return;
  e.handshake_ns = (packet.origin.time - base::Time{e.first_ns}).ns;
  e.flags |= kHandshakeKnown;
}

// --- one packet

// A SYN-ACK came first. Alone it may be a scan; when an acknowledgement or data follow, from either end, it was the
// answer to a SYN that was missed, and its sender is the responder.
void Table::Impl::turn_around(Entry& e, Direction& d, const packet::Packet& packet) {
  if (e.end[0].tcp.state != TcpState::kSynAckSent || e.end[1].tcp.state != TcpState::kInactive ||
      (packet.tcp_flags & (kSyn | kFin | kRst)) != 0 ||
      ((packet.tcp_flags & kAck) == 0 && packet.payload_length == 0) || handed_over(e))
    return;
  const bool alone = e.history_length == 1 && e.history[0] == 'H';
  flip(e);
  d = opposite(d);
  e.flags |= kSawOriginator | kSawResponder;
  if (alone) {
    e.history[0] = '^';
    e.history[1] = 'h';
    e.letters = kLetterSyn << 16;
  }
}

void Table::Impl::tcp(Entry& e, Direction d, const packet::Packet& packet) {
  const std::uint8_t flags = packet.tcp_flags;
  const std::uint32_t length = packet.payload_length;
  if (packet.checksum_bad && bad_checksum(e, d, packet)) return;
  turn_around(e, d, packet);
  if (e.packets[index(d)] == 0xffffffff) extra(e).packets_high[index(d)] += std::uint64_t{1} << 32;
  ++e.packets[index(d)];
  e.ip_bytes[index(d)] += packet.ip_length;

  const std::uint16_t saw = d == Direction::kOriginator ? kSawOriginator : kSawResponder;
  if ((e.flags & saw) == 0) {
    const bool syn = (flags & kSyn) != 0;
    if (d == Direction::kOriginator) {
      const bool midstream = !syn || (flags & kAck) != 0;
      e.flags = static_cast<std::uint16_t>(midstream ? e.flags | kMidstream : e.flags & ~kMidstream);
      if (!midstream && e.packets[0] + e.packets[1] == 1) e.flags |= kFirstIsSyn;
    } else if ((e.flags & kMidstream) == 0 && !syn) {
      e.flags |= kMidstream;
    }
  }

  if ((flags & kSyn) != 0 && both_established(e) && packet.sequence != e.end[index(d)].tcp.start) {
    // No TCP takes a SYN there (RFC 9293 3.10.7.4, RFC 5961 4): who sends one may want us to lose the connection.
    // Should it be answered with a SYN-ACK, then that begins another (is_reuse).
    weird(e, (flags & kAck) != 0 ? TableWeird::kSynSeqJump : TableWeird::kActiveReuse, packet.origin);
    if ((flags & kAck) == 0) extra(e).syn = packet.sequence;
    e.last_ns = packet.origin.time.ns;
    return;
  }

  const std::uint32_t after = packet.sequence + segment_length(packet);
  begin_endpoint(e, d, packet, after);
  // `d` changes where the state machine finds that the ends are the other way around.
  bool underflow = false;
  std::uint64_t from = relative(e.end[index(d)].tcp, packet.sequence, e.end[index(d)].tcp.last,
                                e.end[index(d)].tcp.last_wraps, underflow);
  if (underflow && (flags & kRst) == 0) weird(e, TableWeird::kSeqUnderflow, packet.origin);
  tcp_history(e, d, flags, from, length);

  {
    TcpEndpoint& end = e.end[index(d)].tcp;
    // A window of zero matters unless it comes with or after a RST, or when the peer has nothing more to send.
    if (packet.window == 0 && (flags & kRst) == 0 && e.end[1 - index(d)].tcp.state != TcpState::kClosed &&
        end.state != TcpState::kReset) {
      if (end.zero_windows != 0xffffffff) ++end.zero_windows;
      scaled_history(e, d, end.zero_windows, 'W');
    }
    window(e, d, packet);
    const std::int64_t last_before = e.last_ns;
    if (!e.end[0].tcp.closed || !e.end[1].tcp.closed) e.last_ns = packet.origin.time.ns;

    const bool soon = packet.origin.time < base::Time{last_before} + base::seconds(1);
    if ((flags & kSyn) != 0) {
      if ((flags & kRst) != 0) weird(e, TableWeird::kChristmas, packet.origin);
      if ((flags & kUrg) != 0) weird(e, TableWeird::kBaroqueSyn, packet.origin);
      if (length > 0) weird(e, TableWeird::kSynWithData, packet.origin);
      window_scale(e, d, packet);
    }
    if ((flags & kFin) != 0) {
      if (end.fins != 0xffff) ++end.fins;
      if (end.fins >= kStorm && soon) weird(e, TableWeird::kFinStorm, packet.origin);
      end.fin = from + segment_length(packet);
    }
    if ((flags & kRst) != 0) {
      if (end.resets != 0xffff) ++end.resets;
      if (end.resets >= kStorm && soon) weird(e, TableWeird::kRstStorm, packet.origin);
    }
  }

  std::uint64_t acknowledges = 0;
  const std::uint64_t acknowledged_before = acknowledged_bytes(e.end[1 - index(d)].tcp);
  if ((flags & kAck) != 0) {
    TcpEndpoint& peer = e.end[1 - index(d)].tcp;
    if (peer.state == TcpState::kInactive) {
      acknowledges = 1;
      begin_peer(e, d, packet);
    } else {
      bool before = false;
      acknowledges = relative(peer, packet.acknowledgement, peer.acknowledged, peer.acknowledged_wraps, before);
      if (before) {
        acknowledges = 0;
        weird(e, TableWeird::kAckUnderflow, packet.origin);
      } else if ((flags & kRst) == 0) {
        set_acknowledged(peer, packet.acknowledgement);
      }
    }
  }

  const bool reordered = !underflow && length > 0 && fills_hole(e, d, from + ((flags & kSyn) != 0 ? 1 : 0), length);
  const std::int32_t delta_last = update_last(e, d, after, flags, length, reordered);
  bool closes = false;
  switch (e.end[index(d)].tcp.state) {
    case TcpState::kInactive:
      closes = inactive_state(e, d, packet);
      break;
    case TcpState::kSynSent:
    case TcpState::kSynAckSent:
      closes = syn_sent_state(e, d, packet);
      break;
    case TcpState::kEstablished:
    case TcpState::kPartial:
      closes = established_state(e, d, packet);
      break;
    case TcpState::kClosed:
      closes = closed_state(e, d, packet, delta_last);
      break;
    case TcpState::kReset:
      reset_state(e, packet);
      break;
  }
  handshake(e, d, packet);
  // After the state machine: a gap that a FIN or RST brings to light is not counted.
  if ((flags & kAck) != 0) acknowledged(e, opposite(d), acknowledges, acknowledged_before, packet.origin);
  e.flags |= d == Direction::kOriginator ? kSawOriginator : kSawResponder;

  if (length > 0 && (flags & kRst) == 0) {
    first_byte(e, d, length, packet.origin.time);
    if (!underflow) {
      if ((flags & kSyn) != 0) ++from;
      if (packet.payload.size() < length) weird(e, TableWeird::kTruncatedPayload, packet.origin);
      // What was captured of it is still good: the rest becomes a gap when the peer acknowledges it.
      if (!packet.payload.empty()) data(e, d, from, packet.payload, packet.origin);
    }
  }
  check_end(e, d, packet.origin);
  if (closes) closed(e, d);
}

}  // namespace whodunit::connection
