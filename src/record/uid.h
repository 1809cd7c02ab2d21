// How ids of connections are made, in one place: the decoder (tunnels) and the connection table must agree.
#pragma once

#include "record/types.h"

namespace whodunit::record {

/// The uid of a connection between two endpoints over an IP protocol, inside `tunnel` (0: none), whose first packet
/// came at `first`. Which end is the originator does not matter. `tie` tells apart connections for which all else is
/// equal.
inline Uid make_uid(const Endpoints& id, std::uint8_t protocol, Uid tunnel, base::Time first, std::uint64_t tie = 0) {
  struct {
    base::Address a, b;
    std::uint16_t port_a, port_b;
    std::uint32_t protocol;
    std::uint64_t tunnel;
    std::int64_t first;
    std::uint64_t tie;
  } key{};
  const bool in_order = id.orig_h < id.resp_h || (id.orig_h == id.resp_h && id.orig_p <= id.resp_p);
  key.a = in_order ? id.orig_h : id.resp_h;
  key.b = in_order ? id.resp_h : id.orig_h;
  key.port_a = in_order ? id.orig_p.value : id.resp_p.value;
  key.port_b = in_order ? id.resp_p.value : id.orig_p.value;
  key.protocol = protocol;
  key.tunnel = tunnel.value;
  key.first = first.ns;
  key.tie = tie;
  static_assert(sizeof key == 64);
  const std::uint64_t h = base::fast_hash(base::Bytes(reinterpret_cast<const std::uint8_t*>(&key), sizeof key));
  return {h == 0 ? 1 : h};
}

/// The id that stands for another sensor's id of a connection or a file: itself where it is spelled as ours are (so
/// that our own logs read back as they were), else a hash of it. 0 of an empty text.
inline Uid uid_of_text(std::string_view text) {
  if (text.empty()) return {};
  if (const Uid uid = Uid::parse(text); uid && uid.to_string(text.front()) == text) return uid;
  const std::uint64_t h = base::fast_hash(text);
  return {h == 0 ? 1 : h};
}

}  // namespace whodunit::record
