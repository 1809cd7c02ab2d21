#include "packet/tunnels.h"

#include <cstring>

#include "record/uid.h"

namespace whodunit::packet {

namespace {
constexpr std::size_t kEntryBytes = 400;  // in list and index, about
}

std::size_t Tunnels::Hash::operator()(const Key& key) const {
  std::uint8_t bytes[48]{};
  std::memcpy(bytes, key.low.bytes().data(), 16);
  std::memcpy(bytes + 16, key.high.bytes().data(), 16);
  std::memcpy(bytes + 32, &key.outer, 8);
  std::memcpy(bytes + 40, &key.low_port, 2);
  std::memcpy(bytes + 42, &key.high_port, 2);
  bytes[44] = key.protocol;
  return base::fast_hash(base::Bytes(bytes, sizeof bytes));
}

Tunnels::~Tunnels() {
  while (!entries_.empty()) erase(entries_.begin());
}

void Tunnels::erase(List::iterator entry) {
  if (entry->counted) memory_.give_back(base::MemoryUse::kConnections, kEntryBytes);
  index_.erase(entry->key);
  entries_.erase(entry);
}

Tunnels::Name Tunnels::touch(const record::Endpoints& ends, std::uint8_t protocol, record::Uid outer, const Origin& at,
                               Events& events) {
  Key key;
  const bool in_order = ends.orig_h < ends.resp_h || (ends.orig_h == ends.resp_h && ends.orig_p <= ends.resp_p);
  key.low = in_order ? ends.orig_h : ends.resp_h;
  key.high = in_order ? ends.resp_h : ends.orig_h;
  key.low_port = in_order ? ends.orig_p.value : ends.resp_p.value;
  key.high_port = in_order ? ends.resp_p.value : ends.orig_p.value;
  key.outer = outer.value;
  key.protocol = protocol;

  auto found = index_.find(key);
  if (found != index_.end()) {
    Entry& entry = *found->second;
    const base::Duration limit = over_udp(entry) ? settings_.udp_tunnel_timeout : settings_.ip_tunnel_timeout;
    if (at.time - entry.last.time >= limit) {  // as the connection table has it
      end(entry, end_of(entry, at.time), events);
      entry.id = ends;
      entry.type = {};
      entry.uid = record::make_uid(ends, protocol, outer, at.time);
    }
    if (at.time > entry.last.time) entry.last = at;
    entries_.splice(entries_.end(), entries_, found->second);
    return {key, entry.uid};
  }

  // The table has its own bound; the accountant only counts here, since inner packets need their tunnel's name.
  if (entries_.size() >= settings_.tunnels && !entries_.empty()) {
    end(entries_.front(), end_of(entries_.front(), at.time), events);
    erase(entries_.begin());
  }
  Entry entry;
  entry.counted = memory_.take(base::MemoryUse::kConnections, kEntryBytes);
  entry.key = key;
  entry.id = ends;
  entry.uid = record::make_uid(ends, protocol, outer, at.time);
  entry.last = at;
  entries_.push_back(entry);
  index_.emplace(key, std::prev(entries_.end()));
  return {key, entries_.back().uid};
}

void Tunnels::discovered(const Name& tunnel, std::string_view type, const Origin& at, Events& events) {
  const auto found = index_.find(tunnel.key);
  if (found == index_.end()) return;  // inner tunnels pushed it out meanwhile
  Entry& entry = *found->second;
  if (!entry.type.empty() || entry.uid != tunnel.uid) return;
  entry.type = type;
  events.tunnel({entry.uid, entry.id, type, "Tunnel::DISCOVER", at.time, at});
}

// Over UDP a tunnel closes with its connection; what was silent for longer than any tunnel lives has expired.
std::string_view Tunnels::end_of(const Entry& entry, base::Time now) const {
  return over_udp(entry) && now - entry.last.time < settings_.ip_tunnel_timeout ? "Tunnel::CLOSE" : "Tunnel::EXPIRE";
}

void Tunnels::end(const Entry& entry, std::string_view action, Events& events) {
  if (!entry.type.empty()) events.tunnel({entry.uid, entry.id, entry.type, action, entry.last.time, entry.last});
}

void Tunnels::expire_now(base::Time now, Events& events) {
  // Idle longest first, but the two kinds have limits of their own: the walk ends where nothing can be over any more.
  const base::Duration shortest = settings_.udp_tunnel_timeout < settings_.ip_tunnel_timeout ? settings_.udp_tunnel_timeout : settings_.ip_tunnel_timeout;
  for (auto entry = entries_.begin(); entry != entries_.end() && now - entry->last.time >= shortest;) {
    const bool udp = over_udp(*entry);
    const auto next = std::next(entry);
    if (now - entry->last.time >= (udp ? settings_.udp_tunnel_timeout : settings_.ip_tunnel_timeout)) {
      end(*entry, end_of(*entry, now), events);
      erase(entry);
    }
    entry = next;
  }
  next_check_ = now + base::seconds(1);
}

void Tunnels::finish(Events& events) {
  for (const Entry& entry : entries_) {
    if (over_udp(entry)) end(entry, "Tunnel::CLOSE", events);
  }
  while (!entries_.empty()) erase(entries_.begin());
}

}  // namespace whodunit::packet
