// Formats of feeds: what is taken, what is told.
#include "knowledge/indicators/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "knowledge/indicators/stix_pattern.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

struct Read {
  Feed feed;
  Problems problems;
  base::Result<void> result;
};

Read read(const std::string& name, const std::string& text, const FeedOptions& options = {}) {
  Read out;
  out.result = read_feed(name, text, options, out.feed, out.problems);
  return out;
}

std::vector<std::string> values(const Feed& feed) {
  std::vector<std::string> out;
  for (const FeedIndicator& one : feed.indicators) {
    out.push_back(std::string(to_string(one.kind)) + ' ' + one.value +
                  (one.port == 0 ? "" : " port " + std::to_string(one.port)));
  }
  return out;
}

TEST(PlainList, TakesEveryFormAndTellsTheOthersByLine) {
  const Read r = read("list.txt",
                      "# a comment\n"
                      "evil.example\r\n"
                      "Evil[.]Example[.]NET.   # defanged\n"
                      "192.0.2.1\n"
                      "192.0.2.1:8443\n"
                      "[2001:db8::1]:443\n"
                      "hxxp://bad.example/gate.php?id=1#top\n"
                      "d41d8cd98f00b204e9800998ecf8427f\n"
                      "someone@evil.example\n"
                      "\n"
                      "300.1.2.3\n"
                      "no indicator\n"
                      "http://\n");
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kPlainList);
  EXPECT_THAT(values(r.feed), ElementsAre("domain evil.example", "domain evil.example.net", "address 192.0.2.1",
                                          "address 192.0.2.1 port 8443", "address 2001:db8::1 port 443",
                                          "url bad.example/gate.php?id=1", "md5 d41d8cd98f00b204e9800998ecf8427f",
                                          "email someone@evil.example"));
  ASSERT_EQ(r.problems.count(), 3U);
  EXPECT_EQ(r.problems.kept()[0].where, "list.txt:11");
  EXPECT_THAT(r.problems.kept()[0].what, HasSubstr("300.1.2.3"));
  EXPECT_EQ(r.problems.kept()[1].where, "list.txt:12");
  EXPECT_EQ(r.problems.kept()[2].where, "list.txt:13");
}

