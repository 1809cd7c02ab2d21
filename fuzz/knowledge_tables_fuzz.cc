// Range tables, KEV, zones, the public suffix list.
#include <string_view>

#include "knowledge/domains/public_suffix.h"
#include "knowledge/networks/networks.h"
#include "knowledge/vulnerabilities/vulnerabilities.h"
#include "knowledge/zones/zones.h"

using namespace whodunit::knowledge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Problems problems;
  NetworksBuilder builder;
  (void)builder.add_csv("x.csv", text, {}, problems);
  const Networks networks = builder.build();
  (void)networks.facts(whodunit::base::Address::v4(0x09010203));
  Vulnerabilities known;
  (void)known.add("x", text, "x", problems);
  (void)Zones::parse_toml(text, "x.toml");
  const PublicSuffixes suffixes = PublicSuffixes::parse(text);
  (void)suffixes.registrable(text.substr(0, 253));
  return 0;
}
