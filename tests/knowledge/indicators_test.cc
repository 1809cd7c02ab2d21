// The set: look-ups, exactness, what is left out.
#include "knowledge/indicators/indicators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "knowledge/domains/public_suffix.h"
#include "knowledge/indicators/set_builder.h"

namespace whodunit::knowledge {
namespace {

using ::testing::ElementsAre;

PublicSuffixes suffixes() {
  return PublicSuffixes::parse(
      "com\nexample\nnet\nuk\nco.uk\n*.ck\n!www.ck\n// ===BEGIN PRIVATE "
      "DOMAINS===\nduckdns.example\ngithub.example\n// ===END PRIVATE DOMAINS===\n");
}

IndicatorSet set_of(const std::string& list, const PublicSuffixes& psl, const WarningLists* warnings = nullptr,
                    const FeedOptions& options = {}, bool allow_private = false) {
  Feed feed;
  Problems problems;
  FeedOptions asked = options;
  if (asked.role.empty()) asked.role = "indicator";
  auto read = read_feed("list.txt", list, asked, feed, problems);
  EXPECT_TRUE(read) << read.error().message();
  IndicatorSetBuilder builder(psl);
  builder.warnings(warnings);
  builder.source("test", "MIT", *Date::parse("2024-01-01"), "digest", allow_private);
  builder.add(feed);
  return builder.build();
}

std::vector<std::string> domain(const IndicatorSet& set, std::string_view name) {
  std::vector<IndicatorHit> hits;
  set.find_domain(name, hits);
  std::vector<std::string> out;
  for (const IndicatorHit& hit : hits)
    out.push_back(std::string(hit.value) + " (" + std::string(to_string(hit.exactness)) + ")");
  return out;
}

TEST(PublicSuffix, RulesWildcardsExceptionsAndTheDefault) {
  const PublicSuffixes psl = suffixes();
  EXPECT_EQ(psl.registrable("www.a.co.uk"), "a.co.uk");
  EXPECT_EQ(psl.registrable("co.uk"), "");
  EXPECT_TRUE(psl.is_public_suffix("co.uk"));
  EXPECT_TRUE(psl.is_public_suffix("anything.ck"));
  EXPECT_FALSE(psl.is_public_suffix("www.ck"));
  EXPECT_EQ(psl.registrable("a.www.ck"), "www.ck");
  EXPECT_EQ(psl.registrable("b.c.unheard"), "c.unheard");
  EXPECT_EQ(psl.registrable("x.evil.duckdns.example"), "evil.duckdns.example");
  EXPECT_EQ(PublicSuffixes().registrable("www.a.co.uk"), "a.co.uk");
}

TEST(PublicSuffix, TheRealListWhereInstalled) {
  const PublicSuffixes psl = PublicSuffixes::load();
  if (!psl.complete()) GTEST_SKIP() << "no public_suffix_list.dat here";
  EXPECT_GT(psl.size(), 5000U);
  EXPECT_EQ(psl.registrable("a.b.example.co.jp"), "example.co.jp");
  EXPECT_EQ(psl.registrable("a.b.city.kawasaki.jp"), "city.kawasaki.jp");
  EXPECT_EQ(psl.registrable("user.github.io"), "user.github.io");
  EXPECT_EQ(psl.registrable("xn--fiqs8s"), "");
}

TEST(Domains, MatchTheirChildrenAndNeverASuffix) {
  const PublicSuffixes psl = suffixes();
  const IndicatorSet set = set_of("evil.example\nmail.deep.com\nco.uk\nduckdns.example\nbad.duckdns.example\n", psl);
  EXPECT_THAT(domain(set, "evil.example"), ElementsAre("evil.example (exact)"));
  EXPECT_THAT(domain(set, "WWW.Evil.Example."), ElementsAre("evil.example (parent domain)"));
  EXPECT_THAT(domain(set, "a.b.c.evil.example"), ElementsAre("evil.example (parent domain)"));
  EXPECT_THAT(domain(set, "notevil.example"), ElementsAre());
  EXPECT_THAT(domain(set, "deep.com"), ElementsAre());
  EXPECT_THAT(domain(set, "x.mail.deep.com"), ElementsAre("mail.deep.com (parent domain)"));
  EXPECT_THAT(domain(set, "innocent.co.uk"), ElementsAre());
  EXPECT_THAT(domain(set, "innocent.duckdns.example"), ElementsAre());
  EXPECT_THAT(domain(set, "a.bad.duckdns.example"), ElementsAre("bad.duckdns.example (parent domain)"));
  EXPECT_THAT(domain(set, "example"), ElementsAre());
  EXPECT_THAT(domain(set, ""), ElementsAre());
  EXPECT_THAT(domain(set, std::string(300, 'a')), ElementsAre());
  ASSERT_EQ(set.sources().size(), 1U);
  EXPECT_EQ(set.sources()[0].refused, 2U);
  EXPECT_EQ(set.sources()[0].indicators, 3U);
}

TEST(Addresses, PortsNetworksAndReservedOnes) {
  const PublicSuffixes psl = suffixes();
  const std::string list =
      "9.1.2.3\n9.1.2.4:8443\n9.9.0.0/16\n10.0.0.1\n127.0.0.1\n0.0.0.0/0\n2a00:1234::5\n203.0.113.66\n";
  const IndicatorSet set = set_of(list, psl);
  const auto look = [&](const char* address, std::uint16_t port) {
    std::vector<IndicatorHit> hits;
    set.find_address(*base::Address::parse(address), port, hits);
    std::vector<std::string> out;
    for (const IndicatorHit& hit : hits)
      out.push_back(std::string(hit.value) + ' ' + std::string(to_string(hit.exactness)));
    return out;
  };
  EXPECT_THAT(look("9.1.2.3", 80), ElementsAre("9.1.2.3 exact"));
  EXPECT_THAT(look("9.1.2.4", 8443), ElementsAre("9.1.2.4 exact"));
  EXPECT_THAT(look("9.1.2.4", 80), ElementsAre("9.1.2.4 other port"));
  EXPECT_THAT(look("9.9.200.1", 80), ElementsAre("9.9.0.0/16 network"));
  EXPECT_THAT(look("9.8.255.255", 80), ElementsAre());
  EXPECT_THAT(look("9.10.0.0", 80), ElementsAre());
  EXPECT_THAT(look("2a00:1234::5", 0), ElementsAre("2a00:1234::5 exact"));
  EXPECT_THAT(look("10.0.0.1", 0), ElementsAre());
  EXPECT_THAT(look("203.0.113.66", 0), ElementsAre("203.0.113.66 exact"));
  EXPECT_EQ(set.sources()[0].refused, 3U);
  EXPECT_EQ(set_of(list, psl, nullptr, {}, true).sources()[0].refused, 2U);
}

TEST(Urls, HostsPortsQueriesAndPathsAlone) {
  const PublicSuffixes psl = suffixes();
  const IndicatorSet set =
      set_of("http://Evil.example/a/b.php?id=1\nhttp://evil.example:8080/c\nbad.com/x\n/gate.php\n", psl);
  const auto look = [&](const char* host, std::uint16_t port, const char* path) {
    std::vector<IndicatorHit> hits;
    set.find_url(host, port, path, hits);
    std::vector<std::string> out;
    for (const IndicatorHit& hit : hits)
      out.push_back(std::string(hit.value) + ' ' + std::string(to_string(hit.exactness)));
    return out;
  };
  EXPECT_THAT(look("EVIL.example", 80, "/a/b.php?id=1"), ElementsAre("evil.example/a/b.php?id=1 exact"));
  EXPECT_THAT(look("evil.example", 80, "/a/b.php?id=2"), ElementsAre());
  EXPECT_THAT(look("evil.example", 8080, "/c"), ElementsAre("evil.example:8080/c exact"));
  EXPECT_THAT(look("evil.example:8080", 0, "/c"), ElementsAre("evil.example:8080/c exact"));
  EXPECT_THAT(look("evil.example", 80, "/c"), ElementsAre());
  EXPECT_THAT(look("bad.com", 443, "/x?y=z"), ElementsAre("bad.com/x without query"));
  EXPECT_THAT(look("anything.net", 80, "/gate.php?a=b"), ElementsAre("/gate.php path"));
  EXPECT_THAT(look("", 80, ""), ElementsAre());
}

TEST(Digests, AndTheRest) {
  const PublicSuffixes psl = suffixes();
  FeedOptions csv;
  csv.role = "indicator";
  const IndicatorSet set = set_of(
      "type,value\nmd5,0123456789ABCDEF0123456789ABCDEF\nja3,0123456789abcdef0123456789abcdef\nhassh,"
      "1123456789abcdef0123456789abcdef\n"
      "ja4,t13d1516h2_8daaf6152771_b186095e22b6\ncertificate,0123456789abcdef0123456789abcdef01234567\nuser-agent,"
      "EvilAgent/1.0\nemail,Someone@Evil.example\n"
      "md5,d41d8cd98f00b204e9800998ecf8427e\n",
      psl, nullptr, csv);
  const auto count = [&](auto look) {
    std::vector<IndicatorHit> hits;
    look(hits);
    return hits.size();
  };
  EXPECT_EQ(count([&](auto& h) { set.find_file("0123456789abcdef0123456789ABCDEF", h); }), 1U);
  EXPECT_EQ(count([&](auto& h) { set.find_file("1123456789abcdef0123456789abcdef", h); }), 0U);
  EXPECT_EQ(count([&](auto& h) { set.find_file("d41d8cd98f00b204e9800998ecf8427e", h); }), 0U)
      << "the empty file is no indicator";
  EXPECT_EQ(count([&](auto& h) { set.find_file("zz", h); }), 0U);
  EXPECT_EQ(count([&](auto& h) { set.find_fingerprint(IndicatorKind::kJa3, "0123456789abcdef0123456789abcdef", h); }),
            1U);
  EXPECT_EQ(count([&](auto& h) { set.find_fingerprint(IndicatorKind::kJa3s, "0123456789abcdef0123456789abcdef", h); }),
            0U);
  EXPECT_EQ(count([&](auto& h) { set.find_fingerprint(IndicatorKind::kHassh, "1123456789ABCDEF0123456789abcdef", h); }),
            1U);
  EXPECT_EQ(
      count([&](auto& h) { set.find_fingerprint(IndicatorKind::kJa4, "t13d1516h2_8daaf6152771_b186095e22b6", h); }),
      1U);
  EXPECT_EQ(
      count([&](auto& h) { set.find_certificate("01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:67", h); }),
      1U);
  EXPECT_EQ(count([&](auto& h) { set.find_user_agent(" EvilAgent/1.0", h); }), 1U);
  EXPECT_EQ(count([&](auto& h) { set.find_email("SOMEONE@evil.EXAMPLE", h); }), 1U);
}

TEST(Hits, SayWhereTheyComeFrom) {
  const PublicSuffixes psl = suffixes();
  Feed feed;
  Problems problems;
  ASSERT_TRUE(read_feed("apt_x.txt",
                        "# Reference: https://vendor.example/2015/03/30/r\nevil.example\n\n# Reference: "
                        "https://other.example/r\nevil.example\nevil.example\n",
                        {}, feed, problems));
  IndicatorSetBuilder builder(psl);
  builder.source("trails", "MIT", *Date::parse("2020-06-07"), "");
  builder.add(feed);
  const IndicatorSet set = builder.build();
  EXPECT_EQ(set.size(), 2U) << "one per report";
  std::vector<IndicatorHit> hits;
  set.find_domain("evil.example", hits);
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].source, "trails");
  EXPECT_EQ(hits[0].licence, "MIT");
  EXPECT_EQ(hits[0].actor, "apt_x");
  EXPECT_EQ(hits[0].report, "https://vendor.example/2015/03/30/r");
  EXPECT_EQ(hits[0].date.to_string(), "2015-03-30");
  EXPECT_EQ(hits[1].date.to_string(), "2020-06-07") << "the source's, where the report has none";
}

