// Knowledge of actors: reading, joining, dates, and what becomes of the broken.
#include "knowledge/actors/actors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "knowledge/actors/countries.h"
#include "knowledge/actors/part.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kBundle = R"json({"type":"bundle","id":"bundle--1","objects":[
 {"type":"marking-definition","id":"marking-definition--1","definition":{"statement":"Copyright, Somebody"}},
 {"type":"x-mitre-collection","id":"x-mitre-collection--1","x_mitre_version":"18.1"},
 {"type":"intrusion-set","id":"intrusion-set--a","name":"Able Group","aliases":["Able Group","ABLE BEAR"],"created":"2017-05-31T00:00:00Z","modified":"2025-01-01T00:00:00Z","x_mitre_domains":["enterprise-attack"],
  "external_references":[{"source_name":"mitre-attack","external_id":"G0900"},{"source_name":"ABLE BEAR","description":"(Citation: Vendor 2016)"},{"source_name":"Vendor 2016","description":"Vendor. (2016, March 5). Title. Retrieved May 1, 2020.","url":"https://vendor.example/a"}]},
 {"type":"intrusion-set","id":"intrusion-set--b","name":"Baker","aliases":["Baker","SHARED NAME"],"created":"2018-01-01T00:00:00Z","x_mitre_domains":["enterprise-attack"],"external_references":[{"source_name":"mitre-attack","external_id":"G0901"}]},
 {"type":"intrusion-set","id":"intrusion-set--old","name":"Old Able","created":"2017-01-01T00:00:00Z","revoked":true,"external_references":[{"source_name":"mitre-attack","external_id":"G0899"}]},
 {"type":"malware","id":"malware--1","name":"Tool One","x_mitre_aliases":["Tool One","T1"],"created":"2017-05-31T00:00:00Z","external_references":[{"source_name":"mitre-attack","external_id":"S0900"}]},
 {"type":"attack-pattern","id":"attack-pattern--1","name":"Scan","created":"2017-05-31T00:00:00Z","kill_chain_phases":[{"phase_name":"discovery"}],"external_references":[{"source_name":"mitre-attack","external_id":"T1046"}]},
 {"type":"attack-pattern","id":"attack-pattern--1a","name":"Sub","created":"2017-05-31T00:00:00Z","external_references":[{"source_name":"mitre-attack","external_id":"T1071.001"}]},
 {"type":"attack-pattern","id":"attack-pattern--old","name":"Old","created":"2017-05-31T00:00:00Z","revoked":true,"external_references":[{"source_name":"mitre-attack","external_id":"T1043"}]},
 {"type":"campaign","id":"campaign--1","name":"Op","first_seen":"2015-01-01T00:00:00Z","last_seen":"2016-01-01T00:00:00Z","created":"2022-01-01T00:00:00Z","external_references":[{"source_name":"mitre-attack","external_id":"C0900"}]},
 {"type":"x-mitre-data-component","id":"x-mitre-data-component--1","name":"Network Traffic Flow"},
 {"type":"x-mitre-analytic","id":"x-mitre-analytic--1","x_mitre_log_source_references":[{"x_mitre_data_component_ref":"x-mitre-data-component--1","name":"NSM:Flow"}]},
 {"type":"x-mitre-detection-strategy","id":"x-mitre-detection-strategy--1","x_mitre_analytic_refs":["x-mitre-analytic--1"]},
 {"type":"relationship","id":"relationship--1","relationship_type":"uses","source_ref":"intrusion-set--a","target_ref":"attack-pattern--1","created":"2017-05-31T00:00:00Z","external_references":[{"source_name":"Vendor 2016","description":"Vendor. (2016, March 5). Title.","url":"https://vendor.example/a"}]},
 {"type":"relationship","id":"relationship--2","relationship_type":"uses","source_ref":"intrusion-set--a","target_ref":"malware--1","created":"2019-02-03T00:00:00Z"},
 {"type":"relationship","id":"relationship--3","relationship_type":"uses","source_ref":"intrusion-set--a","target_ref":"attack-pattern--old","created":"2020-02-03T00:00:00Z"},
 {"type":"relationship","id":"relationship--4","relationship_type":"revoked-by","source_ref":"attack-pattern--old","target_ref":"attack-pattern--1a"},
 {"type":"relationship","id":"relationship--5","relationship_type":"revoked-by","source_ref":"intrusion-set--old","target_ref":"intrusion-set--a"},
 {"type":"relationship","id":"relationship--6","relationship_type":"attributed-to","source_ref":"campaign--1","target_ref":"intrusion-set--a","created":"2022-01-01T00:00:00Z"},
 {"type":"relationship","id":"relationship--7","relationship_type":"uses","source_ref":"campaign--1","target_ref":"attack-pattern--1a","created":"2022-01-01T00:00:00Z"},
 {"type":"relationship","id":"relationship--8","relationship_type":"detects","source_ref":"x-mitre-detection-strategy--1","target_ref":"attack-pattern--1"},
 {"type":"relationship","id":"relationship--broken","relationship_type":"uses","source_ref":"intrusion-set--nobody","target_ref":"attack-pattern--1"},
 {"type":"relationship","id":"relationship--half","relationship_type":"uses","source_ref":"intrusion-set--a"},
 {"type":"intrusion-set","id":"intrusion-set--nameless","external_references":[{"source_name":"mitre-attack","external_id":"G0999"}]},
 {"type":"malware","id":"malware--idless","name":"No id"},
 {"id":"x--1"}, "text"
]})json";

