// Suricata's EVE, an event a line.
#include "logs_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  fuzz::register_all_records();
  fuzz::lines(*logs::make_eve_reader(), {reinterpret_cast<const char*>(data), size});
  return 0;
}
