// MYSQL streams.
#include "protocol_fuzz.h"

#include "protocol/mysql/mysql.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  whodunit::fuzz::stream(whodunit::protocol::mysql::kDefinition, {data, size}, 3306);
  return 0;
}
