#include "protocol/http/line.h"

#include <algorithm>
#include <array>

namespace whodunit::protocol::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Bits per byte: what it may be part of.
enum : std::uint8_t { kMethodByte = 1, kTargetByte = 2, kTokenByte = 4, kNameByte = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int i = 0; i < 256; ++i) {
    const bool visible = i > 32 && i < 127;
    const auto in = [&](std::string_view set) {
      return visible && set.find(static_cast<char>(i)) != std::string_view::npos;
    };
    const bool alphanumeric = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    std::uint8_t c = 0;
    if (visible && !in("()<>@,;:\\\"/[]?={}")) c |= kMethodByte;
    if (alphanumeric || in(":/?#[]@!$&'()*+,;=-_.~%") || i == 0) c |= kTargetByte;
    if (visible && !in("()<>@,;:\\\"/[]?=")) c |= kTokenByte;
    if (visible && i != ':') c |= kNameByte;
    classes[static_cast<std::size_t>(i)] = c;
  }
  return classes;
}
constexpr std::array<std::uint8_t, 256> kClasses = make_classes();
bool is(char c, std::uint8_t what) { return (kClasses[static_cast<unsigned char>(c)] & what) != 0; }

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }
bool starts_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() && equals_ignoring_case(text.substr(0, lower_prefix.size()), lower_prefix);
}

/// d.d at the beginning of `text`; 0.0 for anything else.
Version parse_version(std::string_view text) {
  if (text.size() < 3 || !is_digit(text[0]) || text[1] != '.' || !is_digit(text[2])) return {};
  return {static_cast<std::uint8_t>(text[0] - '0'), static_cast<std::uint8_t>(text[2] - '0')};
}

/// White space and comments in parentheses (RFC 5322 3.2.2), which old headers have.
std::string_view skip_blanks_and_comments(std::string_view text) {
  while (!text.empty()) {
    if (is_blank(text[0])) {
      text.remove_prefix(1);
    } else if (text[0] == '(') {
      std::size_t i = 0;
      int depth = 0;
      for (; i < text.size(); ++i) {
        if (text[i] == '(') ++depth;
        if (text[i] == ')' && --depth == 0) break;
        if (text[i] == '\\') ++i;
      }
      if (i >= text.size()) return {};
      text.remove_prefix(i + 1);
    } else {
      break;
    }
  }
  return text;
}

}  // namespace

std::string_view name_of(Odd odd) {
  switch (odd) {
    case Odd::kBadRequest:
      return "bad_HTTP_request";
    case Odd::kBadRequestWithVersion:
      return "bad_HTTP_request_with_version";
    case Odd::kEmptyRequest:
      return "empty_http_request";
    case Odd::kLowercaseKeyword:
      return "lowercase_HTTP_keyword";
    case Odd::kMissingUri:
      return "missing_HTTP_uri";
    case Odd::kVersionMismatch:
      return "HTTP_version_mismatch";
    case Odd::kIllegalPercentAtEnd:
      return "illegal_%_at_end_of_URI";
    case Odd::kPartialEscapeAtEnd:
      return "partial_escape_at_end_of_URI";
    case Odd::kDoublePercent:
      return "double_%_in_URI";
    case Odd::kUnescapedPercent:
      return "unescaped_%_in_URI";
    case Odd::kMultipleRequests:
      return "unexpected_multiple_HTTP_requests";
    case Odd::kUnknownMethod:
      return "unknown_HTTP_method";
    case Odd::kResponseBeforeRequest:
      return "HTTP_response_before_request";
    case Odd::kExcessivePipelining:
      return "HTTP_excessive_pipelining";
    case Odd::kInvalidMethod09:
      return "invalid_http_09_request_method";
    case Odd::kReply09BeforeRequest:
      return "http_09_reply_before_request";
    case Odd::kLineTooLong:
      return "contentline_size_exceeded";
    case Odd::kSingleCr:
      return "line_terminated_with_single_CR";
    case Odd::kHeaderLimit:
      return "HTTP_header_limit";
    case Odd::kObsoleteFolding:
      return "HTTP_obsolete_line_folding";
    case Odd::kLengthAndChunked:
      return "HTTP_content_length_and_chunked";
    case Odd::kLengthLeadingZeros:
      return "HTTP_content_length_leading_zeros";
    case Odd::kBadLength:
      return "HTTP_bad_content_length";
    case Odd::kLength0AndExpect:
      return "HTTP_content_length_0_and_expect_100_cont";
    case Odd::kExpectNot100:
      return "HTTP_expect_not_100_continue";
    case Odd::kRangeNotMatchingLength:
      return "HTTP_range_not_matching_len";
    case Odd::kRangeUnknownUnit:
      return "HTTP_content_range_unknown_byte_unit";
    case Odd::kRangeCannotParse:
      return "HTTP_content_range_cannot_parse";
    case Odd::kRangeInvalid:
      return "HTTP_content_range_invalid";
    case Odd::kRangeNonPositive:
      return "HTTP_non_positive_content_range";
    case Odd::kRangeInvalidInstance:
      return "HTTP_content_range_invalid_instance";
    case Odd::kRangeAndChunked:
      return "HTTP_content_range_and_chunked";
    case Odd::kChunkedMulti:
      return "HTTP_chunked_multi";
    case Odd::kNestedTransferEncoding:
      return "HTTP_nested_transfer_encoding_header";
    case Odd::kBadChunkSize:
      return "HTTP_bad_chunk_size";
    case Odd::kInflateFailed:
      return "inflate_failed";
    case Odd::kDecompressionLimit:
      return "HTTP_decompression_limit";
    case Odd::kDataAfterConnect:
      return "protocol_data_with_HTTP_CONNECT_reply";
    case Odd::kDataAfterUpgrade:
      return "protocol_data_with_HTTP_upgrade_reply";
    case Odd::kStateLimit:
      return "HTTP_state_limit";
    case Odd::kCount:
      break;
  }
  return "HTTP_anomaly";
}