constexpr const char* kGalaxy = R"json({"type":"threat-actor","version":7,"values":[
 {"uuid":"u1","value":"Able Bear","meta":{"country":"FR","cfr-suspected-state-sponsor":"France","synonyms":["Quiet Able","G0900"],"cfr-suspected-victims":["Germany","NATO","Korea (Republic of)"],"cfr-target-category":["Government"],"attribution-confidence":"50","refs":["https://attack.mitre.org/groups/G0900/"]}},
 {"uuid":"u2","value":"Lonely","meta":{"country":"XX","synonyms":["Shared Name"]}},
 {"uuid":"u3","value":"Quarrel","meta":{"country":"FR","cfr-suspected-state-sponsor":"Spain"}},
 {"uuid":"u2","value":"Twice"}, {"value":"No uuid"}, {"uuid":"u9"}, 4 ]})json";

constexpr const char* kTrail =
    "# Copyright (c) Maltrail developers\n\n# Aliases: able bear, quiet able\n\n# Reference: "
    "https://vendor.example/2016/03/05/able\n\nevil.example\n192.0.2.7:443\nhacked.example/a.php\n\n"
    "# Reference: https://undated.example/x\n\nlater.example\nbroken entry here\n\n# Reference: "
    "https://vendor.example/2019/01/02/more\n\nlast.example\n";

std::shared_ptr<const Actors> build(const std::vector<std::pair<std::string, std::string>>& files, Problems& problems) {
  ActorsBuilder builder;
  for (const auto& [name, text] : files) {
    auto added = builder.add(name, text, problems);
    EXPECT_TRUE(added) << added.error().message();
  }
  return builder.build();
}

std::vector<std::string> names(const std::vector<Alias>& aliases) {
  std::vector<std::string> out;
  for (const Alias& alias : aliases) out.push_back(alias.name);
  return out;
}
std::vector<std::string> ids(const std::vector<Relation>& relations) {
  std::vector<std::string> out;
  for (const Relation& relation : relations) out.push_back(relation.id);
  return out;
}

