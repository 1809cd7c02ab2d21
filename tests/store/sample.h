// A record with every type of field, and helpers that the store's tests share.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "record/batch.h"
#include "record/sample.h"
#include "store/store.h"

namespace whodunit::store::test {

using record::test::Sample;

/// The sample number `i` of an endless row of them, the same at every call.
inline void append_sample(record::Batch& batch, std::uint64_t i) {
  static const std::array<std::string_view, 3> kNames = {"one", "", "a name longer than twelve characters"};
  static const std::array<base::Duration, 2> kTtls = {base::seconds(300), base::milliseconds(1500)};
  static const std::array<std::uint64_t, 2> kSizes = {1, 18446744073709551615u};
  Sample s;
  s.head.ts = {1'700'000'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'001};
  s.head.uid = {i + 1};
  s.head.id = {base::Address::v4(0x0a000000u + static_cast<std::uint32_t>(i % 7)),
               *base::Address::parse(i % 2 == 0 ? "192.168.100.200" : "2001:db8::1"),
               {static_cast<std::uint16_t>(1024 + i % 60000)},
               {443}};
  s.head.place = {i + 1, i + 2, 0, 0};
  s.flag = i % 2 == 0;
  if (i % 3 != 0) s.count = i;
  s.whole = -static_cast<std::int64_t>(i);
  s.real = static_cast<double>(i) / 3;
  if (i % 5 != 0) s.when = base::Time{static_cast<std::int64_t>(i)};
  if (i % 4 != 0) s.took = base::Duration{static_cast<std::int64_t>(i) * 1'000 + 7};
  s.host = *base::Address::parse("fe80::1");
  s.port = {static_cast<std::uint16_t>(i)};
  const std::string text = i % 6 == 0 ? "short" : "a text of some length " + std::to_string(i);
  if (i % 10 != 9) s.text = text;
  s.other = {i};
  s.file = {i + 5};
  if (i % 2 == 1) s.names = record::Texts(kNames).first(i % 4);
  if (i % 3 == 1) s.ttls = kTtls;
  if (i % 3 == 2) s.sizes = record::Counts(kSizes).first(i % 2);
  s.append_to(batch, {i, 0});
}

/// A folder for one test, gone at its end.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& in = std::filesystem::temp_directory_path()) {
    std::string name = (in / "whodunit-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Names in it, sorted, space-separated.
  std::string list() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : " ") + name;
    return out;
  }

 private:
  std::filesystem::path path_;
};

/// Numbers the schemas of these tests, once.
inline void register_test_schemas() {
  static record::Schema* const kSchemas[] = {&Sample::schema};
  record::register_schemas(kSchemas);
}

inline Progress done(std::uint64_t packets, bool complete = true) {
  return {packets, base::Time{static_cast<std::int64_t>(packets)}, complete, ""};
}

}  // namespace whodunit::store::test
