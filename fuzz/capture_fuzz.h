// How the fuzz targets of capture formats drive a reader: over bytes in memory, once with large buffers and once with
// tiny ones that come in pieces; both must give the same packets.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "capture/reader.h"

namespace whodunit::fuzz {

/// A file in memory that gives at most `piece` bytes at a time.
class MemoryStream final : public capture::ByteStream {
 public:
  MemoryStream(base::Bytes data, std::size_t piece) : data_(data), piece_(piece) {}
  std::size_t read(capture::Block& block, std::size_t offset, std::size_t most) override {
    const std::size_t count = std::min({piece_, most, data_.size()});
    if (count != 0) std::memcpy(block.data.get() + offset, data_.data(), count);
    data_ = data_.subspan(count);
    return count;
  }
  const std::string& error() const override { return error_; }

 private:
  base::Bytes data_;
  std::size_t piece_;
  std::string error_;
};

struct Read {
  std::string packets;  ///< everything that the packets hold
  std::string damage;
  std::uint64_t unread = 0;
};

inline Read read_all(base::Bytes data, std::size_t block_bytes, std::size_t piece, std::size_t most) {
  MemoryStream stream(data, piece);
  capture::BlockPool pool;
  capture::Input input(stream, pool, block_bytes, nullptr, 0, 0);
  std::string why;
  const auto reader = capture::make_format_reader(input, why);
  Read result;
  if (reader == nullptr) {
    result.damage = why;
    return result;
  }
  std::vector<capture::RawPacket> batch(most);
  std::size_t got;
  std::uint64_t number = 0;
  do {
    got = reader->read(batch.data(), most);
    if (got > most) std::abort();
    for (std::size_t i = 0; i < got; ++i) {
      const capture::RawPacket& p = batch[i];
      if (p.number != ++number || p.bytes.size() > p.wire_length) std::abort();
      result.packets.append(reinterpret_cast<const char*>(&p.time.ns), 8);
      result.packets.append(reinterpret_cast<const char*>(&p.wire_length), 4);
      result.packets.append(reinterpret_cast<const char*>(&p.link_type), 4);
      result.packets.append(base::as_text(p.bytes));
    }
    std::vector<capture::Block*> blocks;
    input.let_go(blocks);
    pool.give_back(blocks);
  } while (got == most);
  result.damage = reader->damage();
  result.unread = reader->unread();
  return result;
}

inline void compare(base::Bytes data) {
  const Read large = read_all(data, 4096, SIZE_MAX, 64);
  const Read tiny = read_all(data, 64, 7, 3);
  if (large.packets != tiny.packets || large.damage != tiny.damage || large.unread != tiny.unread) std::abort();
}

}  // namespace whodunit::fuzz