TEST(AttackBundle, FactsWithSourcesAndDates) {
  Problems problems;
  const auto actors = build({{"enterprise-attack.json", kBundle}}, problems);
  ASSERT_EQ(actors->datasets().size(), 1U);
  EXPECT_EQ(actors->datasets()[0].name, "MITRE ATT&CK enterprise");
  EXPECT_EQ(actors->datasets()[0].version, "18.1");
  EXPECT_EQ(actors->datasets()[0].notice, "Copyright, Somebody");
  const Group* able = actors->group("G0900");
  ASSERT_NE(able, nullptr);
  EXPECT_THAT(names(able->aliases), ElementsAre("ABLE BEAR", "Old Able"));
  EXPECT_EQ(able->aliases[0].fact.known.to_string(), "2016-03-05");
  EXPECT_EQ(able->aliases[1].rule, "attack revoked-by");
  EXPECT_THAT(ids(able->techniques), ElementsAre("T1046", "T1071.001")) << "the revoked one by its successor";
  EXPECT_EQ(able->techniques[0].fact.known.to_string(), "2016-03-05") << "the report is older than the entry";
  EXPECT_EQ(actors->references()[able->techniques[0].fact.references.at(0)].name, "Vendor 2016");
  EXPECT_EQ(able->software[0].fact.known.to_string(), "2019-02-03") << "without a report, the day it was taken in";
  EXPECT_EQ(actors->technique("T1043")->replaced_by, "T1071.001");
  EXPECT_EQ(actors->technique("T1071.001")->parent, "T1071");
  EXPECT_TRUE(actors->technique("T1046")->network_observable);
  EXPECT_FALSE(actors->technique("T1071.001")->network_observable);
  EXPECT_THAT(able->campaigns, ElementsAre(0U));
  EXPECT_EQ(actors->campaign("C0900")->attributed_to.at(0).id, "G0900");
  EXPECT_EQ(actors->software("tool one")->id, "S0900");
}

TEST(AttackBundle, BrokenObjectsAreNamedAndTheRestIsTaken) {
  Problems problems;
  (void)build({{"b.json", kBundle}}, problems);
  std::vector<std::string> told;
  for (const Problem& p : problems.kept()) told.push_back(p.message());
  EXPECT_THAT(told, Contains(HasSubstr("relationship--broken: speaks of intrusion-set--nobody")));
  EXPECT_THAT(told, Contains(HasSubstr("relationship--half: has no target_ref")));
  EXPECT_THAT(told, Contains(HasSubstr("intrusion-set--nameless: has no name")));
  EXPECT_THAT(told, Contains(HasSubstr("malware--idless: has no ATT&CK id")));
  EXPECT_THAT(told, Contains(HasSubstr("x--1: has no type")));
  EXPECT_THAT(told, Contains(HasSubstr("is no JSON object")));
  EXPECT_EQ(problems.count(), 6U);
}

TEST(AttackBundle, RevokedInACircleEnds) {
  Problems problems;
  const auto actors = build({{"b.json", R"({"type":"bundle","objects":[
    {"type":"intrusion-set","id":"intrusion-set--1","name":"A","revoked":true,"external_references":[{"source_name":"mitre-attack","external_id":"G0001"}]},
    {"type":"intrusion-set","id":"intrusion-set--2","name":"B","revoked":true,"external_references":[{"source_name":"mitre-attack","external_id":"G0002"}]},
    {"type":"intrusion-set","id":"intrusion-set--3","name":"C","external_references":[{"source_name":"mitre-attack","external_id":"G0003"}]},
    {"type":"relationship","id":"relationship--1","relationship_type":"revoked-by","source_ref":"intrusion-set--1","target_ref":"intrusion-set--2"},
    {"type":"relationship","id":"relationship--2","relationship_type":"revoked-by","source_ref":"intrusion-set--2","target_ref":"intrusion-set--1"}]})"}},
                            problems);
  EXPECT_THAT(actors->groups(), SizeIs(1));
  EXPECT_THAT(problems.kept().at(0).what, HasSubstr("in a circle"));
}

