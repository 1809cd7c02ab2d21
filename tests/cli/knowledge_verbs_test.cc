// The verbs intel and knowledge as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "knowledge/temporary_folder.h"

namespace whodunit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_help::TemporaryFolder;
using Json = nlohmann::json;

struct Ran {
  int code = -1;
  std::string output;  // both streams
};

Ran run(const TemporaryFolder& home, const std::string& arguments) {
  const std::string command = "WHODUNIT_HOME='" + home.path() + "/home' '" WHODUNIT_PROGRAM "' " + arguments + " 2>&1";
  Ran out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.output.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

TEST(Intel, AddListRemove) {
  TemporaryFolder folder;
  EXPECT_THAT(run(folder, "intel list").output, HasSubstr("No feeds"));
  const std::string feed = folder.write(
      "mine.csv",
      "ip,port,malware,first_seen\n9.1.2.3,443,bot,2024-05-06\n10.0.0.1,80,bot,2024-05-06\nbroken,1,x,2024-05-06\n");
  const Ran added = run(folder, "intel add " + feed + " --licence CC0 --actor 'Some Group'");
  EXPECT_EQ(added.code, 3) << added.output;
  EXPECT_THAT(added.output, HasSubstr("Added mine: 2 indicators (CSV; CC0; 2024-05-06)"));
  EXPECT_THAT(added.output, HasSubstr("1 indicators in use; 1 refused"));
  EXPECT_THAT(added.output, HasSubstr("mine.csv:4:"));
  const Ran json = run(folder, "intel list --json");
  EXPECT_EQ(json.code, 0);
  EXPECT_THAT(json.output, HasSubstr("\"name\":\"mine\""));
  EXPECT_THAT(json.output, HasSubstr("\"refused\":1"));
  EXPECT_EQ(run(folder, "intel remove mine").code, 0);
  const Ran gone = run(folder, "intel remove mine");
  EXPECT_EQ(gone.code, 4);
  EXPECT_THAT(gone.output, HasSubstr("no source is called so"));
}

TEST(Intel, SaysWhatIsWrongAndWhatToDo) {
  TemporaryFolder folder;
  const Ran missing = run(folder, "intel add " + folder.path() + "/nothing.csv");
  EXPECT_EQ(missing.code, 4);
  EXPECT_THAT(missing.output, HasSubstr("nothing.csv: No such file"));
  const Ran junk = run(folder, "intel add " + folder.write("junk.bin", std::string("\x7f"
                                                                                   "ELF\0\1\2",
                                                                                   7)));
  EXPECT_EQ(junk.code, 4);
  EXPECT_THAT(junk.output, HasSubstr("formats: STIX"));
  EXPECT_EQ(run(folder, "intel add").code, 2);
  EXPECT_EQ(run(folder, "intel").code, 2);
  const Ran date = run(folder, "intel add x --date tomorrow");
  EXPECT_EQ(date.code, 2);
  EXPECT_THAT(date.output, HasSubstr("write 2019"));
  EXPECT_EQ(run(folder, "intel add x --kind nonsense").code, 2);
  const Ran nowhere = run(folder, "intel add " + folder.write("a.txt", "evil.example\n") + " --intel /proc/nowhere");
  EXPECT_EQ(nowhere.code, 4);
  EXPECT_THAT(nowhere.output, HasSubstr("--intel"));
}

TEST(Intel, WarningListsAreSubtractedAndNamed) {
  TemporaryFolder folder;
  ASSERT_EQ(
      run(folder,
          "intel add " +
              folder.write(
                  "w/list.json",
                  R"({"name":"Top 100 sites","type":"hostname","list":["popular.com"],"matching_attributes":["domain"]})"))
          .code,
      0);
  const Ran added = run(folder, "intel add " + folder.write("bad.txt", "www.popular.com\nevil.net\n"));
  EXPECT_THAT(added.output, HasSubstr("1 subtracted on the word of warning lists"));
  EXPECT_THAT(added.output, HasSubstr("1 by \"Top 100 sites\""));
}

TEST(Knowledge, ImportShowDiff) {
  TemporaryFolder folder;
  const std::string bundle = folder.write("b.json", R"json({"type":"bundle","objects":[
    {"type":"intrusion-set","id":"intrusion-set--1","name":"Test Group Nine","aliases":["Nine"],"created":"2020-01-02T00:00:00Z","external_references":[{"source_name":"mitre-attack","external_id":"G9999"}]},
    {"type":"attack-pattern","id":"attack-pattern--1","name":"Scan","created":"2019-01-02T00:00:00Z","external_references":[{"source_name":"mitre-attack","external_id":"T1046"}]},
    {"type":"relationship","id":"relationship--1","relationship_type":"uses","source_ref":"intrusion-set--1","target_ref":"attack-pattern--1","created":"2021-01-02T00:00:00Z"},
    {"type":"relationship","id":"relationship--2","relationship_type":"uses","source_ref":"intrusion-set--1","target_ref":"attack-pattern--2"}]})json");
  const Ran imported = run(folder, "knowledge import " + bundle);
  EXPECT_EQ(imported.code, 3) << imported.output;
  EXPECT_THAT(imported.output, HasSubstr("relationship--2: speaks of attack-pattern--2, which is not in the bundle"));
  EXPECT_THAT(imported.output, HasSubstr("1 groups"));
  const Ran shown = run(folder, "knowledge show nine");
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.output, HasSubstr("G9999  Test Group Nine"));
  EXPECT_THAT(shown.output, HasSubstr("T1046"));
  EXPECT_THAT(run(folder, "knowledge show nine --as-of 2020-06").output, Not(HasSubstr("T1046 ")));
  const Ran before = run(folder, "knowledge show nine --as-of 2019");
  EXPECT_EQ(before.code, 4);
  EXPECT_THAT(before.output, HasSubstr("no group is called 'nine' as of 2019"));
  const Ran difference = run(folder, "knowledge diff shipped current");
  EXPECT_EQ(difference.code, 0) << difference.output;
  EXPECT_THAT(difference.output, HasSubstr("+ G9999  group Test Group Nine"));
  EXPECT_EQ(run(folder, "knowledge show --as-of soon").code, 2);
  const Ran nothing = run(folder, "knowledge import " + folder.write("n.json", "{}"));
  EXPECT_EQ(nothing.code, 4);
  EXPECT_THAT(nothing.output, HasSubstr("n.json: holds no knowledge of actors"));
  const Ran broken = run(folder, "knowledge import " + folder.write("t.json", R"({"type":"bundle","objects":[{)"));
  EXPECT_EQ(broken.code, 4);
  EXPECT_THAT(broken.output, HasSubstr("no valid JSON"));
}

