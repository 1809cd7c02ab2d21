// Feeds of every format, found by content, then packed and unpacked.
#include <cstdlib>
#include <string_view>

#include "knowledge/indicators/feed.h"
#include "knowledge/intel_store.h"

using namespace whodunit::knowledge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"feed.txt", "apt_x.txt", "iocs.csv"}) {
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
