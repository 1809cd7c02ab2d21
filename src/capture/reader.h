// One capture, read packet by packet: the formats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "capture/capture.h"
#include "capture/input.h"

namespace whodunit::capture {

/// The longest packet that is taken for one; a longer length is taken for damage (libpcap's and Wireshark's bound).
constexpr std::uint32_t kMostPacketBytes = 262144;
/// D-Bus messages may be longer (libpcap's bound for them).
constexpr std::uint32_t kMostDbusBytes = 128u << 20;

inline std::uint32_t most_packet_bytes(std::uint32_t link_type) {
  return link_type == 231 ? kMostDbusBytes : kMostPacketBytes;
}

/// Why a file is no capture, where a folder that holds it need not speak of it.
constexpr const char* kEmptyFile = "the file is empty";
constexpr const char* kIsCase = "a case, not a capture: open it with `whodunit findings`, `report` or `query`";

/// Reads the packets of one format. Sets number, time, bytes, wire_length and link_type.
class FormatReader {
 public:
  virtual ~FormatReader() = default;
  /// Fills up to `most` packets at `out`; fewer only at the end. Views live until their block is let go by the input.
  virtual std::size_t read(RawPacket* out, std::size_t most) = 0;
  /// How the capture ended, once `read` gave fewer than asked: empty where all was read; otherwise what was wrong.
  const std::string& damage() const { return damage_; }
  /// Packets that were begun or announced and could not be given.
  std::uint64_t unread() const { return unread_; }
  /// Time stamps are finer than a microsecond.
  bool nanoseconds() const { return nanoseconds_; }
  /// "pcap", "pcapng".
  virtual const char* format() const = 0;

 protected:
  /// The stream ended in the middle of `what`, or reading failed.
  void cut_off(const Input& input, const char* what);
  void damaged(const Input& input, const std::string& what);

  std::string damage_;
  std::uint64_t unread_ = 0;
  bool nanoseconds_ = false;
};

/// By the first bytes: a reader, or null with `why` set (empty: no capture at all). `input` must outlive the reader.
std::unique_ptr<FormatReader> make_format_reader(Input& input, std::string& why);

std::unique_ptr<FormatReader> make_pcap_reader(Input& input);
std::unique_ptr<FormatReader> make_pcapng_reader(Input& input);

}  // namespace whodunit::capture
