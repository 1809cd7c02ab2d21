// Small captures made by the tests themselves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "capture/capture.h"

namespace whodunit::capture::test {

/// Bytes put together in either order.
class Maker {
 public:
  explicit Maker(bool big_endian = false) : big_(big_endian) {}
  Maker& u8(std::uint8_t v) {
    out.push_back(static_cast<char>(v));
    return *this;
  }
  Maker& u16(std::uint16_t v) { return number(v, 2); }
  Maker& u32(std::uint32_t v) { return number(v, 4); }
  Maker& u64(std::uint64_t v) { return number(v, 8); }
  Maker& text(const std::string& s) {
    out += s;
    return *this;
  }
  /// Zeros up to a multiple of four.
  Maker& pad() {
    while (out.size() % 4 != 0) out.push_back(0);
    return *this;
  }
  std::string out;

 private:
  Maker& number(std::uint64_t v, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(v >> 8 * (big_ ? bytes - 1 - i : i)));
    return *this;
  }
  bool big_;
};

inline std::string pcap_header(std::uint32_t link_type = 1, std::uint32_t magic = 0xa1b2c3d4, bool big = false,
                               std::uint16_t minor = 4) {
  return Maker(big).u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(65535).u32(link_type).out;
}
inline std::string pcap_packet(std::uint32_t seconds, std::uint32_t fraction, const std::string& data, bool big = false,
                               std::uint32_t wire = 0) {
  return Maker(big)
      .u32(seconds)
      .u32(fraction)
      .u32(static_cast<std::uint32_t>(data.size()))
      .u32(wire == 0 ? static_cast<std::uint32_t>(data.size()) : wire)
      .text(data)
      .out;
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "whodunit_capture_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = at(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A packet with its bytes copied.
struct Kept {
  std::string bytes;
  std::uint32_t wire_length, link_type, capture;
  std::int64_t ns;
  std::uint64_t number;
  bool operator==(const Kept&) const = default;
};

/// Reads all, in batches of `most`; checks that each but the last is full.
inline std::vector<Kept> read_all(Source& source, std::size_t most = 64) {
  std::vector<Kept> all;
  std::vector<RawPacket> batch;
  bool short_one = false;
  do {
    source.read(batch, most);
    EXPECT_TRUE(!short_one || batch.empty()) << "a short batch that was not the last";
    short_one = batch.size() < most;
    // Copied only once the batch is complete: all of it must still be there.
    for (const RawPacket& p : batch) {
      all.push_back({std::string(reinterpret_cast<const char*>(p.bytes.data()), p.bytes.size()), p.wire_length,
                     p.link_type, p.capture, p.time.ns, p.number});
    }
  } while (!batch.empty());
  return all;
}

}  // namespace whodunit::capture::test
