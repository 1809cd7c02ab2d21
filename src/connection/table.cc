#include "connection/table.h"

#include <random>

#include "connection/icmp.h"
#include "connection/likely_server.h"
#include "connection/table_impl.h"
#include "record/uid.h"

namespace whodunit::connection {
namespace {

// Makes the place in the index unforeseeable, so that nobody can send endpoints that all fall together. Results do not
// depend on it: the index is never walked.
std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
  }();
  return seed;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// In two words, without a call.
bool same(const base::Address& a, const base::Address& b) { return a.low() == b.low() && a.high() == b.high(); }

bool is_icmp(std::uint8_t protocol) { return protocol == packet::kIcmp || protocol == packet::kIcmp6; }

}  // namespace

Table::Table(const Settings& settings, base::MemoryAccountant& memory, Consumer& consumer, record::Sink& sink,
             unsigned shard)
    : impl_(std::make_unique<Impl>(settings, memory, consumer, sink, shard)) {}
Table::~Table() = default;
void Table::packet(const packet::Packet& packet, std::uint32_t tag) { impl_->packet(packet, tag); }
std::uint32_t Table::tag_of(const packet::Packet& packet) { return Impl::tag_of(packet); }
void Table::prefetch(std::uint32_t tag) const { impl_->prefetch(tag); }
void Table::prefetch_entry(std::uint32_t tag) const { impl_->prefetch_entry(tag); }
void Table::advance(base::Time now, std::uint64_t run_number) { impl_->advance(now, run_number); }
void Table::finish(std::uint64_t run_number) { impl_->finish(run_number); }
const TableStatistics& Table::statistics() const { return impl_->statistics; }
std::size_t Table::entry_size() { return sizeof(Entry); }

Table::Impl::Impl(const Settings& settings, base::MemoryAccountant& memory, Consumer& consumer, record::Sink& sink,
                  unsigned shard)
    : settings_(settings), memory_(memory), consumer_(consumer), sink_(sink), shard_(shard) {
  wheel_.fill(kNone);
}

Table::Impl::~Impl() {
  for (const auto& chunk : chunks_)
    for (Entry& e : chunk->entries) {
      for (const Direction d : {Direction::kOriginator, Direction::kResponder}) drop_segments(e, d);
      delete_extra(e);
    }
  memory_.give_back(base::MemoryUse::kConnections, chunks_.size() * sizeof(Chunk) + index_.size() * sizeof(Slot));
}

// ---------------------------------------------------------------------------------------------------------------------
// The index: open addressing with linear probing, at most three quarters full, over (tag, handle); slabs of entries.

Table::Impl::Key Table::Impl::key_of(const packet::Packet& packet) {
  Key key{{packet.source, packet.destination}, {packet.source_port, packet.destination_port}, packet.protocol, false};
  if (is_icmp(packet.protocol)) {
    // Zeek's ports: the type, and the type that answers it or, where none does, the code.
    const int counterpart = icmp_counterpart(packet.protocol, static_cast<std::uint8_t>(packet.source_port));
    if (counterpart >= 0)
      key.port[1] = static_cast<std::uint16_t>(counterpart);
    else
      key.one_way = true;
  }
  return key;
}

std::uint32_t Table::Impl::tag_of(const Key& key) {
  const std::uint64_t seed = process_seed();
  // The same for both directions. (For types without a counterpart too: they only share a place.)
  const auto half = [&](int i) {
    return mix(key.address[i].high() ^ seed, key.address[i].low() ^ 0x9E3779B97F4A7C15ull ^ seed) +
           mix(key.port[i] ^ 0xD6E8FEB86659FD93ull, seed | 1);
  };
  const std::uint64_t a = half(0), b = half(1);
  const std::uint64_t h = mix(a + b, (a ^ b) ^ seed ^ (static_cast<std::uint64_t>(key.protocol) << 32));
  return static_cast<std::uint32_t>(h ^ h >> 32);
}

bool Table::Impl::matches(const Entry& e, const Key& key) {
  if (e.protocol != key.protocol || ((e.flags & kOneWay) != 0) != key.one_way) return false;
  const auto along = [&](int i) {
    return e.port[0] == key.port[i] && e.port[1] == key.port[1 - i] && same(e.address[0], key.address[i]) &&
           same(e.address[1], key.address[1 - i]);
  };
  return along(0) || (!key.one_way && along(1));
}

