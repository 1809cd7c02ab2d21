// Knowledge of actors in every format; what was taken is written as a table, which must read back to the same.
#include <cstdlib>
#include <string_view>

#include "knowledge/actors/actors.h"

using namespace whodunit::knowledge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ActorsBuilder builder;
  Problems problems;
  if (!builder.add("apt_x.txt", text, problems) && !builder.add("x.json", text, problems)) return 0;
  const auto actors = builder.build();
  const std::string table = write_table(*actors, true);
  ActorsBuilder again;
  if (!again.add("x.tsv", table, problems)) return 0;  // nothing was in it
  if (write_table(*again.build(), true) != table) std::abort();
  (void)actors->as_of(Date::of_day(17000));
  return 0;
}
