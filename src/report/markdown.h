// The verdict as Markdown, for tickets and wikis.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {
std::string markdown_report(const Document& document);
}  // namespace whodunit::report
