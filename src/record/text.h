// Values as text, appended to a buffer that its owner reuses: what the log writers and the store share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "record/types.h"

namespace whodunit::record {

void append_number(std::string& out, std::uint64_t value);
void append_number(std::string& out, std::int64_t value);

/// Seconds with `least` decimals or more, up to nine, as many as `ns` nanoseconds need ("1523241953.739049").
void append_seconds(std::string& out, std::int64_t ns, unsigned least);

/// A double as Zeek's JSON has it: the shortest decimal that reads back the same, never without a point or an exponent
/// ("2.0"); "null" where it is not finite.
void append_double(std::string& out, double value);

/// As Address::to_string.
void append_address(std::string& out, const base::Address& address);
/// As Address::to_string, into a buffer of at least 46 bytes; gives the length. No zero at the end.
std::size_t write_address(char* out, const base::Address& address);

/// The prefix letter and eleven characters of base 62: twelve characters in all.
inline constexpr std::size_t kUidLength = 12;
void write_uid(char* out, std::uint64_t value, char prefix);
inline void append_uid(std::string& out, std::uint64_t value, char prefix) {
  char text[kUidLength];
  write_uid(text, value, prefix);
  out.append(text, kUidLength);
}

/// Text as Zeek makes bytes presentable, without JSON's own escapes. UTF-8 stays; where a byte is not of printable
/// UTF-8 (controls, private use and specials count as not), it and every other byte beyond ASCII in the text become
/// \xNN. \b \f \n \r \t stay where `keep_white`. A backslash stays a backslash.
void append_presentable(std::string& out, std::string_view text, bool keep_white);
/// True where every byte is printable ASCII: then the text is presentable as it stands.
bool is_printable_ascii(std::string_view text);

}  // namespace whodunit::record
