// The public suffix list: under which names anybody can register (publicsuffix.org).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whodunit::knowledge {

/// Immutable, safe from any thread. Names are looked at as bytes, lower case; international names in their ASCII form.
class PublicSuffixes {
 public:
  /// Knows only that a name's last label is public, and the two-label suffixes that registries use most ("co.uk").
  PublicSuffixes();
  ~PublicSuffixes();
  PublicSuffixes(PublicSuffixes&&) noexcept;
  PublicSuffixes& operator=(PublicSuffixes&&) noexcept;

  /// Reads the list's own text. `private_section` says whether suffixes that companies gave (github.io) count.
  static PublicSuffixes parse(std::string_view text, bool private_section = true);
  /// Reads public_suffix_list.dat from the data folder or from /usr/share/publicsuffix; the built-in few where neither
  /// is there (`complete()` says so).
  static PublicSuffixes load();

  /// The length in bytes of the public suffix at the end of `name` (lower case, no final dot): "co.uk" of
  /// "www.a.co.uk" is 5. The whole name where it is itself a public suffix.
  std::size_t suffix_length(std::string_view name) const;
  /// "a.co.uk" of "www.a.co.uk"; empty where `name` is a public suffix or has one label.
  std::string_view registrable(std::string_view name) const;
  bool is_public_suffix(std::string_view name) const { return suffix_length(name) == name.size(); }
  /// The full list was read.
  bool complete() const { return complete_; }
  std::size_t size() const;

 private:
  struct Rules;
  std::unique_ptr<Rules> rules_;
  bool complete_ = false;
};

}  // namespace whodunit::knowledge
