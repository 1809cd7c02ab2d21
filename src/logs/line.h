// One log's lines: each becomes rows, or is said to be malformed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "logs/row.h"
#include "record/schema.h"

namespace whodunit::logs {

/// The longest line that is taken; longer ones are malformed, and passed over.
constexpr std::size_t kLongestLine = 1u << 20;
/// How much of a log is looked at to tell what it is.
constexpr std::size_t kHeadBytes = 64u << 10;

/// What a line gave.
enum class Line : std::uint8_t {
  kRows,        ///< records, or an event kept for the row that a later line completes
  kNothing,     ///< a header, a comment, an empty line
  kPassedOver,  ///< well-formed, and nothing that there is a record type for
  kMalformed,
};

/// Takes rows as they are made.
class RowTaker {
 public:
  virtual ~RowTaker() = default;
  /// `when`: the time by which logs are merged. The row may be changed, and is reused after the call.
  virtual void row(Row& row, base::Time when) = 0;
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  /// Reads line `number` (from 1), without its end. `why` is set where it is malformed, or where values of it were not
  /// taken (the row is given without them).
  virtual Line line(std::string_view text, std::uint64_t number, RowTaker& taker, std::string& why) = 0;
  /// The log is over: gives rows that waited for further lines.
  virtual void finish(RowTaker& taker) { (void)taker; }
  /// Well-formed events without a record type here, by their name.
  virtual const std::map<std::string, std::uint64_t>& passed_over() const {
    static const std::map<std::string, std::uint64_t> kNone;
    return kNone;
  }
};

/// What the first bytes of a file show.
struct Recognised {
  bool is_log = false;
  std::string format;  ///< "zeek conn", "zeek conn json", "eve"
  /// The record type of a Zeek log; null where there is none of that name, or for EVE.
  const record::Schema* schema = nullptr;
  std::string path;  ///< Zeek's name of the log, for messages
};

/// `head`: the first bytes (up to kHeadBytes), unpacked. `name`: the file's base name, which tells what a Zeek JSON log
/// is of.
Recognised recognise(std::string_view head, std::string_view name);

/// A reader for what was recognised.
std::unique_ptr<LineReader> make_line_reader(const Recognised& what);

std::unique_ptr<LineReader> make_zeek_tsv_reader(const record::Schema* schema);
std::unique_ptr<LineReader> make_zeek_json_reader(const record::Schema* schema);
std::unique_ptr<LineReader> make_eve_reader();

}  // namespace whodunit::logs