TEST(PlainList, ReadsHostsFilesAndChecksumLists) {
  const Read hosts = read("hosts", "0.0.0.0 ads.evil.example\n127.0.0.1 track.evil.example\n");
  EXPECT_THAT(values(hosts.feed), ElementsAre("domain ads.evil.example", "domain track.evil.example"));
  const Read sums = read("sums", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  dropper.exe\n");
  ASSERT_EQ(sums.feed.indicators.size(), 1U);
  EXPECT_EQ(sums.feed.strings[sums.feed.indicators[0].malware], "dropper.exe");
}

TEST(PlainList, ValuesMayBeNamed) {
  FeedOptions options;
  options.value_kind = "ja3";
  EXPECT_THAT(values(read("ja3.txt", "6734F37431670B3AB4292B8F60F29984\n", options).feed),
              ElementsAre("ja3 6734f37431670b3ab4292b8f60f29984"));
  options.value_kind = "user-agent";
  EXPECT_THAT(values(read("ua.txt", "Mozilla/4.0 (compatible; MSIE 6.0)\n", options).feed),
              ElementsAre("user-agent Mozilla/4.0 (compatible; MSIE 6.0)"));
}

TEST(PlainList, InternationalNamesAreComparedInAscii) {
  EXPECT_EQ(normalised_domain("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(normalised_domain("BÜCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(normalised_domain("пример.испытание"), "xn--e1afmkfd.xn--80akhbyknj4f");
  EXPECT_EQ(normalised_domain("\xff\xfe.example"), std::nullopt);
  EXPECT_EQ(normalised_domain("\xf4\xbf\xbf\xbf.example"), std::nullopt);  // above the last code point
  EXPECT_EQ(normalised_domain("localhost"), std::nullopt);
  EXPECT_EQ(normalised_domain("1.2.3.4"), std::nullopt);
  EXPECT_EQ(normalised_domain(std::string(64, 'a') + ".example"), std::nullopt);
}

TEST(Networks, AreContextByThemselves) {
  FeedOptions options;
  options.path_hint = "/feeds/vpn/ipv4.txt";
  const Read r = read("ipv4.txt", "192.0.2.0/24\n198.51.100.0/25\n203.0.113.7\n", options);
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.role, FeedRole::kContext);
  EXPECT_EQ(r.feed.network_kind, NetworkKind::kVpn);
  EXPECT_TRUE(r.feed.indicators.empty());
  EXPECT_EQ(r.feed.networks.size(), 3U);
  options.role = "indicator";
  EXPECT_THAT(values(read("ipv4.txt", "192.0.2.0/24\n203.0.113.7\n", options).feed),
              UnorderedElementsAre("network 192.0.2.0/24", "address 203.0.113.7"));
}

TEST(Networks, LabelsAndSectionsAreKept) {
  const Read r = read("worst_asns.txt", "# AS63949 Linode, LLC\n\n192.0.2.0/24,linode\n198.51.100.0/24,linode\n");
  EXPECT_EQ(r.feed.format, FeedFormat::kNetworks);
  EXPECT_EQ(r.feed.network_kind, NetworkKind::kAbuseTolerant);
  ASSERT_EQ(r.feed.networks.size(), 2U);
  EXPECT_EQ(r.feed.strings[r.feed.networks[0].label], "linode");
}

TEST(Networks, ProvidersJsonOfAnyShape) {
  const Read r = read(
      "ranges.json",
      R"({"syncToken":"1","createDate":"2024-05-06-01-02-03","prefixes":[{"ip_prefix":"192.0.2.0/24","region":"x"}],"v6":["2001:db8::/32"]})");
  EXPECT_EQ(r.feed.format, FeedFormat::kNetworks);
  EXPECT_EQ(r.feed.networks.size(), 2U);
  EXPECT_EQ(r.feed.role, FeedRole::kContext);
}

TEST(Networks, ManyBareAddressesAreContextAFewAreIndicators) {
  std::string many, few;
  for (int i = 0; i < 2000; ++i) many += "9." + std::to_string(i / 200) + '.' + std::to_string(i % 200) + ".1\n";
  for (int i = 0; i < 20; ++i) few += "9.9.9." + std::to_string(i) + '\n';
  EXPECT_EQ(read("3.txt", many).feed.role, FeedRole::kContext);
  EXPECT_EQ(read("3.txt", few).feed.role, FeedRole::kIndicators);
}

TEST(Systems, ListsOfAutonomousSystems) {
  const Read r =
      read("bad-asn-list.csv", "ASN,Entity\n198375,\"INULOGIC SARL, FR\"\n51447, \"RootLayer, NL\"\nASX,\"broken\"\n");
  ASSERT_TRUE(r.result);
  ASSERT_EQ(r.feed.systems.size(), 2U);
  EXPECT_EQ(r.feed.systems[0].number, 198375U);
  EXPECT_EQ(r.feed.strings[r.feed.systems[0].label], "INULOGIC SARL, FR");
  EXPECT_EQ(r.feed.strings[r.feed.systems[1].label], "RootLayer, NL");
  EXPECT_EQ(r.feed.role, FeedRole::kContext);
  ASSERT_EQ(r.problems.count(), 1U);
  EXPECT_EQ(r.problems.kept()[0].where, "bad-asn-list.csv:4");
}

TEST(Maltrail, KeepsReferencesDatesAndPorts) {
  const Read r =
      read("apt_sample-1.txt",
           "# Copyright (c) Maltrail developers\n\n# Aliases: sample, other\n\n"
           "# Reference: https://vendor.example/blog/2015/03/30/report\n# Reference: https://second.example\n\n"
           "http://192.0.2.9\n192.0.2.10:8080\nevil.example\nhacked.example/wp/a.php\n/gate.php?x=1\n\n"
           "# Reference: https://twitter.com/someone/status/1189017890927726593\n\nlater.example   # "
           "note\n1.2.3.4:22:443\n");
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kMaltrail);
  EXPECT_THAT(values(r.feed), ElementsAre("address 192.0.2.9", "address 192.0.2.10 port 8080", "domain evil.example",
                                          "url hacked.example/wp/a.php", "url /gate.php?x=1", "domain later.example"));
  EXPECT_EQ(r.feed.strings[r.feed.indicators[0].actor], "apt_sample");
  EXPECT_EQ(r.feed.strings[r.feed.indicators[0].report], "https://vendor.example/blog/2015/03/30/report");
  EXPECT_EQ(r.feed.indicators[0].date.to_string(), "2015-03-30");
  EXPECT_EQ(r.feed.indicators[5].date.to_string(), "2019-10-29");
  ASSERT_EQ(r.problems.count(), 1U);
  EXPECT_EQ(r.problems.kept()[0].where, "apt_sample-1.txt:17");
}

TEST(CsvFeed, ColumnsByTitle) {
  const Read r = read("feed.csv",
                      "first_seen,ip,port,domain,sha256,malware,threat_actor,reference,confidence\n"
                      "2023-01-02 03:04:05,192.0.2.5,443,,,\"Rat, the\",APT28,https://r.example,90\n"
                      "2023-02-03,,,c2.example,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,,,,\n"
                      "2023-02-03,,,not a name,,,,,\n");
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kCsv);
  EXPECT_THAT(values(r.feed), ElementsAre("address 192.0.2.5 port 443", "domain c2.example",
                                          "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
  const FeedIndicator& one = r.feed.indicators[0];
  EXPECT_EQ(one.date.to_string(), "2023-01-02");
  EXPECT_EQ(r.feed.strings[one.malware], "Rat, the");
  EXPECT_EQ(r.feed.strings[one.actor], "APT28");
  EXPECT_EQ(r.feed.strings[one.report], "https://r.example");
  EXPECT_FLOAT_EQ(one.confidence, 0.9F);
  ASSERT_EQ(r.problems.count(), 1U);
  EXPECT_EQ(r.problems.kept()[0].where, "feed.csv:4");
}

TEST(CsvFeed, TypeAndValueColumns) {
  const Read r = read("iocs.csv",
                      "type;value;comment\n"
                      "ja3;6734f37431670b3ab4292b8f60f29984;bot\n"
                      "domain;evil.example;bot\n"
                      "user-agent;curl/7.evil;bot\n"
                      "x509-fingerprint-sha1;\"AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD\";bot\n");
  ASSERT_TRUE(r.result) << r.result.error().message();
  EXPECT_THAT(values(r.feed),
              ElementsAre("ja3 6734f37431670b3ab4292b8f60f29984", "domain evil.example", "user-agent curl/7.evil",
                          "certificate aabbccddeeff00112233445566778899aabbccdd"));
}

TEST(CsvFeed, WithoutAHeaderAndWithTheHeaderInAComment) {
  const Read bare =
      read("c2.csv", "2024-01-01,192.0.2.1,bot a\n2024-01-02,192.0.2.2,bot b\n2024-01-03,evil.example,bot c\n");
  EXPECT_THAT(values(bare.feed), ElementsAre("address 192.0.2.1", "address 192.0.2.2", "domain evil.example"));
  EXPECT_EQ(bare.feed.indicators[2].date.to_string(), "2024-01-03");
  EXPECT_EQ(bare.feed.strings[bare.feed.indicators[2].malware], "bot c");
  const Read commented = read("ssl.csv",
                              "################\n# A list\n# Listingdate,SHA1,Listingreason\n"
                              "2024-05-06 07:08:09,0123456789abcdef0123456789abcdef01234567,Bot C&C\n");
  ASSERT_EQ(commented.feed.indicators.size(), 1U);
  EXPECT_EQ(commented.feed.indicators[0].kind, IndicatorKind::kSha1);
  EXPECT_EQ(commented.feed.indicators[0].date.to_string(), "2024-05-06");
  FeedOptions options;
  options.value_kind = "certificate";
  EXPECT_EQ(read("ssl.csv", "# Listingdate,SHA1,Listingreason\n2024-05-06,0123456789abcdef0123456789abcdef01234567,x\n",
                 options)
                .feed.indicators.at(0)
                .kind,
            IndicatorKind::kCertificate);
}

TEST(CsvFeed, TablesOfRangesAreLeftToTheNetworks) {
  EXPECT_EQ(read("geo.csv", "1.0.0.0,1.0.0.255,AU\n1.0.1.0,1.0.3.255,CN\n").feed.format, FeedFormat::kRangeTable);
  EXPECT_EQ(
      read("asn.csv", "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n1.0.4.0,1.0.5.255,38803,Gtelecom\n").feed.format,
      FeedFormat::kRangeTable);
}

TEST(SignatureBase, ScoresTitlesAndReferences) {
  const Read r = read("c2-iocs.txt",
                      "# Operation X https://vendor.example/report\nsuroot.example;80;see note\n192.0.2.44\n\n"
                      "ce583821191345274cd954b2db7da9742c239fe413fc17dcb97ffdd7b51cb072;Dark Caracal - Help "
                      "https://other.example/r\n;broken\n");
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kSignatureBase);
  EXPECT_EQ(r.feed.indicators.size(), 3U);
  EXPECT_FLOAT_EQ(r.feed.indicators[0].confidence, 0.8F);
  EXPECT_EQ(r.feed.strings[r.feed.indicators[0].report], "https://vendor.example/report");
  EXPECT_EQ(r.feed.strings[r.feed.indicators[2].malware], "Dark Caracal - Help");
  EXPECT_EQ(r.feed.strings[r.feed.indicators[2].report], "https://other.example/r");
  EXPECT_EQ(r.problems.count(), 1U);
}

TEST(Stix, PatternsOfTheUsualForms) {
  const auto paths = [](const std::string& pattern) {
    auto parsed = parse_stix_pattern(pattern);
    std::vector<std::string> out;
    if (!parsed) return std::vector<std::string>{"error: " + parsed.error().what};
    for (const StixComparison& c : *parsed)
      out.push_back((c.negated ? "not " : "") + c.path + ' ' + c.op + ' ' + c.value + (c.partial ? " partial" : ""));
    return out;
  };
  EXPECT_THAT(paths("[domain-name:value='evil.example']"), ElementsAre("domain-name:value = evil.example"));
  EXPECT_THAT(paths("[file:hashes.'SHA-256' = 'ab' OR file:hashes.MD5='cd']"),
              ElementsAre("file:hashes.SHA-256 = ab", "file:hashes.MD5 = cd"));
  // Digests of one file: either is enough. An address and a port: not.
  EXPECT_THAT(paths("[file:hashes.MD5 = 'cd' AND file:hashes.'SHA-1' = 'ef']"),
              ElementsAre("file:hashes.MD5 = cd", "file:hashes.SHA-1 = ef"));
  EXPECT_THAT(paths("[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 80]"),
              ElementsAre("ipv4-addr:value = 192.0.2.1 partial", "network-traffic:dst_port = 80 partial"));
  EXPECT_THAT(paths("[a:b = 'x' OR a:b = 'y' AND a:c = 'z']"),
              ElementsAre("a:b = x", "a:b = y partial", "a:c = z partial"));
  EXPECT_THAT(paths("[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]"),
              ElementsAre("ipv4-addr:value IN 192.0.2.1", "ipv4-addr:value IN 192.0.2.2"));
  EXPECT_THAT(paths("[a:b != 'x'] OR [a:b NOT = 'y']"), ElementsAre("not a:b = x", "not a:b = y"));
  EXPECT_THAT(paths("([a:b = 'x'] FOLLOWEDBY [a:b = 'y']) WITHIN 300 SECONDS"),
              ElementsAre("a:b = x partial", "a:b = y partial"));
  EXPECT_THAT(paths("[url:value = 'it\\'s']"), ElementsAre("url:value = it's"));
  EXPECT_THAT(paths("[a:b = 'x'")[0], HasSubstr("no ']'"));
  EXPECT_THAT(paths("[a:b 'x']")[0], HasSubstr("error"));
  EXPECT_THAT(paths("")[0], HasSubstr("error"));
  EXPECT_THAT(paths("[a:b = 'x")[0], HasSubstr("error"));
  EXPECT_THAT(paths(std::string(100, '('))[0], HasSubstr("nested"));
}

constexpr const char* kBundle = R"({"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[
  {"type":"malware","id":"malware--1","name":"Spy"},
  {"type":"intrusion-set","id":"intrusion-set--1","name":"APT0"},
  {"type":"indicator","id":"indicator--1","pattern":"[domain-name:value='evil.example']","valid_from":"2021-07-18T00:00:00Z","valid_until":"2022-01-01T00:00:00Z","confidence":80,"labels":["malicious-activity"]},
  {"type":"indicator","id":"indicator--2","pattern":"[ipv4-addr:value='192.0.2.0/24' OR email-addr:value='a@evil.example' OR x509-certificate:hashes.'SHA-1'='0123456789abcdef0123456789abcdef01234567']","valid_from":"2021-07-18T00:00:00Z"},
  {"type":"indicator","id":"indicator--3","pattern":"[process:name='implant']"},
  {"type":"indicator","id":"indicator--4","pattern":"[domain-name:value=]"},
  {"type":"indicator","id":"indicator--5","pattern":"[domain-name:value='gone.example']","revoked":true},
  {"type":"indicator","id":"indicator--6","pattern":"rule x { condition: true }","pattern_type":"yara"},
  {"type":"indicator","id":"indicator--7","pattern":"[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'EvilAgent/1.0']"},
  {"type":"relationship","id":"relationship--1","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"intrusion-set--1"},
  {"type":"indicator"}, 17]})";

