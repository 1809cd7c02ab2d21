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

/// What stands under a key, or nothing ("" , 0, an empty list) where there is none of that kind.
std::string text(const Document& d, const char* key);
std::uint64_t number(const Document& d, const char* key);
double real(const Document& d, const char* key);
/// Lives as long as the document.
const Document& list(const Document& d, const char* key);

/// Whether there is an act that somebody could have done: an incident, or a finding that accuses.
bool accuses(const Document& d);

/// A count with thousands' separators: "1,268,939".
std::string grouped(std::uint64_t n);
/// "14.2 MB".
std::string human_bytes(std::uint64_t n);
/// "1 packet", "3 packets".
std::string counted(std::uint64_t n, std::string_view singular);

}  // namespace whodunit::report
