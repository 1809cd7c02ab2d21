// Builds the immutable set from feeds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "knowledge/domains/public_suffix.h"
#include "knowledge/indicators/feed.h"
#include "knowledge/indicators/indicators.h"
#include "knowledge/indicators/warning_lists.h"

namespace whodunit::knowledge {

/// Not thread-safe. Give sources and feeds in a fixed order: it decides the order of hits.
class IndicatorSetBuilder {
 public:
  explicit IndicatorSetBuilder(const PublicSuffixes& suffixes);
  ~IndicatorSetBuilder();

  /// Begins a source; what is added after it belongs to it.
  /// `allow_private`: private and other local addresses are kept (laboratories); else they are refused, as feeds hold
  /// them by mistake only.
  void source(std::string name, std::string licence, const Date& date, std::string digest, bool allow_private = false);
  void add(const Feed& feed);
  /// All warning lists, before `build`; `finish` must have been called.
  void warnings(const WarningLists* lists) { warnings_ = lists; }
  /// Leaves out what is reserved, public suffixes, empty files, and what warning lists subtract.
  IndicatorSet build();

 private:
  struct Pending;
  const PublicSuffixes& suffixes_;
  const WarningLists* warnings_ = nullptr;
  std::unique_ptr<Pending> pending_;
};

}  // namespace whodunit::knowledge
