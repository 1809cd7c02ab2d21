#include <gtest/gtest.h>

#include "connection/conn_record.h"
#include "detect/detector.h"

namespace whodunit::detect {
namespace {

base::Address address(const std::string& text) { return *base::Address::parse(text); }

class ScanTest : public ::testing::Test {
 protected:
  void conn(const std::string& from, const std::string& to, std::uint16_t port, std::string_view state,
            std::string_view history, std::string_view proto = "tcp") {
    connection::Conn c;
    c.head.ts = {1'000'000'000ll * ++n_};
    c.head.uid = {static_cast<std::uint64_t>(n_)};
    c.head.id = {address(from), address(to), {static_cast<std::uint16_t>(30000 + n_ % 20000)}, {port}};
    c.head.place = {static_cast<std::uint64_t>(n_), static_cast<std::uint64_t>(n_), 0, 0};
    c.proto = proto;
    c.conn_state = state;
    c.history = history;
    c.orig_pkts = history.find_first_of("SDF") != std::string_view::npos ? 1 : 0;
    c.resp_pkts = history.find_first_of("hrd") != std::string_view::npos ? 1 : 0;
    c.ip_proto = proto == "tcp" ? 6 : 17;
    c.append_to(batch_, {static_cast<std::uint64_t>(n_), 0});
  }
  std::vector<Finding> findings() {
    std::unique_ptr<Detector> detector;
    for (const Entry& e : detectors())
      if (e.name == "scan") detector = e.make({});
    detector->take(batch_);
    Home home;
    home.networks = {*base::Network::parse("192.0.2.0/24")};
    std::vector<Finding> out;
    detector->finish(home, out);
    seal(out);
    return out;
  }
  record::Batch batch_{connection::Conn::schema};
  int n_ = 0;
};

TEST_F(ScanTest, NamesAHorizontalScanAndWhoAnswered) {
  for (int i = 1; i <= 40; ++i)
    conn("203.0.113.66", "192.0.2." + std::to_string(i), 22, i == 7 ? "RSTO" : "S0", i == 7 ? "ShR" : "S");
  const auto f = findings();
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].attacker.value, "203.0.113.66");
  EXPECT_EQ(f[0].fact("shape"), "horizontal");
  EXPECT_EQ(f[0].fact("open"), "1");
  EXPECT_EQ(f[0].phase, Phase::kDoorRattling);
  EXPECT_EQ(f[0].evidence_total, 40u);
  EXPECT_EQ(f[0].evidence[0].place.first, 7u) << "the door that answered comes first";
  EXPECT_GT(f[0].confidence, 0.9);
}

TEST_F(ScanTest, NamesAVerticalScan) {
  for (std::uint16_t port = 1; port <= 60; ++port) conn("203.0.113.66", "192.0.2.9", port, "REJ", "Sr");
  const auto f = findings();
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].fact("shape"), "vertical");
  EXPECT_EQ(f[0].victim.value, "192.0.2.9");
}

TEST_F(ScanTest, LeavesClientsAlone) {
  // A busy client: many hosts, most answer.
  for (int i = 1; i <= 60; ++i)
    conn("192.0.2.5", "198.51.100." + std::to_string(i), 443, i % 10 == 0 ? "S0" : "SF",
         i % 10 == 0 ? "S" : "ShADadFf");
  // A peer-to-peer client: many fail, each on another port.
  for (int i = 1; i <= 60; ++i)
    conn("192.0.2.6", "198.51.100." + std::to_string(i), static_cast<std::uint16_t>(20000 + 37 * i), "S0", "S");
  // A dead server, tried again and again.
  for (int i = 1; i <= 60; ++i) conn("192.0.2.7", "198.51.100.1", 443, "S0", "S");
  EXPECT_TRUE(findings().empty());
}

TEST_F(ScanTest, TellsBackscatterFromAScan) {
  for (int i = 1; i <= 30; ++i)
    conn("198.51.100.1", "192.0.2." + std::to_string(i), static_cast<std::uint16_t>(1024 + i), "OTH",
         i % 2 == 0 ? "H" : "R");
  for (int i = 31; i <= 40; ++i) conn("192.0.2." + std::to_string(i), "198.51.100.1", 80, "OTH", "^h");
  const auto f = findings();
  ASSERT_EQ(f.size(), 1u);
  EXPECT_EQ(f[0].evidence_total, 40u) << "whichever end Zeek's rules took for the originator";
  EXPECT_EQ(f[0].fact("backscatter"), "yes");
  EXPECT_EQ(f[0].severity, Severity::kInformational);
  EXPECT_TRUE(f[0].attacker.empty()) << "the host that answers is a victim elsewhere";
}

TEST_F(ScanTest, IdsComeFromContent) {
  for (int i = 1; i <= 40; ++i) conn("203.0.113.66", "192.0.2." + std::to_string(i), 22, "S0", "S");
  const auto a = findings(), b = findings();
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a[0].id, b[0].id);
  EXPECT_EQ(a[0].id.rfind("F-", 0), 0u);
}

}  // namespace
}  // namespace whodunit::detect
