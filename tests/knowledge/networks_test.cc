// Tables of addresses, vulnerabilities, zones.
#include "knowledge/networks/networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "knowledge/knowledge.h"
#include "knowledge/mmdb_writer.h"
#include "knowledge/range_map.h"
#include "knowledge/temporary_folder.h"
#include "knowledge/vulnerabilities/vulnerabilities.h"
#include "knowledge/zones/zones.h"

namespace whodunit::knowledge {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_help::make_mmdb;
using testing_help::MmdbValue;
using testing_help::TemporaryFolder;

base::Address address(const char* text) { return *base::Address::parse(text); }

TEST(RangeMap, AgreesWithLookingAtEveryPrefix) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<base::Network> networks;
    RangeMap map;
    const int count = round % 5 == 0 ? 3000 : 200;  // many have an index
    for (int i = 0; i < count; ++i) {
      const std::uint32_t raw = (random() & 0x3ffff) << 14;
      base::Network network(base::Address::v4(raw), 96 + 8 + random() % 25);
      networks.push_back(network);
      map.add(network, static_cast<std::uint32_t>(i));
    }
    networks.push_back(*base::Network::parse("2001:db8::/32"));
    map.add(networks.back(), 3000);
    networks.push_back(*base::Network::parse("255.255.255.0/24"));
    map.add(networks.back(), 3001);
    map.build([](std::uint32_t kept, std::uint32_t) { return kept; });
    for (int i = 0; i < 2000; ++i) {
      base::Address a = base::Address::v4(static_cast<std::uint32_t>((random() & 0x3ffff) << 14 | (random() & 0x3fff)));
      if (i == 0) a = address("255.255.255.255");
      if (i == 1) a = address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
      if (i == 2) a = address("2001:db9::");
      if (i == 3) a = address("0.0.0.0");
      std::vector<unsigned> expected, found;
      for (const base::Network& network : networks) {
        if (network.contains(a)) expected.push_back(network.bits128());
      }
      std::sort(expected.rbegin(), expected.rend());
      expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
      for (const RangeMap::Prefix* p = map.find(a); p != nullptr; p = map.parent_of(*p))
        found.push_back(p->network.bits128());
      ASSERT_EQ(found, expected) << a.to_string();
    }
  }
}