TEST(Builder, SaysWhatItDoesNotUnderstand) {
  ActorsBuilder builder;
  Problems problems;
  EXPECT_FALSE(builder.add("x.json", R"({"type":"bundle"})", problems));
  EXPECT_FALSE(builder.add("x.json", R"({"type":"bundle","objects":[)", problems));
  EXPECT_FALSE(
      builder.add("x.json", R"({"type":"bundle","objects":[{"type":"indicator","id":"indicator--1"}]})", problems));
  EXPECT_FALSE(builder.add("x.txt", "hello\n", problems));
  EXPECT_FALSE(builder.add("x", "", problems));
  EXPECT_FALSE(builder.add("g.json", R"({"type":"tool","values":[{"uuid":"1","value":"x"}]})", problems));
  EXPECT_FALSE(builder.add_path("/nonexistent/file", problems));
  EXPECT_THAT(builder.build()->groups(), IsEmpty());
}

TEST(Galaxy, JoinsByStatedRulesAndKeepsClaimsApart) {
  Problems problems;
  const auto actors = build({{"enterprise-attack.json", kBundle}, {"threat-actor.json", kGalaxy}}, problems);
  const Group* able = actors->group("G0900");
  ASSERT_NE(able, nullptr);
  EXPECT_THAT(names(able->aliases), ElementsAre("ABLE BEAR", "Old Able", "Quiet Able"));
  EXPECT_THAT(able->aliases[2].rule, HasSubstr("misp synonym, joined by attack-id"));
  EXPECT_EQ(able->country(), "FR");
  ASSERT_THAT(able->countries, SizeIs(2));
  EXPECT_EQ(actors->datasets()[able->countries[0].fact.dataset].name, "MISP galaxy threat-actor");
  std::vector<std::string> victims;
  for (const Claim& claim : able->victims) victims.push_back(claim.value);
  EXPECT_THAT(victims, ElementsAre("DE", "KR"));
  EXPECT_EQ(able->victims_other.at(0).value, "NATO");
  EXPECT_EQ(able->attribution_confidence, 50);
  // One shared alias alone joins nobody, and is told.
  EXPECT_NE(actors->group("misp:u2"), nullptr);
  bool told = false, alias = false, country = false;
  for (const Conflict& conflict : actors->conflicts()) {
    told = told || (conflict.what == "join" && conflict.why.find("too little") != std::string::npos);
    alias = alias || (conflict.what == "alias" && conflict.value == "sharedname" && conflict.groups.size() == 2);
    country = country || (conflict.what == "country" && conflict.groups.at(0) == "misp:u3");
  }
  EXPECT_TRUE(told);
  EXPECT_TRUE(alias);
  EXPECT_TRUE(country);
  EXPECT_THAT(actors->find("shared name"), SizeIs(2)) << "a disputed name gives all it may mean";
  EXPECT_THAT(actors->find("Quiet-Able"), SizeIs(1));
  EXPECT_THAT(actors->find("nobody"), IsEmpty());
}

TEST(Trails, ReportsWithIdsKindsAndBounds) {
  Problems problems;
  const auto actors = build({{"enterprise-attack.json", kBundle}, {"apt_able-2.txt", kTrail}}, problems);
  ASSERT_THAT(actors->reports(), SizeIs(3));
  const Report& first = actors->reports()[0];
  EXPECT_EQ(first.id, "apt_able-2:0");
  EXPECT_EQ(first.actor, "apt_able");
  EXPECT_EQ(first.group, "G0900");
  EXPECT_EQ(first.kind, "report");
  EXPECT_EQ(first.date.to_string(), "2016-03-05");
  EXPECT_THAT(first.domains, ElementsAre("evil.example"));
  EXPECT_THAT(first.ips, ElementsAre("192.0.2.7"));
  EXPECT_THAT(first.urls, ElementsAre("hacked.example/a.php"));
  EXPECT_THAT(first.url_hosts, ElementsAre("hacked.example"));
  EXPECT_EQ(actors->reports()[1].id, "apt_able-2:11");
  EXPECT_FALSE(actors->reports()[1].date.known());
  EXPECT_EQ(actors->reports()[1].date_upper.to_string(), "2019-01-02") << "the next dated one below it";
  EXPECT_EQ(problems.count(), 6U + 1U);
  EXPECT_EQ(problems.kept().back().where, "apt_able-2.txt:14");
  EXPECT_THAT(actors->find("apt_able"), ElementsAre(actors->group("G0900")));
  EXPECT_EQ(url_date("https://twitter.com/x/status/1189017890927726593").to_string(), "2019-10-29");
  EXPECT_EQ(url_date("https://v.example/2016-3-5/x").to_string(), "");
  EXPECT_EQ(reference_kind("https://www.virustotal.com/gui/x"), "sandbox-or-feed");
}

