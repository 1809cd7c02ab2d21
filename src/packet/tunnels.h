// Tunnels on the wire: which there are, and how their connections are called.
#pragma once

#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

#include "base/memory.h"
#include "packet/decoder.h"

namespace whodunit::packet {

/// Remembers tunnels by their outer ends. Bounded: where the table is full, the one idle longest is ended.
class Tunnels {
 public:
  Tunnels(const Settings& settings, base::MemoryAccountant& memory) : settings_(settings), memory_(memory) {}
  ~Tunnels();

  struct Key {
    base::Address low, high;
    std::uint64_t outer = 0;  ///< uid of the tunnel that this one lies in
    std::uint16_t low_port = 0, high_port = 0;
    std::uint8_t protocol = 0;
    bool operator==(const Key&) const = default;
  };

  struct Name {
    Key key;
    record::Uid uid;
  };

  /// The tunnel of these ends, whose packet comes now; made where there is none.
  Name touch(const record::Endpoints& ends, std::uint8_t protocol, record::Uid outer, const Origin& at, Events& events);
  /// Says that `tunnel` carries `type`: the first time, that is an event.
  void discovered(const Name& tunnel, std::string_view type, const Origin& at, Events& events);
  /// Ends tunnels that have been idle for too long.
  void expire(base::Time now, Events& events) {
    // Once a second of packet time; also where the clock was set back.
    if (!index_.empty() && (now >= next_check_ || next_check_ - now > base::seconds(2))) expire_now(now, events);
  }
  void finish(Events& events);

 private:
  struct Entry {
    Key key;
    record::Endpoints id;
    record::Uid uid;
    std::string_view type;  ///< empty: the port is a tunnel's, but nothing of a tunnel was seen yet
    Origin last;
    bool counted = false;  ///< with the accountant
  };

  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  using List = std::list<Entry>;

  bool over_udp(const Entry& entry) const { return entry.key.protocol == kUdp; }
  void expire_now(base::Time now, Events& events);
  std::string_view end_of(const Entry& entry, base::Time now) const;
  void end(const Entry& entry, std::string_view action, Events& events);
  List& list_of(const Key& key) { return key.protocol == kUdp ? over_udp_ : over_ip_; }
  void expire_from(List& list, base::Duration limit, base::Time now, Events& events);
  void erase(List::iterator entry);

  const Settings& settings_;
  base::MemoryAccountant& memory_;
  // Idle longest first. Apart, since their times to live are: only the first ones need to be looked at.
  List over_udp_, over_ip_;
  std::unordered_map<Key, List::iterator, Hash> index_;
  base::Time next_check_{INT64_MIN};
};

}  // namespace whodunit::packet
