// What is kept between runs, and what a run loads.
#include "knowledge/intel_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>

#include "knowledge/actor_store.h"
#include "knowledge/knowledge.h"
#include "knowledge/mmdb_writer.h"
#include "knowledge/temporary_folder.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_help::TemporaryFolder;

Feed sample() {
  Feed feed;
  Problems problems;
  EXPECT_TRUE(read_feed("apt_x.txt",
                        "# Reference: https://v.example/2015/03/30/r\nevil.example\n9.1.1.1:8080\nhost.example/p?q\n",
                        {}, feed, problems));
  return feed;
}

TEST(Pack, UnpacksToTheSame) {
  Feed lists;
  Problems problems;
  ASSERT_TRUE(read_feed("l.json", R"({"name":"L","type":"cidr","list":["9.0.0.0/8"],"matching_attributes":["ip-dst"]})",
                        {}, lists, problems));
  Feed networks;
  ASSERT_TRUE(read_feed("worst.txt", "9.0.0.0/8,x\n2a00::/16,y\n", {}, networks, problems));
  const std::string packed = pack_feeds({sample(), lists, networks});
  auto feeds = unpack_feeds(packed);
  ASSERT_TRUE(feeds);
  EXPECT_EQ(pack_feeds(*feeds), packed);
  ASSERT_THAT(*feeds, SizeIs(3));
  EXPECT_EQ(feeds->at(0).indicators.at(1).port, 8080);
  EXPECT_EQ(feeds->at(0).indicators.at(0).date.to_string(), "2015-03-30");
  EXPECT_EQ(feeds->at(2).networks.at(1).network.to_string(), "2a00::/16");
}

TEST(Pack, DamageIsNoticed) {
  const std::string packed = pack_feeds({sample()});
  for (std::size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    EXPECT_FALSE(unpack_feeds(damaged)) << i;
    EXPECT_FALSE(unpack_feeds(std::string_view(packed).substr(0, i))) << i;
  }
}

TEST(Store, AddListReplaceRemove) {
  TemporaryFolder folder;
  IntelStore store(folder.path() + "/intel");
  folder.write("feeds/LICENSE", "MIT License\n\nPermission is hereby granted, free of charge, to any person\n");
  folder.write("feeds/README.md", "# evil.example\n");
  const std::string list = folder.write("feeds/domains.txt", "evil.example\nbroken line\nother.example\n");
  Problems problems;
  bool replaced = true;
  auto added = store.add({list}, {}, problems, replaced);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_FALSE(replaced);
  EXPECT_EQ(added->name, "feeds-domains") << "a name that says nothing takes its folder's along";
  EXPECT_EQ(added->licence, "MIT");
  EXPECT_EQ(added->entries(), 2U);
  ASSERT_EQ(problems.count(), 1U);
  EXPECT_EQ(problems.kept()[0].where, "domains.txt:2");
  IntelAddOptions options;
  options.name = "feeds-domains";
  options.feed.date = *Date::parse("2024-05");
  ASSERT_TRUE(store.add({list}, options, problems, replaced));
  EXPECT_TRUE(replaced);
  const auto sources = store.list(problems);
  ASSERT_THAT(sources, SizeIs(1));
  EXPECT_EQ(sources[0].date.to_string(), "2024-05");
  EXPECT_EQ(sources[0].digest, added->digest);
  // A damaged parsed form is made anew from the originals.
  ASSERT_TRUE(write_file(folder.path() + "/intel/feeds-domains/parsed", "damaged"));
  Problems none;
  const auto loaded = store.load(none);
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_THAT(loaded[0].feeds.at(0).indicators, SizeIs(2));
  EXPECT_EQ(none.count(), 0U);
  EXPECT_FALSE(store.remove("../feeds"));
  auto unknown = store.remove("nobody");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().hint, HasSubstr("feeds-domains"));
  ASSERT_TRUE(store.remove("feeds-domains"));
  EXPECT_THAT(store.list(none), IsEmpty());
}

