// Evidence as analysts give it, and grades.
#include <string_view>

#include "attribution/evidence_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto evidence = whodunit::attribution::read_evidence(text, "fuzz");
  if (!evidence && evidence.error().message().empty()) __builtin_trap();
  (void)whodunit::attribution::parse_grade(text);
  return 0;
}
