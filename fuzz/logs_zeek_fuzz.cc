// Zeek's logs, TSV and JSON, and the recognition of what a file is.
#include "logs_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  fuzz::register_all_records();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const logs::Recognised what = logs::recognise(text.substr(0, logs::kHeadBytes), "http.log");
  if (what.is_log) fuzz::lines(*logs::make_line_reader(what), text);
  const record::Schema* conn = record::find_schema("conn");
  fuzz::lines(*(size != 0 && data[0] == '{' ? logs::make_zeek_json_reader(conn) : logs::make_zeek_tsv_reader(conn)),
              text);
  return 0;
}
