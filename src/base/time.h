// Packet time: nanoseconds since 1970-01-01T00:00:00Z. Nothing that analyses reads the wall clock.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whodunit::base {

/// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
  double seconds() const { return static_cast<double>(ns) / 1e9; }
};

/// A point in time.
struct Time {
  std::int64_t ns = 0;
  auto operator<=>(const Time&) const = default;
  double seconds() const { return static_cast<double>(ns) / 1e9; }
};

inline Duration operator-(Time a, Time b) {
  return {static_cast<std::int64_t>(static_cast<std::uint64_t>(a.ns) - static_cast<std::uint64_t>(b.ns))};
}
inline Time operator+(Time a, Duration d) {
  return {static_cast<std::int64_t>(static_cast<std::uint64_t>(a.ns) + static_cast<std::uint64_t>(d.ns))};
}
inline Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }

constexpr Duration nanoseconds(std::int64_t n) { return {n}; }
constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }

/// RFC 3339 in UTC with microseconds ("2007-09-03T02:14:05.123456Z"), or with nanoseconds where the last three digits
/// are not zero. Years outside 0001–9999 are clamped.
std::string to_rfc3339(Time t);
/// "Sep 03 02:14", and "2007-09-03 02:14": for people, UTC.
std::string to_short(Time t);
std::string to_minutes(Time t);
/// Reads RFC 3339 or a date ("2007-09-03", its midnight UTC) or a month ("2007-09", its first day).
std::optional<Time> parse_time(std::string_view text);

/// Seconds with six decimals, as Zeek writes times and intervals ("1523241953.739049"); nine where needed.
std::string to_decimal_seconds(std::int64_t ns);

/// Days since 1970-01-01 of a proleptic Gregorian date, and back.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day);
struct Civil {
  std::int64_t year;
  unsigned month, day, hour, minute, second;
  std::uint32_t nanosecond;
  unsigned weekday;  ///< 0 = Sunday
};
Civil to_civil(Time t);
Time from_civil(std::int64_t year, unsigned month, unsigned day, unsigned hour = 0, unsigned minute = 0,
                unsigned second = 0);

}  // namespace whodunit::base
