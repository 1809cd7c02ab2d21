// The patterns that the build compiled are those that the program would compile.
#include "detect/web_database.h"

#include <gtest/gtest.h>
#include <hs/hs.h>

#include <cstdlib>
#include <string>

namespace whodunit::detect {
namespace {

std::string bytes_of(hs_database_t* database) {
  char* bytes = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(hs_serialize_database(database, &bytes, &size), HS_SUCCESS);
  std::string out(bytes, size);
  std::free(bytes);
  hs_free_database(database);
  return out;
}

TEST(WebDatabase, TheBuildsIsTheSameAsOneCompiledNow) {
  const std::string built = bytes_of(web_patterns_database());
  EXPECT_GT(built.size(), 10'000u);
  EXPECT_TRUE(built == bytes_of(compile_web_patterns()));
}

}  // namespace
}  // namespace whodunit::detect
