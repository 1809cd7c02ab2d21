#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace whodunit::base {
namespace {

constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool number(std::string_view text, std::size_t from, std::size_t count, unsigned& out) {
  if (from + count > text.size()) return false;
  for (std::size_t i = from; i < from + count; ++i)
    if (text[i] < '0' || text[i] > '9') return false;
  return std::from_chars(text.data() + from, text.data() + from + count, out).ec == std::errc{};
}

}  // namespace

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  const std::int64_t era = floor_div(y, 400);
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

Civil to_civil(Time t) {
  const std::int64_t total = floor_div(t.ns, 1'000'000'000);
  const std::int64_t days = floor_div(total, 86400);
  const auto rest = static_cast<unsigned>(total - days * 86400);
  const std::int64_t z = days + 719468;
  const std::int64_t era = floor_div(z, 146097);
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  Civil c{};
  c.day = doy - (153 * mp + 2) / 5 + 1;
  c.month = mp < 10 ? mp + 3 : mp - 9;
  c.year = static_cast<std::int64_t>(yoe) + era * 400 + (c.month <= 2);
  c.hour = rest / 3600;
  c.minute = rest / 60 % 60;
  c.second = rest % 60;
  c.nanosecond = static_cast<std::uint32_t>(t.ns - total * 1'000'000'000);
  c.weekday = static_cast<unsigned>((days % 7 + 11) % 7);
  return c;
}

Time from_civil(std::int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute, unsigned second) {
  // 64 bits of nanoseconds end in 1677 and 2262: what lies beyond is their end, with five days to spare for offsets.
  constexpr std::int64_t kMost = INT64_MAX / 1'000'000'000 - 5 * 86400;
  const std::int64_t days = days_from_civil(std::clamp<std::int64_t>(year, 1, 9999), month, day);
  return {std::clamp(days * 86400 + hour * 3600 + minute * 60 + second, -kMost, kMost) * 1'000'000'000};
}

std::string to_rfc3339(Time t) {
  const Civil c = to_civil(t);
  if (c.nanosecond % 1000 == 0)
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", c.year, c.month, c.day, c.hour, c.minute, c.second,
                       c.nanosecond / 1000);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", c.year, c.month, c.day, c.hour, c.minute, c.second,
                     c.nanosecond);
}

std::string to_short(Time t) {
  const Civil c = to_civil(t);
  return fmt::format("{} {:02} {:02}:{:02}", kMonths[c.month - 1], c.day, c.hour, c.minute);
}

std::string to_minutes(Time t) {
  const Civil c = to_civil(t);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute);
}

std::optional<Time> parse_time(std::string_view s) {
  unsigned year = 0, month = 0, day = 1, hour = 0, minute = 0, second = 0;
  if (!number(s, 0, 4, year) || s.size() < 7 || s[4] != '-' || !number(s, 5, 2, month)) return std::nullopt;
  if (s.size() > 7 && (s[7] != '-' || !number(s, 8, 2, day))) return std::nullopt;
  if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  if (s.size() <= 10) return from_civil(year, month, day);
  if ((s[10] != 'T' && s[10] != ' ' && s[10] != 't') || !number(s, 11, 2, hour) || s.size() < 16 || s[13] != ':' ||
      !number(s, 14, 2, minute))
    return std::nullopt;
  std::size_t at = 16;
  if (at < s.size() && s[at] == ':') {
    if (!number(s, 17, 2, second)) return std::nullopt;
    at = 19;
  }
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;
  Time t = from_civil(year, month, day, hour, minute, second);
  if (at < s.size() && s[at] == '.') {
    std::int64_t unit = 100'000'000;
    for (++at; at < s.size() && s[at] >= '0' && s[at] <= '9'; ++at, unit /= 10) t.ns += (s[at] - '0') * unit;
  }
  if (at == s.size() || s[at] == 'Z' || s[at] == 'z') return t;
  unsigned oh = 0, om = 0;
  if ((s[at] != '+' && s[at] != '-') || !number(s, at + 1, 2, oh) || !number(s, at + 4, 2, om)) return std::nullopt;
  const std::int64_t offset = (static_cast<std::int64_t>(oh) * 60 + om) * 60 * 1'000'000'000;
  t.ns += s[at] == '+' ? -offset : offset;
  return t;
}

std::string to_decimal_seconds(std::int64_t ns) {
  const bool negative = ns < 0;
  const std::uint64_t v = negative ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  if (v % 1000 == 0) return fmt::format("{}{}.{:06}", negative ? "-" : "", v / 1'000'000'000, v % 1'000'000'000 / 1000);
  return fmt::format("{}{}.{:09}", negative ? "-" : "", v / 1'000'000'000, v % 1'000'000'000);
}

}  // namespace whodunit::base
