// Protocols of lines of text: SMTP, FTP, IRC and their like.
#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "protocol/parser.h"

namespace whodunit::protocol::text {

/// Hands over line by line, without CR LF. A line longer than `limit` is given in pieces.
class LineParser : public FramedParser {
 protected:
  explicit LineParser(std::size_t limit) : FramedParser(limit + 2), line_limit_(limit) {}
  virtual void line(Context& context, Direction direction, std::string_view line) = 0;
  /// A number of bytes that come next and are no lines, 0 where lines do (BDAT).
  virtual std::size_t raw(Direction) { return 0; }
  virtual void raw_bytes(Context&, Direction, Bytes) {}

  std::size_t frame(Direction direction, Bytes so_far) final;
  void message(Context& context, Direction direction, Bytes message, bool cut) final;

 private:
  std::size_t line_limit_;
};

using base::equal_ignoring_case;
using base::lower;
using base::upper;
/// `text` begins with `prefix`, in whatever case.
bool begins(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);
/// Bytes of which nearly all are printable.
bool printable(std::string_view text);
/// A word up to white space; `text` moves on behind it and what follows it.
std::string_view word(std::string_view& text);

}  // namespace whodunit::protocol::text