TEST(Store, BadInputChangesNothing) {
  TemporaryFolder folder;
  IntelStore store(folder.path() + "/intel");
  Problems problems;
  bool replaced = false;
  EXPECT_FALSE(store.add({folder.path() + "/nothing"}, {}, problems, replaced));
  EXPECT_FALSE(store.add({folder.write("empty.txt", "")}, {}, problems, replaced));
  EXPECT_FALSE(store.add({folder.write("junk.txt", "what is\nall this\n")}, {}, problems, replaced));
  EXPECT_FALSE(store.add({folder.write("b.stix2", R"({"type":"bundle","objects":[)")}, {}, problems, replaced));
  EXPECT_FALSE(store.add({folder.write("none/README.md", "x")}, {}, problems, replaced));
  std::filesystem::create_directory(folder.path() + "/void");
  EXPECT_FALSE(store.add({folder.path() + "/void"}, {}, problems, replaced));
  EXPECT_THAT(store.list(problems), IsEmpty());
  // Where nothing can be written.
  IntelStore nowhere("/proc/nowhere");
  EXPECT_FALSE(nowhere.add({folder.write("a.txt", "evil.example\n")}, {}, problems, replaced));
}

TEST(Store, AFolderOfManyFormats) {
  TemporaryFolder folder;
  folder.write(
      "all/indicators/bundle.stix2",
      R"({"type":"bundle","objects":[{"type":"indicator","id":"indicator--1","pattern":"[domain-name:value='evil.example']"}]})");
  folder.write("all/vpn/ipv4.txt", "9.2.0.0/16\n9.3.0.0/16\n");
  folder.write("all/warnings/list.json",
               R"({"name":"Top 1000","type":"hostname","list":["popular.example"],"matching_attributes":["domain"]})");
  folder.write("all/rules/a.yar", "rule a { condition: true }");
  folder.write("all/kev.csv", "cveID,vendorProject,dateAdded\nCVE-2021-44228,Apache,2021-12-10\n");
  folder.write("all/notes.txt", "nothing\nof the kind\nis here\n");
  folder.write("all/list.txt", "popular.example\nreal.example\n");
  using V = testing_help::MmdbValue;
  folder.write("all/geo.mmdb", testing_help::make_mmdb("Mine", 1700000000,
                                                       {{"9.2.0.0/16", V::map({{"country_code", V::text("NL")}})}}));
  const std::string intel = folder.path() + "/intel";
  Problems problems;
  bool replaced = false;
  auto added = IntelStore(intel).add({folder.path() + "/all"}, {}, problems, replaced);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(problems.count(), 0U);
  EXPECT_EQ(added->passed_over, 1U);
  KnowledgeSettings settings;
  settings.intel_folder = intel;
  settings.with_actors = false;
  auto loaded = load_knowledge(settings);
  ASSERT_TRUE(loaded);
  const Knowledge& all = **loaded;
  EXPECT_EQ(all.problems.count(), 0U);
  EXPECT_EQ(all.indicators.size(), 2U);
  EXPECT_THAT(all.indicators.subtractions(), SizeIs(1));
  EXPECT_THAT(all.yara_files, SizeIs(1));
  EXPECT_NE(all.vulnerabilities.find("CVE-2021-44228"), nullptr);
  const AddressFacts facts = all.networks.facts(*base::Address::parse("9.2.3.4"));
  EXPECT_EQ(facts.leading_kind(), NetworkKind::kVpn);
  bool mine = false;
  for (const AddressCountry& claim : facts.countries)
    mine = mine || (claim.country == "NL" && claim.source->name == "all");
  EXPECT_TRUE(mine);
  std::vector<IndicatorHit> hits;
  all.indicators.find_address(*base::Address::parse("9.2.3.4"), 0, hits);
  EXPECT_THAT(hits, IsEmpty()) << "a network of a list is context, not an indicator";
  auto again = load_knowledge(settings);
  EXPECT_EQ((*again)->digest, all.digest);
  folder.write("more.txt", "another.example\n");
  ASSERT_TRUE(IntelStore(intel).add({folder.path() + "/more.txt"}, {}, problems, replaced));
  EXPECT_NE((*load_knowledge(settings))->digest, all.digest);
  settings.intel_folder = folder.path() + "/missing";
  EXPECT_FALSE(load_knowledge(settings));
}

