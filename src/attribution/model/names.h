// What the shape of a host name says: its registered domain, the provider under whose suffix it stands, the style of
// its labels. Used to find kinship between names that are not equal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whodunit::attribution {

/// A name taken apart. Views point into the text given.
struct NameParts {
  std::string_view registered;  ///< "example.co.uk", or, under a provider's suffix, "victim.ddns.net"
  std::string_view suffix;      ///< "co.uk", "ddns.net"
  std::string_view label;       ///< what was chosen by who registered it: "example", "victim"
  std::string_view below;       ///< labels left of the registered domain: "www.mail"; may be empty
  bool provider = false;        ///< `suffix` belongs to a dynamic-DNS or hosting provider
};

/// Lower case, no trailing dot. Empty where the text is no host name (length, characters, no dot).
std::string canonical_name(std::string_view text);

/// `name` must be canonical. The public suffix is found by a compact rule (country domains with the usual second-level
/// labels, and a table of dynamic-DNS and hosting providers), so that results do not depend on lists that happen to be
/// installed.
NameParts take_apart(std::string_view name);

/// Sequences of three and of four characters of the chosen label (with marks at its ends) and of the labels below it,
/// each as a number below kSequenceSpace; repeated as often as they occur.
inline constexpr std::uint32_t kSequenceSpace = 1u << 18;
std::vector<std::uint32_t> sequences_of(const NameParts& parts);

/// Words of the name left of its suffix: what stands between dots, hyphens and digits, of four characters and more,
/// each once, sorted, as hashes. Words that stand in names of all kinds ("mail", "update") are left in: how many hold
/// them says what they are worth.
std::vector<std::uint64_t> words_of(const NameParts& parts);

/// Traits of the name's form (suffix, length, digits, hyphens, depth, …), each a number below kTraitSpace. Every name
/// has exactly one trait of each of kTraitKinds kinds, in that order.
inline constexpr std::uint32_t kTraitSpace = 1u << 14;
inline constexpr std::size_t kTraitKinds = 8;
std::vector<std::uint32_t> traits_of(const NameParts& parts);

}  // namespace whodunit::attribution
