#include "attribution/evaluate/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace whodunit::attribution {

void for_each_in_parallel(std::size_t n, const std::function<void(std::size_t)>& work) {
  constexpr std::size_t kMostThreads = 8;
  const std::size_t threads =
      std::min({n, kMostThreads, static_cast<std::size_t>(std::max(1u, std::thread::hardware_concurrency()))});
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < n; i = next++) work(i);
  };
  std::vector<std::thread> others;
  for (std::size_t t = 1; t < threads; ++t) others.emplace_back(run);
  run();
  for (std::thread& t : others) t.join();
}

}  // namespace whodunit::attribution