Handle Table::Impl::find(const Key& key, std::uint32_t tag) const {
  if (index_.empty()) return kNone;
  for (std::size_t i = tag & index_mask_;; i = (i + 1) & index_mask_) {
    const Slot& slot = index_[i];
    if (slot.handle == kNone) return kNone;
    if (slot.tag == tag && matches(entry(slot.handle), key)) return slot.handle;
  }
}

bool Table::Impl::grow_index() {
  const std::size_t size = index_.empty() ? 64 : index_.size() * 2;
  if (!memory_.take(base::MemoryUse::kConnections, size * sizeof(Slot), false)) return false;
  std::vector<Slot> old(size, Slot{0, kNone});
  old.swap(index_);
  index_mask_ = size - 1;
  for (const Slot& slot : old)
    if (slot.handle != kNone) index_insert(slot.tag, slot.handle);
  memory_.give_back(base::MemoryUse::kConnections, old.size() * sizeof(Slot));
  statistics.bytes += (index_.size() - old.size()) * sizeof(Slot);
  return true;
}

void Table::Impl::index_insert(std::uint32_t tag, Handle handle) {
  std::size_t i = tag & index_mask_;
  while (index_[i].handle != kNone) i = (i + 1) & index_mask_;
  index_[i] = {tag, handle};
}

void Table::Impl::index_erase(Handle handle) {
  const Entry& e = entry(handle);
  const Key key{{e.address[0], e.address[1]}, {e.port[0], e.port[1]}, e.protocol, (e.flags & kOneWay) != 0};
  std::size_t i = tag_of(key) & index_mask_;
  while (index_[i].handle != handle) i = (i + 1) & index_mask_;
  // Closes the hole: what follows and would be found from the hole's place moves into it.
  for (std::size_t j = (i + 1) & index_mask_; index_[j].handle != kNone; j = (j + 1) & index_mask_) {
    const std::size_t home = index_[j].tag & index_mask_;
    if (((j - home) & index_mask_) >= ((j - i) & index_mask_)) {
      index_[i] = index_[j];
      i = j;
    }
  }
  index_[i] = {0, kNone};
}

Handle Table::Impl::allocate() {
  if (free_ == kNone) {
    if (!memory_.take(base::MemoryUse::kConnections, sizeof(Chunk), false)) return kNone;
    const auto base = static_cast<Handle>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Chunk>());
    statistics.bytes += sizeof(Chunk);
    for (std::size_t i = kChunk; i-- > 0;) {
      links(base + static_cast<Handle>(i)).timer_next = free_;
      free_ = base + static_cast<Handle>(i);
    }
  }
  const Handle handle = free_;
  free_ = links(handle).timer_next;
  return handle;
}

void Table::Impl::release(Handle handle) {
  links(handle).timer_next = free_;
  free_ = handle;
}

// A newcomer displaces an unestablished connection, the oldest first; where there are few of these, the idlest of some
// established ones, so that unestablished ones always have a small share and a flood can never take more.
bool Table::Impl::evict_one() {
  const std::size_t share = std::max<std::size_t>(statistics.live / 64, 1);
  Handle victim = young_first_;
  if (young_ < share) {
    constexpr std::size_t kSample = 64;
    const std::size_t size = chunks_.size() * kChunk;
    std::size_t sampled = 0;
    Handle idlest = kNone;
    for (std::size_t step = 0; step < std::min<std::size_t>(size, 16 * kSample) && sampled < kSample; ++step) {
      const auto handle = static_cast<Handle>(sweep_);
      sweep_ = sweep_ + 1 < size ? sweep_ + 1 : 0;
      const Entry& e = entry(handle);
      if (e.uid == 0 || (e.flags & kEstablished) == 0) continue;
      ++sampled;
      if (idlest == kNone || e.last_ns < entry(idlest).last_ns) idlest = handle;
    }
    if (idlest != kNone) victim = idlest;
  }
  if (victim == kNone) return false;
  ++statistics.evicted;
  if ((entry(victim).flags & kEstablished) != 0) ++statistics.evicted_established;
  close(victim, End::kEvicted);
  return true;
}

