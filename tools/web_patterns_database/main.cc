// The build runs this: it compiles the patterns of web attacks and writes them as a C++ source, so that the program
// need not compile them in each run. web_patterns_database OUT.cc
#include <hs/hs.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "detect/web_database.h"

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: web_patterns_database OUT.cc\n");
    return 2;
  }
  hs_database_t* database = whodunit::detect::compile_web_patterns();
  char* bytes = nullptr;
  std::size_t size = 0;
  if (hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) {
    std::fprintf(stderr, "web_patterns_database: the patterns could not be written\n");
    return 1;
  }
  std::FILE* out = std::fopen(argv[1], "w");
  if (out == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  std::fputs("#include <cstddef>\nnamespace whodunit::detect {\nextern const unsigned char kWebDatabase[] = {", out);
  for (std::size_t i = 0; i < size; ++i)
    std::fprintf(out, "%s%u,", i % 32 == 0 ? "\n" : "", static_cast<unsigned>(static_cast<unsigned char>(bytes[i])));
  std::fprintf(out,
               "\n};\nextern const std::size_t kWebDatabaseSize;\nconst std::size_t kWebDatabaseSize = %zu;\n"
               "}  // namespace whodunit::detect\n",
               size);
  const bool written = std::ferror(out) == 0;
  std::free(bytes);
  hs_free_database(database);
  if (std::fclose(out) == 0 && written) return 0;
  std::fprintf(stderr, "web_patterns_database: %s could not be written\n", argv[1]);
  return 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "web_patterns_database: %s\n", error.what());
  return 1;
}
