// A request or a reply that is under way. Only the parser's own files read this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "protocol/files/files.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/http/decoder.h"
#include "protocol/http/line.h"
#include "protocol/http/multipart.h"
#include "protocol/http/parser.h"

namespace whodunit::protocol::http {

/// The longest line that is kept; more of it is dropped. Bytes.
inline constexpr std::size_t kMaxLine = 64u << 10;
/// The longest message of DNS (RFC 8484 6).
inline constexpr std::size_t kMaxDns = 65535;

inline bool is_informational(std::uint16_t code) { return code >= 100 && code <= 199; }

enum class Framing : std::uint8_t { kHeaders, kLength, kChunkSize, kChunkData, kChunkEnd, kTrailer, kUntilClose };

struct HttpParser::Message {
  Framing framing = Framing::kHeaders;
  Coding coding = Coding::kIdentity;
  bool body_expected = false;  // a reply that has a body unless its headers say otherwise
  bool chunked = false;
  bool is_multipart = false;
  bool is_message = false;
  bool expect_continue = false;
  bool upgrade = false;
  bool decoding_broken = false;
  bool window_settled = false;
  std::uint16_t code = 0;
  std::size_t header_bytes = 0;
  std::uint64_t left = 0;    // of the body or chunk
  std::uint64_t length = 0;  // of the body so far, decoded
  std::optional<std::uint64_t> content_length;
  std::string header;  // a header that may go on on the next line
  bool header_folded = false;
  std::string boundary;
  std::string upgrade_to;
  std::string window;  // the body's beginning
  std::string dns;     // all of it, where it is a DNS message (RFC 8484)
  bool is_dns = false;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<Multipart> multipart;

  /// The body, or one part of it.
  struct Entity {
    std::string name;
    bool has_name = false;
    bool type_noted = false;
    bool over = false;  // all announced bytes came; more are not its
    bool is_part = false;
    std::string header;                   // of a part, folded lines joined
    std::optional<std::uint64_t> length;  // of a part, as its headers say
    std::string boundary;
    std::optional<ContentRange> range;
    std::uint64_t offset = 0;  // of the next byte, in the whole that a range is of
    FileHandle file;
    std::uint64_t range_key = 0;  // of Rare::ranges; 0: `file`
  };
  Entity entity;
};

}  // namespace whodunit::protocol::http
