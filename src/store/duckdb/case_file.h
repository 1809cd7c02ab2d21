// The case as a file among others in its folder.
#pragma once

#include <string>

namespace whodunit::store::duckdb {

/// `.NAME.WHAT` beside the case NAME.
std::string hidden_name(const std::string& path, const std::string& what);

/// Removes what runs that were killed left beside the case: temporary files and spill folders of processes that are no
/// more.
void remove_leftovers(const std::string& path);

/// DuckDB's files have "DUCK" after an eight-byte checksum.
bool is_duckdb_file(const std::string& path);

/// So that a name that was given or taken away is on the disk.
void sync_folder(const std::string& path);

}  // namespace whodunit::store::duckdb
