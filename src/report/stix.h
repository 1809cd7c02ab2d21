// The verdict as a STIX 2.1 bundle.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {

/// Observed data, attack patterns, infrastructure, incidents and a report that joins them. Ids are UUIDv5 of the
/// content: the same case gives the same bundle (STIX 2.1 3.2 allows any UUID; 2.9 asks for v5 for observables).
std::string stix_bundle(const Document& document);

/// A version 5 UUID (RFC 9562 5.5) of a name in STIX's own name space.
std::string uuid5(std::string_view name);

}  // namespace whodunit::report
