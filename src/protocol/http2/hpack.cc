#include "protocol/http2/hpack.h"

#include <algorithm>
#include <array>
#include <utility>

namespace whodunit::protocol::http2 {
namespace {

// RFC 7541 appendix B: bits of each byte's code, and of the end of a string. The code is canonical: codes of one length
// follow each other in the order of their symbols, so that the lengths say all.
constexpr std::uint8_t kLengths[257] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,  5,  5,  5,  6,  6,  6,  6,  6,  6,  6,
    7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
    7,  8,  7,  8,  13, 19, 13, 14, 6,  15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,
    5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24,
    24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26,
    27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23,
    22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30};
constexpr unsigned kLongest = 30;
constexpr std::uint16_t kEnd = 256;

struct Code {
  std::array<std::uint32_t, kLongest + 2> first{};   // the first code of a length
  std::array<std::uint16_t, kLongest + 2> count{};   // how many have it
  std::array<std::uint16_t, kLongest + 2> offset{};  // where their symbols begin
  std::array<std::uint16_t, 257> symbols{};
};

constexpr Code make_code() {
  Code c;
  for (const std::uint8_t length : kLengths) ++c.count[length];
  std::uint32_t code = 0;
  std::uint16_t at = 0;
  for (unsigned length = 1; length <= kLongest; ++length) {
    code = (code + (length > 1 ? c.count[length - 1] : 0u)) << 1;
    c.first[length] = code;
    c.offset[length] = at;
    for (std::uint16_t symbol = 0; symbol <= kEnd; ++symbol)
      if (kLengths[symbol] == length) c.symbols[at++] = symbol;
  }
  return c;
}
constexpr Code kCode = make_code();

struct Static {
  std::string_view name, value;
};
// RFC 7541 appendix A, from 1.
constexpr Static kStatic[] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};
constexpr std::size_t kStaticSize = std::size(kStatic);

// RFC 7541 5.1: an integer whose first byte has `bits` of it. False where it does not end or has more than 32 bits.
bool integer(base::Cursor& c, unsigned bits, std::uint64_t& out) {
  const std::uint64_t all = (1u << bits) - 1;
  out = c.u8() & all;
  if (out < all) return c.ok();
  for (unsigned shift = 0; shift <= 28; shift += 7) {
    const std::uint8_t b = c.u8();
    out += static_cast<std::uint64_t>(b & 0x7f) << shift;
    if ((b & 0x80) == 0) return c.ok();
  }
  return false;
}

// RFC 7541 5.2.
bool text(base::Cursor& c, std::string& out) {
  if (c.left() == 0) return false;
  const bool coded = (c.rest()[0] & 0x80) != 0;
  std::uint64_t length = 0;
  if (!integer(c, 7, length) || length > c.left() || length > Hpack::kMostText) return false;
  const Bytes bytes = c.bytes(static_cast<std::size_t>(length));
  if (coded) return huffman(bytes, Hpack::kMostText, out);
  out = base::as_text(bytes);
  return true;
}

}  // namespace

bool huffman(Bytes coded, std::size_t most, std::string& out) {
  out.clear();
  std::uint32_t code = 0;
  unsigned length = 0;
  for (const std::uint8_t byte : coded) {
    for (int bit = 7; bit >= 0; --bit) {
      code = code << 1 | (byte >> bit & 1u);
      if (++length > kLongest) return false;
      if (code < kCode.first[length] || code - kCode.first[length] >= kCode.count[length]) continue;
      const std::uint16_t symbol = kCode.symbols[kCode.offset[length] + code - kCode.first[length]];
      if (symbol == kEnd || out.size() >= most) return false;
      out += static_cast<char>(symbol);
      code = 0;
      length = 0;
    }
  }
  // What is left pads the last byte: ones, fewer than eight.
  return length < 8 && code == (1u << length) - 1;
}

const Field* Hpack::at(std::uint64_t index) const {
  static const std::vector<Field> fixed = [] {
    std::vector<Field> out;
    for (const Static& s : kStatic) out.push_back({std::string(s.name), std::string(s.value)});
    return out;
  }();
  if (index == 0) return nullptr;
  if (index <= kStaticSize) return &fixed[static_cast<std::size_t>(index) - 1];
  index -= kStaticSize + 1;
  return index < table_.size() ? &table_[static_cast<std::size_t>(index)] : nullptr;
}

void Hpack::evict(std::size_t room) {
  while (!table_.empty() && size_ > room) {
    size_ -= table_.back().name.size() + table_.back().value.size() + 32;
    table_.pop_back();
  }
}

// RFC 7541 4.4.
void Hpack::add(Field field) {
  if (lost_) return;
  const std::size_t cost = field.name.size() + field.value.size() + 32;
  if (cost > limit_) {
    evict(0);
    return;
  }
  evict(limit_ - cost);
  size_ += cost;
  table_.push_front(std::move(field));
}

bool Hpack::decode(Bytes block, std::vector<Field>& out) {
  base::Cursor c(block);
  std::size_t bytes = 0;
  const auto give = [&](const Field& field) {
    bytes += field.name.size() + field.value.size() + 32;
    if (bytes <= kMostList && out.size() < kMostFields) out.push_back(field);
  };
  const auto broken = [&] {
    lose();
    return false;
  };
  while (c.left() > 0) {
    const std::uint8_t first = c.rest()[0];
    std::uint64_t index = 0;
    if ((first & 0x80) != 0) {  // 6.1: a field of a table
      if (!integer(c, 7, index)) return broken();
      const Field* field = at(index);
      if (field != nullptr) {
        give(*field);
      } else if (!lost_ || index == 0) {
        return broken();
      }
      continue;
    }
    if ((first & 0xe0) == 0x20) {  // 6.3: the table's size
      if (!integer(c, 5, index) || index > kMostTable) return broken();
      limit_ = static_cast<std::size_t>(index);
      evict(limit_);
      continue;
    }
    // 6.2: a literal, to be added to the table or not.
    const bool adds = (first & 0x40) != 0;
    if (!integer(c, adds ? 6 : 4, index)) return broken();
    Field field;
    bool known = true;
    if (index != 0) {
      const Field* named = at(index);
      if (named == nullptr && !lost_) return broken();
      known = named != nullptr;
      if (known) field.name = named->name;
    } else if (!text(c, field.name)) {
      return broken();
    }
    if (!text(c, field.value)) return broken();
    if (known) give(field);
    if (adds) add(std::move(field));
  }
  return true;
}

}  // namespace whodunit::protocol::http2
