// maltrail's trail files, line by line: shared by the readers of indicators and of actors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/text.h"

namespace whodunit::knowledge {

/// One entry of a trail or of a plain list: a name, an address with or without a port, a network, a URL.
struct TrailEntry {
  enum class Kind : std::uint8_t { kMalformed, kDomain, kAddress, kNetwork, kUrl };
  Kind kind = Kind::kMalformed;
  std::string host;        ///< canonical: a normalised name, an address, a network; empty for a path alone
  std::string path;        ///< of a URL, with its query, from "/"; "/…" alone where no host is named
  std::uint16_t port = 0;  ///< 0 where none
  std::string why;         ///< where malformed
};

/// Reads "evil.example", "192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.0/24", "http://192.0.2.1", "evil.example/a?b",
/// "/gate.php", defanged or not. A URL without a path is its host.
TrailEntry read_trail_entry(std::string_view text);

/// Gives the meaningful lines of a trail file.
class TrailReader {
 public:
  enum class Kind : std::uint8_t { kEntry, kReference, kAliases, kMitre };
  struct Line {
    Kind kind = Kind::kEntry;
    std::string_view text;   ///< the entry, without a comment after it; the value of the others
    std::size_t number = 0;  ///< from 1
    /// Line on which the comments begin that the entry stands under; 0 for a file's first block.
    std::size_t block = 0;
  };
  explicit TrailReader(std::string_view text) : lines_(text) {}
  bool next(Line& line);
  /// The references of the block that was last begun.
  const std::vector<std::string>& references() const { return references_; }

 private:
  Lines lines_;
  std::vector<std::string> references_;
  std::size_t block_ = 0;
  bool entries_seen_ = false;  // in this block
};

}  // namespace whodunit::knowledge