TEST(Stix, BundleWithBrokenObjects) {
  const Read r = read("bundle.stix2", kBundle);
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kStix);
  EXPECT_THAT(values(r.feed),
              ElementsAre("domain evil.example", "network 192.0.2.0/24", "email a@evil.example",
                          "certificate 0123456789abcdef0123456789abcdef01234567", "user-agent EvilAgent/1.0"));
  const FeedIndicator& one = r.feed.indicators[0];
  EXPECT_EQ(r.feed.strings[one.actor], "APT0");
  EXPECT_EQ(r.feed.strings[one.malware], "Spy");
  EXPECT_EQ(one.date.to_string(), "2021-07-18");
  EXPECT_EQ(one.until.to_string(), "2022-01-01");
  EXPECT_FLOAT_EQ(one.confidence, 0.8F);
  EXPECT_EQ(r.feed.passed_over.at("process:name"), 1U);
  EXPECT_EQ(r.feed.passed_over.at("revoked"), 1U);
  EXPECT_EQ(r.feed.passed_over.at("pattern of type yara"), 1U);
  std::vector<std::string> where;
  for (const Problem& p : r.problems.kept()) where.push_back(p.where);
  EXPECT_THAT(where,
              UnorderedElementsAre("bundle.stix2, object 11", "bundle.stix2, object 12", "bundle.stix2, indicator--4"));
}

