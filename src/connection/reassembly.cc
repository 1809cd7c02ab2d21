// Bytes of a TCP direction in order, each once. What comes in order goes straight through; what comes too early waits.
#include "base/hash.h"
#include "connection/table_impl.h"

namespace whodunit::connection {
namespace {

bool is_clean(const TcpEndpoint& end) {
  return end.state == TcpState::kEstablished ||
         (end.state == TcpState::kClosed && end.previous == TcpState::kEstablished);
}

}  // namespace

void Table::Impl::deliver(Entry& e, Direction d, base::Bytes bytes, const packet::Origin& at) {
  if (bytes.empty()) return;
  TcpEndpoint& end = e.end[index(d)].tcp;
  end.next += bytes.size();
  // Also behind a FIN that was acknowledged: what still comes in order, and is acknowledged, shows that it was none (of
  // another path, or forged).
  consumer_.stream(view_of(e), e.slot, d, bytes, at);
}

void Table::Impl::gap(Entry& e, Direction d, std::uint64_t bytes, bool counts, const packet::Origin& at) {
  if (bytes == 0) return;
  TcpEndpoint& end = e.end[index(d)].tcp;
  end.next += bytes;
  statistics.gap_bytes += bytes;
  // Zeek counts gaps only between ends that are established or close in order: elsewhere sequence numbers lie.
  if (counts && is_clean(e.end[0].tcp) && is_clean(e.end[1].tcp)) {
    if (end.gaps != 0xffff) ++end.gaps;
    scaled_history(e, d, end.gaps, 'G');
    extra(e).missed += bytes;
  }
  consumer_.gap(view_of(e), e.slot, d, bytes, at);
}

void Table::Impl::compare(Entry& e, base::Bytes a, base::Bytes b, const packet::Origin& at) {
  const std::size_t size = std::min(a.size(), b.size());
  if (size != 0 && std::memcmp(a.data(), b.data(), size) != 0) weird(e, TableWeird::kInconsistency, at);
}

// What was handed over is not kept, so a repetition can only be compared by digest, and only one with the same bounds.
// That is what insertion attacks on those who listen look like. Only near a stream's beginning: bulk data is not worth
// it.
void Table::Impl::compare_with_sent(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, bool is_new,
                                    const packet::Origin& at) {
  constexpr std::uint64_t kReach = 16384;
  constexpr std::size_t kSample = 32;             // bytes, of the beginning, the end and two places between
  if (from > kReach || bytes.size() < 2) return;  // one byte: a keep-alive probe, whose byte means nothing
  std::uint64_t digest;
  if (bytes.size() <= 4 * kSample) {
    digest = base::fast_hash(bytes, bytes.size());
  } else {
    std::uint8_t samples[4 * kSample];
    const std::size_t step = (bytes.size() - kSample) / 3;
    for (std::size_t i = 0; i < 4; ++i)
      std::memcpy(samples + i * kSample, bytes.data() + (i < 3 ? i * step : bytes.size() - kSample), kSample);
    digest = base::fast_hash({samples, sizeof samples}, bytes.size());
  }
  if (sent_.empty()) sent_.resize(kSent);
  const std::uint64_t key = (e.uid ^ (from << 1 | index(d)) * 0x9E3779B97F4A7C15ull) + bytes.size();
  Sent& sent = sent_[(key ^ key >> 32) % kSent];
  if (is_new)
    sent = {key, digest};
  else if (sent.key == key && sent.digest != digest)
    weird(e, TableWeird::kInconsistency, at);
}

void Table::Impl::deliver_stored(Entry& e, Direction d, const packet::Origin& at) {
  if (!has_stored(e, d)) return;
  std::vector<Segment>& segments = e.extra->segments[index(d)];
  TcpEndpoint& end = e.end[index(d)].tcp;
  std::size_t done = 0, freed = 0;
  for (; done < segments.size() && segments[done].from <= end.next; ++done) {
    const Segment& segment = segments[done];
    if (segment.to > end.next) deliver(e, d, segment.bytes().subspan(end.next - segment.from), at);
    freed += segment.bytes().size();
  }
  if (done == 0) return;
  segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(done));
  e.extra->segment_bytes[index(d)] -= freed;
  memory_.give_back(base::MemoryUse::kReassembly, freed + done * sizeof(Segment));
}

// Gives up on what is missing below `to`: stored segments there go out with gaps between them.
void Table::Impl::skip_to(Entry& e, Direction d, std::uint64_t to, bool counts, const packet::Origin& at) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  while (has_stored(e, d) && e.extra->segments[index(d)].front().from < to) {
    const std::uint64_t from = e.extra->segments[index(d)].front().from;
    if (from > end.next) gap(e, d, from - end.next, counts, at);
    deliver_stored(e, d, at);
  }
  if (to > end.next) gap(e, d, to - end.next, counts, at);
  deliver_stored(e, d, at);
}

