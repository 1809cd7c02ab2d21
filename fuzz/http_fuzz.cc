// HTTP/1 conversations in pieces, and the lines that they are made of.
#include <string>

#include "protocol/http/body_text.h"
#include "protocol/http/http.h"
#include "protocol/http/line.h"
#include "protocol_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  const base::Bytes input(data, size);
  fuzz::stream(protocol::http::kDefinition, input, 80);

  if (!fuzz::choose(input).aside) return 0;
  const std::string_view text = base::as_text(input);
  protocol::http::Odds odds;
  (void)protocol::http::parse_request_line(text, odds);
  (void)protocol::http::parse_status_line(text, odds);
  (void)protocol::http::parse_content_range(text, odds);
  (void)protocol::http::parameter(text, "boundary");
  if (protocol::http::names_file_in_disposition(text)) (void)protocol::http::file_name(text);
  std::string safe;
  protocol::http::append_safe(text, safe);
  (void)protocol::http::without_secrets(safe);
  return 0;
}
