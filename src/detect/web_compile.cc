// Apart from web_database.cc, so that the build's own tool can use it (tools/web_patterns_database).
#include <hs/hs.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "detect/web_database.h"
#include "detect/web_patterns.h"

namespace whodunit::detect {

hs_database* compile_web_patterns() {
  const auto patterns = web_patterns();
  std::vector<const char*> expressions;
  std::vector<unsigned> flags, ids;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    expressions.push_back(patterns[i].expression);
    flags.push_back(HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH | HS_FLAG_DOTALL);
    ids.push_back(static_cast<unsigned>(i));
  }
  // For any processor of the architecture: what is built here runs elsewhere. Matching is as fast, the library takes
  // its own code for the processor that it runs on.
  const hs_platform_info_t any{HS_TUNE_FAMILY_GENERIC, 0, 0, 0};
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(), static_cast<unsigned>(patterns.size()),
                       HS_MODE_BLOCK, &any, &database, &error) != HS_SUCCESS) {
    const std::string why = "pattern " + std::to_string(error->expression) + ": " + error->message;
    hs_free_compile_error(error);
    throw std::runtime_error("web attack patterns: " + why);
  }
  return database;
}

}  // namespace whodunit::detect
