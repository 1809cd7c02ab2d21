// A case's document as it stands in a case file, which another may have made: every form of report takes it.
#include <exception>
#include <nlohmann/json.hpp>
#include <string_view>

#include "report/document.h"
#include "report/html.h"
#include "report/markdown.h"
#include "report/navigator.h"
#include "report/stix.h"
#include "report/terminal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  try {
    const auto document = report::parse_document({reinterpret_cast<const char*>(data), size});
    if (!document) return 0;
    (void)report::terminal_verdict(*document, {"x.case", "x.html", 100, 10, true});
    (void)report::html_report(*document, {"x", "x.case"});
    (void)report::markdown_report(*document);
    (void)report::navigator_layer(*document);
    (void)report::stix_bundle(*document);
  } catch (const std::exception&) {
    // What is missing or of another kind is refused so; the program says it and ends.
  }
  return 0;
}