TEST(AsOf, NothingFromTheFuture) {
  Problems problems;
  const auto actors = build({{"e.json", kBundle}, {"g.json", kGalaxy}, {"apt_able-2.txt", kTrail}}, problems);
  const auto early = actors->as_of(*Date::parse("2016-03-04"));
  EXPECT_THAT(early->groups(), IsEmpty());
  EXPECT_THAT(early->reports(), IsEmpty());
  const auto middle = actors->as_of(*Date::parse("2018-06-01"));
  const Group* able = middle->group("G0900");
  ASSERT_NE(able, nullptr);
  EXPECT_THAT(ids(able->techniques), ElementsAre("T1046"));
  EXPECT_THAT(able->software, IsEmpty());
  EXPECT_THAT(able->campaigns, IsEmpty());
  EXPECT_THAT(able->reports, ElementsAre(0U));
  EXPECT_EQ(able->country(), "FR") << "undated claims stay with their subject";
  EXPECT_THAT(middle->campaigns(), IsEmpty());
  EXPECT_EQ(middle->group("misp:u3"), nullptr) << "nothing that is said of it is dated";
  EXPECT_EQ(middle->as_of_date().to_string(), "2018-06-01");
  // A month is known at its end only.
  EXPECT_EQ(actors->as_of(*Date::parse("2016-03"))->groups().size(), 1U);
  EXPECT_NE(actors->digest(), middle->digest());
}

TEST(Table, ReadingWhatWasWrittenChangesNothing) {
  Problems problems;
  const auto actors = build({{"e.json", kBundle}, {"g.json", kGalaxy}, {"apt_able-2.txt", kTrail}}, problems);
  const std::string table = write_table(*actors, true);
  Problems none;
  const auto again = build({{"actors.tsv", table}}, none);
  EXPECT_EQ(none.count(), 0U);
  EXPECT_EQ(write_table(*again, true), table);
  EXPECT_EQ(again->digest(), actors->digest());
  EXPECT_THAT(difference(*actors, *again), IsEmpty());
  // The same sources added on top again say nothing new.
  ActorsBuilder builder;
  ASSERT_TRUE(builder.add("actors.tsv", table, none));
  ASSERT_TRUE(builder.add("e.json", kBundle, problems));
  ASSERT_TRUE(builder.add("g.json", kGalaxy, problems));
  EXPECT_THAT(difference(*actors, *builder.build()), IsEmpty());
}

TEST(Table, ACampaignOfTwoDataSetsIsWrittenWhole) {
  const std::string text =
      "# whodunit actors 1\nD\tMITRE ATT&CK a\t1\t\t\t\t\nC\tC0001\tOperation\t2019\t2020\nt\t\t\tT1001\n"
      "D\tMITRE ATT&CK b\t1\t\t\t\t\nC\tC0001\tOperation\t2019\t2020\nt\t\t\tT0801\n";
  Problems problems;
  const auto actors = build({{"t.tsv", text}}, problems);
  const auto again = build({{"t.tsv", write_table(*actors, true)}}, problems);
  EXPECT_EQ(problems.count(), 0U);
  for (const auto* one : {actors.get(), again.get()}) {
    ASSERT_THAT(one->campaigns(), SizeIs(1));
    EXPECT_EQ(one->campaigns()[0].name, "Operation");
    EXPECT_EQ(one->campaigns()[0].last_seen.to_string(), "2020");
    EXPECT_THAT(ids(one->campaigns()[0].techniques), ElementsAre("T0801", "T1001"));
  }
}

