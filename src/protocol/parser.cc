#include "protocol/parser.h"

#include <algorithm>
#include <array>

#include "connection/conn_record.h"

namespace whodunit::protocol {

void Context::weird(std::string_view name, std::string_view detail) {
  connection::Weird row;
  row.head = head(now(), place());
  row.name = name;
  if (!detail.empty()) row.addl = detail;
  // In capitals, as layers are told, and as who knows Zeek expects; CONTENTLINE is what splits streams into lines
  // there, ZIP what decompresses bodies.
  std::array<char, 16> capitals{};
  const std::size_t size = std::min(weird_source.size(), capitals.size());
  std::transform(weird_source.begin(), weird_source.begin() + static_cast<std::ptrdiff_t>(size), capitals.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  row.source = name.substr(0, 16) == "line_terminated_" ? "CONTENTLINE"
               : name == "inflate_failed"               ? "ZIP"
                                                        : std::string_view(capitals.data(), size);
  emit(row);
}

void Context::tunnel(std::string_view type) {
  connection::Tunnel row;
  row.head = head(now(), place());
  row.head.id.orig_p = {0};  // whatever port it comes from, it is the same proxy
  row.tunnel_type = type;
  row.action = "Tunnel::DISCOVER";
  emit(row);
}

void Parser::stream(Context&, Direction, Bytes) {}
void Parser::gap(Context& context, Direction, std::uint64_t) { context.failed = true; }
void Parser::datagram(Context&, Direction, const packet::Packet&) {}
void Parser::end(Context&, Direction, End) {}
void Parser::closed(Context&, End) {}

FramedParser::~FramedParser() {
  if (memory_ != nullptr && counted_ != 0) memory_->give_back(base::MemoryUse::kReassembly, counted_);
}

Bytes FramedParser::buffered(Direction direction) const {
  const auto& side = sides_[connection::index(direction)];
  return side ? Bytes(side->buffer) : Bytes{};
}

void FramedParser::resynchronise(Direction direction) {
  auto& side = sides_[connection::index(direction)];
  if (side) {
    side->buffer.clear();
    side->skip = 0;
  }
}

void FramedParser::lost(Context& context, Direction, std::uint64_t) { context.failed = true; }

void FramedParser::gap(Context& context, Direction direction, std::uint64_t bytes) {
  auto& side = sides_[connection::index(direction)];
  if (side && side->skip >= bytes) {  // the hole lies in what is skipped anyway
    side->skip -= bytes;
    return;
  }
  resynchronise(direction);
  lost(context, direction, bytes);
}

void FramedParser::stream(Context& context, Direction direction, Bytes data) {
  auto& held = sides_[connection::index(direction)];
  // The usual case: nothing is held, and the segment holds whole messages.
  if (!held || (held->buffer.empty() && held->skip == 0)) {
    while (!data.empty()) {
      const std::size_t need = frame(direction, data);
      if (need == kBad) {
        context.failed = true;
        return;
      }
      if (need == kMore || need > data.size()) break;
      message(context, direction, data.subspan(0, std::min(need, limit_)), need > limit_);
      if (context.failed) return;
      data = data.subspan(need);
      if (!context.become.empty()) {
        context.become_rest = data;
        return;
      }
    }
    if (data.empty()) return;
    if (!held) held = std::make_unique<Side>();
  }
  take(context, direction, *held, data);
}

void FramedParser::take(Context& context, Direction direction, Side& side, Bytes data) {
  memory_ = &context.memory();
  // Each round delivers one message or moves bytes from `data`; what is held may hold several messages.
  while (!context.failed && context.become.empty()) {
    if (side.skip > 0) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(side.skip, data.size()));
      side.skip -= n;
      data = data.subspan(n);
      if (side.skip > 0) break;
    }
    std::vector<std::uint8_t>& buffer = side.buffer;
    const std::size_t have = buffer.size();
    if (have == 0 && data.empty()) break;
    const std::size_t need = frame(direction, have == 0 ? data : Bytes(buffer));
    if (need == kBad) {
      context.failed = true;
      break;
    }
    if (have == 0 && need != kMore && need <= data.size()) {
      const Bytes whole = data.subspan(0, std::min(need, limit_));
      data = data.subspan(need);
      message(context, direction, whole, need > limit_);
      continue;
    }
    if (have != 0 && need != kMore && (need <= have || have >= limit_)) {
      const std::size_t size = std::min(need, limit_);
      std::vector<std::uint8_t> whole;
      if (need > have) {  // too long to be held: its beginning is given, its end skipped
        side.skip = need - have;
        whole.swap(buffer);
      } else {
        whole.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
        buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(need));
      }
      message(context, direction, Bytes(whole).subspan(0, size), need > limit_);
      continue;
    }
    if (need == kMore && have >= limit_) {  // a length that never comes
      context.failed = true;
      break;
    }
    if (data.empty()) break;
    // Up to what the next message needs; where that is not known yet, a little, then twice as much, and so on.
    const std::size_t want = need == kMore ? std::max<std::size_t>(64, have) : std::min(need, limit_) - have;
    const std::size_t n = std::min(want, data.size());
    if (!context.memory().take(base::MemoryUse::kReassembly, n)) {
      context.weird("message_buffer_limit");
      context.failed = true;
      break;
    }
    counted_ += n;
    buffer.insert(buffer.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(n));
    data = data.subspan(n);
  }
  if (!context.become.empty() && !context.failed) {
    // What is held beyond the last message belongs to what follows, too.
    if (side.buffer.empty()) {
      context.become_rest = data;
    } else {
      side.buffer.insert(side.buffer.end(), data.begin(), data.end());
      context.become_rest = side.buffer;
    }
  }
  const std::size_t held = sides_[0] ? sides_[0]->buffer.size() : 0;
  const std::size_t other = sides_[1] ? sides_[1]->buffer.size() : 0;
  if (counted_ > held + other) {
    context.memory().give_back(base::MemoryUse::kReassembly, counted_ - held - other);
    counted_ = held + other;
  }
}

}  // namespace whodunit::protocol
