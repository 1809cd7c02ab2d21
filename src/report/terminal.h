// The verdict for the terminal: one screen, the five questions in plain words.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {

struct TerminalOptions {
  std::string case_path;  ///< for the hints at the end; empty: no case was kept
  std::string report_path;
  std::size_t width = 120;
  std::size_t findings = 10;  ///< listed at most
  bool color = false;
};

std::string terminal_verdict(const Document& document, const TerminalOptions& options);

}  // namespace whodunit::report
