// ASN.1's basic encoding rules (ITU-T X.690), as far as protocols on the wire need them: tags, lengths, and a few
// types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace whodunit::protocol::ber {

using base::Bytes;

/// Tags with their class and whether they are constructed, as their first byte stands on the wire.
enum Tag : std::uint8_t {
  kInteger = 0x02,
  kBitString = 0x03,
  kOctetString = 0x04,
  kOid = 0x06,
  kEnumerated = 0x0a,
  kSequence = 0x30,
  kSet = 0x31,
};
/// The tag of context-specific constructed [n], and of [APPLICATION n].
constexpr std::uint8_t context(unsigned n) { return static_cast<std::uint8_t>(0xa0 | n); }
constexpr std::uint8_t application(unsigned n) { return static_cast<std::uint8_t>(0x60 | n); }

struct Element {
  std::uint8_t tag = 0;
  Bytes content;      ///< cut to what is there
  bool whole = true;  ///< all of the content is there
};

/// The size of tag, length and content of the element that begins at `data`: 0 where the length is not there yet,
/// nullopt where it is none (tags of more than one byte, indefinite lengths, lengths of more than four bytes).
std::optional<std::size_t> total_size(Bytes data);

/// Reads one element after the other. Where one cannot be read, `failed()` is true and `next` gives an empty one.
class Reader {
 public:
  explicit Reader(Bytes data) : rest_(data) {}
  bool at_end() const { return rest_.empty() || failed_; }
  bool failed() const { return failed_; }
  /// The next element's tag; 0 at the end.
  std::uint8_t tag() const { return at_end() ? 0 : rest_[0]; }
  Element next();
  /// The next element's content where it has this tag; else empty, and nothing is read.
  Bytes take(std::uint8_t tag);
  /// The next element's content as a reader, where it has this tag; else an empty reader.
  Reader enter(std::uint8_t tag) { return Reader(take(tag)); }
  /// Reads on until the tag is met; true where the next element has it.
  bool find(std::uint8_t tag);
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
  bool failed_ = false;
};

/// The value of an integer's content, nullopt where it has more than eight bytes or none.
std::optional<std::int64_t> integer(Bytes content);
/// An object identifier's content as dotted numbers.
std::string oid_text(Bytes content);

}  // namespace whodunit::protocol::ber
