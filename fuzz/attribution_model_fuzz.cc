// Files of attribution: fitted weights, trials. Weights that are written read back to the same.
#include <cstdlib>
#include <string>
#include <string_view>

#include "attribution/evaluate/trial.h"
#include "attribution/model/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit::attribution;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto weights = Weights::parse(text, "fuzz")) {
    const std::string written = weights->to_text();
    const auto again = Weights::parse(written, "fuzz");
    if (!again || again->to_text() != written) std::abort();
  }
  const auto trials = parse_trials(text, "fuzz");
  if (!trials && trials.error().message().empty()) std::abort();
  return 0;
}