TEST(Table, BrokenLinesAreNamed) {
  Problems problems;
  const auto actors =
      build({{"t.tsv",
              "# whodunit actors "
              "1\nG\tG0001\tA\nD\tset\t1\t\t\t\t\nG\tG0001\tA\t2019\t7\nzz\nt\t2019\t\tT1\n?\tx\nG\nG\tG1\tB\n"}},
            problems);
  EXPECT_THAT(actors->groups(), SizeIs(1));
  EXPECT_THAT(ids(actors->groups()[0].techniques), ElementsAre("T1"));
  std::vector<std::string> where;
  for (const Problem& p : problems.kept()) where.push_back(p.where);
  EXPECT_THAT(where, ElementsAre("t.tsv:2", "t.tsv:4", "t.tsv:5", "t.tsv:7", "t.tsv:8", "t.tsv:9"));
}

TEST(Builder, OrderAndRepetitionChangeNothing) {
  Problems problems;
  const auto a = build({{"e.json", kBundle}, {"g.json", kGalaxy}, {"apt_able-2.txt", kTrail}}, problems);
  const auto b =
      build({{"apt_able-2.txt", kTrail}, {"g.json", kGalaxy}, {"e.json", kBundle}, {"g.json", kGalaxy}}, problems);
  EXPECT_EQ(write_table(*a, true), write_table(*b, true));
}

TEST(Builder, ANewerVersionReplacesAnOlderOne) {
  std::string older = kBundle;
  older.replace(older.find("\"18.1\""), 6, "\"9.0\"");
  older.replace(older.find("Able Group"), 10, "Able Squad");
  Problems problems;
  const auto actors = build({{"old.json", older}, {"new.json", kBundle}}, problems);
  EXPECT_EQ(actors->group("G0900")->name, "Able Group");
  EXPECT_THAT(actors->datasets(), SizeIs(1));
  EXPECT_EQ(actors->conflicts().at(0).what, "data set");
}

TEST(Difference, TellsBothWays) {
  Problems problems;
  std::string changed = kBundle;
  changed.replace(changed.find("Able Group"), 10, "Able Squad");
  changed.replace(changed.find("\"target_ref\":\"malware--1\""), 25, "\"target_ref\":\"attack-pattern--1a\"");
  const auto changes = difference(*build({{"a.json", kBundle}}, problems), *build({{"b.json", changed}}, problems));
  std::vector<std::string> told;
  for (const ActorsChange& change : changes) told.push_back(change.subject + ' ' + change.what);
  EXPECT_THAT(told, Contains("G0900 software S0900"));
  EXPECT_THAT(told, Contains(HasSubstr("G0900 name: Able Group")));
}