TEST(Stix, BrokenJsonSaysSo) {
  const Read r = read("bundle.stix2", R"({"type":"bundle","objects":[{"type")");
  ASSERT_FALSE(r.result);
  EXPECT_THAT(r.result.error().what, HasSubstr("no valid JSON"));
}

TEST(Misp, EventWithObjectsTagsAndComposites) {
  const Read r =
      read("event.json", R"({"Event":{"info":"Campaign of X","date":"2022-03-04","uuid":"u","Orgc":{"name":"CERT"},
    "Tag":[{"name":"misp-galaxy:threat-actor=\"APT28\""},{"name":"tlp:green"}],
    "Attribute":[
      {"type":"ip-dst|port","value":"192.0.2.1|443","to_ids":true,"uuid":"1"},
      {"type":"domain|ip","value":"evil.example|192.0.2.2","to_ids":true,"uuid":"2"},
      {"type":"filename|sha1","value":"a.exe|0123456789abcdef0123456789abcdef01234567","to_ids":true,"uuid":"3"},
      {"type":"ja3-fingerprint-md5","value":"6734f37431670b3ab4292b8f60f29984","to_ids":true,"uuid":"4"},
      {"type":"domain","value":"context.example","to_ids":false,"uuid":"5"},
      {"type":"md5","value":"nonsense","to_ids":true,"uuid":"6"},
      {"type":"mutex","value":"m","to_ids":true,"uuid":"7"}],
    "Object":[{"name":"file","Attribute":[{"type":"md5","value":"0123456789abcdef0123456789abcdef","to_ids":true,"uuid":"8"}]}]}})");
  ASSERT_TRUE(r.result);
  EXPECT_EQ(r.feed.format, FeedFormat::kMispEvent);
  EXPECT_THAT(values(r.feed),
              ElementsAre("address 192.0.2.1 port 443", "domain evil.example", "address 192.0.2.2",
                          "sha1 0123456789abcdef0123456789abcdef01234567", "ja3 6734f37431670b3ab4292b8f60f29984",
                          "md5 0123456789abcdef0123456789abcdef"));
  EXPECT_EQ(r.feed.strings[r.feed.indicators[0].actor], "APT28");
  EXPECT_EQ(r.feed.strings[r.feed.indicators[0].report], "Campaign of X");
  EXPECT_EQ(r.feed.indicators[0].date.to_string(), "2022-03-04");
  EXPECT_EQ(r.feed.licence, "TLP:GREEN");
  ASSERT_EQ(r.problems.count(), 1U);
  EXPECT_THAT(r.problems.kept()[0].where, HasSubstr("attribute 6"));
  EXPECT_EQ(r.feed.passed_over.at("mutex"), 1U);
}

