#include "protocol/ber/ber.h"

#include <algorithm>
#include <string>

namespace whodunit::protocol::ber {
namespace {

// X.690 8.1.3: how many bytes tag and length take, and how long the content is.
struct Prefix {
  std::size_t header = 0;  // 0: not there yet
  std::size_t content = 0;
  bool bad = false;
};

Prefix prefix(Bytes data) {
  Prefix p;
  if (data.size() < 2) {
    p.bad = !data.empty() && (data[0] & 0x1f) == 0x1f;
    return p;
  }
  if ((data[0] & 0x1f) == 0x1f) {
    p.bad = true;
    return p;
  }
  const std::uint8_t first = data[1];
  if (first < 0x80) {
    p.header = 2;
    p.content = first;
    return p;
  }
  const std::size_t bytes = first & 0x7f;
  if (bytes == 0 || bytes > 4) {
    p.bad = true;
    return p;
  }
  if (data.size() < 2 + bytes) return p;
  for (std::size_t i = 0; i < bytes; ++i) p.content = p.content << 8 | data[2 + i];
  p.header = 2 + bytes;
  return p;
}

}  // namespace

std::optional<std::size_t> total_size(Bytes data) {
  const Prefix p = prefix(data);
  if (p.bad) return std::nullopt;
  return p.header == 0 ? 0 : p.header + p.content;
}

Element Reader::next() {
  Element e;
  if (at_end()) return e;
  const Prefix p = prefix(rest_);
  if (p.bad || p.header == 0) {
    failed_ = true;
    return e;
  }
  e.tag = rest_[0];
  e.whole = p.content <= rest_.size() - p.header;
  e.content = base::slice(rest_, p.header, p.content);
  rest_ = base::slice(rest_, p.header + e.content.size());
  return e;
}

Bytes Reader::take(std::uint8_t wanted) {
  if (tag() != wanted) return {};
  return next().content;
}

bool Reader::find(std::uint8_t wanted) {
  while (!at_end() && tag() != wanted) next();
  return !at_end();
}

std::optional<std::int64_t> integer(Bytes content) {
  if (content.empty() || content.size() > 8) return std::nullopt;
  std::uint64_t v = content[0] & 0x80 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t b : content) v = v << 8 | b;
  return static_cast<std::int64_t>(v);
}

std::string oid_text(Bytes content) {
  std::string out;
  std::uint64_t part = 0;
  for (std::size_t i = 0; i < content.size() && i < 64; ++i) {
    part = part << 7 | (content[i] & 0x7f);
    if (content[i] & 0x80) continue;
    if (out.empty()) {  // X.690 8.19.4: the first two numbers stand in one
      const std::uint64_t first = std::min<std::uint64_t>(part / 40, 2);
      out = std::to_string(first) + "." + std::to_string(part - first * 40);
    } else {
      out += "." + std::to_string(part);
    }
    part = 0;
  }
  return out;
}

}  // namespace whodunit::protocol::ber
