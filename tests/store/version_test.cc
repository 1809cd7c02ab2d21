// Cases of other versions: an older one opens and is brought up to date, a newer one is refused with words.
#include <gtest/gtest.h>

#include "store/duckdb/database.h"
#include "store/sample.h"

namespace whodunit::store {
namespace {

using record::Opt;
using record::Text;
using test::done;
using test::Folder;

#define WHODUNIT_GROWING_1(FIELD)  \
  FIELD(1, Text, name, "name", "") \
  FIELD(1, std::uint64_t, size, "size", "")
#define WHODUNIT_GROWING_2(FIELD)                  \
  WHODUNIT_GROWING_1(FIELD)                        \
  FIELD(2, Opt<std::uint64_t>, added, "added", "") \
  FIELD(2, record::Texts, more, "more", "")
WHODUNIT_RECORD(Growing, "growing", 2, "", WHODUNIT_GROWING_2)

/// Changes a case behind the store's back.
void tamper(const std::string& path, const std::string& sql) {
  auto database = duckdb::Database::open(64u << 20, "");
  ASSERT_TRUE(database.ok());
  auto done = database->run("ATTACH " + duckdb::literal(path) + " AS c; USE c.main; " + sql);
  ASSERT_TRUE(done.ok()) << done.error().message();
}

class VersionTest : public testing::Test {
 protected:
  void SetUp() override {
    test::register_test_schemas();
    // This program knows version 2; the case is written as a program that knew version 1 did.
    static record::Schema* const kSchemas[] = {&Growing::schema};
    record::register_schemas(kSchemas);
    path_ = folder_ / "a.case";
    auto made = create_case(path_);
    ASSERT_TRUE(made.ok());
    made->reset();
    tamper(path_, "DROP TABLE growing; DELETE FROM case_tables WHERE name = 'growing'");
    tamper(path_, R"(CREATE TABLE growing (ts TIMESTAMP_NS, uid VARCHAR, "id.orig_h" VARCHAR, "id.orig_p" USMALLINT,
      "id.resp_h" VARCHAR, "id.resp_p" USMALLINT, "place.capture_first" UINTEGER, "place.first" UBIGINT,
      "place.capture_last" UINTEGER, "place.last" UBIGINT, name VARCHAR, size UBIGINT);
      INSERT INTO case_tables VALUES ('growing', 1);
      INSERT INTO growing VALUES ('2020-01-01', 'C00000000001', '10.0.0.1', 1, '10.0.0.2', 2, 0, 1, 0, 1, 'old', 7))");
  }
  /// "name size added more" of every row.
  std::string rows() {
    auto opened = open_to_read(path_);
    if (!opened) return opened.error().message();
    std::string out;
    auto scanned = (*opened)->scan(Growing::schema, {}, [&](const record::Batch& batch) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        const Growing g = Growing::read(batch, row);
        out += std::string(g.name) + " " + std::to_string(g.size) + " " + (g.added ? std::to_string(*g.added) : "-") +
               " " + std::to_string(g.more.size()) + "; ";
      }
      return true;
    });
    return scanned ? out : scanned.error().message();
  }
  Folder folder_;
  std::string path_;
};

TEST_F(VersionTest, AnOlderCaseIsReadAsItStands) {
  EXPECT_EQ(rows(), "old 7 - 0; ");
  auto opened = open_to_read(path_);
  Filter filter;
  filter.where = {{"added", Condition::Is::kAtLeast, {"0"}}};
  EXPECT_EQ(*(*opened)->count(Growing::schema, filter), 0u);
  filter.where = {{"added", Condition::Is::kUnset, {}}};
  EXPECT_EQ(*(*opened)->count(Growing::schema, filter), 1u);
  Grouping grouping;
  grouping.keys = {"added"};
  grouping.aggregates = {{Aggregate::Of::kSum, "added"}};
  auto groups = (*opened)->group(Growing::schema, grouping);
  ASSERT_TRUE(groups.ok()) << groups.error().message();
  EXPECT_FALSE(groups->front().keys[0].has_value());
}

TEST_F(VersionTest, AnOlderCaseGrowsTheNewFields) {
  {
    auto opened = open_to_append(path_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    const std::array<std::string_view, 2> more = {"x", "y"};
    Growing g;
    g.name = "new";
    g.size = 8;
    g.added = 9;
    g.more = more;
    record::Batch batch(Growing::schema);
    g.append_to(batch, {});
    ASSERT_TRUE((*opened)->append(batch).ok());
    ASSERT_TRUE((*opened)->commit(done(1), {}).ok());
  }
  EXPECT_EQ(rows(), "old 7 - 0; new 8 9 2; ");
  auto tables = (*open_to_read(path_))->tables();
  ASSERT_EQ(tables->size(), 1u);
  EXPECT_EQ(tables->front().version, 2);
}

TEST_F(VersionTest, ANewerCaseIsRefused) {
  const auto refused = [&](const std::string& why) {
    for (const bool to_append : {false, true}) {
      auto opened = to_append ? open_to_append(path_) : open_to_read(path_);
      ASSERT_FALSE(opened.ok());
      EXPECT_NE(opened.error().message().find("newer Whodunit"), std::string::npos) << opened.error().message();
      EXPECT_NE(opened.error().message().find(why), std::string::npos) << opened.error().message();
    }
    EXPECT_FALSE(query_case(
                     path_, "SELECT 1", [](auto) {}, [](auto) { return true; })
                     .ok());
  };
  tamper(path_, "UPDATE case_tables SET version = 3 WHERE name = 'growing'");
  refused("growing");
  tamper(path_,
         "UPDATE case_tables SET version = 2 WHERE name = 'growing'; INSERT INTO case_tables VALUES ('quic9', 1)");
  refused("quic9");
  tamper(path_, "DELETE FROM case_tables WHERE name = 'quic9'; UPDATE case_info SET value = '99' WHERE key = 'layout'");
  refused("layout");
}

TEST_F(VersionTest, ADatabaseThatIsNoCase) {
  tamper(folder_ / "other.db", "CREATE TABLE t (i INTEGER)");
  auto opened = open_to_read(folder_ / "other.db");
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().message().find("no case"), std::string::npos);
}

}  // namespace
}  // namespace whodunit::store