TEST(Exchange, ArraysWithProvenance) {
  Problems problems;
  const auto actors = build(
      {{"groups.json",
        R"([{"id":"G0900","name":"Able","domain":["mobile"],"aliases":["A"],"techniques":["T1046"],"software":[],"misp":{"uuid":"u1","name":"x"},"country":"FR","state_sponsor":["FR"],"victims":["DE"]},{"name":"broken"}])"},
       {"references.json", R"([{"id":3,"names":["Report"],"date":"2014-05-06"}])"},
       {"provenance.json", R"([{"id":"G0900","uses":{"T1046":[3]}}])"},
       {"trails.json",
        R"([{"actor":"apt_able","attack":"G0900","aliases":[],"reports":[{"id":"apt_able:0","ref":"https://r.example","kind":"report","date":null,"date_upper":"2015-01-01","domains":["e.example"],"ips":[],"labels":{"e.example":["vpn"]}}]}])"},
       {"sources.json", R"({"datasets":[{"name":"MITRE ATT&CK mobile","version":"18.1","notice":"N"}]})"}},
      problems);
  const Group* able = actors->group("G0900");
  ASSERT_NE(able, nullptr);
  EXPECT_EQ(able->techniques.at(0).fact.known.to_string(), "2014-05-06");
  EXPECT_EQ(able->country(), "FR");
  EXPECT_EQ(actors->reports().at(0).group, "G0900");
  EXPECT_EQ(actors->reports().at(0).labels.at("e.example").at(0), "vpn");
  EXPECT_EQ(actors->datasets().at(0).version, "18.1");
}

TEST(Countries, SpellingsOfSources) {
  EXPECT_EQ(country_code("Korea (Democratic People's Republic of)"), "KP");
  EXPECT_EQ(country_code("russian federation"), "RU");
  EXPECT_EQ(country_code("uk"), "GB");
  EXPECT_EQ(country_code("Middle East"), "");
  EXPECT_EQ(country_code("XX"), "");
  EXPECT_EQ(country_name("FR"), "France");
}

const std::filesystem::path kKnowledge = std::filesystem::path(WHODUNIT_SOURCE_DIR) / "../shared/knowledge";
const std::filesystem::path kTrails =
    std::filesystem::path(WHODUNIT_SOURCE_DIR) / "../shared/intel/maltrail/trails/static/malware";

TEST(RealSources, JoinAsExpertsJoinThem) {
  if (!std::filesystem::exists(kKnowledge / "groups.json") || !std::filesystem::exists(kTrails))
    GTEST_SKIP() << "the shared knowledge is not here";
  Problems problems;
  ActorsBuilder builder;
  ASSERT_TRUE(builder.add_path((kKnowledge / "raw/enterprise-attack.json.gz").string(), problems));
  ASSERT_TRUE(builder.add_path((kKnowledge / "raw/threat-actor.json").string(), problems));
  EXPECT_EQ(problems.count(), 0U);
  ASSERT_TRUE(builder.add_path(kTrails.string(), problems));
  const auto raw = builder.build();
  ActorsBuilder expert_builder;
  for (const char* name : {"groups.json", "software.json", "techniques.json", "campaigns.json", "references.json",
                           "provenance.json", "infra/trails.json"}) {
    ASSERT_TRUE(expert_builder.add_path((kKnowledge / name).string(), problems));
  }
  const auto expert = expert_builder.build();
  std::size_t compared = 0, same_relations = 0, same_country = 0, countries = 0;
  for (const Group& group : raw->groups()) {
    const Group* other = expert->group(group.id);
    if (other == nullptr || !is_attack_group_id(group.id)) continue;
    ++compared;
    std::vector<std::string> theirs;
    for (const Relation& r : other->techniques) {
      if (raw->technique(r.id) != nullptr) theirs.push_back(r.id);
    }
    if (ids(group.techniques) == theirs) ++same_relations;
    if (other->country().empty()) continue;
    ++countries;
    if (group.country() == other->country()) ++same_country;
  }
  EXPECT_GT(compared, 160U);
  EXPECT_GE(same_relations * 100, compared * 98);
  EXPECT_GE(same_country * 100, countries * 98);
  std::map<std::string, std::string> joined;
  for (const Report& report : expert->reports()) joined[report.id] = report.group;
  std::size_t reports = 0, same_group = 0;
  for (const Report& report : raw->reports()) {
    const auto at = joined.find(report.id);
    if (at == joined.end()) continue;
    ++reports;
    if (at->second == report.group) ++same_group;
  }
  EXPECT_GT(reports, 7000U);
  EXPECT_GE(same_group * 100, reports * 97);
}

TEST(RealSources, WhatShipsIsReadWithoutAProblem) {
  const std::string path = std::string(WHODUNIT_SOURCE_DIR) + "/data/actors.tsv";
  Problems problems;
  ActorsBuilder builder;
  ASSERT_TRUE(builder.add_path(path, problems));
  EXPECT_EQ(problems.count(), 0U);
  const auto actors = builder.build();
  EXPECT_GT(actors->groups().size(), 900U);
  EXPECT_EQ(actors->find("Fancy Bear").size(), 1U);
  EXPECT_EQ(actors->find("Fancy Bear").at(0)->id, "G0007");
  EXPECT_EQ(actors->group("G0007")->country(), "RU");
  const auto text = read_file(path);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of "
                       "The MITRE Corporation."),
            std::string::npos);
}

}  // namespace
}  // namespace whodunit::knowledge
