// The report as one HTML file: opens offline, prints well, loads nothing.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {

struct HtmlOptions {
  std::string title;      ///< "autumn.pcap"
  std::string case_path;  ///< for the commands shown; empty: no case was kept
};

/// UTF-8. All that came from the wire is escaped; the page carries a policy that forbids loading and running anything
/// but its own style and one small script.
std::string html_report(const Document& document, const HtmlOptions& options);

/// The assessments alone (`knowledge attribute --json`'s object), as a page of the same kind.
std::string html_assessments(const Document& document, const std::string& title);

/// The two pictures, as SVG elements: used by the page too.
std::string timeline_svg(const Document& document);
std::string who_with_whom_svg(const Document& document);

/// Escapes text for HTML and SVG; what is not UTF-8 becomes U+FFFD.
std::string escape(std::string_view text);

}  // namespace whodunit::report
