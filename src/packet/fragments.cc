#include "packet/fragments.h"

#include <algorithm>
#include <cstring>

#include "packet/table_seed.h"

namespace whodunit::packet {

namespace {
constexpr std::size_t kMostDatagram = 65535;  // 13 bits of offset in units of 8 bytes, and IPv6's payload length
constexpr std::size_t kSmallFragment = 64;    // headers included, as Zeek has it: too small for any real link
constexpr std::size_t kLeastBuffer = 2048;
constexpr std::size_t kMostRanges = 1024;  // holes in one datagram
constexpr std::size_t kEntryBytes = 320;   // a datagram's entry in list and index, about
}  // namespace

Fragments::~Fragments() {
  release();
  while (!datagrams_.empty()) erase(datagrams_.begin());
}

std::size_t Fragments::Hash::operator()(const Key& key) const {
  std::uint8_t bytes[48];
  std::memcpy(bytes, key.source.bytes().data(), 16);
  std::memcpy(bytes + 16, key.destination.bytes().data(), 16);
  std::memcpy(bytes + 32, &key.tunnel, 8);
  std::memcpy(bytes + 40, &key.id, 4);
  bytes[44] = key.protocol;
  bytes[45] = key.v6 ? 1 : 0;
  std::memcpy(bytes + 46, &key.vlan, 2);
  return base::fast_hash(base::Bytes(bytes, sizeof bytes), table_seed());
}

void Fragments::release() {
  for (const Datagram& datagram : given_) memory_.give_back(base::MemoryUse::kReassembly, datagram.counted);
  given_.clear();
}

void Fragments::erase(List::iterator datagram) {
  memory_.give_back(base::MemoryUse::kReassembly, datagram->counted);
  held_ -= datagram->counted;
  index_.erase(datagram->key);
  datagrams_.erase(datagram);
}

void Fragments::expire(base::Time now, Decoder::Counts& counts) {
  while (!datagrams_.empty() && now - datagrams_.front().first > settings_.fragment_timeout) {
    ++counts.fragments_timed_out;
    erase(datagrams_.begin());
  }
}

// The oldest makes room: what is complete soon is rather a new one.
bool Fragments::take(std::size_t bytes, const Datagram* keep, Decoder::Counts& counts) {
  while (held_ + bytes > settings_.fragment_bytes ||
         !memory_.take(base::MemoryUse::kReassembly, bytes, keep != nullptr)) {
    auto oldest = datagrams_.begin();
    if (oldest != datagrams_.end() && &*oldest == keep) ++oldest;
    if (oldest == datagrams_.end()) return false;
    ++counts.fragments_refused;
    erase(oldest);
  }
  held_ += bytes;
  return true;
}

bool Fragments::grow(Datagram& datagram, std::size_t to, Decoder::Counts& counts) {
  if (to > datagram.bytes.capacity()) {
    // What is taken is what the vector will hold, not only what is in it.
    const std::size_t wanted = std::min(std::max({to, 2 * datagram.bytes.capacity(), kLeastBuffer}), kMostDatagram + 1);
    const std::size_t more = wanted - datagram.bytes.capacity();
    if (!take(more, &datagram, counts)) return false;
    datagram.counted += more;
    datagram.bytes.reserve(wanted);
  }
  if (to > datagram.bytes.size()) datagram.bytes.resize(to);
  return true;
}

bool Fragments::add(const Key& key, const Piece& piece, const Origin& at, Events& events, Decoder::Counts& counts,
                    Whole& whole) {
  ++counts.fragments;
  const record::Endpoints ends{key.source, key.destination, {}, {}};
  auto weird = [&](std::string_view name) { events.weird(name, {}, "IP", at, &ends); };
  expire(at.time, counts);

  const std::size_t to = piece.offset + piece.data.size();
  if (piece.dont_fragment) weird("fragment_with_DF");
  if (to + (key.v6 ? 0 : piece.header) > kMostDatagram) {  // the "ping of death": longer than a datagram can be
    weird("excessively_large_fragment");
    return false;
  }
  if (piece.more && piece.header + piece.data.size() < kSmallFragment) weird("excessively_small_fragment");
  if (piece.data.empty()) {
    weird("fragment_size_inconsistency");
    return false;
  }

  auto found = index_.find(key);
  if (found == index_.end()) {
    while (datagrams_.size() >= settings_.fragmented_datagrams && !datagrams_.empty()) {
      ++counts.fragments_timed_out;
      erase(datagrams_.begin());
    }
    if (!take(kEntryBytes, nullptr, counts)) {
      ++counts.fragments_refused;
      return false;
    }
    Datagram fresh;
    fresh.key = key;
    fresh.first = at.time;
    fresh.counted = kEntryBytes;
    fresh.protocol = piece.protocol;
    datagrams_.push_back(std::move(fresh));
    found = index_.emplace(key, std::prev(datagrams_.end())).first;
  }
  Datagram& datagram = *found->second;

  if (piece.protocol != datagram.protocol) weird("fragment_protocol_inconsistency");
  if (!piece.more) {
    if (datagram.total_known && datagram.total != to) weird("fragment_size_inconsistency");
    if (!datagram.total_known) {
      datagram.total = static_cast<std::uint32_t>(to);
      datagram.total_known = true;
    }
  }
  if (datagram.total_known && to > datagram.total) weird("fragment_size_inconsistency");
  if (piece.offset == 0 && !datagram.first_seen) {  // the first fragment's headers are the datagram's
    datagram.first_seen = true;
    datagram.header = piece.header;
    datagram.ttl = piece.ttl;
    datagram.protocol = piece.protocol;
  }
  if (!grow(datagram, to, counts)) {
    ++counts.fragments_refused;
    erase(found->second);
    return false;
  }

  // Copies what is new, compares what is not.
  const auto from32 = piece.offset, to32 = static_cast<std::uint32_t>(to);
  bool overlap = false, differs = false;
  std::uint32_t at_byte = from32;
  auto range = std::lower_bound(datagram.have.begin(), datagram.have.end(), from32,
                                [](const Range& r, std::uint32_t v) { return r.to <= v; });
  const auto first_touched = range;
  while (at_byte < to32) {
    if (range == datagram.have.end() || range->from >= to32) {
      std::memcpy(datagram.bytes.data() + at_byte, piece.data.data() + (at_byte - from32), to32 - at_byte);
      at_byte = to32;
      break;
    }
    if (at_byte < range->from) {
      std::memcpy(datagram.bytes.data() + at_byte, piece.data.data() + (at_byte - from32), range->from - at_byte);
      at_byte = range->from;
    }
    const std::uint32_t until = std::min(range->to, to32);
    overlap = true;
    differs = differs || std::memcmp(datagram.bytes.data() + at_byte, piece.data.data() + (at_byte - from32),
                                     until - at_byte) != 0;
    at_byte = until;
    if (range->to <= to32) ++range;
  }
  if (overlap) weird(differs ? "fragment_inconsistency" : "fragment_overlap");

  // The ranges with the new one, joined where they meet.
  Range joined{from32, to32};
  auto begin = datagram.have.begin() + (first_touched - datagram.have.begin());
  if (begin != datagram.have.begin() && std::prev(begin)->to == from32) --begin;
  auto end = begin;
  while (end != datagram.have.end() && end->from <= joined.to) {
    joined.from = std::min(joined.from, end->from);
    joined.to = std::max(joined.to, end->to);
    ++end;
  }
  if (begin == end) {
    if (datagram.have.size() >= kMostRanges) {
      ++counts.fragments_refused;
      erase(found->second);
      return false;
    }
    datagram.have.insert(begin, joined);
  } else {
    *begin = joined;
    datagram.have.erase(begin + 1, end);
  }

  if (!datagram.total_known || !datagram.first_seen || datagram.have.size() != 1 || datagram.have[0].from != 0 ||
      datagram.have[0].to < datagram.total) {
    return false;
  }
  ++counts.reassembled;
  auto done = found->second;
  index_.erase(found);
  held_ -= done->counted;  // the accountant's share goes with it until it is released
  given_.push_back(std::move(*done));
  datagrams_.erase(done);
  const Datagram& complete = given_.back();
  whole.data = {complete.bytes.data(), complete.total};
  whole.header = complete.header;
  whole.protocol = complete.protocol;
  whole.ttl = complete.ttl;
  return true;
}

}  // namespace whodunit::packet
