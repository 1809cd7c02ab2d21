// The lines of HTTP/1: pure functions from text to what it says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whodunit::protocol::http {

struct Version {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;
  bool operator==(const Version&) const = default;
};

/// Anomalies, counted once each per connection; the names are Zeek's where Zeek has one.
enum class Odd : std::uint8_t {
  kBadRequest,
  kBadRequestWithVersion,
  kEmptyRequest,
  kLowercaseKeyword,
  kMissingUri,
  kVersionMismatch,
  kIllegalPercentAtEnd,
  kPartialEscapeAtEnd,
  kDoublePercent,
  kUnescapedPercent,
  kMultipleRequests,
  kUnknownMethod,
  kResponseBeforeRequest,
  kExcessivePipelining,
  kInvalidMethod09,
  kReply09BeforeRequest,
  kLineTooLong,
  kSingleCr,
  kHeaderLimit,
  kObsoleteFolding,
  kLengthAndChunked,
  kLengthLeadingZeros,
  kBadLength,
  kLength0AndExpect,
  kExpectNot100,
  kRangeNotMatchingLength,
  kRangeUnknownUnit,
  kRangeCannotParse,
  kRangeInvalid,
  kRangeNonPositive,
  kRangeInvalidInstance,
  kRangeAndChunked,
  kChunkedMulti,
  kNestedTransferEncoding,
  kBadChunkSize,
  kInflateFailed,
  kDecompressionLimit,
  kDataAfterConnect,
  kDataAfterUpgrade,
  kStateLimit,
  kCount,
};
std::string_view name_of(Odd odd);

/// Collects anomalies as bits.
struct Odds {
  std::uint64_t bits = 0;
  /// What was seen of those that have something to show, until they are told.
  std::unique_ptr<std::vector<std::pair<Odd, std::string>>> details;

  void add(Odd odd) { bits |= 1ull << static_cast<unsigned>(odd); }
  void add(Odd odd, std::string_view detail) {
    constexpr std::size_t kLongest = 256;  // bytes
    const std::uint64_t bit = 1ull << static_cast<unsigned>(odd);
    if ((bits & bit) != 0) return;
    bits |= bit;
    if (!details) details = std::make_unique<std::vector<std::pair<Odd, std::string>>>();
    details->emplace_back(odd, detail.substr(0, kLongest));
  }
};
static_assert(static_cast<unsigned>(Odd::kCount) <= 64);

/// Space and tab (RFC 9110 5.6.3).
inline bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view skip_blanks(std::string_view text);
/// `lower_name` is in lower case.
bool equals_ignoring_case(std::string_view text, std::string_view lower_name);

struct RequestLine {
  std::string_view method;
  std::string_view target;  ///< as it stands on the wire
  /// 0.9 where the line has none, 0.0 where it is none that we know.
  Version version;
};
/// RFC 9112 3, read as tolerantly as Zeek does. Empty where the line is no request line; `odds` says why.
std::optional<RequestLine> parse_request_line(std::string_view line, Odds& odds);

struct StatusLine {
  Version version;
  std::uint16_t code = 0;   ///< 0: no number
  std::string_view reason;  ///< null: none
};
/// RFC 9112 4.
std::optional<StatusLine> parse_status_line(std::string_view line, Odds& odds);

/// Undoes percent-encoding (RFC 3986 2.1), and %uXXXX, which browsers once sent. Appends to `out`.
void unescape(std::string_view text, std::string& out, Odds& odds);

struct Header {
  std::string_view name;
  std::string_view value;  ///< without leading white space
};
/// RFC 9112 5; empty where the line is none.
std::optional<Header> parse_header(std::string_view line);

/// The first token in a value (RFC 9110 5.6.2), and what follows it.
std::string_view first_token(std::string_view value, std::string_view* rest = nullptr);

/// Digits at the beginning of `text`; empty where there are none, it is negative, or it is 2^63 or more.
std::optional<std::uint64_t> parse_number(std::string_view text, unsigned base = 10);

/// A parameter of a header value: `; name="value"` (RFC 9110 5.6.6); null where it is not there. Quoted pairs are kept.
std::string_view parameter(std::string_view value, std::string_view lower_name);

/// Whether a Content-Disposition or Content-Type names a file, and the name (RFC 6266), as Zeek reads it.
bool names_file_in_disposition(std::string_view value);
bool names_file_in_type(std::string_view value);
std::string file_name(std::string_view value);

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  std::optional<std::uint64_t> complete;  ///< the whole's length, where the server says it
};
/// RFC 9110 14.4.
std::optional<ContentRange> parse_content_range(std::string_view value, Odds& odds);

}  // namespace whodunit::protocol::http
