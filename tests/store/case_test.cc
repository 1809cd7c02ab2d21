// A case from its making to its reading: what is put in comes out, and nothing else.
#include <gtest/gtest.h>

#include <fstream>

#include "store/sample.h"

namespace whodunit::store {
namespace {

using test::append_sample;
using test::done;
using test::Folder;
using test::Sample;

class CaseTest : public testing::Test {
 protected:
  void SetUp() override { test::register_test_schemas(); }
  Folder folder_;
};

std::string all_of(const record::Batch& batch) {
  std::string out;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const Sample s = Sample::read(batch, row);
    const auto& head = s.head;
    out += std::to_string(head.ts.ns) + " " + head.uid.to_string() + " " + head.id.orig_h.to_string() + " " +
           std::to_string(head.id.orig_p.value) + " " + head.id.resp_h.to_string() + " " +
           std::to_string(head.id.resp_p.value) + " " + std::to_string(head.place.first) + "-" +
           std::to_string(head.place.last) + " ";
    out += std::to_string(s.flag) + (s.count ? " " + std::to_string(*s.count) : " -") + " " + std::to_string(s.whole) +
           " " + std::to_string(s.real) + (s.when ? " " + std::to_string(s.when->ns) : " -") +
           (s.took ? " " + std::to_string(s.took->ns) : " -") + " " + s.host.to_string() + " " +
           std::to_string(s.port.value) + " " + (s.text.data() == nullptr ? "-" : "'" + std::string(s.text) + "'") +
           " " + std::to_string(s.other.value) + " " + std::to_string(s.file.value);
    out += s.names.data() == nullptr ? " -" : " [";
    for (const auto name : s.names) out += std::string(name) + ",";
    out += s.ttls.data() == nullptr ? " -" : " [";
    for (const auto ttl : s.ttls) out += std::to_string(ttl.ns) + ",";
    out += s.sizes.data() == nullptr ? " -" : " [";
    for (const auto size : s.sizes) out += std::to_string(size) + ",";
    out += "\n";
  }
  return out;
}

std::string scanned(Store& store, const Scan& scan = {}) {
  std::string out;
  auto done = store.scan(Sample::schema, scan, [&](const record::Batch& batch) {
    out += all_of(batch);
    return true;
  });
  EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message());
  return out;
}

TEST_F(CaseTest, RowsComeBackAsTheyWent) {
  const std::string path = folder_ / "a.case";
  constexpr std::uint64_t kRows = 30'001;
  std::string expected;
  {
    auto made = create_case(path);
    ASSERT_TRUE(made.ok()) << made.error().message();
    EXPECT_EQ(folder_.list(), "a.case");
    Store& store = **made;
    record::Batch batch(Sample::schema);
    // Batches of every size, so that rows straddle chunks.
    for (std::uint64_t i = 0, size = 1; i < kRows; size = size * 2 % 4099) {
      batch.clear();
      for (std::uint64_t k = 0; k <= size && i < kRows; ++k) append_sample(batch, i++);
      expected += all_of(batch);
      ASSERT_TRUE(store.append(batch).ok());
    }
    ASSERT_TRUE(store.commit(done(kRows), {}).ok());
    EXPECT_EQ(scanned(store), expected);
  }
  EXPECT_EQ(folder_.list(), "a.case");  // no log, no spill
  auto opened = open_to_read(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ(scanned(**opened), expected);
  auto tables = (*opened)->tables();
  ASSERT_TRUE(tables.ok());
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ(tables->front().name, "sample");
  EXPECT_EQ(tables->front().rows, kRows);
  auto progress = (*opened)->progress();
  ASSERT_TRUE(progress.ok());
  ASSERT_EQ(progress->size(), 1u);
  EXPECT_EQ(progress->front().packets, kRows);
  EXPECT_TRUE(progress->front().complete);
}

TEST_F(CaseTest, WhatIsNotCommittedIsNotThere) {
  const std::string path = folder_ / "a.case";
  {
    auto made = create_case(path);
    ASSERT_TRUE(made.ok());
    record::Batch batch(Sample::schema);
    for (std::uint64_t i = 0; i < 10; ++i) append_sample(batch, i);
    ASSERT_TRUE((*made)->append(batch).ok());
    ASSERT_TRUE((*made)->commit(done(10, false), {}).ok());
    ASSERT_TRUE((*made)->append(batch).ok());
    ASSERT_TRUE((*made)->put_document("made_with", "{}").ok());
  }
  auto opened = open_to_read(path);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*(*opened)->count(Sample::schema, {}), 10u);
  EXPECT_FALSE((*opened)->document("made_with")->has_value());
  EXPECT_FALSE((*opened)->progress()->front().complete);
}

