// Rows and runs that the detectors' tests share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "detect/detector.h"
#include "detect/finding.h"

namespace whodunit::detect::test {

inline record::Head head(const std::string& from, const std::string& to, std::uint16_t port, double seconds,
                         std::uint16_t from_port = 40000) {
  record::Head h;
  h.ts = {static_cast<std::int64_t>(seconds * 1e9) + 1'000'000'000'000'000'000};
  h.uid = {static_cast<std::uint64_t>(seconds * 1000) + 1};
  h.id = {*base::Address::parse(from), *base::Address::parse(to), {from_port}, {port}};
  h.place = {static_cast<std::uint64_t>(seconds) + 1, static_cast<std::uint64_t>(seconds) + 2, 0, 0};
  return h;
}

/// What one detector finds in one batch, with 192.0.2.0/24 and 10.0.0.0/8 to defend.
inline std::vector<Finding> run(std::string_view name, const record::Batch& batch) {
  std::unique_ptr<Detector> detector;
  for (const Entry& e : detectors())
    if (e.name == name) detector = e.make({});
  detector->take(batch);
  Home home;
  home.networks = {*base::Network::parse("192.0.2.0/24"), *base::Network::parse("10.0.0.0/8")};
  std::vector<Finding> out;
  detector->finish(home, out);
  seal(out);
  return out;
}

}  // namespace whodunit::detect::test