Handle Table::Impl::create(const packet::Packet& packet, const Key& key, std::uint32_t tag, std::uint64_t tie) {
  if (statistics.live >= settings_.connections_per_shard) evict_one();
  if ((statistics.live + 1) * 4 > index_.size() * 3 && !grow_index()) {
    if (index_.empty()) return kNone;
    // No memory for a larger index: this one may get fuller, but needs an empty slot for searches to end.
    if (statistics.live + 2 > index_.size() - index_.size() / 16 && !evict_one()) return kNone;
  }
  Handle handle = allocate();
  if (handle == kNone) {
    if (!evict_one()) return kNone;
    handle = allocate();
  }
  if (handle == kNone) return kNone;

  Entry& e = entry(handle);
  e = Entry{};
  e.address[0] = key.address[0];
  e.address[1] = key.address[1];
  e.port[0] = key.port[0];
  e.port[1] = key.port[1];
  e.protocol = key.protocol;
  e.flags = key.one_way ? kOneWay : 0;
  e.first_ns = e.last_ns = packet.origin.time.ns;
  e.capture_first = packet.origin.capture;
  e.number_first_low = static_cast<std::uint32_t>(packet.origin.number);
  e.number_first_high = static_cast<std::uint16_t>(packet.origin.number >> 32);
  const std::uint64_t macs[2] = {packet.source_mac, packet.destination_mac};
  for (int i = 0; i < 2; ++i) {
    e.mac_low[i] = static_cast<std::uint32_t>(macs[i]);
    e.mac_high[i] = static_cast<std::uint16_t>(macs[i] >> 32);
  }
  e.vlan = packet.vlan;
  e.inner_vlan = packet.inner_vlan;
  if (packet.tunnel) {
    extra(e).tunnels.push_back(packet.tunnel);
    extra(e).last_tunnel = packet.tunnel;
  }

  base::Duration inactivity = settings_.other_inactivity;
  if (e.protocol == packet::kTcp) {
    inactivity = settings_.tcp_handshake_inactivity;
    e.end[0].tcp.next = e.end[1].tcp.next = 1;
  } else if (e.protocol == packet::kUdp) {
    inactivity = settings_.udp_inactivity;
  } else if (is_icmp(e.protocol)) {
    inactivity = settings_.icmp_inactivity;
  }
  e.inactivity = static_cast<std::uint16_t>(std::min<std::int64_t>(inactivity.ns / 1'000'000'000, 65535));

  // Who is the server, where the first packet does not say (Zeek's likely_server_ports).
  bool flipped = false;
  if (e.protocol == packet::kUdp) {
    flipped = is_likely_server(e.protocol, e.port[0]) && !is_likely_server(e.protocol, e.port[1]);
    // NTP goes from its port to its port (RFC 5905 9.1), so that only the mode says who answers: 4 is a server (7.3).
    constexpr std::uint16_t kNtp = 123;
    if (e.port[0] == kNtp && e.port[1] == kNtp && packet.payload.size() >= 48 && (packet.payload[0] & 7) == 4)
      flipped = true;
  } else if (e.protocol == packet::kTcp) {
    const bool syn = (packet.tcp_flags & packet::kSyn) != 0;
    if ((!syn || (packet.tcp_flags & packet::kAck) != 0) && is_likely_server(e.protocol, e.port[0]))
      flipped = is_likely_server(e.protocol, e.port[1]) ? !syn && e.port[0] < e.port[1] : true;
  }
  // Before anything else: the uid does not depend on the direction, but the place in the index does not either.
  const record::Endpoints id{e.address[0], e.address[1], {e.port[0]}, {e.port[1]}};
  e.uid = record::make_uid(id, e.protocol, packet.tunnel, packet.origin.time, tie).value;
  if (tie != 0) extra(e).tie = tie;
  if (flipped && !e.address[1].is_limited_broadcast()) flip(e);

  if (e.protocol == packet::kUdp && is_name_service(e.port[1]))
    e.deadline_ns = (packet.origin.time + settings_.dns_session).ns;

  index_insert(tag, handle);
  ++statistics.live;
  ++statistics.connections;
  young_insert(handle);
  return handle;
}

// ---------------------------------------------------------------------------------------------------------------------
// Lists: the wheel's slots, and the unestablished connections in the order of their beginning.

base::Time Table::Impl::deadline(const Entry& e) const {
  const base::Time idle = base::Time{e.last_ns} + base::seconds(e.inactivity);
  return e.deadline_ns != 0 && e.deadline_ns < idle.ns ? base::Time{e.deadline_ns} : idle;
}

void Table::Impl::timer_insert(Handle handle) {
  // The slot after the deadline's second: when that is reached the deadline has passed.
  const std::int64_t tick = std::clamp(deadline(entry(handle)).ns / kTick + 1, wheel_tick_ + 1,
                                       wheel_tick_ + static_cast<std::int64_t>(kWheel) - 1);
  const auto slot = static_cast<std::size_t>(static_cast<std::uint64_t>(tick) % kWheel);
  entry(handle).timer_slot = static_cast<std::uint16_t>(slot);
  Links& l = links(handle);
  l.timer_previous = kNone;
  l.timer_next = wheel_[slot];
  if (wheel_[slot] != kNone) links(wheel_[slot]).timer_previous = handle;
  wheel_[slot] = handle;
}

void Table::Impl::timer_remove(Handle handle) {
  const Links& l = links(handle);
  if (l.timer_previous != kNone)
    links(l.timer_previous).timer_next = l.timer_next;
  else
    wheel_[entry(handle).timer_slot] = l.timer_next;
  if (l.timer_next != kNone) links(l.timer_next).timer_previous = l.timer_previous;
}

void Table::Impl::young_insert(Handle handle) {
  Links& l = links(handle);
  l.young_previous = young_last_;
  l.young_next = kNone;
  (young_last_ != kNone ? links(young_last_).young_next : young_first_) = handle;
  young_last_ = handle;
  ++young_;
}

void Table::Impl::young_remove(Handle handle) {
  const Links& l = links(handle);
  (l.young_previous != kNone ? links(l.young_previous).young_next : young_first_) = l.young_next;
  (l.young_next != kNone ? links(l.young_next).young_previous : young_last_) = l.young_previous;
  --young_;
}

void Table::Impl::promote(Handle handle) {
  entry(handle).flags |= kEstablished;
  young_remove(handle);
}

// Also moves deadlines that turn out not to matter.
bool Table::Impl::is_over(Entry& e, base::Time now) const {
  if (e.deadline_ns != 0 && e.deadline_ns <= now.ns) {
    if (e.protocol == packet::kUdp) {
      // A name service: looked at every ten seconds, over when it was silent for nine of them (Zeek looks with the next
      // packet of anybody, and counts the next ten seconds from there).
      constexpr base::Duration kSlack = base::seconds(1);
      while (e.deadline_ns <= now.ns) {
        const base::Time looked{e.deadline_ns};
        if (base::Time{e.last_ns} + settings_.dns_session <= looked + kSlack) return true;
        const std::int64_t next = (looked + settings_.dns_session).ns;
        if (next <= e.deadline_ns) return true;  // no time left in an int64
        e.deadline_ns = next;
      }
    } else if ((e.flags & kClosing) != 0) {
      return true;
    } else {
      const TcpState originator = e.end[0].tcp.state;
      if ((originator == TcpState::kSynSent || originator == TcpState::kSynAckSent) &&
          e.end[1].tcp.state == TcpState::kInactive)
        return true;
      e.deadline_ns = 0;  // the attempt was answered
    }
  }
  return (base::Time{e.last_ns} + base::seconds(e.inactivity)) <= now;
}

void Table::Impl::set_clock(base::Time time) {
  // A clock that was set back by much (or a single wrong time before) begins anew: else nothing would ever time out
  // again.
  constexpr base::Duration kSetBack = base::seconds(600);
  if (!wheel_started_ || time + kSetBack < now_) {
    wheel_started_ = true;
    now_ = time;
    wheel_tick_ = now_.ns / kTick;
  }
  now_ = std::max(now_, time);
}

void Table::Impl::advance(base::Time now, std::uint64_t run_number) {
  run_number_ = run_number;
  set_clock(now);
  const std::int64_t tick = now_.ns / kTick;
  if (tick <= wheel_tick_) return;
  // After a long silence every slot is due once.
  const std::int64_t from = std::max(wheel_tick_ + 1, tick - static_cast<std::int64_t>(kWheel) + 1);
  for (std::int64_t t = from; t <= tick; ++t) {
    wheel_tick_ = t;
    const auto slot = static_cast<std::size_t>(static_cast<std::uint64_t>(t) % kWheel);
    Handle handle = wheel_[slot];
    wheel_[slot] = kNone;
    // The list is taken apart first: closing a connection must find its own links in order.
    while (handle != kNone) {
      const Handle next = links(handle).timer_next;
      if (is_over(entry(handle), now_)) {
        links(handle).timer_previous = links(handle).timer_next = kNone;
        entry(handle).timer_slot = static_cast<std::uint16_t>(slot);
        Links& l = links(handle);
        l.timer_next = wheel_[slot];
        if (wheel_[slot] != kNone) links(wheel_[slot]).timer_previous = handle;
        wheel_[slot] = handle;
        close(handle, End::kTimeout);
      } else {
        timer_insert(handle);
      }
      handle = next;
    }
  }
}

void Table::Impl::finish(std::uint64_t run_number) {
  run_number_ = run_number;
  std::vector<Handle> all;
  all.reserve(statistics.live);
  for (const Slot& slot : index_)
    if (slot.handle != kNone) all.push_back(slot.handle);
  std::sort(all.begin(), all.end(), [&](Handle x, Handle y) {
    const Entry &a = entry(x), &b = entry(y);
    if (a.first_ns != b.first_ns) return a.first_ns < b.first_ns;
    if (a.capture_first != b.capture_first) return a.capture_first < b.capture_first;
    if (a.number_first() != b.number_first()) return a.number_first() < b.number_first();
    return a.uid < b.uid;
  });
  for (const Handle handle : all) close(handle, End::kRunOver);
}

// ---------------------------------------------------------------------------------------------------------------------

void Table::Impl::prefetch(std::uint32_t tag) const {
  if (!index_.empty()) __builtin_prefetch(&index_[tag & index_mask_]);
}

void Table::Impl::prefetch_entry(std::uint32_t tag) const {
  if (index_.empty()) return;
  for (std::size_t i = tag & index_mask_; index_[i].handle != kNone; i = (i + 1) & index_mask_) {
    if (index_[i].tag != tag) continue;
    const auto* line = reinterpret_cast<const char*>(&entry(index_[i].handle));
    for (std::size_t at = 0; at < sizeof(Entry); at += 64) __builtin_prefetch(line + at, 1);
    return;
  }
}

void Table::Impl::packet(const packet::Packet& packet, std::uint32_t tag) {
  ++statistics.packets;
  run_number_ = packet.origin.run_number;
  set_clock(packet.origin.time);
  const Key key = key_of(packet);
  Handle handle = find(key, tag);
  std::uint64_t tie = 0;
  if (handle != kNone) {
    Entry& old = entry(handle);
    if (is_over(old, packet.origin.time) || (packet.protocol == packet::kTcp && is_reuse(old, packet))) {
      if (old.first_ns == packet.origin.time.ns) tie = old.extra != nullptr ? old.extra->tie + 1 : 1;
      close(handle, End::kTimeout);
      handle = kNone;
    }
  }
  const bool created = handle == kNone;
  if (created) {
    handle = create(packet, key, tag, tie);
    if (handle == kNone) return;  // counted by the accountant
  }
  Entry& e = entry(handle);
  const Direction d =
      e.port[0] == key.port[0] && same(e.address[0], key.address[0]) ? Direction::kOriginator : Direction::kResponder;
  e.capture_last = packet.origin.capture;
  e.number_last_low = static_cast<std::uint32_t>(packet.origin.number);
  e.number_last_high = static_cast<std::uint16_t>(packet.origin.number >> 32);
  if (!created && (packet.tunnel || (e.extra != nullptr && e.extra->last_tunnel))) tunnel_change(e, packet);
  const std::int64_t deadline_before = e.deadline_ns;
  if (packet.protocol == packet::kTcp)
    tcp(e, d, packet);
  else
    datagram(e, d, packet);

  if ((e.flags & kEstablished) == 0) {
    // Established: both ends speak, or one does for long (the other may not be captured).
    const bool both = e.protocol == packet::kTcp
                          ? e.end[0].tcp.state >= TcpState::kPartial && e.end[1].tcp.state >= TcpState::kPartial
                          : e.packets[0] != 0 && e.packets[1] != 0;
    if (both || e.packets[0] + e.packets[1] >= 8) promote(handle);
  }
  if (created) {
    timer_insert(handle);
  } else if (e.deadline_ns != deadline_before && e.deadline_ns != 0) {
    timer_remove(handle);  // it may come long before the slot that it is in
    timer_insert(handle);
  }
}

// Packets of one connection through different tunnels, or now through one and now without: a path for each direction
// is ordinary, more of them are told, as Zeek does.
void Table::Impl::tunnel_change(Entry& e, const packet::Packet& packet) {
  constexpr std::size_t kTunnels = 8;
  constexpr std::uint8_t kMostChanges = 5;
  Extra& x = extra(e);
  if (x.last_tunnel == packet.tunnel) return;
  x.last_tunnel = packet.tunnel;
  if (packet.tunnel && x.tunnels.size() < kTunnels &&
      std::find(x.tunnels.begin(), x.tunnels.end(), packet.tunnel) == x.tunnels.end())
    x.tunnels.push_back(packet.tunnel);
  if (x.tunnel_changes <= kMostChanges && ++x.tunnel_changes > kMostChanges)
    weird(e, TableWeird::kTunnelChanges, name_of(TableWeird::kTunnelChanges), packet.origin,
          std::to_string(kMostChanges));
}

void Table::Impl::flip(Entry& e) {
  std::swap(e.address[0], e.address[1]);
  std::swap(e.port[0], e.port[1]);
  std::swap(e.mac_low[0], e.mac_low[1]);
  std::swap(e.mac_high[0], e.mac_high[1]);
  std::swap(e.end[0], e.end[1]);
  std::swap(e.packets[0], e.packets[1]);
  std::swap(e.ip_bytes[0], e.ip_bytes[1]);
  if (e.extra != nullptr) {
    std::swap(e.extra->segments[0], e.extra->segments[1]);
    std::swap(e.extra->segment_bytes[0], e.extra->segment_bytes[1]);
    std::swap(e.extra->reordered[0], e.extra->reordered[1]);
    std::swap(e.extra->packets_high[0], e.extra->packets_high[1]);
  }
  std::uint16_t flags = e.flags & ~(kSawOriginator | kSawResponder);
  if ((e.flags & kSawOriginator) != 0) flags |= kSawResponder;
  if ((e.flags & kSawResponder) != 0) flags |= kSawOriginator;
  e.flags = flags & ~kMidstream;
  add_history(e, '^');
}

void Table::Impl::first_byte(Entry& e, Direction d, std::size_t bytes, base::Time time) {
  if (bytes == 0 || (e.flags & kFirstByteKnown) != 0) return;
  if (d == Direction::kOriginator) {
    if ((e.flags & kWaitsForFirstByte) != 0) return;
    e.flags |= kWaitsForFirstByte;
    e.first_byte_ns = time.ns;
  } else if ((e.flags & kWaitsForFirstByte) != 0) {
    e.flags |= kFirstByteKnown;
    e.first_byte_ns = (time - base::Time{e.first_byte_ns}).ns;
  }
}

bool Table::Impl::bad_checksum(Entry& e, Direction d, const packet::Packet& packet) {
  const bool tcp = e.protocol == packet::kTcp;
  std::uint16_t& count = tcp ? e.end[index(d)].tcp.bad_checksums : e.end[index(d)].datagram.bad_checksums;
  if (count != 0xffff) ++count;
  weird(e, TableWeird::kBadChecksum,
        tcp                          ? "bad_TCP_checksum"
        : e.protocol == packet::kUdp ? "bad_UDP_checksum"
                                     : "bad_ICMP_checksum",
        packet.origin);
  if (settings_.ignore_checksums) return false;
  if (!is_icmp(e.protocol)) scaled_history(e, d, count, 'C');
  return true;
}

namespace {

void count(Entry& e, Direction d, std::uint32_t ip_length, Extra* extra) {
  if (++e.packets[index(d)] == 0 && extra != nullptr) extra->packets_high[index(d)] += std::uint64_t{1} << 32;
  e.ip_bytes[index(d)] += ip_length;
}

}  // namespace

void Table::Impl::datagram(Entry& e, Direction d, const packet::Packet& packet) {
  DatagramEndpoint& end = e.end[index(d)].datagram;
  if (e.packets[index(d)] == 0xffffffff) extra(e);
  const bool udp = e.protocol == packet::kUdp;
  if (packet.checksum_bad && (udp || is_icmp(e.protocol)) && bad_checksum(e, d, packet)) {
    if (udp) count(e, d, packet.ip_length, e.extra);
    return;
  }
  count(e, d, packet.ip_length, e.extra);
  e.last_ns = packet.origin.time.ns;
  if (udp) {
    check_history(e, d, kLetterData, 'D');
    end.bytes += packet.payload_length;
    if (packet.carrier != packet::Carrier::kNone) end.carrier = packet.carrier;
  } else if (is_icmp(e.protocol)) {
    end.bytes += packet.payload_length;
  }
  end.active = true;
  first_byte(e, d, packet.payload.size(), packet.origin.time);
  consumer_.datagram(view_of(e), e.slot, d, packet);
}

// ---------------------------------------------------------------------------------------------------------------------
// History.

void Table::Impl::add_history(Entry& e, char letter) {
  constexpr std::size_t kMost = 1000;  // letters; a peer can repeat S, F and R without end
  if (e.history_length < sizeof e.history) {
    e.history[e.history_length++] = letter;
    return;
  }
  std::string& more = extra(e).history;
  if (more.size() < kMost) more += letter;
}

bool Table::Impl::check_history(Entry& e, Direction d, std::uint32_t mask, char letter) {
  if (d == Direction::kResponder) {
    mask <<= 16;
    letter = static_cast<char>(letter | 0x20);
  }
  if ((e.letters & mask) != 0) return true;
  e.letters |= mask;
  add_history(e, letter);
  return false;
}

void Table::Impl::scaled_history(Entry& e, Direction d, std::uint64_t count, char letter) {
  // At the 1st, 10th, 100th, … time.
  std::uint64_t power = 1;
  while (power < count) power *= 10;
  if (power == count) add_history(e, d == Direction::kOriginator ? letter : static_cast<char>(letter | 0x20));
}

Extra& Table::Impl::extra(Entry& e) {
  if (e.extra == nullptr) {
    // Made even where memory is refused: it is small, and there is at most one per connection.
    e.extra = new Extra;
    e.extra->counted = memory_.take(base::MemoryUse::kConnections, sizeof(Extra));
  }
  return *e.extra;
}

void Table::Impl::delete_extra(Entry& e) {
  if (e.extra == nullptr) return;
  if (e.extra->counted) memory_.give_back(base::MemoryUse::kConnections, sizeof(Extra));
  delete e.extra;
  e.extra = nullptr;
}

// ---------------------------------------------------------------------------------------------------------------------
// What the consumer is told.

View Table::Impl::view_of(const Entry& e) const {
  View view;
  view.uid = {e.uid};
  view.id = {e.address[0], e.address[1], {e.port[0]}, {e.port[1]}};
  view.protocol = e.protocol;
  view.first = {e.first_ns};
  view.saw_originator = e.packets[0] != 0;
  view.saw_responder = e.packets[1] != 0;
  view.midstream = (e.flags & kMidstream) != 0;
  return view;
}

packet::Origin Table::Impl::last_origin(const Entry& e) const {
  return {{e.last_ns}, e.number_last(), run_number_, e.capture_last};
}

void Table::Impl::weird(Entry& e, TableWeird which, const packet::Origin& at) { weird(e, which, name_of(which), at); }

void Table::Impl::weird(Entry& e, TableWeird which, std::string_view name, const packet::Origin& at,
                        std::string_view detail) {
  const std::uint32_t bit = std::uint32_t{1} << static_cast<unsigned>(which);
  if ((e.weirds & bit) != 0) return;
  e.weirds |= bit;
  const View view = view_of(e);
  consumer_.weird(&view, name, detail, at);
}

void Table::Impl::close(Handle handle, End why) {
  Entry& e = entry(handle);
  const packet::Origin at = last_origin(e);
  if (e.protocol == packet::kTcp)
    for (const Direction d : {Direction::kOriginator, Direction::kResponder}) {
      const bool reset = e.end[0].tcp.state == TcpState::kReset || e.end[1].tcp.state == TcpState::kReset;
      end_stream(e, d, reset ? End::kReset : why, at);
    }
  const std::string_view service = consumer_.closed(view_of(e), e.slot, why, at);
  emit(e, service);
  delete_extra(e);
  index_erase(handle);
  timer_remove(handle);
  if ((e.flags & kEstablished) == 0) young_remove(handle);
  e.uid = 0;
  release(handle);
  --statistics.live;
}

}  // namespace whodunit::connection
