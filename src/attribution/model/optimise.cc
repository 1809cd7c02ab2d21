#include "attribution/model/optimise.h"

#include <algorithm>
#include <cmath>

namespace whodunit::attribution {

std::vector<double> minimise(const Objective& f, std::vector<double> x, int steps, double tolerance, bool cheap) {
  const std::size_t n = x.size();
  std::vector<double> g(n, 0), next(n), next_g(n, 0), direction(n);
  std::vector<double> h(n * n, 0);  // approximate inverse of the Hessian
  const auto reset = [&] {
    std::fill(h.begin(), h.end(), 0);
    for (std::size_t i = 0; i < n; ++i) h[i * n + i] = 1;
  };
  reset();
  double value = f(x, &g);
  bool fresh = true;
  for (int step = 0; step < steps; ++step) {
    double slope = 0;
    for (std::size_t i = 0; i < n; ++i) {
      direction[i] = 0;
      for (std::size_t j = 0; j < n; ++j) direction[i] -= h[i * n + j] * g[j];
      slope += direction[i] * g[i];
    }
    if (slope >= 0) {
      if (fresh) break;
      reset();
      fresh = true;
      continue;
    }
    double norm = 0;
    for (const double d : direction) norm += d * d;
    double t = fresh ? std::min(1.0, 1.0 / std::sqrt(norm)) : 1.0;
    double next_value = value;
    bool better = false;
    for (int k = 0; k < 40; ++k, t *= 0.5) {
      for (std::size_t i = 0; i < n; ++i) next[i] = x[i] + t * direction[i];
      next_value = f(next, cheap ? &next_g : nullptr);
      if (next_value <= value + 1e-4 * t * slope) {
        better = true;
        break;
      }
    }
    if (!better) {
      if (fresh) break;
      reset();
      fresh = true;
      continue;
    }
    if (!cheap) next_value = f(next, &next_g);
    double sy = 0;
    std::vector<double> s(n), y(n), hy(n, 0);
    for (std::size_t i = 0; i < n; ++i) {
      s[i] = next[i] - x[i];
      y[i] = next_g[i] - g[i];
      sy += s[i] * y[i];
    }
    if (sy > 1e-12) {
      if (fresh) {
        double yy = 0;
        for (const double v : y) yy += v * v;
        for (std::size_t i = 0; i < n; ++i) h[i * n + i] = sy / yy;
      }
      double yhy = 0;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) hy[i] += h[i * n + j] * y[j];
        yhy += y[i] * hy[i];
      }
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          h[i * n + j] += (1 + yhy / sy) * s[i] * s[j] / sy - (hy[i] * s[j] + s[i] * hy[j]) / sy;
        }
      }
      fresh = false;
    }
    const double gain = value - next_value;
    x.swap(next);
    g.swap(next_g);
    value = next_value;
    if (gain < tolerance * (1 + std::abs(value))) break;
  }
  return x;
}

Objective with_numeric_gradient(std::function<double(const std::vector<double>&)> f, double step) {
  return [f = std::move(f), step](const std::vector<double>& x, std::vector<double>* gradient) {
    if (gradient != nullptr) {
      std::vector<double> moved = x;
      for (std::size_t i = 0; i < x.size(); ++i) {
        moved[i] = x[i] + step;
        const double up = f(moved);
        moved[i] = x[i] - step;
        const double down = f(moved);
        moved[i] = x[i];
        (*gradient)[i] = (up - down) / (2 * step);
      }
    }
    return f(x);
  };
}

double log_sum_exp(const std::vector<double>& x) {
  if (x.empty()) return -INFINITY;
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace whodunit::attribution
