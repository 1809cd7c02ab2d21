// Independent work on all cores. What is worked out may not depend on the order: results go to places of their own.
#pragma once

#include <cstddef>
#include <functional>

namespace whodunit::attribution {

/// Calls `work` once with each of 0 … n − 1, on as many threads as there are cores (at most eight); returns when all is
/// done. `work` must not throw.
void for_each_in_parallel(std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace whodunit::attribution
