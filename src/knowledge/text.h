// Reading the text that feeds are made of: lines, fields, names, files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace whodunit::knowledge {

using base::equal_ignoring_case;
using base::lower;
using base::upper;

/// Without white space (space, tab, CR, LF, no-break space as UTF-8) at both ends.
std::string_view trimmed(std::string_view text);
bool contains_ignoring_case(std::string_view text, std::string_view part);
/// Cuts at `separator`; each piece trimmed; empty pieces left out.
std::vector<std::string_view> split(std::string_view text, char separator);
std::vector<std::string_view> split(std::string&& text, char separator) = delete;  // the pieces would dangle
bool all_digits(std::string_view text);
bool is_hex(std::string_view text);

/// Goes through lines: LF, CRLF or CR. The byte order mark at the start is passed over.
class Lines {
 public:
  explicit Lines(std::string_view text);
  /// False at the end.
  bool next(std::string_view& line);
  /// Of the line last given, from 1.
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

/// Reads records as RFC 4180 has them: quoted fields with doubled quotes and line ends inside. A quote in the middle of
/// a field stands for itself; blanks before an opening quote are passed over.
class Csv {
 public:
  explicit Csv(std::string_view text, char separator = ',');
  /// False at the end. Fields are trimmed where they were not quoted.
  bool next(std::vector<std::string>& fields);
  /// The line on which the record last given began, from 1.
  std::size_t line() const { return record_line_; }

 private:
  std::string_view text_;
  char separator_;
  std::size_t at_ = 0, line_ = 1, record_line_ = 1;
};

/// A host name in the form in which names are compared: lower case, no final dot, brackets of defanging removed
/// ("evil[.]example"), international labels in ASCII (RFC 3492). At least two labels of letters, digits, '-' and '_',
/// each 1–63 bytes, 253 in all, the last one not a number. Nothing where it is no such name.
std::optional<std::string> normalised_domain(std::string_view text);
/// One label in the ASCII form of RFC 3492 ("xn--…"); as it is where it is ASCII; nothing where it is no UTF-8.
std::optional<std::string> punycode_label(std::string_view label);
/// Undoes the usual defanging: "hxxp://", "[.]", "(.)", "[:]", "[at]".
std::string refanged(std::string_view text);

/// A whole file; gzip is unpacked. An error where it cannot be read or is (unpacked) larger than `limit` bytes.
base::Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{1} << 30);
/// Unpacks where `data` begins as gzip does, else gives it back. Several members follow one another (RFC 1952 2.2).
base::Result<std::string> unpacked(std::string data, std::string_view where, std::size_t limit);
/// Writes under a temporary name beside it, flushes to the disk (unless `flush` is false), and renames.
base::Result<void> write_file(const std::string& path, std::string_view content, bool flush = true);
/// The name without folders.
std::string base_name(std::string_view path);

}  // namespace whodunit::knowledge
