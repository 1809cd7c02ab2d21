// Minimisation of smooth functions of a few dozen numbers (BFGS with a backtracking search). Deterministic.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace whodunit::attribution {

/// Gives f(x); fills `gradient` where it is not null.
using Objective = std::function<double(const std::vector<double>& x, std::vector<double>* gradient)>;

/// From `start`, until the gain of a step is below `tolerance` or after `steps` of them. `cheap`: the gradient costs
/// about as much as the value, so both are asked for at once.
std::vector<double> minimise(const Objective& f, std::vector<double> start, int steps = 200, double tolerance = 1e-7,
                             bool cheap = false);

/// An objective with its gradient by central differences.
Objective with_numeric_gradient(std::function<double(const std::vector<double>&)> f, double step = 1e-4);

/// ln Σ exp(x).
double log_sum_exp(const std::vector<double>& x);

/// A small generator with a fixed sequence per seed (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }

 private:
  std::uint64_t state_;
};

}  // namespace whodunit::attribution
