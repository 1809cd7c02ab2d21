#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "incident/incident.h"

namespace whodunit::incident {
namespace {

using detect::Finding;
using detect::Outcome;
using detect::Phase;
using detect::Severity;

Finding finding(Phase phase, Outcome outcome, const std::string& attacker, const std::string& victim, int second) {
  Finding f;
  f.detector = "test";
  f.phase = phase;
  f.outcome = outcome;
  f.severity = Severity::kMedium;
  if (!attacker.empty()) f.attacker = {"host", attacker};
  if (!victim.empty()) f.victim = {"host", victim};
  f.first = f.last = {second * 1'000'000'000ll};
  f.statement = std::string(to_string(phase)) + " of " + victim + " at " + std::to_string(second);
  return f;
}

/// Two zones: 192.0.2.0/24 is the edge, 10.0.0.0/8 inside.
ZoneMap zones() {
  detect::Home home;
  home.networks = {*base::Network::parse("192.0.2.0/24"), *base::Network::parse("10.0.0.0/8")};
  Zone edge{"", "DMZ", ZoneLevel::kOuter, {home.networks[0]}, true};
  Zone inside{"", "offices", ZoneLevel::kInner, {home.networks[1]}, true};
  return {{edge, inside}, home, asset::Inventory{}};
}

std::vector<Incident> joined(std::vector<Finding> findings) {
  detect::seal(findings);
  return join(findings, zones());
}

constexpr auto kTried = Outcome::kAttempted;
constexpr auto kTook = Outcome::kSucceeded;
constexpr auto kUnknown = Outcome::kUnknown;

TEST(Join, TheCallThatFollowsAnAttackAtOnceIsItsWork) {
  Finding call = finding(Phase::kFoothold, kTook, "198.51.100.9", "192.0.2.10", 20);
  call.fact("controller", "198.51.100.9");
  const Finding attack = finding(Phase::kAssault, kUnknown, "203.0.113.66", "192.0.2.10", 10);
  ASSERT_EQ(joined({attack, call}).size(), 1u);
  EXPECT_EQ(joined({attack, call})[0].phase, Phase::kFoothold);
  EXPECT_EQ(joined({attack, finding(Phase::kAssault, kTried, "203.0.113.77", "192.0.2.10", 11), call}).size(), 3u)
      << "two attacked it: which of them cannot be told";
  EXPECT_EQ(joined({finding(Phase::kAssault, kUnknown, "203.0.113.66", "192.0.2.10", -600), call}).size(), 2u)
      << "ten minutes before";
}

TEST(Join, WhoeverIsInsideDidNotGetIn) {
  const auto out = joined({finding(Phase::kSpread, kTook, "10.1.0.5", "10.1.0.20", 3)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].headline, "10.1.0.5 took 10.1.0.20 from inside (inner zone): spread");
}

TEST(Join, SaysOfAnAttackWhatWasSeenOfIt) {
  const auto headline = [](Phase phase, Outcome outcome, const std::string& attacker, const std::string& victim) {
    return joined({finding(phase, outcome, attacker, victim, 1)}).at(0).headline;
  };
  EXPECT_EQ(headline(Phase::kAssault, kTook, "203.0.113.66", "192.0.2.10"),
            "203.0.113.66 attacked 192.0.2.10; the attack had an effect, but no entry was seen");
  EXPECT_EQ(headline(Phase::kAssault, kTried, "", "192.0.2.10"), "Somebody attacked 192.0.2.10; no success seen");
  EXPECT_EQ(headline(Phase::kHarm, kUnknown, "", "192.0.2.10"),
            "Signs of harm on 192.0.2.10; whether it succeeded cannot be told");
  EXPECT_EQ(headline(Phase::kEntry, kTried, "203.0.113.66", "192.0.2.10"),
            "Signs of entry on 192.0.2.10 by 203.0.113.66; no success seen");
}

TEST(Join, AnAttackerKnownByHisHardwareAddressAloneIsInside) {
  Finding f = finding(Phase::kSpread, kTook, "", "10.1.0.20", 1);
  f.attacker = detect::hardware("02:00:00:00:00:66");
  EXPECT_EQ(joined({f}).at(0).headline, "02:00:00:00:00:66 took 10.1.0.20 from inside (inner zone): spread");
}

TEST(Join, FollowsAnIntruderThroughTheHostThatHeTook) {
  const auto out = joined({finding(Phase::kDoorRattling, kTook, "203.0.113.66", "192.0.2.10", 1),
                           finding(Phase::kEntry, kTook, "203.0.113.66", "192.0.2.10", 2),
                           finding(Phase::kSpread, kTook, "192.0.2.10", "10.1.0.20", 3),
                           finding(Phase::kTheft, kUnknown, "198.51.100.9", "10.1.0.20", 4)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].findings.size(), 4u);
  EXPECT_EQ(out[0].depth, ZoneLevel::kInner);
  ASSERT_EQ(out[0].path.size(), 2u);
  EXPECT_EQ(out[0].path[1].from, "192.0.2.10");
  EXPECT_EQ(out[0].path[1].zone, "offices");
  // The host on the way is his means; he is the one outside.
  ASSERT_FALSE(out[0].attackers.empty());
  EXPECT_EQ(std::count(out[0].attackers.begin(), out[0].attackers.end(), "192.0.2.10"), 0);
}

TEST(Join, ManyKnockAtOneDoorAndAreNotOne) {
  EXPECT_EQ(joined({finding(Phase::kAssault, kTried, "203.0.113.66", "192.0.2.10", 1),
                    finding(Phase::kAssault, kTried, "198.51.100.9", "192.0.2.10", 2),
                    finding(Phase::kEntry, kTook, "198.51.100.77", "192.0.2.10", 3)})
                .size(),
            3u);
}

TEST(Join, WhatAHostDidBeforeItWasTakenIsItsOwn) {
  EXPECT_EQ(joined({finding(Phase::kAssault, kTried, "192.0.2.10", "10.1.0.20", 1),
                    finding(Phase::kEntry, kTook, "203.0.113.66", "192.0.2.10", 2)})
                .size(),
            2u);
}

TEST(Join, ControlThatBeginsAfterTheEntryIsTheIntrudersOwn) {
  const auto entry = finding(Phase::kEntry, kTook, "203.0.113.66", "192.0.2.10", 10);
  EXPECT_EQ(joined({entry, finding(Phase::kFoothold, kUnknown, "198.51.100.9", "192.0.2.10", 20)}).size(), 1u);
  EXPECT_EQ(joined({entry, finding(Phase::kFoothold, kUnknown, "198.51.100.9", "192.0.2.10", 5)}).size(), 2u);
}

TEST(Join, DepthIsTheInnermostZoneThatWasEnteredNotAimedAt) {
  const auto out = joined({finding(Phase::kEntry, kTook, "203.0.113.66", "192.0.2.10", 1),
                           finding(Phase::kSpread, kTried, "192.0.2.10", "10.1.0.20", 2)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].depth, ZoneLevel::kOuter);
  EXPECT_NE(out[0].headline.find("at the edge"), std::string::npos) << out[0].headline;
  EXPECT_EQ(out[0].depth_statement, "outer zone (DMZ): 1 step that succeeded.");
}

TEST(Join, AnEntryOutsideOfWhatIsDefendedIsNotCalledNone) {
  const auto out = joined({finding(Phase::kEntry, kTook, "203.0.113.66", "198.51.100.9", 1)});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].depth, ZoneLevel::kOutside);
  EXPECT_NE(out[0].depth_statement.find("1 step that succeeded"), std::string::npos);
  EXPECT_NE(out[0].depth_statement.find("--home"), std::string::npos);
}

TEST(Join, ContextIsNoIncident) {
  auto context = finding(Phase::kDoorRattling, kTried, "203.0.113.66", "192.0.2.10", 1);
  context.severity = Severity::kInformational;
  EXPECT_TRUE(joined({context}).empty());
}

TEST(Join, TheOrderOfFindingsChangesNothing) {
  std::vector<Finding> findings;
  for (int i = 0; i < 40; ++i) {
    const std::string from = "203.0.113." + std::to_string(i % 5), to = "10.1.0." + std::to_string(i % 7);
    findings.push_back(finding(static_cast<Phase>(i % 7), static_cast<Outcome>(i % 3), i % 4 == 0 ? to : from,
                               "10.1.0." + std::to_string(i % 11), i));
  }
  const auto first = joined(findings);
  ASSERT_FALSE(first.empty());
  std::mt19937 random(7);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(findings.begin(), findings.end(), random);
    const auto again = joined(findings);
    ASSERT_EQ(again.size(), first.size());
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(again[i].id, first[i].id);
      EXPECT_EQ(again[i].headline, first[i].headline);
    }
  }
}