WarningLists warnings() {
  WarningLists lists;
  lists.add({"Top 1000 website from Alexa", "hostname", "", {"popular.com", "host.example"}});
  lists.add({"List of known dynamic DNS domains", "hostname", "", {".host.example"}});
  lists.add({"List of known IPv4 public DNS resolvers", "cidr", "", {"9.9.9.9/32"}});
  lists.add({"List of known Amazon AWS IP address ranges", "cidr", "", {"9.100.0.0/16"}});
  lists.add({"Top 20 000 websites from Cisco Umbrella", "string", "", {"tail.com"}});
  lists.add({"Unattributed phone number.", "regex", "", {"/1234/"}});
  lists.finish();
  return lists;
}

TEST(Warnings, SubtractOrLabelAndAreCounted) {
  const PublicSuffixes psl = suffixes();
  const WarningLists lists = warnings();
  const IndicatorSet set = set_of(
      "popular.com\nwww.popular.com\npopular.com/evil.php\nmine.host.example\n9.9.9.9\n9.100.1.1\ntail.com\nevil.net\n",
      psl, &lists);
  EXPECT_THAT(domain(set, "popular.com"), ElementsAre());
  EXPECT_THAT(domain(set, "www.popular.com"), ElementsAre());
  EXPECT_THAT(domain(set, "mine.host.example"), ElementsAre("mine.host.example (exact)"))
      << "anybody can have a name there";
  EXPECT_THAT(domain(set, "tail.com"), ElementsAre("tail.com (exact)"));
  std::vector<IndicatorHit> hits;
  set.find_domain("tail.com", hits);
  set.find_domain("mine.host.example", hits);
  set.find_address(*base::Address::parse("9.100.1.1"), 0, hits);
  set.find_url("popular.com", 80, "/evil.php", hits);
  ASSERT_EQ(hits.size(), 4U);
  EXPECT_EQ(hits[0].labels, "popular");
  EXPECT_EQ(hits[1].labels, "dynamic DNS");
  EXPECT_EQ(hits[2].labels, "cloud");
  hits.clear();
  set.find_address(*base::Address::parse("9.9.9.9"), 0, hits);
  EXPECT_TRUE(hits.empty());
  EXPECT_EQ(set.sources()[0].subtracted, 3U);
  std::map<std::string, std::uint64_t> by_list;
  for (const Subtraction& one : set.subtractions()) by_list[one.list] = one.count;
  EXPECT_EQ(by_list["Top 1000 website from Alexa"], 2U);
  EXPECT_EQ(by_list["List of known IPv4 public DNS resolvers"], 1U);
}