TEST(ActorStore, ImportsAreKeptAndReplaced) {
  TemporaryFolder folder;
  const std::string trail = folder.write(
      "malware/apt_sofacy.txt", "# Aliases: sofacy\n\n# Reference: https://v.example/2016/01/02/x\n\nevil.example\n");
  Problems problems;
  auto imported = import_actors(trail, folder.path() + "/k", problems);
  ASSERT_TRUE(imported) << imported.error().message();
  EXPECT_FALSE(imported->replaced);
  EXPECT_TRUE(import_actors(trail, folder.path() + "/k", problems)->replaced);
  auto actors = load_actors(folder.path() + "/k", problems);
  ASSERT_TRUE(actors);
  ASSERT_THAT((*actors)->reports(), SizeIs(1));
  if (find_data_file("actors.tsv").empty()) GTEST_SKIP() << "the table of actors is not installed beside the tests";
  EXPECT_EQ((*actors)->reports()[0].group, "G0007") << "joined with what ships";
  EXPECT_FALSE(import_actors(folder.path() + "/nothing", folder.path() + "/k", problems));
}

const std::filesystem::path kIntel = std::filesystem::path(WHODUNIT_SOURCE_DIR) / "../shared/intel";

TEST(RealFeeds, AreTakenAndLoadedQuickly) {
  if (!std::filesystem::exists(kIntel / "maltrail")) GTEST_SKIP() << "the shared feeds are not here";
  TemporaryFolder folder;
  IntelStore store(folder.path());
  struct Case {
    const char* path;
    FeedRole role;
    std::uint64_t least;
    std::uint64_t most_problems;
  };
  const Case cases[] = {{"maltrail/trails/static/malware", FeedRole::kIndicators, 320000, 5},
                        {"maltrail/data/worst_asns.txt", FeedRole::kContext, 5900, 0},
                        {"ipsum/levels/3.txt", FeedRole::kContext, 14000, 0},
                        {"x4b/output/vpn/ipv4.txt", FeedRole::kContext, 10000, 0},
                        {"x4b/output/datacenter/ipv4.txt", FeedRole::kContext, 42000, 0},
                        {"bad-asn/bad-asn-list.csv", FeedRole::kContext, 700, 0},
                        {"cloud-ips", FeedRole::kContext, 6000, 0},
                        {"amnesty", FeedRole::kIndicators, 4100, 0},
                        {"mvt", FeedRole::kIndicators, 1300, 1},
                        {"kev", FeedRole::kVulnerabilities, 0, 0},
                        {"warninglists", FeedRole::kWarnings, 400000, 0}};
  for (const Case& one : cases) {
    Problems problems;
    bool replaced = false;
    auto added = store.add({(kIntel / one.path).string()}, {}, problems, replaced);
    ASSERT_TRUE(added) << added.error().message();
    EXPECT_EQ(added->files.at(0).role, one.role) << one.path;
    EXPECT_GE(added->entries(), one.least) << one.path;
    EXPECT_LE(problems.count(), one.most_problems)
        << one.path << ": " << (problems.empty() ? "" : problems.kept()[0].message());
  }
  KnowledgeSettings settings;
  settings.intel_folder = folder.path();
  settings.with_actors = false;
  const std::clock_t start = std::clock();
  auto loaded = load_knowledge(settings);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(loaded);
  const Knowledge& all = **loaded;
  std::printf("[ measured ] all feeds load in %.2f s of processor time: %llu indicators in %zu bytes\n", seconds,
              static_cast<unsigned long long>(all.indicators.size()), all.indicators.memory());
  EXPECT_EQ(all.problems.count(), 0U);
  EXPECT_GT(all.indicators.size(), 180000U);
  EXPECT_LT(all.indicators.memory(), std::size_t{100} << 20);
  EXPECT_FALSE(all.indicators.subtractions().empty());
  EXPECT_NE(all.vulnerabilities.find("CVE-2021-44228"), nullptr);
  std::vector<IndicatorHit> hits;
  all.indicators.find_domain("www.adawareblock.com", hits);
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(hits[0].actor, "apt_sofacy");
  EXPECT_EQ(hits[0].licence, "MIT");
  hits.clear();
  for (const char* harmless :
       {"www.google.com", "github.com", "windowsupdate.com", "com", "duckdns.org", "www.wikipedia.org"})
    all.indicators.find_domain(harmless, hits);
  all.indicators.find_address(*base::Address::parse("8.8.8.8"), 53, hits);
  EXPECT_THAT(hits, IsEmpty()) << (hits.empty() ? "" : std::string(hits[0].value));
}

}  // namespace
}  // namespace whodunit::knowledge