TEST_F(CaseTest, BytesThatAreNoUtf8AreSpelled) {
  auto made = create_case(folder_ / "a.case");
  ASSERT_TRUE(made.ok());
  Sample s;
  record::Batch batch(Sample::schema);
  const std::array<std::string_view, 2> names = {"\xff", "caf\xc3\xa9"};
  s.text = std::string_view("\x00\xc3\x28 long enough to be out of line", 33);
  s.names = names;
  s.append_to(batch, {});
  ASSERT_TRUE((*made)->append(batch).ok());
  ASSERT_TRUE((*made)->commit(done(1), {}).ok());
  ASSERT_TRUE((*made)
                  ->scan(Sample::schema, {},
                         [](const record::Batch& b) {
                           const Sample back = Sample::read(b, 0);
                           EXPECT_EQ(back.text, "\\x00\\xc3( long enough to be out of line");
                           EXPECT_EQ(back.names[0], "\\xff");
                           EXPECT_EQ(back.names[1], "caf\xc3\xa9");
                           EXPECT_FALSE(back.head.uid);
                           EXPECT_FALSE(record::is_about_endpoints(back.head));
                           EXPECT_EQ(back.head.place, record::Place{});
                           return true;
                         })
                  .ok());
}

TEST_F(CaseTest, ObjectsOfTheCase) {
  const std::string path = folder_ / "a.case";
  Finding f;
  f.id = "F-77c0";
  f.detector = "web_shell";
  f.techniques = {"T1505.003", "T1190"};
  f.phase = "entry";
  f.outcome = "succeeded";
  f.severity = "high";
  f.confidence = 0.75;
  f.attacker_type = f.victim_type = "host";
  f.attacker = "203.0.113.66";
  f.victim = "192.0.2.10";
  f.first = {5};
  f.last = {9};
  f.statement = "it's a \"web shell\"";
  f.json = "{\"id\":\"F-77c0\"}";
  f.evidence = {
      {"http", {17}, {4, 9, 0, 1}, {*base::Address::parse("10.0.0.1"), *base::Address::parse("::1"), {1}, {2}}, {3}},
      {"weird", {}, {7, 7, 1, 1}, {}, {4}}};
  Finding g = f;
  g.id = "F-0001";
  g.first = {1};
  Capture c;
  c.ordinal = 0;
  c.path = "/captures/autumn.pcap";
  c.name = "autumn.pcap";
  c.sha256 = "ab";
  c.format = "pcap+gzip";
  c.link_types = {1, 113};
  c.packets = 7;
  c.unread = 2;
  c.reason = "unknown link type";
  c.cut_off = true;
  c.first = {1};
  c.last = {2};
  {
    auto made = create_case(path);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE((*made)->put_findings({{f, g}}).ok());
    f.statement = "better words";
    f.evidence.pop_back();
    ASSERT_TRUE((*made)->put_findings({&f, 1}).ok());
    const Incident incident{"I-1", "192.0.2.0/24", "entry", "outer", {5}, {9}, "{}", {"F-0001", "F-77c0"}};
    ASSERT_TRUE((*made)->replace_incidents({&incident, 1}).ok());
    ASSERT_TRUE((*made)->replace_incidents({&incident, 1}).ok());
    const Assessment assessment{"I-1", "operator", "an unknown group", 0.78, "low", "{\"x\":1}"};
    ASSERT_TRUE((*made)->replace_assessments({&assessment, 1}).ok());
    ASSERT_TRUE((*made)->put_document("made_with", "{\"program\":1}").ok());
    ASSERT_TRUE((*made)->put_document("made_with", "{\"program\":2}").ok());
    ASSERT_TRUE((*made)->commit(done(7), {&c, 1}).ok());
    c.packets = 8;
    ASSERT_TRUE((*made)->commit(done(8), {&c, 1}).ok());
  }
  auto opened = open_to_read(path);
  ASSERT_TRUE(opened.ok());
  auto findings = (*opened)->findings();
  ASSERT_TRUE(findings.ok()) << findings.error().message();
  ASSERT_EQ(findings->size(), 2u);
  EXPECT_EQ((*findings)[0].id, "F-0001");
  const Finding& back = (*findings)[1];
  EXPECT_EQ(back.id, "F-77c0");
  EXPECT_EQ(back.techniques, f.techniques);
  EXPECT_EQ(back.statement, "better words");
  EXPECT_EQ(back.confidence, 0.75);
  EXPECT_EQ(back.json, f.json);
  EXPECT_EQ(back.first, f.first);
  ASSERT_EQ(back.evidence.size(), 1u);
  EXPECT_EQ(back.evidence[0].record, "http");
  EXPECT_EQ(back.evidence[0].uid.value, 17u);
  EXPECT_EQ(back.evidence[0].place, (record::Place{4, 9, 0, 1}));
  EXPECT_EQ(back.evidence[0].id, f.evidence[0].id);
  EXPECT_EQ(back.evidence[0].ts.ns, 3);
  EXPECT_EQ((*findings)[0].evidence.size(), 2u);
  EXPECT_EQ((*findings)[0].evidence[1].id, record::Endpoints{});
  EXPECT_EQ((*(*opened)->finding("F-77c0"))->id, "F-77c0");
  EXPECT_FALSE((*opened)->finding("F-none")->has_value());
  ASSERT_EQ((*opened)->incidents()->size(), 1u);
  EXPECT_EQ((*(*opened)->incident("I-1"))->findings, (std::vector<std::string>{"F-0001", "F-77c0"}));
  EXPECT_EQ((*opened)->assessments()->front().leading, "an unknown group");
  EXPECT_EQ(**(*opened)->document("made_with"), "{\"program\":2}");
  auto captures = (*opened)->captures();
  ASSERT_TRUE(captures.ok());
  ASSERT_EQ(captures->size(), 1u);
  EXPECT_EQ(captures->front().packets, 8u);
  EXPECT_EQ(captures->front().link_types, c.link_types);
  EXPECT_EQ(captures->front().reason, c.reason);
  EXPECT_TRUE(captures->front().cut_off);
}

