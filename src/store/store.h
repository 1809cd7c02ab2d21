// The store: records, findings and what is derived from them, kept and looked up. One interface of operations; a case
// in one file (duckdb/) stands behind it, and a fleet's store can.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "base/result.h"
#include "base/time.h"
#include "record/batch.h"

namespace whodunit::store {

/// How far a run has come: everything up to here is in the case, nothing after it is.
struct Progress {
  std::uint64_t packets = 0;  ///< of this run, done
  base::Time last;            ///< time of the last of them
  bool complete = false;      ///< the run came to its end
  std::string problem;        ///< why it did not, in words; empty where it did, or was killed
};

/// A capture as the case remembers it (DESIGN.md, "Capture"). `ordinal` is what a Place's capture numbers mean.
struct Capture {
  std::uint32_t ordinal = 0;
  std::string path;    ///< absolute where it is a file; "-" for stdin
  std::string name;    ///< base name
  std::string sha256;  ///< of the file as it stands on disk; empty where unknown
  std::string format;  ///< "pcap", "pcapng+gzip", …
  std::vector<std::uint32_t> link_types;
  std::uint64_t packets = 0;  ///< of a log: lines that hold records, or should
  std::uint64_t bytes = 0;    ///< captured bytes of packets
  std::uint64_t file_bytes = 0;
  base::Time first, last;
  std::uint64_t unread = 0;  ///< packets (lines) that could not be read
  std::string reason;        ///< why
  bool cut_off = false;
  bool nanoseconds = false;
};

/// Its "packets" are lines: it came in as a log of another sensor (Capture::format says which).
inline bool is_log(const Capture& capture) {
  return capture.format.rfind("zeek ", 0) == 0 || capture.format.rfind("eve", 0) == 0;
}

/// A stretch of packets of one record behind a finding.
struct Evidence {
  std::string record;  ///< the record type: a table's name
  record::Uid uid;     ///< 0 where the record is about no connection
  record::Place place;
  record::Endpoints id;
  base::Time ts;
};

/// A detector's claim in the words of INTERFACE.md. `json` is the whole object; the rest is what is looked up by.
struct Finding {
  std::string id;
  std::string detector;
  std::vector<std::string> techniques;
  std::string phase;
  std::string outcome;
  std::string severity;
  double confidence = 0;
  std::string attacker_type, attacker;
  std::string victim_type, victim;
  base::Time first, last;
  std::string statement;
  std::string json;
  std::vector<Evidence> evidence;
};

struct Incident {
  std::string id;
  std::string victim;
  std::string phase;
  std::string depth;
  base::Time first, last;
  std::string json;
  std::vector<std::string> findings;  ///< ids
};

/// One subject on one level.
struct Assessment {
  std::string subject;  ///< an incident's id, or another that the assessment is about
  std::string level;    ///< infrastructure, operator, sponsor
  std::string leading;  ///< name of the most probable hypothesis
  double probability = 0;
  std::string confidence;
  std::string json;
};

/// A condition on one column: a field's name, or ts, uid, id.orig_h, id.orig_p, id.resp_h, id.resp_p, place.first, ….
struct Condition {
  enum class Is : std::uint8_t { kEqual, kNotEqual, kLess, kAtLeast, kOneOf, kStartsWith, kContains, kSet, kUnset };
  std::string_view column;
  Is is = Is::kEqual;
  /// As text, in the column's own spelling: "192.0.2.1", "443", "true"; intervals in seconds, times in RFC 3339. One
  /// value, but for kOneOf (any number) and kSet, kUnset (none). Of a list, kContains looks for a member.
  std::vector<std::string> values;
};

/// Which rows. All conditions hold together.
struct Filter {
  std::optional<base::Time> from;  ///< ts at or after
  std::optional<base::Time> to;    ///< ts before
  std::optional<record::Uid> uid;
  std::vector<Condition> where;
};

struct Scan {
  Filter filter;
  /// Fields to read; the others come unset. Empty: all.
  std::vector<std::string_view> fields;
  bool by_time = false;     ///< order by ts (ties in order of emission); otherwise in order of emission
  std::uint64_t limit = 0;  ///< 0: no limit
};

struct Aggregate {
  enum class Of : std::uint8_t { kSum, kMin, kMax, kMean, kDistinct };
  Of of = Of::kSum;
  std::string_view column;
};

struct Grouping {
  Filter filter;
  std::vector<std::string_view> keys;  ///< columns; none: one group of all rows
  std::vector<Aggregate> aggregates;
  std::uint64_t top = 0;  ///< the k largest by count (or by `by`); 0: all, ordered by keys
  /// Which aggregate `top` and `at_least` go by; -1: the count.
  int by = -1;
  double at_least = 0;  ///< only groups whose count (or aggregate `by`) is at least this
};

struct Group {
  std::vector<std::optional<std::string>> keys;  ///< as text
  std::uint64_t count = 0;
  base::Time first, last;  ///< of ts
  std::vector<double> values;
};

struct TableInfo {
  std::string name;
  std::uint16_t version = 0;
  std::uint64_t rows = 0;
};

/// An open case. Not thread-safe. After a failed write every later write fails with the same error, and what was
/// committed before stands.
class Store {
 public:
  virtual ~Store() = default;

