// Captures: packets as a view of bytes, a time, a place. The only code that knows file formats or the kernel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace whodunit::capture {

/// A packet as captured. `bytes` live until the source's next `read`.
struct RawPacket {
  base::Bytes bytes;              ///< what was kept (snap length)
  std::uint32_t wire_length = 0;  ///< what was on the wire
  std::uint32_t link_type = 0;    ///< LINKTYPE_ value (tcpdump.org/linktypes.html)
  base::Time time;
  std::uint64_t number = 0;   ///< from 1 within its capture, as Wireshark's frame.number
  std::uint32_t capture = 0;  ///< ordinal of the capture in the run
};

/// What is known of a capture, complete once it has been read to its end.
struct CaptureInfo {
  std::string path;  ///< as given; "-" for stdin
  std::string name;  ///< base name: what reports show
  std::string
      sha256;  ///< of the file as it stands on disk (compressed); empty until known, or for stdin's of no digest
  std::string format;  ///< "pcap", "pcapng", with "+gzip" … where compressed
  std::vector<std::uint32_t> link_types;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< captured bytes of packets
  std::uint64_t file_bytes = 0;
  base::Time first, last;
  std::uint64_t unread = 0;  ///< packets that could not be read or decoded (cut off, unknown link type)
  std::string reason;        ///< why, for people; empty where all was read
  bool cut_off = false;      ///< the file ended in the middle, or was damaged: what stands before it was read
  bool nanoseconds = false;  ///< time stamps finer than a microsecond
  bool is_log = false;       ///< not packets: a log of another sensor (logs/), whose lines are counted
  std::uint64_t lines = 0;   ///< of a log: those that hold records, or should; `unread` of them were malformed
};

/// A source of packets in packet-time order: one file, stdin, or many files merged.
class Source {
 public:
  virtual ~Source() = default;
  /// Fills `out` with up to `most` packets (at least one, unless at the end; then none). The bytes stay valid until the
  /// next call. How many come depends on the file alone, not on buffers: always `most` until the end.
  virtual void read(std::vector<RawPacket>& out, std::size_t most) = 0;
  /// Captures of this source by ordinal; grows and fills while reading.
  virtual const std::vector<CaptureInfo>& captures() const = 0;
  virtual std::vector<CaptureInfo>& captures() = 0;
  /// Bytes read of bytes there are (0 where unknown): for progress.
  virtual std::uint64_t bytes_read() const = 0;
  virtual std::uint64_t bytes_total() const = 0;
};

struct OpenOptions {
  std::string filter;                                 ///< BPF expression (libpcap); empty: all
  bool digest = true;                                 ///< make each file's SHA-256
  std::function<bool(const std::string& path)> skip;  ///< asked of each file: true leaves it out
};

/// What could not be opened, beside what could.
struct Opened {
  std::unique_ptr<Source> source;     ///< null where nothing could be opened
  std::vector<base::Error> problems;  ///< per input that gave nothing, or only a part
};

/// Opens files, folders (searched for captures, recursively, symlinks not followed) and "-" (stdin). Captures get their
/// ordinals by first packet time, then name. Packets of several are merged by time, ties by ordinal.
Opened open(const std::vector<std::string>& inputs, const OpenOptions& options);

}  // namespace whodunit::capture
