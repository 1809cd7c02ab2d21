// The behaviour that issue 4 asks of the reasoning, on a small table of actors made here.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "attribution/attribution.h"
#include "attribution/evidence/kinds.h"
#include "attribution/evidence/working_hours.h"
#include "attribution/model/actor_table_input.h"
#include "attribution/model/names.h"
#include "attribution/model/operator_model.h"
#include "attribution/model/victim_model.h"

namespace whodunit::attribution {
namespace {

// Twelve groups, six reports each; groups X and Y have software of their own.
std::shared_ptr<const ActorTable> small_table(bool with_extra_actor = false) {
  ActorTableInput input;
  for (int t = 0; t < 60; ++t) input.techniques.push_back({"T1" + std::to_string(100 + t), "technique", true});
  for (int s = 0; s < 40; ++s)
    input.software.push_back({"S0" + std::to_string(100 + s), "malware " + std::to_string(s), false, {}});
  const char* countries[] = {"RU", "CN", "IR", "KP"};
  for (int g = 0; g < 12 + with_extra_actor; ++g) {
    ActorTableInput::Group group;
    group.key = group.attack_id = "G9" + std::to_string(100 + g);
    group.name = "Group " + std::to_string(g);
    group.aliases = {"alias " + std::to_string(g)};
    group.country = countries[g % 4];
    group.state_sponsored = true;
    for (int k = 0; k < 12; ++k) group.techniques.push_back("T1" + std::to_string(100 + (g * 5 + k) % 60));
    for (int k = 0; k < 3; ++k) group.software.push_back("S0" + std::to_string(100 + (g * 3 + k) % 40));
    for (int r = 0; r < 6; ++r) {
      ActorTableInput::Report report;
      report.id = "trail_" + std::to_string(g) + ":" + std::to_string(r);
      report.actor = group.key;
      report.day = report.known_by = 15000 + 30 * r;
      for (int n = 0; n < 4; ++n)
        report.names.push_back("host" + std::to_string(n) + ".lure" + std::to_string(g * 100 + r) + "zone.com");
      report.addresses.push_back("203.0." + std::to_string(g) + "." + std::to_string(10 + r));
      input.reports.push_back(report);
    }
    input.victim_rows.push_back({group.key, group.name, group.country, {"US", g % 2 ? "DE" : "JP", "FR"}});
    input.groups.push_back(group);
  }
  input.digest = "test";
  return std::move(input).build();
}

const Assessment& level(const std::vector<Assessment>& all, Level which) {
  for (const Assessment& a : all) {
    if (a.level == which) return a;
  }
  std::abort();
}

double probability(const Assessment& a, const std::string& key) {
  for (const Hypothesis& h : a.hypotheses) {
    if (h.key == key) return h.probability;
  }
  return 0;
}

bool is_group(const std::string& key) { return key.starts_with("G9"); }

CaseFacts case_of_group_two() {
  CaseFacts facts;
  facts.subject = "I-1";
  facts.first = base::Time{15100ll * 86'400'000'000'000};
  facts.domains = {{"host0.lure200zone.com", {{"F-1"}, {}}}, {"new.lure203zone.com", {{"F-2"}, {}}}};
  AddressFacts address;
  address.address = "203.0.2.12";
  address.role = AddressRole::kController;
  address.countries = {{"NL", "a"}, {"NL", "b"}, {"DE", "c"}};
  address.kinds = {{"hosting", "a"}};
  facts.addresses = {address};
  facts.software = {{"S0106", {}}, {"S0107", {}}};
  return facts;
}

TEST(Attribution, EmptyCaseClaimsNothing) {
  const auto table = small_table();
  for (const ActorTable* t : {table.get(), static_cast<const ActorTable*>(nullptr)}) {
    const auto all = assess({}, t);
    ASSERT_EQ(all.size(), 3u);
    for (const Assessment& a : all) {
      EXPECT_EQ(a.hypotheses.front().key, "cannot-tell") << to_string(a.level);
      EXPECT_EQ(a.confidence, "low");
      double sum = 0;
      for (const Hypothesis& h : a.hypotheses) sum += h.probability;
      EXPECT_NEAR(sum, 1, 1e-9);
    }
  }
}

TEST(Attribution, ListedInfrastructureAndOwnMalwareNameAGroup) {
  const auto table = small_table();
  const auto all = assess(case_of_group_two(), table.get());
  const Assessment& op = level(all, Level::kOperator);
  EXPECT_EQ(op.hypotheses.front().key, "G9102");
  EXPECT_GT(op.hypotheses.front().probability, 0.5);
  EXPECT_FALSE(op.matrix.rows.empty());
  EXPECT_EQ(op.matrix.rows.size(), op.matrix.cells.size());
  double sum = 0;
  for (const Hypothesis& h : op.hypotheses) {
    sum += h.probability;
    EXPECT_LE(h.low, h.probability);
    EXPECT_GE(h.high, h.probability);
    EXPECT_EQ(h.words, words_of(h.probability));
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(Attribution, GeolocationAloneMovesNoSponsorAboveUnlikely) {
  const auto table = small_table();
  CaseFacts facts;
  for (int i = 0; i < 50; ++i) {
    AddressFacts a;
    a.address = "198.51.100." + std::to_string(i);
    a.role = AddressRole::kController;
    a.countries = {{"RU", "a"}, {"RU", "b"}, {"RU", "c"}};
    facts.addresses.push_back(a);
  }
  const auto all = assess(facts, table.get());
  for (const Hypothesis& h : level(all, Level::kSponsor).hypotheses) {
    if (h.country == "RU") {
      EXPECT_LT(h.probability, 0.2) << h.name;
    }
  }
  EXPECT_EQ(level(all, Level::kSponsor).hypotheses.front().key, "cannot-tell");
}

TEST(Attribution, TenCheapMarksDoNotMakeAnotherGroup) {
  const auto table = small_table();
  CaseFacts facts = case_of_group_two();
  const auto before = assess(facts, table.get());
  const ActorEntry& other = table->actors()[table->actor("G9107")];
  for (std::size_t i = 0; i < 6; ++i) facts.techniques.push_back({table->techniques()[other.techniques[i]].id, {}});
  facts.languages.push_back({"ko", "http.accept_language", {}});
  facts.languages.push_back({"0x00000412", "rdp.keyboard_layout", {}});
  facts.habits.push_back({"user agent Mozila", "G9107", "a blog", {}});
  facts.habits.push_back({"password hunter2", "G9107", "a blog", {}});
  const auto after = assess(facts, table.get());
  EXPECT_LT(probability(level(after, Level::kOperator), "G9107"), 0.45);
  EXPECT_GT(probability(level(after, Level::kOperator), "posing"),
            probability(level(before, Level::kOperator), "posing"));
}

TEST(Attribution, RemovingOneItemNeverNamesAnotherGroup) {
  const auto table = small_table();
  std::mt19937 random(7);
  for (int round = 0; round < 25; ++round) {
    CaseFacts facts;
    facts.first = base::Time{15100ll * 86'400'000'000'000};
    for (int i = 0; i < 1 + static_cast<int>(random() % 3); ++i) {
      const auto g = random() % 3;
      facts.domains.push_back(
          {"host" + std::to_string(random() % 4) + ".lure" + std::to_string(g * 100 + random() % 6) + "zone.com", {}});
    }
    for (int i = 0; i < static_cast<int>(random() % 4); ++i)
      facts.software.push_back({"S0" + std::to_string(100 + random() % 9), {}});
    Settings settings;
    const auto full = assess(facts, table.get(), settings);
    const std::string lead = level(full, Level::kOperator).hypotheses.front().key;
    if (!is_group(lead)) continue;
    const auto check = [&](const CaseFacts& less) {
      const std::string then = level(assess(less, table.get(), settings), Level::kOperator).hypotheses.front().key;
      EXPECT_TRUE(!is_group(then) || then == lead) << lead << " became " << then;
    };
    for (std::size_t i = 0; i < facts.domains.size(); ++i) {
      CaseFacts less = facts;
      const std::string value = facts.domains[i].value;
      std::erase_if(less.domains, [&](const NamedFact& f) { return f.value == value; });
      check(less);
    }
    for (std::size_t i = 0; i < facts.software.size(); ++i) {
      CaseFacts less = facts;
      const std::string value = facts.software[i].value;
      std::erase_if(less.software, [&](const NamedFact& f) { return f.value == value; });
      check(less);
    }
  }
}

TEST(Attribution, OrderAndDuplicatesChangeNothing) {
  const auto table = small_table();
  CaseFacts facts = case_of_group_two();
  facts.techniques = {{"T1100", {}}, {"T1103", {}}, {"T1107", {}}};
  facts.victims = {{"US", "government", {}}, {"FR", "", {}}};
  const std::string once = to_json(assess(facts, table.get()));
  CaseFacts shuffled = facts;
  std::reverse(shuffled.domains.begin(), shuffled.domains.end());
  std::reverse(shuffled.software.begin(), shuffled.software.end());
  std::reverse(shuffled.techniques.begin(), shuffled.techniques.end());
  std::reverse(shuffled.victims.begin(), shuffled.victims.end());
  for (const auto& f : facts.domains) shuffled.domains.push_back(f);
  for (const auto& f : facts.software) shuffled.software.push_back(f);
  for (const auto& f : facts.techniques) shuffled.techniques.push_back(f);
  for (const auto& f : facts.addresses) shuffled.addresses.push_back(f);
  for (const auto& f : facts.victims) shuffled.victims.push_back(f);
  EXPECT_EQ(to_json(assess(shuffled, table.get())), once);
}

TEST(Attribution, AliasesChangeNothing) {
  const auto table = small_table();
  CaseFacts facts;
  facts.indicators = {{IndicatorType::kDomain, "a.example", "", "G9104", "a list", 1, {}, {'B', 2}, {}}};
  const std::string by_id = to_json(assess(facts, table.get()));
  facts.indicators.front().actor = "ALIAS-4";
  EXPECT_EQ(to_json(assess(facts, table.get())), by_id);
}

TEST(Attribution, AnIrrelevantHypothesisTakesNoMoreThanItsOwnMass) {
  const auto table = small_table(), more = small_table(true);
  const auto a = assess(case_of_group_two(), table.get()), b = assess(case_of_group_two(), more.get());
  const double own = probability(level(b, Level::kOperator), "G9112");
  for (const Hypothesis& h : level(a, Level::kOperator).hypotheses) {
    if (h.key == "another-known" || h.key == "posing" || h.probability < 0.02) continue;
    EXPECT_NEAR(h.probability, probability(level(b, Level::kOperator), h.key), own + 0.02) << h.key;
  }
}

TEST(Attribution, NeighboursAloneNeverName) {
  const auto table = small_table();
  CaseFacts facts;
  for (int i = 100; i < 110; ++i) {
    AddressFacts a;
    a.address = "203.0.5." + std::to_string(i);
    facts.addresses.push_back(a);
  }
  for (const Hypothesis& h : level(assess(facts, table.get()), Level::kOperator).hypotheses) {
    if (is_group(h.key)) {
      EXPECT_LE(h.probability, 0.2) << h.key;
    }
  }
}

TEST(Attribution, ANetworkAloneNeverNames) {
  const auto table = small_table();
  for (const int hosts : {1, 40}) {
    CaseFacts facts;
    for (int i = 0; i < hosts; ++i) {
      AddressFacts a;
      a.address = "203.0.5." + std::to_string(100 + i);  // a /24 of one group's reports
      a.role = AddressRole::kController;
      a.asn = 64500;
      a.network = "Example Hosting";
      facts.addresses.push_back(a);
    }
    const auto with = assess(facts, table.get());
    for (const Hypothesis& h : level(with, Level::kOperator).hypotheses) {
      if (is_group(h.key)) {
        EXPECT_LE(h.probability, 0.2) << h.key << ", " << hosts;
      }
    }
    // The AS alone moves nobody at all.
    for (AddressFacts& a : facts.addresses) {
      a.asn = 0;
      a.network.clear();
    }
    const auto without = assess(facts, table.get());
    for (const Hypothesis& h : level(with, Level::kOperator).hypotheses)
      EXPECT_EQ(h.probability, probability(level(without, Level::kOperator), h.key)) << h.key;
  }
}

// Of subtechniques, the group that holds the very one asked comes before one that holds another way to do the same; a
// bare parent tells them not apart.
TEST(Profiles, TheVerySubtechniqueSaysMore) {
  ActorTableInput input;
  for (const char* id : {"T1000", "T1000.001", "T1000.002", "T1000.003", "T2000", "T3000"})
    input.techniques.push_back({id, id, true});
  const char* own[] = {"T1000.001", "T1000.002", "T1000.003"};
  for (int g = 0; g < 3; ++g) {
    ActorTableInput::Group group;
    group.key = group.attack_id = "G900" + std::to_string(g);
    group.name = group.key;
    group.techniques = {own[g], "T2000", "T3000"};
    input.groups.push_back(group);
  }
  const auto table = std::move(input).build();
  View view;
  view.table = table.get();
  const auto ask = [&](const std::vector<const char*>& ids) {
    Question question;
    for (const char* id : ids) question.techniques.push_back(table->technique(id));
    std::sort(question.techniques.begin(), question.techniques.end());
    return operator_posterior(question, view, Weights::shipped());
  };
  const Posterior exact = ask({"T1000.002"});
  EXPECT_GT(exact.of(table->actor("G9001")), 1.5 * exact.of(table->actor("G9000")));
  EXPECT_NEAR(exact.of(table->actor("G9000")), exact.of(table->actor("G9002")), 1e-12);
  const Posterior bare = ask({"T1000"});
  EXPECT_NEAR(bare.of(table->actor("G9001")), bare.of(table->actor("G9000")), 1e-12);
  // A parent counts once: all three of its subtechniques together say no more than it does.
  const Posterior all = ask({"T1000.001", "T1000.002", "T1000.003"});
  EXPECT_NEAR(all.of(table->actor("G9001")), all.of(table->actor("G9000")), 1e-12);
}

// Where a source names two groups together, one's reports speak for the other, too, at a discount.
TEST(Namesakes, ShareReportsAtADiscount) {
  const auto build = [](bool together) {
    ActorTableInput input;
    input.techniques.push_back({"T1000", "T1000", true});
    for (int g = 0; g < 3; ++g) {
      ActorTableInput::Group group;
      group.key = group.attack_id = "G900" + std::to_string(g);
      group.name = group.key;
      group.techniques = {"T1000"};
      input.groups.push_back(group);
    }
    for (int r = 0; r < 4; ++r) {
      ActorTableInput::Report report;
      report.id = "trail:" + std::to_string(r);
      report.actor = "G9000";
      report.day = report.known_by = 15000;
      report.names = {"own" + std::to_string(r) + "zone.example"};
      input.reports.push_back(report);
    }
    if (together) input.namesakes = {{"G9000", "G9001"}};
    return std::move(input).build();
  };
  for (const bool together : {false, true}) {
    const auto table = build(together);
    View view;
    view.table = table.get();
    Question question;
    question.techniques = {table->technique("T1000")};
    question.observables.add("own1zone.example");
    question.observables.add("own2zone.example");
    question.observables.finish();
    const Posterior p = operator_posterior(question, view, Weights::shipped());
    const double first = p.of(table->actor("G9000")), other = p.of(table->actor("G9001")),
                 none = p.of(table->actor("G9002"));
    EXPECT_GT(first, other);
    if (together) {
      EXPECT_GT(other, 2 * none);
    } else {
      EXPECT_NEAR(other, none, 1e-12);
    }
  }
}

TEST(Attribution, ManualEvidenceIsMarkedAndCapped) {
  const auto table = small_table();
  CaseFacts facts;
  ManualFact item;
  item.statement = "A source says so.";
  item.actor = "Group 3";
  item.log_ratio = 7;
  item.forgeability = 0.5;
  item.grade = {'A', 1};
  item.who = "Ana";
  item.when = "2007-10-01";
  item.why = "she knows him";
  facts.manual = {item};
  const auto all = assess(facts, table.get());
  const Assessment& op = level(all, Level::kOperator);
  ASSERT_EQ(op.evidence.size(), 1u);
  EXPECT_TRUE(op.evidence.front().manual);
  EXPECT_NE(op.evidence.front().source.find("Ana"), std::string::npos);
  for (const Likelihood& l : op.evidence.front().likelihoods) EXPECT_LE(l.log_ratio, std::log(2.0) + 1e-9);
  EXPECT_LT(probability(op, "G9103"), 0.2);
}

TEST(Attribution, KnowledgeOfLaterDaysIsNotUsed) {
  const auto table = small_table();
  Settings settings;
  settings.as_of = base::Time{14999ll * 86'400'000'000'000};
  CaseFacts facts = case_of_group_two();
  facts.software.clear();
  EXPECT_LT(probability(level(assess(facts, table.get(), settings), Level::kOperator), "G9102"), 0.2);
}

TEST(Words, BandsOfIcd203) {
  EXPECT_EQ(words_of(0.01), "almost no chance");
  EXPECT_EQ(words_of(0.05), "very unlikely");
  EXPECT_EQ(words_of(0.20), "unlikely");
  EXPECT_EQ(words_of(0.50), "roughly even chance");
  EXPECT_EQ(words_of(0.55), "likely");
  EXPECT_EQ(words_of(0.80), "very likely");
  EXPECT_EQ(words_of(0.95), "almost certain");
}

TEST(Grade, CannotBeJudgedIsNotWorst) {
  EXPECT_GT(grade_factor({'F', 6}), grade_factor({'E', 5}));
  EXPECT_LT(grade_factor({'F', 6}), grade_factor({'A', 1}));
  EXPECT_NEAR(grade_factor({'A', 1}), 1, 1e-12);
}

TEST(Capped, NeverAboveOneOverForgeability) {
  EXPECT_LE(capped(100, 0.25), std::log(4.0) + 1e-9);
  EXPECT_NEAR(capped(0.5, 0.001), 0.5, 0.01);
  EXPECT_EQ(capped(-2, 0.5), -2);
}

TEST(WorkingHours, FindsTheOfficeAndTheMachine) {
  std::vector<base::Time> office, machine;
  std::mt19937 random(3);
  for (int day = 0; day < 20; ++day) {
    if (day % 7 >= 5) continue;
    for (int k = 0; k < 6; ++k) {
      const double hour = 1 + static_cast<double>(random() % 9000) / 1000;  // 01:00–10:00 UTC: an office at UTC+8
      office.push_back(base::Time{(13759ll + day) * 86'400'000'000'000 + static_cast<std::int64_t>(hour * 3.6e12) +
                                  static_cast<std::int64_t>(random() % 1000) * 1'000'000});
    }
  }
  for (int i = 0; i < 400; ++i) machine.push_back(base::Time{13759ll * 86'400'000'000'000 + i * 300'000'000'000ll});
  const WorkingHours w = working_hours(office);
  EXPECT_TRUE(w.telling);
  EXPECT_NEAR(w.offset, 8, 1.5);
  EXPECT_TRUE(working_hours(machine).automated);
  EXPECT_FALSE(working_hours(machine).telling);
  EXPECT_FALSE(working_hours({}).telling);
}

TEST(Names, AreTakenApart) {
  const NameParts parts = take_apart("mail.victim.co.uk");
  EXPECT_EQ(parts.registered, "victim.co.uk");
  EXPECT_EQ(parts.label, "victim");
  EXPECT_EQ(parts.below, "mail");
  EXPECT_EQ(take_apart("evil.ddns.net").registered, "evil.ddns.net");
  EXPECT_TRUE(take_apart("evil.ddns.net").provider);
  EXPECT_EQ(take_apart("co.uk").registered, "co.uk");
  EXPECT_EQ(canonical_name("WWW.Example.COM."), "www.example.com");
  EXPECT_EQ(canonical_name("no dots"), "");
  EXPECT_EQ(canonical_name(".."), "");
}

TEST(Victims, AdjustmentMovesTowardsTheUnreported) {
  std::vector<VictimRow> rows;
  for (int i = 0; i < 20; ++i) rows.push_back({"a" + std::to_string(i), "A" + std::to_string(i), "CN", {"US", "DE"}});
  for (int i = 0; i < 2; ++i) rows.push_back({"b" + std::to_string(i), "B" + std::to_string(i), "IN", {"US", "DE"}});
  const auto raw = country_posterior(rows, {"US", "DE"}, Weights::shipped().victim, 0);
  const auto adjusted = country_posterior(rows, {"US", "DE"}, Weights::shipped().victim, 1);
  EXPECT_EQ(raw.adjusted, raw.raw);
  EXPECT_LT(adjusted.adjusted[0], adjusted.raw[0]);
  EXPECT_GT(adjusted.adjusted.back(), adjusted.raw.back());
}

}  // namespace
}  // namespace whodunit::attribution