TEST(Knowledge, AFreshInstallKnowsActors) {
  TemporaryFolder folder;
  const Ran shown = run(folder, "knowledge show 'Fancy Bear'");
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.output, HasSubstr("G0007  APT28"));
  EXPECT_THAT(run(folder, "knowledge show").output,
              HasSubstr("© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of "
                        "The MITRE Corporation."));
}

// The victims' table of six governments in the autumn of 2007: read twice, side by side, and nearly all of it kept
// back.
TEST(Attribute, VictimsAloneAreReadTwiceAndNotBelieved) {
  TemporaryFolder folder;
  const std::string six = folder.write("six.json", R"({"victims":["US","GB","DE","FR","NZ","AU"],)"
                                                   R"("sector":"government","when":"2007-09-15"})");
  const std::string page = folder.path() + "/six.html";
  const Ran ran = run(folder, "knowledge attribute --evidence " + six + " --html " + page);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("as published  adjusted"));
  EXPECT_THAT(ran.output, HasSubstr("We cannot tell whose orders these were"));
  std::ifstream in(page);
  std::stringstream buffer;
  buffer << in.rdbuf();
  const std::string html = buffer.str();
  for (const char* part : {"What the victims alone would say", "<th>as published</th>",
                           "adjusted for who gets reported", "<b>cannot tell</b>", "Why this must not be over-read",
                           "partly inferred from victims", "written about far more", "One crime group more"})
    EXPECT_THAT(html, HasSubstr(part));
  EXPECT_EQ(run(folder, "knowledge attribute --evidence " + six + " --html /nowhere/six.html").code, 4);
}

