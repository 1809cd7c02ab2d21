#include "knowledge/date.h"

#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {
int number(std::string_view digits) {
  int n = 0;
  for (const char c : digits) n = n * 10 + (c - '0');
  return n;
}
unsigned days_in(int year, unsigned month) {
  static constexpr unsigned char kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}
}  // namespace

std::optional<Date> Date::parse(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 4 || !all_digits(text.substr(0, 4))) return std::nullopt;
  const int year = number(text.substr(0, 4));
  if (year < 1900 || year > 2200) return std::nullopt;
  if (text.size() == 4) return Date{static_cast<std::int32_t>(base::days_from_civil(year, 12, 31)), Precision::kYear};
  if (text.size() < 7 || (text[4] != '-' && text[4] != '/') || !all_digits(text.substr(5, 2))) return std::nullopt;
  const auto month = static_cast<unsigned>(number(text.substr(5, 2)));
  if (month < 1 || month > 12) return std::nullopt;
  if (text.size() == 7) {
    return Date{static_cast<std::int32_t>(base::days_from_civil(year, month, days_in(year, month))), Precision::kMonth};
  }
  if (text.size() < 10 || text[7] != text[4] || !all_digits(text.substr(8, 2))) return std::nullopt;
  if (text.size() > 10 && text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  const auto day = static_cast<unsigned>(number(text.substr(8, 2)));
  if (day < 1 || day > days_in(year, month)) return std::nullopt;
  return of_day(static_cast<std::int32_t>(base::days_from_civil(year, month, day)));
}

std::string Date::to_string() const {
  if (!known()) return {};
  const base::Civil c = base::to_civil(base::Time{static_cast<std::int64_t>(day) * 86'400'000'000'000});
  std::string out = std::to_string(c.year);
  while (out.size() < 4) out.insert(0, 1, '0');
  const auto two = [&out](unsigned n) {
    out += '-';
    if (n < 10) out += '0';
    out += std::to_string(n);
  };
  if (precision != Precision::kYear) two(c.month);
  if (precision == Precision::kDay) two(c.day);
  return out;
}

base::Time Date::end() const {
  if (!known()) return {std::numeric_limits<std::int64_t>::max()};
  return {(static_cast<std::int64_t>(day) + 1) * 86'400'000'000'000 - 1};
}

Date Date::of(base::Time t) {
  const std::int64_t per_day = 86'400'000'000'000;
  std::int64_t day = t.ns / per_day;
  if (t.ns % per_day < 0) --day;
  return of_day(static_cast<std::int32_t>(day));
}

}  // namespace whodunit::knowledge
