#include "packet/tunnels.h"

#include <cstring>

#include "packet/table_seed.h"
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
  return base::fast_hash(base::Bytes(bytes, sizeof bytes), table_seed());
}

Tunnels::~Tunnels() {
  for (List* list : {&over_udp_, &over_ip_})
    while (!list->empty()) erase(list->begin());
}

void Tunnels::erase(List::iterator entry) {
  if (entry->counted) memory_.give_back(base::MemoryUse::kConnections, kEntryBytes);
  List& list = list_of(entry->key);
  index_.erase(entry->key);
  list.erase(entry);
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
    List& list = list_of(key);
    list.splice(list.end(), list, found->second);
    return {key, entry.uid};
  }

  // The table has its own bound; the accountant only counts here, since inner packets need their tunnel's name.
  if (index_.size() >= settings_.tunnels && !index_.empty()) {
    const bool udp =
        over_ip_.empty() || (!over_udp_.empty() && over_udp_.front().last.time <= over_ip_.front().last.time);
    const List::iterator oldest = udp ? over_udp_.begin() : over_ip_.begin();
    end(*oldest, end_of(*oldest, at.time), events);
    erase(oldest);
  }
  Entry entry;
  entry.counted = memory_.take(base::MemoryUse::kConnections, kEntryBytes);
  entry.key = key;
  entry.id = ends;
  entry.uid = record::make_uid(ends, protocol, outer, at.time);
  entry.last = at;
  List& list = list_of(key);
  list.push_back(entry);
  index_.emplace(key, std::prev(list.end()));
  return {key, entry.uid};
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

void Tunnels::expire_from(List& list, base::Duration limit, base::Time now, Events& events) {
  while (!list.empty() && now - list.front().last.time >= limit) {
    end(list.front(), end_of(list.front(), now), events);
    erase(list.begin());
  }
}

void Tunnels::expire_now(base::Time now, Events& events) {
  expire_from(over_udp_, settings_.udp_tunnel_timeout, now, events);
  expire_from(over_ip_, settings_.ip_tunnel_timeout, now, events);
  next_check_ = now + base::seconds(1);
}

void Tunnels::finish(Events& events) {
  for (const Entry& entry : over_udp_) end(entry, "Tunnel::CLOSE", events);
  for (List* list : {&over_udp_, &over_ip_})
    while (!list->empty()) erase(list->begin());
}

}  // namespace whodunit::packet
