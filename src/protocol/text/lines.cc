#include "protocol/text/lines.h"

#include <algorithm>
#include <cstring>

namespace whodunit::protocol::text {
namespace {}  // namespace

std::size_t LineParser::frame(Direction direction, Bytes so_far) {
  if (so_far.empty()) return kMore;
  if (const std::size_t bytes = raw(direction)) return std::min({bytes, so_far.size(), line_limit_});
  const void* end = std::memchr(so_far.data(), '\n', so_far.size());
  if (end != nullptr) {
    const std::size_t size = static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - so_far.data()) + 1;
    if (size <= line_limit_ + 2) return size;
    return line_limit_;
  }
  return so_far.size() >= line_limit_ ? line_limit_ : kMore;
}

void LineParser::message(Context& context, Direction direction, Bytes message, bool) {
  if (raw(direction) != 0) {
    raw_bytes(context, direction, message);
    return;
  }
  std::string_view text = base::as_text(message);
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  line(context, direction, text);
}

bool begins(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return text.substr(0, 0);
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return b >= 0x20 || c == '\r' || c == '\n' || c == '\t';
  });
}

std::string_view word(std::string_view& text) {
  const std::string_view w = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(w.size());
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return w;
}

}  // namespace whodunit::protocol::text