// Findings are an enemy's as well: a hundred thousand on one host must not take the square of that.
TEST(Join, ManyFindingsOnOneHost) {
  std::vector<Finding> findings;
  for (int i = 0; i < 100'000; ++i)
    findings.push_back(finding(i % 2 == 0 ? Phase::kEntry : Phase::kFoothold, kTook,
                               "203.0." + std::to_string(i / 250 % 250) + "." + std::to_string(i % 250), "10.1.0.20",
                               i));
  const auto out = join(findings, zones());
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].findings.size(), findings.size());
}

TEST(Campaigns, AreLinkedByWhatIsSharedAndHardToShareByChance) {
  auto a = finding(Phase::kFoothold, kTook, "203.0.113.66", "192.0.2.10", 1);
  auto b = finding(Phase::kFoothold, kTook, "198.51.100.9", "192.0.2.20", 2);
  auto c = finding(Phase::kFoothold, kTook, "198.51.100.77", "192.0.2.30", 3);
  a.fact("domain", "update.example");
  b.fact("domain", "update.example");
  a.fact("user_agent", "curl/8.0");
  c.fact("user_agent", "curl/8.0");
  std::vector<Finding> findings = {a, b, c};
  detect::seal(findings);
  const auto incidents = join(findings, zones());
  ASSERT_EQ(incidents.size(), 3u);
  const auto out = campaigns(incidents, findings);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].incidents.size(), 2u);
  ASSERT_EQ(out[0].links.size(), 1u);
  EXPECT_EQ(out[0].links[0].reason, "same domain update.example");
}

}  // namespace
}  // namespace whodunit::incident