TEST_F(CaseTest, AppendingARun) {
  const std::string path = folder_ / "a.case";
  record::Batch batch(Sample::schema);
  for (std::uint64_t i = 0; i < 5; ++i) append_sample(batch, i);
  Capture c;
  {
    auto made = create_case(path);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)->first_capture(), 0u);
    ASSERT_TRUE((*made)->append(batch).ok());
    c.sha256 = "aa";
    ASSERT_TRUE((*made)->commit(done(5), {&c, 1}).ok());
  }
  {
    auto opened = open_to_append(path);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    ASSERT_EQ((*opened)->first_capture(), 1u);
    ASSERT_TRUE((*opened)->append(batch).ok());
    c.ordinal = 1;
    c.sha256 = "bb";
    ASSERT_TRUE((*opened)->commit(done(5), {&c, 1}).ok());
  }
  auto opened = open_to_read(path);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(*(*opened)->count(Sample::schema, {}), 10u);
  ASSERT_EQ((*opened)->captures()->size(), 2u);
  EXPECT_EQ((*(*opened)->captures())[0].sha256, "aa");
  EXPECT_EQ((*(*opened)->captures())[1].sha256, "bb");
  EXPECT_EQ((*opened)->progress()->size(), 2u);
  EXPECT_EQ(folder_.list(), "a.case");
  EXPECT_FALSE((*opened)->append(batch).ok());  // it was opened to be read
}