TEST(Attribute, BadInputIsSaidInClearWordsAndInventsNoCertainty) {
  TemporaryFolder folder;
  const auto ask = [&](const char* name, const std::string& text, const std::string& more = {}) {
    return run(folder, "knowledge attribute --evidence " + folder.write(name, text) + more);
  };
  // Nothing at all: base rates.
  const Ran empty = ask("empty.json", "{}");
  EXPECT_EQ(empty.code, 0);
  EXPECT_THAT(empty.output, HasSubstr("The figures are base rates, not findings."));
  // Ids and keys that nobody knows weigh nothing.
  const Ran unknown = ask("unknown.json", R"({"techniques":["T9999"],"software":["S9999"],"colour":"red"})");
  EXPECT_EQ(unknown.code, 0);
  EXPECT_THAT(unknown.output, HasSubstr("colour"));
  EXPECT_THAT(unknown.output, HasSubstr("annot tell"));
  // From the future of --as-of.
  const Ran later = ask("later.json", R"({"techniques":["T1071.001"],"when":"2015-01-01"})", " --as-of 2014-01-01");
  EXPECT_EQ(later.code, 0);
  EXPECT_THAT(later.output, HasSubstr("the evidence is from after --as-of 2014-01-01"));
  EXPECT_EQ(ask("soon.json", "{}", " --as-of soon").code, 2);
  // Broken, of the wrong kind, absent.
  EXPECT_EQ(ask("broken.json", R"({"techniques":["T1071")").code, 4);
  EXPECT_EQ(ask("list.json", "[1,2]").code, 4);
  EXPECT_EQ(ask("kind.json", R"({"techniques":7})").code, 4);
  EXPECT_EQ(run(folder, "knowledge attribute --evidence " + folder.path() + "/none.json").code, 4);
  // Evidence for two groups at once names neither above what contested marks may have.
  const Ran both = ask("both.json", R"({"software":["S0044","S0251","S0022","S0265"]})", " --json");
  EXPECT_EQ(both.code, 0);
  const Json answer = Json::parse(both.output, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << both.output.substr(0, 400);
  for (const Json& assessment : answer["assessments"]) {
    double sum = 0;
    for (const Json& h : assessment["hypotheses"]) {
      sum += h["probability"].get<double>();
      if (assessment["level"] == "operator" && !h["attack_id"].is_null()) {
        EXPECT_LT(h["probability"].get<double>(), 0.8) << h["name"];
      }
    }
    EXPECT_NEAR(sum, 1, 1e-3);
  }
}

TEST(Attribute, NamesIdsThatNobodyKnowsAndWhereAFileBreaks) {
  TemporaryFolder folder;
  const std::string odd = folder.write("odd.json", R"({"techniques": ["T9999", "T1071"], "software": ["S9999"]})");
  const Ran ran = run(folder, "knowledge attribute --evidence " + odd);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("\"T9999\" is no technique that is known"));
  EXPECT_THAT(ran.output, HasSubstr("\"S9999\" is no software that is known"));
  EXPECT_THAT(ran.output, Not(HasSubstr("\"T1071\" is no")));
  const std::string broken = folder.write("broken.json", R"({"techniques": ["T1071",)");
  const Ran refused = run(folder, "knowledge attribute --evidence " + broken);
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.output, HasSubstr("not JSON"));
  EXPECT_THAT(refused.output, HasSubstr("byte 25"));
}

}  // namespace
}  // namespace whodunit