TEST(RangeMap, RangesBecomePrefixes) {
  const auto words = [](const char* first, const char* last) {
    std::string out;
    for (const base::Network& network : prefixes_of_range(address(first), address(last)))
      out += network.to_string() + ' ';
    return out;
  };
  EXPECT_EQ(words("10.0.0.0", "10.0.0.255"), "10.0.0.0/24 ");
  EXPECT_EQ(words("10.0.0.1", "10.0.0.6"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32 ");
  EXPECT_EQ(words("0.0.0.0", "255.255.255.255"), "0.0.0.0/0 ");
  EXPECT_EQ(words("2001:db8::", "2001:db8::ffff"), "2001:db8::/112 ");
  EXPECT_EQ(words("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0 ");
  EXPECT_EQ(words("10.0.0.2", "10.0.0.1"), "");
  EXPECT_EQ(words("10.0.0.2", "::1"), "");
}

TEST(Reserved, IsSaidAndNothingElseIs) {
  EXPECT_THAT(std::string(Networks::reserved(address("10.1.2.3"))), HasSubstr("RFC 1918"));
  EXPECT_THAT(std::string(Networks::reserved(address("203.0.113.9"))), HasSubstr("documentation"));
  EXPECT_THAT(std::string(Networks::reserved(address("fe80::1"))), HasSubstr("link-local"));
  EXPECT_THAT(std::string(Networks::reserved(address("224.0.0.251"))), HasSubstr("multicast"));
  EXPECT_EQ(Networks::reserved(address("8.8.8.8")), "");
  EXPECT_EQ(Networks::reserved(address("2a00::1")), "");
}

TEST(Networks, MmdbOfSeveralMakersSideBySide) {
  using V = MmdbValue;
  TemporaryFolder folder;
  const std::string maxmind = folder.write(
      "country.mmdb", make_mmdb("GeoLite2-Country", 1700000000,
                                {{"8.8.8.0/24", V::map({{"country", V::map({{"iso_code", V::text("US")}})}})},
                                 {"9.1.0.0/16", V::map({{"country", V::map({{"iso_code", V::text("NL")}})}})}}));
  const std::string asn = folder.write(
      "asn.mmdb", make_mmdb("GeoLite2-ASN", 1700000000,
                            {{"8.8.8.0/24", V::map({{"autonomous_system_number", V::number(15169)},
                                                    {"autonomous_system_organization", V::text("GOOGLE")}})}}));
  const std::string ipinfo =
      folder.write("ipinfo.mmdb", make_mmdb("ipinfo lite", 1710000000,
                                            {{"8.8.8.0/24", V::map({{"country_code", V::text("US")},
                                                                    {"country", V::text("United States")},
                                                                    {"asn", V::text("AS15169")},
                                                                    {"as_name", V::text("Google LLC")}})},
                                             {"9.1.0.0/16", V::map({{"country_code", V::text("DE")}})}}));
  const std::string anonymous =
      folder.write("anonymous.mmdb", make_mmdb("GeoIP2-Anonymous-IP", 1700000000,
                                               {{"9.1.2.0/24", V::map({{"is_anonymous_vpn", V::flag(true)},
                                                                       {"is_hosting_provider", V::flag(true)},
                                                                       {"is_tor_exit_node", V::flag(false)}})}}));
  NetworksBuilder builder;
  for (const std::string& path : {maxmind, asn, ipinfo, anonymous}) {
    auto added = builder.add_mmdb(path, {});
    ASSERT_TRUE(added) << added.error().message();
  }
  EXPECT_FALSE(builder.add_mmdb(folder.write("broken.mmdb", "not a table"), {}));
  const Networks networks = builder.build();
  EXPECT_TRUE(networks.has_countries());
  EXPECT_TRUE(networks.has_systems());
  const AddressFacts google = networks.facts(address("8.8.8.8"));
  EXPECT_EQ(google.country(), "US");
  EXPECT_EQ(google.country_words(), "US (2 of 2 sources)");
  ASSERT_THAT(google.systems, SizeIs(2));
  EXPECT_EQ(google.systems[0].number, 15169U);
  EXPECT_EQ(google.systems[1].name, "Google LLC");
  EXPECT_EQ(google.countries[0].source->name, "GeoLite2-Country");
  EXPECT_EQ(google.countries[0].source->date.to_string(), "2023-11-14");
  const AddressFacts split = networks.facts(address("9.1.2.3"));
  EXPECT_EQ(split.country(), "");
  EXPECT_FALSE(split.countries_agree());
  EXPECT_EQ(split.country_words(), "DE or NL (sources disagree)");
  EXPECT_TRUE(split.is(NetworkKind::kVpn));
  EXPECT_TRUE(split.is(NetworkKind::kHosting));
  EXPECT_FALSE(split.is(NetworkKind::kTor));
  EXPECT_EQ(split.leading_kind(), NetworkKind::kVpn);
  EXPECT_EQ(split.kinds[0].network.to_string(), "9.1.2.0/24");
  EXPECT_EQ(networks.facts(address("200.1.1.1")).country_words(), "not known");
  EXPECT_THAT(networks.facts(address("192.168.0.1")).reserved, HasSubstr("RFC 1918"));
}

TEST(Networks, CsvTablesListsAndSystems) {
  NetworksBuilder builder;
  Problems problems;
  ASSERT_TRUE(builder.add_csv("country.csv",
                              "start,end,country\n9.0.0.0,9.0.0.255,FR\n9.0.1.0,9.0.3.255,DE\n9.9.9.9,9.9.9.1,"
                              "FR\nnonsense,x,FR\n2a00::,2a00::ffff,IT\n",
                              {}, problems));
  ASSERT_TRUE(builder.add_csv("asn.csv", "9.0.0.0,9.0.255.255,64496,\"Example, Inc.\"\n",
                              {"asn", *Date::parse("2026-06-17"), "CC BY 4.0", ""}, problems));
  ASSERT_TRUE(builder.add_csv("numbers.csv", "\"150994944\",\"150995199\",\"SE\",\"Sweden\"\n", {}, problems));
  EXPECT_EQ(problems.count(), 2U);
  EXPECT_EQ(problems.kept()[0].where, "country.csv:4");
  EXPECT_EQ(problems.kept()[1].where, "country.csv:5");
  EXPECT_FALSE(builder.add_csv("broken.csv", "a,b\nc,d\n", {}, problems));
  builder.add_list(NetworkKind::kHosting, {{*base::Network::parse("9.0.0.0/16"), "hoster"}}, {"list one", {}, "", ""});
  builder.add_list(NetworkKind::kAbuseTolerant,
                   {{*base::Network::parse("9.0.0.0/16"), "bad"}, {*base::Network::parse("9.0.0.7"), "worse"}},
                   {"list two", {}, "", ""});
  builder.add_systems(NetworkKind::kVpn, {{64496, "Example VPN"}}, {"systems", {}, "", ""});
  const Networks networks = builder.build();
  const AddressFacts facts = networks.facts(address("9.0.0.7"));
  ASSERT_THAT(facts.countries, SizeIs(2));
  EXPECT_EQ(facts.country_words(), "FR or SE (sources disagree)");
  ASSERT_NE(facts.system(), nullptr);
  EXPECT_EQ(facts.system()->number, 64496U);
  EXPECT_EQ(facts.system()->name, "Example, Inc.");
  EXPECT_EQ(facts.system()->source->licence, "CC BY 4.0");
  ASSERT_THAT(facts.kinds, SizeIs(4));
  EXPECT_EQ(facts.kinds[0].label, "worse") << "the innermost network first";
  EXPECT_EQ(facts.kinds[3].system, 64496U);
  EXPECT_EQ(facts.leading_kind(), NetworkKind::kVpn);
  EXPECT_EQ(networks.facts(address("2a00::1")).country(), "IT");
  EXPECT_THAT(networks.facts(address("9.9.9.5")).countries, IsEmpty());
}

TEST(Networks, TheTableThatShips) {
  const std::string path = find_data_file("geo-whois-asn-country.mmdb");
  if (path.empty()) GTEST_SKIP() << "geo-whois-asn-country.mmdb is not installed";
  NetworksBuilder builder;
  ASSERT_TRUE(builder.add_mmdb(path, {"default", {}, "CC0-1.0", "doubt"}));
  const Networks networks = builder.build();
  EXPECT_EQ(networks.facts(address("8.8.8.8")).country(), "US");
  EXPECT_EQ(networks.facts(address("193.0.6.139")).country(), "NL");
  EXPECT_EQ(networks.facts(address("2001:4860:4860::8888")).country(), "US");
  EXPECT_TRUE(networks.sources().at(0)->date.known());
}

TEST(Vulnerabilities, KevAsCsvAndJson) {
  Vulnerabilities known;
  Problems problems;
  const auto taken = known.add(
      "kev.csv",
      "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,dueDate,"
      "knownRansomwareCampaignUse,notes,cwes\n"
      "CVE-2021-44228,Apache,Log4j2,\"Log4j2, remote\",2021-12-10,\"text, with comma\",x,2021-12-24,Known,,\n"
      "CVE-2024-8068,Citrix,\"Session Recording\",Name,someday,x,x,x,Unknown,,\nnot a cve,x,y,z,2020-01-01,,,,,,\n",
      "CISA KEV", problems);
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, 2U);
  ASSERT_NE(known.find("cve-2021-44228"), nullptr);
  EXPECT_EQ(known.find("CVE-2021-44228")->added.to_string(), "2021-12-10");
  EXPECT_TRUE(known.find("CVE-2021-44228")->ransomware);
  EXPECT_EQ(known.find("CVE-1999-0001"), nullptr);
  ASSERT_EQ(problems.count(), 2U);
  EXPECT_EQ(problems.kept()[0].where, "kev.csv:3");
  EXPECT_EQ(problems.kept()[1].where, "kev.csv:4");
  ASSERT_TRUE(known.add(
      "kev.json",
      R"({"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2021-44228","dateAdded":"2021-12-01"},{"cveID":"CVE-2023-1","x":1}]})",
      "other", problems));
  EXPECT_EQ(known.find("CVE-2021-44228")->added.to_string(), "2021-12-01") << "the earlier of two";
  EXPECT_EQ(known.find("CVE-2021-44228")->vendor, "Apache");
  EXPECT_EQ(problems.count(), 3U);
  EXPECT_FALSE(known.add("x.csv", "a,b\n1,2\n", "x", problems));
}

TEST(Zones, TheMostSpecificNetworkDecides) {
  auto zones = Zones::parse_toml(R"(
home = ["10.0.0.0/8", "192.0.2.1"]
other_setting = 7
[[organisation]]
name = "Ministry"
[[organisation.zone]]
name = "dmz"
level = "outer"
networks = ["198.51.100.0/24"]
[[organisation.zone]]
name = "registry"
level = "core"
networks = ["10.1.0.0/16", "2001:db8:1::/48"]
[[zone]]
name = "guests"
level = "inner"
networks = "172.16.0.0/12"
)",
                                 "w.toml");
  ASSERT_TRUE(zones) << zones.error().message();
  ASSERT_NE(zones->zone_of(address("10.1.2.3")), nullptr);
  EXPECT_EQ(zones->zone_of(address("10.1.2.3"))->name, "registry");
  EXPECT_EQ(zones->zone_of(address("10.1.2.3"))->organisation, "Ministry");
  EXPECT_EQ(zones->zone_of(address("10.1.2.3"))->level, ZoneLevel::kCore);
  EXPECT_EQ(zones->zone_of(address("10.2.2.3"))->name, "home");
  EXPECT_EQ(zones->zone_of(address("2001:db8:1::7"))->name, "registry");
  EXPECT_EQ(zones->zone_of(address("172.20.0.1"))->level, ZoneLevel::kInner);
  EXPECT_EQ(zones->zone_of(address("8.8.8.8")), nullptr);
  EXPECT_TRUE(zones->defended(address("192.0.2.1")));
  EXPECT_FALSE(zones->defended(address("192.0.2.2")));
  EXPECT_THAT(zones->to_string(), HasSubstr("Ministry/registry core 10.1.0.0/16 2001:db8:1::/48"));
  Zones inferred;
  inferred.add_home(*base::Network::parse("10.0.0.0/8"), true);
  EXPECT_TRUE(inferred.zone_of(address("10.0.0.1"))->inferred);
}

TEST(Zones, ErrorsSayWhereAndWhatToDo) {
  const auto message = [](const char* text) {
    auto zones = Zones::parse_toml(text, "w.toml");
    return zones ? std::string() : zones.error().message();
  };
  EXPECT_THAT(message("home = [\"10.0.0.0/99\"]\n"), HasSubstr("w.toml:1: no network: \"10.0.0.0/99\""));
  EXPECT_THAT(message("home = [7]\n"), HasSubstr("no text"));
  EXPECT_THAT(message("\n[[zone]]\nname = \"a\"\nlevel = \"deep\"\nnetworks = [\"10.0.0.0/8\"]\n"),
              HasSubstr("w.toml:4: no level: \"deep\""));
  EXPECT_THAT(message("[[zone]]\nlevel = \"core\"\nnetworks = [\"10.0.0.0/8\"]\n"), HasSubstr("without a name"));
  EXPECT_THAT(message("[[zone]]\nname = \"a\"\nnetworks = [\"10.0.0.0/8\"]\n"), HasSubstr("without a level"));
  EXPECT_THAT(message("[[zone]]\nname = \"a\"\nlevel = \"core\"\n"), HasSubstr("without networks"));
  EXPECT_THAT(message("[[zone]]\nname = \"a\"\nlevel = \"core\"\nnetwrks = [\"10.0.0.0/8\"]\n"),
              HasSubstr("unknown key \"netwrks\""));
  EXPECT_THAT(message("[[organisation]]\nzone = []\n"), HasSubstr("organisation without a name"));
  EXPECT_THAT(message("[[zone]]\nname=\"a\"\nlevel=\"core\"\nnetworks=[\"10.0.0.0/"
                      "8\"]\n[[zone]]\nname=\"b\"\nlevel=\"core\"\nnetworks=[\"10.0.0.0/8\"]\n"),
              HasSubstr("two zones"));
  EXPECT_THAT(message("[[zone]]\nname=\"a\"\nlevel=\"core\"\nnetworks=[\"10.0.0.0/"
                      "8\"]\n[[zone]]\nname=\"a\"\nlevel=\"core\"\nnetworks=[\"11.0.0.0/8\"]\n"),
              HasSubstr("twice"));
  EXPECT_THAT(message("home = [\n"), HasSubstr("no valid TOML"));
  EXPECT_FALSE(Zones::load("/nonexistent.toml"));
}

}  // namespace
}  // namespace whodunit::knowledge
