// Bytes and the checked cursor: the only way in which the parsers read what came from outside.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace whodunit::base {

/// Borrowed bytes. Whoever hands them out says how long they live.
using Bytes = std::span<const std::uint8_t>;

inline Bytes as_bytes(std::string_view s) { return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}; }
inline std::string_view as_text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

/// `data[from, from+count)`, cut to what is there. Never fails.
inline Bytes slice(Bytes data, std::size_t from, std::size_t count = SIZE_MAX) {
  if (from >= data.size()) return {};
  return data.subspan(from, count < data.size() - from ? count : data.size() - from);
}

// Unchecked big- and little-endian loads: only for code that has compared sizes already.
inline std::uint16_t load_be16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] << 8 | p[1]); }
inline std::uint32_t load_be32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline std::uint64_t load_be64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline void store_be64(std::uint8_t* p, std::uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, 8);
}
inline std::uint16_t load_le16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[1] << 8 | p[0]); }
inline std::uint32_t load_le32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
inline std::uint64_t load_le64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

/// Reads forward through borrowed bytes. A read past the end gives zeros (or an empty span), sets `failed()` for good,
/// and moves no further: a parser may read a whole structure and ask once at its end.
class Cursor {
 public:
  explicit Cursor(Bytes data) : data_(data) {}

  bool failed() const { return failed_; }
  bool ok() const { return !failed_; }
  std::size_t offset() const { return offset_; }
  std::size_t left() const { return data_.size() - offset_; }
  bool at_end() const { return left() == 0; }
  /// What has not been read yet.
  Bytes rest() const { return data_.subspan(offset_); }
  /// All of it, from its first byte: for formats with back references.
  Bytes all() const { return data_; }

  std::uint8_t u8() { return need(1) ? data_[offset_++] : 0; }
  std::uint16_t be16() { return need(2) ? load_be16(take(2)) : 0; }
  std::uint32_t be24() {
    if (!need(3)) return 0;
    const std::uint8_t* p = take(3);
    return static_cast<std::uint32_t>(p[0]) << 16 | static_cast<std::uint32_t>(p[1]) << 8 | p[2];
  }
  std::uint32_t be32() { return need(4) ? load_be32(take(4)) : 0; }
  std::uint64_t be64() { return need(8) ? load_be64(take(8)) : 0; }
  std::uint16_t le16() { return need(2) ? load_le16(take(2)) : 0; }
  std::uint32_t le32() { return need(4) ? load_le32(take(4)) : 0; }
  std::uint64_t le64() { return need(8) ? load_le64(take(8)) : 0; }

  /// The next `count` bytes, or an empty span and failure.
  Bytes bytes(std::size_t count) { return need(count) ? Bytes{take(count), count} : Bytes{}; }
  std::string_view text(std::size_t count) { return as_text(bytes(count)); }
  void skip(std::size_t count) {
    if (need(count)) offset_ += count;
  }
  /// Goes to an offset from the start; past the end is a failure.
  void seek(std::size_t offset) {
    if (offset > data_.size()) {
      failed_ = true;
      return;
    }
    offset_ = offset;
  }
  void fail() { failed_ = true; }

 private:
  bool need(std::size_t count) {
    if (failed_ || left() < count) {
      failed_ = true;
      return false;
    }
    return true;
  }
  const std::uint8_t* take(std::size_t count) {
    const std::uint8_t* p = data_.data() + offset_;
    offset_ += count;
    return p;
  }

  Bytes data_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

}  // namespace whodunit::base
