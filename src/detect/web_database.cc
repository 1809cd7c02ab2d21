#include "detect/web_database.h"

#include <hs/hs.h>

#include <cstddef>

namespace whodunit::detect {

// Made by the build (tools/web_patterns_database).
extern const unsigned char kWebDatabase[];
extern const std::size_t kWebDatabaseSize;

hs_database* web_patterns_database() {
  hs_database_t* database = nullptr;
  // The library looks at its version, the platform and a checksum.
  if (hs_deserialize_database(reinterpret_cast<const char*>(kWebDatabase), kWebDatabaseSize, &database) == HS_SUCCESS)
    return database;
  return compile_web_patterns();
}

}  // namespace whodunit::detect
