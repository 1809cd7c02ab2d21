#include <gtest/gtest.h>

#include "asset/inventory.h"
#include "connection/conn_record.h"

namespace whodunit::asset {
namespace {

struct Talk {
  std::string from, to;
  std::uint16_t port = 443;
  bool answered = true;
};

Inventory inventory(const std::vector<Talk>& talks) {
  record::Batch batch(connection::Conn::schema);
  std::uint64_t n = 0;
  for (const Talk& talk : talks) {
    connection::Conn c;
    c.head.ts = {static_cast<std::int64_t>(++n) * 1'000'000'000};
    c.head.uid = {n};
    c.head.id = {*base::Address::parse(talk.from), *base::Address::parse(talk.to), {40000}, {talk.port}};
    c.proto = "tcp";
    c.ip_proto = 6;
    c.conn_state = talk.answered ? "SF" : "S0";
    c.history = talk.answered ? "ShADadFf" : "S";
    c.orig_pkts = 5;
    c.resp_pkts = talk.answered ? 5 : 0;
    c.orig_bytes = 100;
    c.resp_bytes = talk.answered ? 1000 : 0;
    c.append_to(batch, {n, 0});
  }
  Inventory out;
  out.take(batch);
  return out;
}

std::string home(const std::vector<Talk>& talks) {
  std::string out;
  for (const base::Network& n : inventory(talks).infer_home().networks) out += (out.empty() ? "" : " ") + n.to_string();
  return out;
}

TEST(Home, PrivateAddressesAreTheDefendedSide) {
  EXPECT_EQ(home({{"192.168.1.5", "93.184.216.34"}, {"192.168.1.6", "93.184.216.34"}}), "192.168.1.0/24");
}

TEST(Home, ManyBlocksOfOneRangeAreTheRange) {
  std::vector<Talk> talks;
  for (int i = 0; i < 5; ++i) talks.push_back({"10." + std::to_string(i) + ".0.5", "93.184.216.34"});
  EXPECT_EQ(home(talks), "10.0.0.0/8");
}

TEST(Home, ThePublicPartThatReachesPrivateHostsBelongs) {
  EXPECT_EQ(home({{"8.8.4.10", "10.1.0.5", 5432}, {"203.0.114.7", "8.8.4.10", 80}, {"10.1.0.5", "10.1.0.6"}}),
            "8.8.4.0/24 10.1.0.0/16");
}

TEST(Home, VisitorsOfATranslatedServerAreNotTheDefendedSide) {
  // Behind a forwarded port one stranger's connection arrives at a private address, and so do those of two.
  EXPECT_EQ(home({{"93.184.216.34", "10.1.0.5", 8080}}), "10.1.0.0/16");
  EXPECT_EQ(home({{"93.184.216.34", "10.1.0.5", 8080}, {"8.8.4.10", "10.1.0.5", 8080}}), "10.1.0.0/16");
  // Whom the stranger attacked and who then calls him does not make him one of ours.
  EXPECT_EQ(home({{"93.184.216.34", "10.1.0.5", 8080},
                  {"93.184.216.34", "8.8.4.10", 80},
                  {"8.8.4.10", "93.184.216.34", 9001}}),
            "10.1.0.0/16");
}

TEST(Home, AScannerOfManyHostsIsNotTheDefendedNetwork) {
  std::vector<Talk> talks;
  for (int i = 1; i < 60; ++i) talks.push_back({"93.184.216.34", "8.8.4." + std::to_string(i), 80});
  EXPECT_EQ(home(talks), "");  // two networks and no third: which of them is ours cannot be told
  talks.push_back({"203.0.112.7", "8.8.4.10", 80});
  EXPECT_EQ(home(talks), "8.8.4.0/24");
}

TEST(Home, AnAddressThatWasOnlyAimedAtShowsNothing) { EXPECT_EQ(home({{"93.184.216.34", "10.9.0.1", 22, false}}), ""); }

TEST(Home, OfPublicNetworksTheOneThatTakesPartInMost) {
  std::vector<Talk> talks;
  for (int i = 1; i < 9; ++i) talks.push_back({"93.184." + std::to_string(i) + ".9", "8.8.4.10", 80});
  EXPECT_EQ(home(talks), "8.8.4.0/24");
}

TEST(Home, WhereNothingStandsOutNothingIsClaimed) {
  EXPECT_EQ(home({{"93.184.216.34", "8.8.4.10"}}), "");
  EXPECT_FALSE(inventory({{"93.184.216.34", "8.8.4.10"}}).infer_home().why.empty());
}

TEST(Inventory, CountsWhatAnsweredApartFromWhatWasAimedAt) {
  const Inventory all = inventory({{"10.0.0.5", "10.0.0.9", 22}, {"10.0.0.5", "10.0.0.9", 23, false}});
  const Host* host = all.find(*base::Address::parse("10.0.0.9"));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->connections_in, 1u);
  EXPECT_EQ(host->attempts_in, 1u);
  ASSERT_EQ(host->services.size(), 1u);
  EXPECT_EQ(host->services[0].port, 22);
  EXPECT_EQ(all.seen().one_sided, 1u);
}

TEST(Inventory, KeepsToItsLimitAndCountsTheRest) {
  Inventory small(2);
  record::Batch batch(connection::Conn::schema);
  for (std::uint32_t i = 0; i < 10; ++i) {
    connection::Conn c;
    c.head.id = {base::Address::v4(0x0a000000u + i), base::Address::v4(0x0a010000u + i), {1}, {2}};
    c.proto = "udp";
    c.ip_proto = 17;
    c.append_to(batch, {i, 0});
  }
  small.take(batch);
  EXPECT_EQ(small.hosts().size(), 2u);
  EXPECT_GT(small.overflow(), 0u);
}

}  // namespace
}  // namespace whodunit::asset