  // --- writing

  /// Adds rows. They are seen by readers of this object after the next commit, and are lost if there is none.
  virtual base::Result<void> append(const record::Batch& batch) = 0;
  /// True when so much has been appended that a commit pays. Ask at points where the run is consistent: where every
  /// record of the packets so far has been appended, and none of later ones.
  virtual bool due() const = 0;
  /// Makes all that was appended and put lasting, with the word of how far the run is, in one step: a case is never
  /// between two commits, even if the program or the machine dies.
  virtual base::Result<void> commit(const Progress& progress, std::span<const Capture> captures) = 0;

  /// Takes out a capture of an earlier run with all records that touch it: it is about to be read anew. Lasting with
  /// the next commit.
  virtual base::Result<void> forget_capture(std::uint32_t ordinal) = 0;

  /// Findings by id: one that is there is replaced.
  virtual base::Result<void> put_findings(std::span<const Finding> findings) = 0;
  /// Replace all that were there: they are derived from the whole case.
  virtual base::Result<void> replace_findings(std::span<const Finding> findings) = 0;
  virtual base::Result<void> replace_incidents(std::span<const Incident> incidents) = 0;
  virtual base::Result<void> replace_assessments(std::span<const Assessment> assessments) = 0;
  /// A named JSON object of the case: "made_with", "visibility", …. Replaces.
  virtual base::Result<void> put_document(std::string_view name, std::string_view json) = 0;

  // --- what the case is

  /// The ordinal that the first capture of this run has: captures that were there before keep theirs.
  virtual std::uint32_t first_capture() const = 0;
  virtual base::Result<std::vector<Capture>> captures() = 0;
  /// One per run that wrote to the case, oldest first.
  virtual base::Result<std::vector<Progress>> progress() = 0;
  /// Record tables with rows, by name.
  virtual base::Result<std::vector<TableInfo>> tables() = 0;
  /// By first time, then id; evidence included.
  virtual base::Result<std::vector<Finding>> findings() = 0;
  virtual base::Result<std::optional<Finding>> finding(std::string_view id) = 0;
  virtual base::Result<std::vector<Incident>> incidents() = 0;
  virtual base::Result<std::optional<Incident>> incident(std::string_view id) = 0;
  virtual base::Result<std::vector<Assessment>> assessments() = 0;
  virtual base::Result<std::optional<std::string>> document(std::string_view name) = 0;

  // --- looking back over records

  /// Calls `take` with batches of rows until it gives false. A case that lacks the table has no rows of it; fields
  /// that came with a later version than the case's are unset.
  virtual base::Result<void> scan(const record::Schema& schema, const Scan& scan,
                                  const std::function<bool(const record::Batch&)>& take) = 0;
  virtual base::Result<std::vector<Group>> group(const record::Schema& schema, const Grouping& grouping) = 0;
  virtual base::Result<std::uint64_t> count(const record::Schema& schema, const Filter& filter) = 0;
  /// When the first row that fits was; nothing where none does.
  virtual base::Result<std::optional<base::Time>> first_seen(const record::Schema& schema, const Filter& filter) = 0;
};

struct Options {
  std::size_t memory = 128u << 20;       ///< bytes that the store may use for its buffers to look at a case
  std::size_t write_memory = 48u << 20;  ///< the same while a case is written; what is more goes to a file beside
  std::uint64_t commit_rows = 500'000;   ///< rows after which a commit is due
  bool force = false;                    ///< create: an existing case is replaced
  base::MemoryAccountant* accountant = nullptr;  ///< told of these bytes, if given; outlives the store
};

/// Creates a case: under a temporary name in the same folder, given its own once its tables stand. Fails where the
/// place cannot be written, or where something of that name exists (unless `force`, and it is a case).
base::Result<std::unique_ptr<Store>> create_case(const std::string& path, const Options& options = {});
/// Opens a case to add a further run to it. Tables of an older version get the new fields; a newer case is refused.
base::Result<std::unique_ptr<Store>> open_to_append(const std::string& path, const Options& options = {});
/// Opens a case to look at. Many may do so at once, but not while one writes.
base::Result<std::unique_ptr<Store>> open_to_read(const std::string& path, const Options& options = {});

/// A column of a query's answer.
struct QueryColumn {
  std::string name;
  bool literal = false;  ///< a cell is a JSON value as it stands: a number, a boolean, a list, an object
  bool number = false;
};
/// Cells are text; nothing for NULL. Valid for the call.
using QueryRow = std::span<const std::optional<std::string>>;

/// Runs one statement of the user's on a case, read-only, without access to other files. `begin` gets the columns, then
/// `row` each row until it gives false.
base::Result<void> query_case(const std::string& path, const std::string& sql,
                              const std::function<void(std::span<const QueryColumn>)>& begin,
                              const std::function<bool(QueryRow)>& row);

}  // namespace whodunit::store