std::string_view skip_blanks(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_blank(text[i])) ++i;
  return text.substr(i);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_name) {
  if (text.size() != lower_name.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_name[i]) return false;
  return true;
}

std::optional<RequestLine> parse_request_line(std::string_view line, Odds& odds) {
  RequestLine out;
  std::size_t end = 0;
  while (end < line.size() && is(line[end], kMethodByte)) ++end;
  if (end == 0) {
    const bool has_version = line.size() >= 9 && starts_ignoring_case(line.substr(line.size() - 9), " http/");
    odds.add(has_version ? Odd::kBadRequestWithVersion : Odd::kBadRequest);
    return std::nullopt;
  }
  out.method = line.substr(0, end);
  const std::string_view rest = skip_blanks(line.substr(end));
  if (rest.size() == line.size() - end) {
    odds.add(Odd::kBadRequest);
    return std::nullopt;
  }
  std::size_t target_end = 0;
  while (target_end < rest.size() && is(rest[target_end], kTargetByte)) ++target_end;
  if (starts_ignoring_case(rest, "http/")) {
    if (!starts_with(rest, "HTTP/")) odds.add(Odd::kLowercaseKeyword);
    if (target_end >= rest.size()) {
      odds.add(Odd::kMissingUri);
      target_end = 0;
    }
  }
  // The target ends before the blanks before "HTTP/"; what clients leave unescaped (spaces, quotes) belongs to it.
  std::size_t version = target_end;
  for (; version < rest.size(); ++version) {
    target_end = version;
    while (version < rest.size() && is_blank(rest[version])) ++version;
    if (starts_ignoring_case(rest.substr(version), "http/")) {
      if (!starts_with(rest.substr(version), "HTTP/")) odds.add(Odd::kLowercaseKeyword);
      break;
    }
  }
  out.target = rest.substr(0, target_end);
  if (version >= rest.size()) {
    out.version = {0, 9};
    if (out.method.size() < 3 || out.target.empty()) {
      odds.add(Odd::kBadRequest);
      return std::nullopt;
    }
  } else {
    out.version = parse_version(rest.substr(version + 5));
  }
  return out;
}

std::optional<StatusLine> parse_status_line(std::string_view line, Odds& odds) {
  if (!starts_ignoring_case(line, "http/")) return std::nullopt;
  if (!starts_with(line, "HTTP/")) odds.add(Odd::kLowercaseKeyword);
  StatusLine out;
  line.remove_prefix(5);
  out.version = parse_version(line);
  std::size_t i = 0;
  while (i < line.size() && !is_blank(line[i])) ++i;
  line = skip_blanks(line.substr(i));
  if (line.size() < 3) return std::nullopt;
  if (is_digit(line[0]) && is_digit(line[1]) && is_digit(line[2]))
    out.code = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
  i = 3;
  while (i < line.size() && !is_blank(line[i])) ++i;
  if (i < line.size()) out.reason = skip_blanks(line.substr(i));
  return out;
}

