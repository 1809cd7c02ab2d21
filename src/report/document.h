// The case document (INTERFACE.md, `investigate --json`): what every report is made from, fresh or stored.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whodunit::report {

using Document = nlohmann::ordered_json;

/// Parses a case document; an error where it is none, or of a newer version.
base::Result<Document> parse_document(std::string_view json);

/// A count with thousands' separators: "1,268,939".
std::string grouped(std::uint64_t n);
/// "14.2 MB".
std::string human_bytes(std::uint64_t n);
/// "1 packet", "3 packets".
std::string counted(std::uint64_t n, std::string_view singular);

}  // namespace whodunit::report
