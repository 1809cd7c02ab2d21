// The straight line of DESIGN.md: a stage includes only stages to its left, read from the includes themselves.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

const std::map<std::string, std::set<std::string>>& allowed() {
  static const std::map<std::string, std::set<std::string>> kAllowed = {
      {"base", {}},
      {"record", {"base"}},
      {"capture", {"base", "record"}},
      {"packet", {"base", "record", "capture"}},
      {"connection", {"base", "record", "packet"}},
      {"protocol", {"base", "record", "packet", "connection"}},
      {"logs", {"base", "record", "capture", "connection"}},
      {"store", {"base", "record"}},
      {"knowledge", {"base", "record"}},
      {"engine", {"base", "record", "capture", "packet", "connection", "protocol", "logs", "store", "knowledge"}},
      // Detectors know the records' definitions, which stand beside their parsers; never a parser.
      {"detect", {"base", "record", "connection", "packet", "protocol", "store", "knowledge"}},
      {"asset", {"base", "record", "connection", "packet", "protocol", "store", "knowledge", "detect"}},
      {"incident", {"base", "record", "store", "knowledge", "detect", "asset"}},
      {"attribution", {"base", "record", "knowledge", "detect", "asset", "incident"}},
      {"investigation",
       {"base", "record", "capture", "protocol", "logs", "store", "knowledge", "engine", "detect", "asset", "incident",
        "attribution"}},
      {"report",
       {"base", "record", "engine", "store", "knowledge", "detect", "asset", "incident", "attribution",
        "investigation"}},
      {"server",
       {"base", "record", "store", "knowledge", "detect", "asset", "incident", "attribution", "investigation",
        "report"}},
  };
  return kAllowed;
}

TEST(Arrows, NeverPointBackwards) {
  const std::filesystem::path src = std::filesystem::path(WHODUNIT_SOURCE_DIR) / "src";
  const std::regex include(R"(^#include "([a-z_]+)/)");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const std::string ending = entry.path().extension().string();
    if (ending != ".h" && ending != ".cc") continue;
    const std::string stage = std::filesystem::relative(entry.path(), src).begin()->string();
    if (stage == "cli") continue;  // the last room: it may use all
    const auto may = allowed().find(stage);
    ASSERT_NE(may, allowed().end()) << "a stage that DESIGN.md does not know: " << stage;
    ++files;
    std::ifstream in(entry.path());
    std::string line;
    while (std::getline(in, line)) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string other = match[1];
      EXPECT_TRUE(other == stage || may->second.count(other) != 0) << entry.path() << " includes " << other << "/";
    }
  }
  EXPECT_GT(files, 50u);
}

TEST(Arrows, DetectorsReadRecordsNotParsers) {
  const std::filesystem::path detect = std::filesystem::path(WHODUNIT_SOURCE_DIR) / "src/detect";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(detect)) {
    if (entry.is_directory()) continue;
    std::ifstream in(entry.path());
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(text.find("protocol/parser.h"), std::string::npos) << entry.path();
    EXPECT_EQ(text.find("base::Cursor"), std::string::npos) << entry.path();
  }
}

}  // namespace
