#include "detect/detector.h"

namespace whodunit::detect {

// One line a detector.
std::unique_ptr<Detector> make_scan(const Environment&);

std::span<const Entry> detectors() {
  static constexpr Entry kEntries[] = {
      {"scan", make_scan},
  };
  return kEntries;
}

}  // namespace whodunit::detect