void unescape(std::string_view text, std::string& out, Odds& odds) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t percent = text.find('%', i);
    if (percent == std::string_view::npos) break;
    out.append(text, i, percent - i);
    const std::string_view rest = text.substr(percent + 1);
    i = percent + 1;
    if (rest.empty()) {
      odds.add(Odd::kIllegalPercentAtEnd);
      out += '%';
    } else if (rest.size() == 1) {
      odds.add(Odd::kPartialEscapeAtEnd);
      out += '%';
      out += rest[0];
      i += 1;
    } else if (rest[0] == '%') {
      odds.add(Odd::kDoublePercent);  // the first is dropped, the second looked at again
    } else if (hex_value(rest[0]) >= 0 && hex_value(rest[1]) >= 0) {
      out += static_cast<char>(hex_value(rest[0]) << 4 | hex_value(rest[1]));
      i += 2;
    } else if (rest.size() >= 5 && rest[0] == 'u' && hex_value(rest[1]) >= 0 && hex_value(rest[2]) >= 0 &&
               hex_value(rest[3]) >= 0 && hex_value(rest[4]) >= 0) {
      if (rest[1] != '0' || rest[2] != '0') out += static_cast<char>(hex_value(rest[1]) << 4 | hex_value(rest[2]));
      out += static_cast<char>(hex_value(rest[3]) << 4 | hex_value(rest[4]));
      i += 5;
    } else {
      odds.add(Odd::kUnescapedPercent);
      out += '%';
      out += rest[0];
      i += 1;
    }
  }
  if (i < text.size()) out.append(text, i, text.size() - i);
}

std::optional<Header> parse_header(std::string_view line) {
  std::size_t i = 0;
  if (!line.empty() && !is(line[0], kNameByte)) {
    line = skip_blanks_and_comments(line);
    while (i < line.size() && !is(line[i], kNameByte)) ++i;
    line.remove_prefix(i);
    i = 0;
  }
  while (i < line.size() && is(line[i], kNameByte)) ++i;
  if (i == 0 || i >= line.size()) return std::nullopt;
  Header out;
  out.name = line.substr(0, i);
  std::string_view rest = line.substr(i);
  if (rest[0] != ':') rest = skip_blanks_and_comments(rest);
  if (rest.empty() || rest[0] != ':') return std::nullopt;
  rest.remove_prefix(1);
  std::size_t start = 0;
  while (start < rest.size() && (rest[start] == ' ' || (rest[start] >= '\t' && rest[start] <= '\r'))) ++start;
  out.value = rest.substr(start);
  return out;
}

std::string_view first_token(std::string_view value, std::string_view* rest) {
  value = skip_blanks_and_comments(value);
  std::size_t from = 0;
  while (from < value.size() && !is(value[from], kTokenByte)) ++from;
  std::size_t to = from;
  while (to < value.size() && is(value[to], kTokenByte)) ++to;
  if (rest != nullptr) *rest = value.substr(to);
  return value.substr(from, to - from);
}

std::optional<std::uint64_t> parse_number(std::string_view text, unsigned base) {
  std::uint64_t n = 0;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const int v = hex_value(text[i]);
    if (v < 0 || static_cast<unsigned>(v) >= base) break;
    // Within a signed 64-bit number, so that sums of lengths cannot wrap.
    if (n > (INT64_MAX - static_cast<std::uint64_t>(v)) / base) return std::nullopt;
    n = n * base + static_cast<std::uint64_t>(v);
  }
  if (i == 0) return std::nullopt;
  return n;
}