void Table::Impl::acknowledged(Entry& e, Direction d, std::uint64_t relative, std::uint64_t before,
                               const packet::Origin& at) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  const bool of_fin = end.fins != 0 && relative >= end.fin;
  if (of_fin) relative = end.fin - 1;
  if (relative <= std::max<std::uint64_t>(before, 1)) {
    if (of_fin && end.all_delivered) check_end(e, d, at);
    return;
  }
  if (relative > end.next) {
    // Of a connection whose beginning was not seen, the first acknowledgement says nothing about bytes that are missing
    // (the first packet may have been a keep-alive).
    if (relative <= 2 && (e.flags & kMidstream) != 0) return;
    skip_to(e, d, relative, true, at);
  }
  check_end(e, d, at);
}

void Table::Impl::store(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, const packet::Origin& at) {
  Extra& more = extra(e);
  std::vector<Segment>& segments = more.segments[index(d)];
  std::size_t i = segments.size();
  while (i > 0 && segments[i - 1].from > from) --i;
  if (i > 0 && segments[i - 1].to > from) --i;
  // Where the same bytes came before, those stand. What lies between stored segments is kept.
  while (!bytes.empty()) {
    if (i < segments.size() && segments[i].from <= from) {
      const std::uint64_t into = from - segments[i].from;
      const std::size_t overlap =
          static_cast<std::size_t>(std::min<std::uint64_t>(segments[i].to - from, bytes.size()));
      compare(e, segments[i].bytes().subspan(into, overlap), bytes, at);
      bytes = bytes.subspan(overlap);
      from += overlap;
      ++i;
      continue;
    }
    std::size_t size = bytes.size();
    if (i < segments.size()) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, segments[i].from - from));
    const std::size_t cost = size + sizeof(Segment);
    if (segments.size() >= settings_.reassembly_segments ||
        more.segment_bytes[index(d)] + size > settings_.reassembly_bytes ||
        !memory_.take(base::MemoryUse::kReassembly, cost)) {
      // A limit: what is missing counts as lost. What was stored goes out, then the rest of this segment.
      skip_to(e, d, from, true, at);
      data(e, d, from, bytes, at);  // it begins at the next byte, or before: nothing is stored again
      return;
    }
    Segment segment;
    segment.from = from;
    segment.to = from + size;
    segment.data = std::make_unique_for_overwrite<std::uint8_t[]>(size);
    std::memcpy(segment.data.get(), bytes.data(), size);
    segments.insert(segments.begin() + static_cast<std::ptrdiff_t>(i), std::move(segment));
    more.segment_bytes[index(d)] += size;
    bytes = bytes.subspan(size);
    from += size;
    ++i;
  }
}

void Table::Impl::data(Entry& e, Direction d, std::uint64_t from, base::Bytes bytes, const packet::Origin& at) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  std::uint64_t to = from + bytes.size();
  compare_with_sent(e, d, from, bytes, to > end.next, at);
  if (to <= end.next) return;
  if (from < end.next) {
    bytes = bytes.subspan(end.next - from);
    from = end.next;
  }
  if (from > end.next) {
    store(e, d, from, bytes, at);
  } else {
    while (has_stored(e, d) && e.extra->segments[index(d)].front().from < to) {
      const std::uint64_t stored = e.extra->segments[index(d)].front().from;
      if (stored > from) {
        const std::size_t size = static_cast<std::size_t>(stored - from);
        deliver(e, d, bytes.first(size), at);
        bytes = bytes.subspan(size);
      }
      compare(e, e.extra->segments[index(d)].front().bytes(), bytes, at);
      deliver_stored(e, d, at);
      from = end.next;
      if (from >= to) return;
      bytes = bytes.last(static_cast<std::size_t>(to - from));
    }
    deliver(e, d, bytes, at);
    deliver_stored(e, d, at);
  }
  // The peer acknowledges nothing (only one side is captured, say) while much waits above a hole: it will not be
  // filled.
  if (has_stored(e, d)) {
    const std::uint64_t acknowledged =
        (static_cast<std::uint64_t>(end.acknowledged_wraps) << 32) + end.acknowledged - end.start;
    const Segment& last = e.extra->segments[index(d)].back();
    if (acknowledged <= 1 && last.to - end.next > settings_.unacknowledged_above_hole) {
      weird(e, TableWeird::kAboveHole, at);
      skip_to(e, d, last.to, false, at);
    }
  }
}

void Table::Impl::drop_segments(Entry& e, Direction d) {
  if (!has_stored(e, d)) return;
  std::vector<Segment>& segments = e.extra->segments[index(d)];
  memory_.give_back(base::MemoryUse::kReassembly, e.extra->segment_bytes[index(d)] + segments.size() * sizeof(Segment));
  segments.clear();
  e.extra->segment_bytes[index(d)] = 0;
}

void Table::Impl::end_stream(Entry& e, Direction d, End why, const packet::Origin& at) {
  TcpEndpoint& end = e.end[index(d)].tcp;
  if (end.ended) {
    drop_segments(e, d);
    return;
  }
  if (has_stored(e, d)) skip_to(e, d, e.extra->segments[index(d)].back().to, false, at);
  end.ended = true;
  consumer_.end(view_of(e), e.slot, d, why, at);
}

}  // namespace whodunit::connection
