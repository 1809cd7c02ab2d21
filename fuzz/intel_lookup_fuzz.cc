// A set built from the first half of the input, asked for every line of the second.
#include <string_view>
#include <vector>

#include "knowledge/domains/public_suffix.h"
#include "knowledge/indicators/set_builder.h"
#include "knowledge/text.h"

using namespace whodunit::knowledge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PublicSuffixes suffixes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = text.find("\n\n") == std::string_view::npos ? size / 2 : text.find("\n\n");
  Feed feed;
  Problems problems;
  FeedOptions options;
  options.role = "indicator";
  (void)read_feed("list.txt", text.substr(0, half), options, feed, problems);
  IndicatorSetBuilder builder(suffixes);
  builder.source("fuzz", "", {}, "");
  builder.add(feed);
  const IndicatorSet set = builder.build();
  std::vector<IndicatorHit> hits;
  Lines lines(text.substr(half));
  std::string_view line;
  while (lines.next(line)) {
    hits.clear();
    set.find_domain(line, hits);
    set.find_url(line.substr(0, line.find('/')), 8080,
                 line.find('/') == std::string_view::npos ? "/" : line.substr(line.find('/')), hits);
    set.find_file(line, hits);
    set.find_certificate(line, hits);
    set.find_fingerprint(IndicatorKind::kJa4, line, hits);
    set.find_email(line, hits);
    set.find_user_agent(line, hits);
    if (const auto address = whodunit::base::Address::parse(line)) set.find_address(*address, 1, hits);
    (void)suffixes.registrable(line);
  }
  return 0;
}
