// Dates of facts: as precise as their source is, and never earlier than the source allows.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace whodunit::knowledge {

/// A day (UTC), a month or a year. Comparisons use the *last* day that it may mean, so that "2019-10" is not known on
/// 2019-10-05: what is asked "as of" a day never uses what may have been said after it.
struct Date {
  enum class Precision : std::uint8_t { kUnknown, kYear, kMonth, kDay };

  std::int32_t day = std::numeric_limits<std::int32_t>::max();  ///< days since 1970-01-01 of the last day meant
  Precision precision = Precision::kUnknown;

  bool known() const { return precision != Precision::kUnknown; }
  /// "2019-10-25", "2019-10", "2019", or "" where unknown.
  std::string to_string() const;
  /// The end of the last day meant; the largest time where unknown.
  base::Time end() const;
  /// Reads "2019", "2019-10", "2019-10-25", and RFC 3339 (its day). Nothing else.
  static std::optional<Date> parse(std::string_view text);
  static Date of_day(std::int32_t days_since_1970) { return {days_since_1970, Precision::kDay}; }
  /// The day of a time.
  static Date of(base::Time t);

  /// Unknown dates come last.
  friend auto operator<=>(const Date& a, const Date& b) { return a.day <=> b.day; }
  friend bool operator==(const Date& a, const Date& b) { return a.day == b.day && a.precision == b.precision; }
};

/// The earlier of two; an unknown one gives way.
inline Date earlier(const Date& a, const Date& b) { return b.day < a.day ? b : a; }

}  // namespace whodunit::knowledge
