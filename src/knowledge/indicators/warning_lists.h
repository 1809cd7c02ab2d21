// Warning lists: what must not be taken for an indicator, or only with a label (MISP's warning lists and the like).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "knowledge/indicators/feed.h"

namespace whodunit::knowledge {

class PublicSuffixes;

/// Collects lists, then answers. `check` is safe from any thread once `finish` was called.
class WarningLists {
 public:
  /// What a list does to an indicator that it holds.
  enum class Effect : std::uint8_t {
    kSubtract,  ///< not an indicator: public resolvers, top sites, vendors' own names, empty files, …
    kLabel,     ///< anybody can be there (cloud, VPN, dynamic DNS, universities, …): stays, with a label
    kIgnore,    ///< about things that no indicator is (telephone numbers)
  };
  struct Verdict {
    bool subtract = false;
    std::uint32_t list = 0;  ///< that subtracts
    std::string labels;      ///< "cloud; VPN"
  };

  WarningLists();
  ~WarningLists();
  WarningLists(WarningLists&&) noexcept;

  void add(const FeedWarnings& list);
  void finish();
  bool empty() const;
  const std::vector<std::string>& names() const;
  /// The longest names of `value` are looked at first. `suffixes`: a name under a suffix where anybody can register is
  /// not subtracted for the suffix's sake.
  Verdict check(IndicatorKind kind, std::string_view value, const PublicSuffixes& suffixes) const;

  /// How a list is used: by MISP's own category where it has one, else by what its name says. `label` is set to the
  /// short word for kLabel.
  static Effect effect(const FeedWarnings& list, std::string& label);

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace whodunit::knowledge
