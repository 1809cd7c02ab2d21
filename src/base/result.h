// Errors as values: a message says what was wrong, where, and what to do (STYLE: user errors teach).
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace whodunit::base {

/// Why something could not be done, in words for a user.
struct Error {
  std::string what;   ///< "not a capture: its first bytes are neither pcap's nor pcapng's"
  std::string where;  ///< "autumn.pcap", "feed.csv:17", "autumn.pcap, byte 1048576"
  std::string hint;   ///< "give a file that tcpdump or Wireshark wrote"; may be empty
  /// "where: what (hint)".
  std::string message() const {
    std::string m = where.empty() ? what : where + ": " + what;
    if (!hint.empty()) m += "\n  " + hint;
    return m;
  }
};

/// A value or an error. `value()` on an error is a programming mistake and ends the program.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return value_.has_value(); }
  bool ok() const { return value_.has_value(); }
  T& value() & {
    if (!value_) std::abort();
    return *value_;
  }
  const T& value() const& {
    if (!value_) std::abort();
    return *value_;
  }
  T&& value() && {
    if (!value_) std::abort();
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return !error_.has_value(); }
  bool ok() const { return !error_.has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace whodunit::base