TEST_F(CaseTest, AnExistingFileIsNotOverwritten) {
  const std::string path = folder_ / "a.case";
  {
    auto made = create_case(path);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE((*made)->put_document("x", "1").ok());
    ASSERT_TRUE((*made)->commit(done(1), {}).ok());
  }
  auto again = create_case(path);
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("--force"), std::string::npos);
  EXPECT_TRUE((*open_to_read(path))->document("x")->has_value());
  Options force;
  force.force = true;
  std::ofstream(path + ".wal") << "a stale log";
  {
    auto made = create_case(path, force);
    ASSERT_TRUE(made.ok()) << made.error().message();
  }
  EXPECT_FALSE((*open_to_read(path))->document("x")->has_value());
  EXPECT_EQ(folder_.list(), "a.case");
  // Force replaces cases, and nothing else that happens to have the name.
  std::ofstream(folder_ / "b.case") << "a letter to a friend";
  auto other = create_case(folder_ / "b.case", force);
  ASSERT_FALSE(other.ok());
  std::string kept;
  std::getline(std::ifstream(folder_ / "b.case"), kept);
  EXPECT_EQ(kept, "a letter to a friend");
  EXPECT_EQ(folder_.list(), "a.case b.case");
}

TEST_F(CaseTest, LeftoversOfKilledRunsGo) {
  // A process id that cannot be in use: beyond the kernel's largest.
  std::ofstream(folder_ / ".a.case.tmp-4194999") << "x";
  std::ofstream(folder_ / ".a.case.tmp-4194999.wal") << "x";
  std::filesystem::create_directory(folder_ / ".a.case.spill-4194999");
  std::ofstream(folder_ / ".b.case.tmp-4194999") << "another case's";
  ASSERT_TRUE(create_case(folder_ / "a.case").ok());
  EXPECT_EQ(folder_.list(), ".b.case.tmp-4194999 a.case");
}

TEST_F(CaseTest, BadPlacesAndFilesSaySo) {
  auto nowhere = create_case(folder_ / "none/a.case");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().message().find("does not exist"), std::string::npos);
  auto missing = open_to_read(folder_ / "none.case");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("no such case"), std::string::npos);
  std::ofstream(folder_ / "text.case") << "hello, this is not a case at all";
  auto text = open_to_read(folder_ / "text.case");
  ASSERT_FALSE(text.ok());
  EXPECT_NE(text.error().message().find("no case"), std::string::npos);
  // The right first bytes, and nothing behind them.
  std::ofstream(folder_ / "cut.case") << "01234567DUCK";
  auto cut = open_to_read(folder_ / "cut.case");
  ASSERT_FALSE(cut.ok());
  EXPECT_NE(cut.error().message().find("cut.case"), std::string::npos);
  auto directory = open_to_read(folder_ / ".");
  ASSERT_FALSE(directory.ok());
  std::filesystem::create_directory(folder_ / "closed");
  std::filesystem::permissions(folder_ / "closed", std::filesystem::perms::none);
  if (::access((folder_ / "closed").c_str(), W_OK) != 0) {
    auto closed = create_case(folder_ / "closed/a.case");
    ASSERT_FALSE(closed.ok());
    EXPECT_NE(closed.error().message().find("cannot be written"), std::string::npos);
  }
  std::filesystem::permissions(folder_ / "closed", std::filesystem::perms::all);
}

TEST_F(CaseTest, TheAccountantIsToldOfTheShare) {
  base::MemoryAccountant accountant(300u << 20);
  Options options;
  options.write_memory = 100u << 20;
  options.accountant = &accountant;
  {
    auto made = create_case(folder_ / "a.case", options);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(accountant.used(base::MemoryUse::kStore), 100u << 20);
  }
  EXPECT_EQ(accountant.used(), 0u);
  options.write_memory = 400u << 20;
  EXPECT_FALSE(create_case(folder_ / "b.case", options).ok());
}

}  // namespace
}  // namespace whodunit::store