TEST(Detection, OthersAreRecognisedAndLeftToTheirOwners) {
  EXPECT_EQ(detect_feed("x.csv", "cveID,vendorProject,product\nCVE-2021-44228,Apache,Log4j\n"),
            FeedFormat::kVulnerabilities);
  EXPECT_EQ(detect_feed("x.txt", "rule a { strings: $a = \"x\" condition: $a }"), FeedFormat::kYara);
  EXPECT_EQ(
      detect_feed("x.json", R"({"name":"L","type":"hostname","list":["a.example"],"matching_attributes":["domain"]})"),
      FeedFormat::kWarningList);
  EXPECT_EQ(detect_feed("x", std::string("\x7f"
                                         "ELF\0\0\0\1",
                                         8)),
            FeedFormat::kUnknown);
  EXPECT_EQ(detect_feed("x", ""), FeedFormat::kUnknown);
  const Read r = read("x", "\n\n# only comments\n");
  ASSERT_FALSE(r.result);
}

TEST(Text, CsvFollowsRfc4180) {
  Csv csv("a, \"b \"\"c\"\"\r\nd\" ,e\r\nf\n\"unclosed");
  std::vector<std::string> row;
  ASSERT_TRUE(csv.next(row));
  EXPECT_THAT(row, ElementsAre("a", "b \"c\"\r\nd", "e"));
  EXPECT_EQ(csv.line(), 1U);
  ASSERT_TRUE(csv.next(row));
  EXPECT_THAT(row, ElementsAre("f"));
  EXPECT_EQ(csv.line(), 3U);
  ASSERT_TRUE(csv.next(row));
  EXPECT_THAT(row, ElementsAre("unclosed"));
  EXPECT_FALSE(csv.next(row));
}

TEST(Dates, AsPreciseAsTheirSourceAndNeverEarlier) {
  EXPECT_EQ(Date::parse("2019-10")->to_string(), "2019-10");
  EXPECT_LT(*Date::parse("2019-10-30"), *Date::parse("2019-10"));
  EXPECT_LT(*Date::parse("2019-10"), *Date::parse("2019-11-01"));
  EXPECT_LT(*Date::parse("2019-12-30"), *Date::parse("2019"));
  EXPECT_LT(*Date::parse("2200"), Date{});
  EXPECT_EQ(Date::parse("2020-02-30"), std::nullopt);
  EXPECT_EQ(Date::parse("2021-07-18T01:02:03Z")->to_string(), "2021-07-18");
  EXPECT_EQ(Date::parse("yesterday"), std::nullopt);
}

}  // namespace
}  // namespace whodunit::knowledge