TEST(Set, DoesNotDependOnTheOrderOfLines) {
  const PublicSuffixes psl = suffixes();
  EXPECT_EQ(set_of("a.com\nb.com\n9.1.1.1\n", psl).digest(), set_of("9.1.1.1\nb.com\na.com\n", psl).digest());
  EXPECT_NE(set_of("a.com\nb.com\n", psl).digest(), set_of("a.com\nc.com\n", psl).digest());
  EXPECT_EQ(IndicatorSet().size(), 0U);
  EXPECT_THAT(domain(IndicatorSet(), "a.com"), ElementsAre());
}

TEST(Set, HoldsFourHundredThousandInLittleMemory) {
  const PublicSuffixes psl = suffixes();
  Feed feed;
  Problems problems;
  std::string list = "# Reference: https://vendor.example/report\n";
  constexpr int kCount = 400'000;
  for (int i = 0; i < kCount; ++i)
    list += "host" + std::to_string(i) + ".malicious-infrastructure" + std::to_string(i % 5003) + ".com\n";
  ASSERT_TRUE(read_feed("apt_many.txt", list, {}, feed, problems));
  IndicatorSetBuilder builder(psl);
  builder.source("many", "", {}, "");
  builder.add(feed);
  const IndicatorSet set = builder.build();
  EXPECT_EQ(set.size(), static_cast<std::uint64_t>(kCount));
  EXPECT_LT(set.memory(), std::size_t{150} << 20);
  // Processor time per look-up is printed, not asserted.
  std::vector<std::string> names;
  for (int i = 0; i < 4096; ++i) names.push_back("www.some-site" + std::to_string(i * 7919) + ".co.uk");
  std::vector<IndicatorHit> hits;
  const std::clock_t start = std::clock();
  constexpr int kLookUps = 500'000;
  for (int i = 0; i < kLookUps; ++i) set.find_domain(names[static_cast<std::size_t>(i) % names.size()], hits);
  const double ns = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / kLookUps * 1e9;
  EXPECT_TRUE(hits.empty());
  std::printf("[ measured ] %.1f ns per look-up of a name that is not there, %zu bytes for %d indicators\n", ns,
              set.memory(), kCount);
  RecordProperty("ns_per_miss", std::to_string(ns));
  for (int i = 0; i < kCount; i += 997) {
    hits.clear();
    set.find_domain("x.host" + std::to_string(i) + ".malicious-infrastructure" + std::to_string(i % 5003) + ".com",
                    hits);
    ASSERT_EQ(hits.size(), 1U) << i;
  }
}

}  // namespace
}  // namespace whodunit::knowledge