std::string_view parameter(std::string_view value, std::string_view lower_name) {
  std::size_t at = value.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = skip_blanks_and_comments(value.substr(at + 1));
    const std::size_t equals = rest.find_first_of("=;");
    if (equals == std::string_view::npos) return {};
    std::string_view name = rest.substr(0, equals);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    const bool wanted = rest[equals] == '=' && equals_ignoring_case(name, lower_name);
    if (rest[equals] == ';') {
      at = static_cast<std::size_t>(rest.data() - value.data()) + equals;
      continue;
    }
    rest = skip_blanks(rest.substr(equals + 1));
    std::size_t end = 0;
    if (!rest.empty() && rest[0] == '"') {
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end)
        if (rest[end] == '\\') ++end;
      if (wanted) return rest.substr(1, std::min(end, rest.size()) - 1);
    } else {
      // RFC 2046 wants most boundaries quoted; many are not: everything visible is taken, but for the end.
      while (end < rest.size() && rest[end] > 32 && rest[end] < 127 && rest[end] != '"' && rest[end] != ';') ++end;
      if (wanted) return rest.substr(0, end);
    }
    if (end >= rest.size()) return {};
    const std::size_t next = rest.find(';', end);
    if (next == std::string_view::npos) return {};
    at = static_cast<std::size_t>(rest.data() - value.data()) + next;
  }
  return {};
}

namespace {

/// Where `word` blanks `*`? `=` blanks ends, searching for the last; npos where it is not.
std::size_t after_assignment(std::string_view value, std::string_view lower_word, bool star) {
  if (value.size() < lower_word.size()) return std::string_view::npos;
  for (std::size_t at = value.size() - lower_word.size() + 1; at-- > 0;) {
    if (!equals_ignoring_case(value.substr(at, lower_word.size()), lower_word)) continue;
    std::string_view rest = skip_blanks(value.substr(at + lower_word.size()));
    if (star && !rest.empty() && rest[0] == '*') rest.remove_prefix(1);
    if (rest.empty() || rest[0] != '=') continue;
    return static_cast<std::size_t>(skip_blanks(rest.substr(1)).data() - value.data());
  }
  return std::string_view::npos;
}

}  // namespace

bool names_file_in_disposition(std::string_view value) {
  return after_assignment(value, "filename", true) != std::string_view::npos;
}
bool names_file_in_type(std::string_view value) {
  return after_assignment(value, "name", false) != std::string_view::npos;
}

std::string file_name(std::string_view value) {
  std::string_view name = value;
  if (const std::size_t at = after_assignment(value, "name", true); at != std::string_view::npos)
    name = value.substr(at);
  if (!name.empty() && name[0] == '"') {
    name.remove_prefix(1);
    name = name.substr(0, name.find('"'));
  }
  // RFC 8187: charset'language'value.
  const std::size_t first = name.find('\'');
  if (first != std::string_view::npos && first > 0) {
    const std::size_t second = name.find('\'', first + 1);
    const auto plain = [](std::string_view s) {
      for (const char c : s)
        if (!((c >= '+' && c <= '^') || (c >= 'a' && c <= 'z') ||
              std::string_view("!#$%&_`{}~").find(c) != std::string_view::npos))
          return false;
      return true;
    };
    if (second != std::string_view::npos && plain(name.substr(0, first)) &&
        plain(name.substr(first + 1, second - first - 1)))
      name = name.substr(name.rfind('\'') + 1);
  }
  std::string out;
  Odds ignored;
  unescape(name, out, ignored);
  return out;
}

std::optional<ContentRange> parse_content_range(std::string_view value, Odds& odds) {
  std::string_view rest;
  if (first_token(value, &rest) != "bytes") {
    odds.add(Odd::kRangeUnknownUnit);
    return std::nullopt;
  }
  std::string range;
  for (const char c : rest)
    if (c != ' ') range += c;
  const std::size_t slash = range.find('/');
  const std::size_t dash = range.find('-');
  if (slash == std::string::npos || dash == std::string::npos || dash > slash) {
    odds.add(Odd::kRangeCannotParse);
    return std::nullopt;
  }
  const std::string_view text = range;
  const auto first = parse_number(text.substr(0, dash));
  const auto last = parse_number(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last) {
    odds.add(Odd::kRangeCannotParse);
    return std::nullopt;
  }
  if (*last < *first || *last == INT64_MAX) {
    odds.add(*last < *first ? Odd::kRangeNonPositive : Odd::kRangeInvalid);
    return std::nullopt;
  }
  ContentRange out{*first, *last - *first + 1, std::nullopt};
  const std::string_view complete = text.substr(slash + 1);
  if (complete != "*") {
    out.complete = parse_number(complete);
    if (!out.complete) odds.add(Odd::kRangeInvalidInstance);
  }
  return out;
}

}  // namespace whodunit::protocol::http
