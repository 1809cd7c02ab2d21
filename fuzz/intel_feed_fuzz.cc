// Feeds of every format, found by content, then packed and unpacked.
#include <cstdlib>
#include <string_view>

#include "base/hash.h"
#include "knowledge/indicators/feed.h"
#include "knowledge/intel_store.h"

using namespace whodunit::knowledge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Readers are found by content first: one name per input is enough where many are tried (protocol_fuzz.h, Choice).
  static const bool sample = std::getenv("WHODUNIT_FUZZ_SAMPLE") != nullptr;
  const std::uint64_t choice = whodunit::base::fast_hash(whodunit::base::Bytes(data, size)) % 3;
  std::uint64_t number = 0;
  for (const char* name : {"feed.txt", "apt_x.txt", "iocs.csv"}) {
    if (sample && number++ != choice) continue;
    Feed feed;
    Problems problems;
    if (!read_feed(name, text, {}, feed, problems)) continue;
    const std::string packed = pack_feeds({feed});
    auto again = unpack_feeds(packed);
    if (!again || pack_feeds(*again) != packed) std::abort();
  }
  (void)unpack_feeds(text);
  return 0;
}
