#include "protocol/http/multipart.h"

#include <algorithm>
#include <cstring>

namespace whodunit::protocol::http {
namespace {

constexpr std::size_t kMaxDepth = 4;
constexpr std::size_t kMaxHeaderLine = 8192;
constexpr std::size_t kMaxLine = 4096;  // of a part's data

std::string delimiter(std::string_view boundary) { return "\r\n--" + std::string(boundary); }

}  // namespace

Multipart::Multipart(std::string_view boundary) : state_(State::kPreamble) {
  if (boundary.empty()) {
    whole_ = true;
    state_ = State::kHeaders;
  } else {
    delimiters_.push_back(delimiter(boundary));
    held_ = "\r\n";  // the body's beginning is a line's beginning
    held_is_virtual_ = true;
  }
}

// Line by line (RFC 2046 5.1.1), as Zeek does: what ends with a packet in the middle of a line is given with its rest.
void Multipart::give(base::Bytes bytes, PartSink& sink) {
  if (state_ != State::kData || !in_part_ || bytes.empty()) return;
  std::size_t whole = base::as_text(bytes).rfind('\n') + 1;  // 0 where there is none
  if (line_.size() + bytes.size() - whole > kMaxLine) whole = bytes.size();
  if (whole > 0) {
    flush(sink);
    sink.part_data(bytes.first(whole));
  }
  line_ += base::as_text(bytes.subspan(whole));
}

void Multipart::flush(PartSink& sink) {
  if (in_part_ && !line_.empty()) sink.part_data(base::as_bytes(line_));
  line_.clear();
}

void Multipart::end_part(PartSink& sink) {
  flush(sink);
  if (in_part_) sink.part_ends();
  in_part_ = false;
}

void Multipart::feed(base::Bytes bytes, PartSink& sink) {
  if (whole_ && !in_part_ && state_ == State::kHeaders) {
    in_part_ = true;
    sink.part_begins();
  }
  while (!bytes.empty()) {
    std::size_t used = 0;
    switch (state_) {
      case State::kPreamble:
      case State::kData:
      case State::kEpilogue:
        used = search(bytes, sink);
        break;
      case State::kDelimiterTail:
        used = tail(bytes, sink);
        break;
      case State::kHeaders:
        used = header(bytes, sink);
        break;
    }
    bytes = bytes.subspan(used);
  }
}

/// Looks for a delimiter; gives what lies before it. Returns the bytes used.
std::size_t Multipart::search(base::Bytes bytes, PartSink& sink) {
  if (delimiters_.empty()) {  // the epilogue of everything, or a message without a boundary
    give(bytes, sink);
    return bytes.size();
  }
  if (!held_.empty()) {
    // A delimiter may have begun: go on byte by byte. CR stands in a delimiter only at its beginning, so that a
    // mismatch frees all that is held.
    held_ += static_cast<char>(bytes[0]);
    bool prefix = false;
    for (std::size_t i = delimiters_.size(); i-- > 0;) {
      const std::string& d = delimiters_[i];
      if (held_.size() > d.size() || d.compare(0, held_.size(), held_) != 0) continue;
      if (held_.size() == d.size()) {
        found(i, sink);
        return 1;
      }
      prefix = true;
    }
    if (prefix) return 1;
    held_.pop_back();
    const std::string out = std::move(held_);
    held_.clear();
    const std::size_t skip = held_is_virtual_ ? std::min<std::size_t>(2, out.size()) : 0;
    held_is_virtual_ = false;
    give(base::as_bytes(std::string_view(out).substr(skip)), sink);
    return 0;
  }
  const std::uint8_t* from = bytes.data();
  const std::uint8_t* const end = from + bytes.size();
  while (from < end) {
    const auto* cr = static_cast<const std::uint8_t*>(std::memchr(from, '\r', static_cast<std::size_t>(end - from)));
    if (cr == nullptr) break;
    const auto left = static_cast<std::size_t>(end - cr);
    if (left < 4 ? std::memcmp(cr, "\r\n--", left) == 0 : std::memcmp(cr, "\r\n--", 4) == 0) {
      give({bytes.data(), static_cast<std::size_t>(cr - bytes.data())}, sink);
      held_ = "\r";
      held_is_virtual_ = false;
      return static_cast<std::size_t>(cr - bytes.data()) + 1;
    }
    from = cr + 1;
  }
  give(bytes, sink);
  return bytes.size();
}

void Multipart::found(std::size_t level, PartSink& sink) {
  held_.clear();
  held_is_virtual_ = false;
  end_part(sink);
  level_ = level;
  delimiters_.resize(level + 1);  // an outer delimiter ends the inner multiparts
  state_ = State::kDelimiterTail;
  tail_seen_ = 0;
  closing_ = false;
}

/// After a delimiter: "--" closes; then blanks to the line's end.
std::size_t Multipart::tail(base::Bytes bytes, PartSink& sink) {
  std::size_t i = 0;
  for (; i < bytes.size(); ++i) {
    const char c = static_cast<char>(bytes[i]);
    if (tail_seen_ < 2) {
      if (c == '-' && (tail_seen_ == 0 || closing_)) {
        closing_ = true;
      } else if (tail_seen_ == 1) {
        closing_ = false;
      }
      ++tail_seen_;
      if (tail_seen_ == 2 && closing_) {
        delimiters_.pop_back();
        // The outer delimiter, if any, needs a line's beginning, which the next CR LF gives.
        state_ = State::kEpilogue;
        return i + 1;
      }
      if (tail_seen_ == 1 && c != '-') tail_seen_ = 2;
    }
    if (c == '\n') {
      state_ = State::kHeaders;
      in_part_ = true;
      sink.part_begins();
      return i + 1;
    }
  }
  return i;
}

std::size_t Multipart::header(base::Bytes bytes, PartSink& sink) {
  const auto* lf = static_cast<const std::uint8_t*>(std::memchr(bytes.data(), '\n', bytes.size()));
  const std::size_t size = lf == nullptr ? bytes.size() : static_cast<std::size_t>(lf - bytes.data());
  std::string_view line = base::as_text(bytes.subspan(0, size));
  if (lf == nullptr || !held_.empty()) {
    held_.append(line.substr(0, kMaxHeaderLine - std::min(kMaxHeaderLine, held_.size())));
    if (lf == nullptr) return size;
    line = held_;
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!line.empty()) {
    sink.part_header(line);
    held_.clear();
    return size + 1;
  }
  held_.clear();
  const std::string inner(sink.part_body());  // the sink may forget it with the part
  if (!inner.empty() && delimiters_.size() < kMaxDepth) {
    end_part(sink);
    delimiters_.push_back(delimiter(inner));
    state_ = State::kPreamble;
  } else {
    state_ = State::kData;
  }
  if (!delimiters_.empty()) {
    held_ = "\r\n";
    held_is_virtual_ = true;
  }
  return size + 1;
}

void Multipart::gap(std::uint64_t bytes, PartSink& sink) {
  if (state_ == State::kData) {
    if (!held_.empty()) {
      const std::string out = std::move(held_);
      held_.clear();
      give(base::as_bytes(std::string_view(out).substr(held_is_virtual_ ? std::min<std::size_t>(2, out.size()) : 0)),
           sink);
      held_is_virtual_ = false;
    }
    flush(sink);
    if (in_part_) sink.part_gap(bytes);
    return;
  }
  // A delimiter or headers were lost with it: go on at the next delimiter.
  held_.clear();
  held_is_virtual_ = false;
  end_part(sink);
  if (!whole_) state_ = State::kPreamble;
}

void Multipart::finish(PartSink& sink) {
  if (state_ == State::kData && !held_.empty()) {
    const std::string out = std::move(held_);
    held_.clear();
    give(base::as_bytes(std::string_view(out).substr(held_is_virtual_ ? std::min<std::size_t>(2, out.size()) : 0)),
         sink);
  }
  end_part(sink);
}

}  // namespace whodunit::protocol::http
