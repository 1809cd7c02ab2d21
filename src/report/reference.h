// The reference pages of docs/, from the definitions themselves.
#pragma once

#include <string>

namespace whodunit::report {
/// docs/records.md: every record type with its fields.
std::string records_reference();
/// docs/detectors.md: every detector with its method, parameters, and what is benign and looks alike.
std::string detectors_reference();
}  // namespace whodunit::report
