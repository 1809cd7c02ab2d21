// The techniques seen, as a layer for the ATT&CK Navigator.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {
/// Layer format 4.5. A technique's score is the highest confidence of its findings, in per cent.
std::string navigator_layer(const Document& document);
}  // namespace whodunit::report
