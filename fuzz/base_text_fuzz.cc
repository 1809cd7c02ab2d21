// What users and feeds write: addresses, networks, times, base64, ids. What parses must read back from its own words.
#include <cstdlib>
#include <string_view>

#include "base/address.h"
#include "base/hash.h"
#include "base/time.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit::base;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = Address::parse(text)) {
    const auto again = Address::parse(address->to_string());
    if (!again || *again != *address) std::abort();
  }
  if (const auto network = Network::parse(text)) {
    const auto again = Network::parse(network->to_string());
    if (!again || again->to_string() != network->to_string()) std::abort();
  }
  (void)parse_time(text);
  (void)from_base64(text);
  const std::string encoded = to_base64({data, size});
  if (from_base64(encoded) != text) std::abort();
  (void)from_base62(text);
  return 0;
}
