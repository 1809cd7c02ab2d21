// Multipart bodies (RFC 2046 5.1), split into their parts as they come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace whodunit::protocol::http {

/// Takes what a multipart body holds; views are valid during the call.
class PartSink {
 public:
  /// A part begins: its headers follow.
  virtual void part_begins() = 0;
  virtual void part_header(std::string_view line) = 0;
  /// The part's headers are over. Gives the boundary where the part is a multipart itself, else an empty text.
  virtual std::string_view part_body() = 0;
  virtual void part_data(base::Bytes bytes) = 0;
  virtual void part_gap(std::uint64_t bytes) = 0;
  virtual void part_ends() = 0;

 protected:
  ~PartSink() = default;
};

/// Splits one body. Holds at most a delimiter and one header line. Nested multiparts to a depth of four; a deeper one
/// is taken as data.
class Multipart {
 public:
  /// An empty boundary: the body is one message with headers of its own (message/rfc822, message/http).
  explicit Multipart(std::string_view boundary);
  void feed(base::Bytes bytes, PartSink& sink);
  /// `bytes` are missing here.
  void gap(std::uint64_t bytes, PartSink& sink);
  /// The body is over.
  void finish(PartSink& sink);

 private:
  enum class State : std::uint8_t { kPreamble, kDelimiterTail, kHeaders, kData, kEpilogue };
  std::size_t search(base::Bytes bytes, PartSink& sink);
  std::size_t tail(base::Bytes bytes, PartSink& sink);
  std::size_t header(base::Bytes bytes, PartSink& sink);
  void found(std::size_t level, PartSink& sink);
  void give(base::Bytes bytes, PartSink& sink);
  void flush(PartSink& sink);
  void end_part(PartSink& sink);

  std::vector<std::string> delimiters_;  // CR LF "--" boundary, outermost first
  std::string line_;                     // of a part: the beginning of a line, within limits
  std::string held_;                     // a proper prefix of a delimiter, or of a header line
  std::size_t level_ = 0;                // whose delimiter was found
  State state_;
  bool in_part_ = false;
  bool held_is_virtual_ = false;  // the CR LF held belongs to the line before, not to the data
  bool whole_ = false;            // no boundary: ends with the body
  std::uint8_t tail_seen_ = 0;    // bytes after the delimiter
  bool closing_ = false;
};

}  // namespace whodunit::protocol::http
