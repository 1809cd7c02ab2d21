// Looking back over records: scans, groups, counts, and SQL.
#include <gtest/gtest.h>

#include "store/sample.h"

namespace whodunit::store {
namespace {

using test::append_sample;
using test::done;
using test::Folder;
using test::Sample;
using Is = Condition::Is;

class LookupTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kRows = 5'000;

  void SetUp() override {
    test::register_test_schemas();
    path_ = folder_ / "a.case";
    auto made = create_case(path_);
    ASSERT_TRUE(made.ok());
    record::Batch batch(Sample::schema);
    for (std::uint64_t i = 0; i < kRows; ++i) append_sample(batch, i);
    ASSERT_TRUE((*made)->append(batch).ok());
    ASSERT_TRUE((*made)->commit(done(kRows), {}).ok());
    made->reset();
    auto opened = open_to_read(path_);
    ASSERT_TRUE(opened.ok());
    store_ = std::move(*opened);
  }

  /// uids of the rows that fit, as numbers.
  std::vector<std::uint64_t> uids(const Scan& scan) {
    std::vector<std::uint64_t> out;
    auto scanned = store_->scan(Sample::schema, scan, [&](const record::Batch& batch) {
      for (std::size_t row = 0; row < batch.rows(); ++row) out.push_back(batch.head(row).uid.value);
      return true;
    });
    EXPECT_TRUE(scanned.ok()) << (scanned.ok() ? "" : scanned.error().message());
    return out;
  }
  std::uint64_t count(Condition condition) {
    Filter filter;
    filter.where.push_back(std::move(condition));
    auto counted = store_->count(Sample::schema, filter);
    EXPECT_TRUE(counted.ok()) << (counted.ok() ? "" : counted.error().message());
    return counted.ok() ? *counted : 0;
  }

  Folder folder_;
  std::string path_;
  std::unique_ptr<Store> store_;
};

base::Time time_of(std::uint64_t i) { return {1'700'000'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'001}; }

TEST_F(LookupTest, ByTimeUidAndLimit) {
  Scan scan;
  scan.filter.from = time_of(10);
  scan.filter.to = time_of(13);
  EXPECT_EQ(uids(scan), (std::vector<std::uint64_t>{11, 12, 13}));
  scan.by_time = true;
  EXPECT_EQ(uids(scan), (std::vector<std::uint64_t>{11, 12, 13}));
  scan.limit = 2;
  EXPECT_EQ(uids(scan), (std::vector<std::uint64_t>{11, 12}));
  scan = {};
  scan.filter.uid = record::Uid{77};
  EXPECT_EQ(uids(scan), (std::vector<std::uint64_t>{77}));
  EXPECT_EQ(uids({}).size(), kRows);
  EXPECT_EQ(*store_->first_seen(Sample::schema, scan.filter), time_of(76));
  scan.filter.uid = record::Uid{kRows + 1};
  EXPECT_FALSE(store_->first_seen(Sample::schema, scan.filter)->has_value());
}

TEST_F(LookupTest, Conditions) {
  EXPECT_EQ(count({"id.orig_h", Is::kEqual, {"10.0.0.3"}}), 714u);
  EXPECT_EQ(count({"id.orig_h", Is::kNotEqual, {"10.0.0.3"}}), kRows - 714);
  EXPECT_EQ(count({"id.orig_p", Is::kLess, {"1034"}}), 10u);
  EXPECT_EQ(count({"id.orig_p", Is::kAtLeast, {"1034"}}), kRows - 10);
  EXPECT_EQ(count({"flag", Is::kEqual, {"true"}}), kRows / 2);
  EXPECT_EQ(count({"count", Is::kUnset, {}}), 1667u);
  EXPECT_EQ(count({"count", Is::kSet, {}}), kRows - 1667);
  EXPECT_EQ(count({"port", Is::kOneOf, {"1", "2", "70"}}), 3u);
  EXPECT_EQ(count({"port", Is::kOneOf, {}}), 0u);
  EXPECT_EQ(count({"text", Is::kStartsWith, {"a text of some length 12"}}), 80u);
  EXPECT_EQ(count({"text", Is::kContains, {"some"}}), 3666u);
  EXPECT_EQ(count({"names", Is::kContains, {"one"}}), kRows / 2);
  EXPECT_EQ(count({"when", Is::kLess, {"1970-01-01T00:00:00.000000012Z"}}), 9u);
  EXPECT_EQ(count({"uid", Is::kEqual, {record::Uid{3}.to_string()}}), 1u);
  EXPECT_EQ(count({"place.first", Is::kEqual, {"4"}}), 1u);
  // Text is only ever a value.
  EXPECT_EQ(count({"text", Is::kEqual, {"' OR true --"}}), 0u);
}

TEST_F(LookupTest, WrongQuestionsAreAnsweredInWords) {
  const auto error = [&](Condition condition) {
    Filter filter;
    filter.where.push_back(std::move(condition));
    auto counted = store_->count(Sample::schema, filter);
    return counted.ok() ? "" : counted.error().message();
  };
  EXPECT_NE(error({"nonsense", Is::kSet, {}}).find("no column nonsense"), std::string::npos);
  EXPECT_NE(error({"when", Is::kLess, {"yesterday"}}).find("is no time"), std::string::npos);
  EXPECT_NE(error({"port", Is::kEqual, {"http"}}), "");
  EXPECT_NE(error({"port", Is::kEqual, {}}), "");
  Scan scan;
  scan.fields = {"nonsense"};
  EXPECT_FALSE(store_->scan(Sample::schema, scan, [](const record::Batch&) { return true; }).ok());
}

TEST_F(LookupTest, OnlyTheFieldsAskedFor) {
  Scan scan;
  scan.fields = {"text"};
  scan.filter.uid = record::Uid{2};
  ASSERT_TRUE(store_
                  ->scan(Sample::schema, scan,
                         [](const record::Batch& batch) {
                           const Sample s = Sample::read(batch, 0);
                           EXPECT_EQ(s.text, "a text of some length 1");
                           EXPECT_FALSE(s.count.has_value());
                           EXPECT_EQ(s.names.data(), nullptr);
                           EXPECT_EQ(s.head.id.orig_h.to_string(), "10.0.0.1");
                           return true;
                         })
                  .ok());
}

TEST_F(LookupTest, AScanCanAskOtherThingsMeanwhile) {
  std::uint64_t batches = 0, others = 0;
  ASSERT_TRUE(store_
                  ->scan(Sample::schema, {},
                         [&](const record::Batch& batch) {
                           ++batches;
                           Filter filter;
                           filter.uid = batch.head(0).uid;
                           others += *store_->count(Sample::schema, filter);
                           return batches < 2;
                         })
                  .ok());
  EXPECT_EQ(batches, 2u);
  EXPECT_EQ(others, 2u);
}

TEST_F(LookupTest, Groups) {
  Grouping g;
  g.keys = {"id.orig_h"};
  auto groups = store_->group(Sample::schema, g);
  ASSERT_TRUE(groups.ok()) << groups.error().message();
  ASSERT_EQ(groups->size(), 7u);
  EXPECT_EQ(*(*groups)[0].keys[0], "10.0.0.0");
  EXPECT_EQ((*groups)[0].count, 715u);
  EXPECT_EQ((*groups)[1].first, time_of(1));
  EXPECT_EQ((*groups)[1].last, time_of(4999 - (4999 - 1) % 7));
  g.aggregates = {{Aggregate::Of::kSum, "count"},
                  {Aggregate::Of::kMax, "port"},
                  {Aggregate::Of::kDistinct, "id.resp_h"},
                  {Aggregate::Of::kMin, "when"},
                  {Aggregate::Of::kMean, "flag"}};
  g.keys = {"flag", "count"};
  g.filter.where = {{"count", Is::kLess, {"6"}}};
  groups = store_->group(Sample::schema, g);
  ASSERT_TRUE(groups.ok()) << groups.error().message();
  ASSERT_EQ(groups->size(), 4u);  // counts 1, 2, 4, 5
  EXPECT_EQ(*(*groups)[0].keys[0], "false");
  EXPECT_EQ(*(*groups)[0].keys[1], "1");
  EXPECT_EQ((*groups)[0].values[0], 1.0);
  EXPECT_EQ((*groups)[0].values[2], 1.0);
  // Keys that are unset are a group of their own.
  g = {};
  g.keys = {"count"};
  g.top = 3;
  groups = store_->group(Sample::schema, g);
  ASSERT_TRUE(groups.ok());
  ASSERT_EQ(groups->size(), 3u);
  EXPECT_FALSE((*groups)[0].keys[0].has_value());
  EXPECT_EQ((*groups)[0].count, 1667u);
  EXPECT_EQ(*(*groups)[1].keys[0], "1");  // ties in the order of the keys
  // By an aggregate, and only the large ones.
  g = {};
  g.keys = {"id.orig_h"};
  g.aggregates = {{Aggregate::Of::kMax, "port"}};
  g.by = 0;
  g.top = 2;
  groups = store_->group(Sample::schema, g);
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ((*groups)[0].values[0], 4999.0);
  EXPECT_EQ(*(*groups)[0].keys[0], "10.0.0.1");
  g.top = 0;
  g.at_least = 4998;
  groups = store_->group(Sample::schema, g);
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ(*(*groups)[0].keys[0], "10.0.0.0");
  g.by = 1;
  EXPECT_FALSE(store_->group(Sample::schema, g).ok());
  g.by = -1;
  g.aggregates = {{Aggregate::Of::kSum, "text"}};
  EXPECT_FALSE(store_->group(Sample::schema, g).ok());
  // No rows at all.
  g = {};
  g.filter.uid = record::Uid{kRows + 1};
  groups = store_->group(Sample::schema, g);
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ((*groups)[0].count, 0u);
}

class QueryTest : public LookupTest {
 protected:
  std::string ask(const std::string& sql) {
    std::string out;
    auto asked = query_case(
        path_, sql,
        [&](std::span<const QueryColumn> columns) {
          for (const auto& c : columns) out += c.name + (c.literal ? "#" : "") + (c.number ? "+" : "") + " ";
        },
        [&](QueryRow row) {
          for (const auto& cell : row) out += "|" + cell.value_or("NULL");
          return true;
        });
    return asked.ok() ? out : "error: " + asked.error().what;
  }
};

TEST_F(QueryTest, OfTheCase) {
  EXPECT_EQ(ask("SELECT count(*) AS n FROM sample"), "n#+ |5000");
  EXPECT_EQ(ask("SELECT \"id.orig_h\", count(*) AS n FROM sample GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2"),
            "id.orig_h n#+ |10.0.0.0|715|10.0.0.1|715");
  EXPECT_EQ(ask("SELECT ts, uid, names, TTLs FROM sample WHERE uid = 'C00000000004'"),
            "ts uid names# TTLs# |2023-11-14 22:13:20.003000003|C00000000004|"
            "[\"one\",\"\",\"a name longer than twelve characters\"]|NULL");
  EXPECT_EQ(ask("SELECT took FROM sample WHERE uid = 'C00000000002'"), "took#+ |1.007e-06");
}

TEST_F(QueryTest, ValuesOfEveryType) {
  const auto value = [&](const std::string& expression) {
    const std::string all = ask("SELECT " + expression + " AS v");
    return all.find('|') == std::string::npos ? all : all.substr(all.find('|') + 1);
  };
  EXPECT_EQ(value("NULL"), "NULL");
  EXPECT_EQ(value("(-5)::TINYINT"), "-5");
  EXPECT_EQ(value("200::UTINYINT"), "200");
  EXPECT_EQ(value("(-170141183460469231731687303715884105727)::HUGEINT"), "-170141183460469231731687303715884105727");
  EXPECT_EQ(value("340282366920938463463374607431768211455::UHUGEINT"), "340282366920938463463374607431768211455");
  EXPECT_EQ(value("1.5::FLOAT"), "1.5");
  EXPECT_EQ(value("(-12.34)::DECIMAL(10,2)"), "-12.34");
  EXPECT_EQ(value("0.05::DECIMAL(4,3)"), "0.050");
  EXPECT_EQ(value("12345678901234567890.5::DECIMAL(30,1)"), "12345678901234567890.5");
  EXPECT_EQ(value("'\\x41\\x00'::BLOB"), "\\x41\\x00");
  EXPECT_EQ(value("DATE '2007-09-03'"), "2007-09-03");
  EXPECT_EQ(value("TIME '02:14:05.5'"), "02:14:05.500000");
  EXPECT_EQ(value("TIMESTAMP '1969-12-31 23:59:59.25'"), "1969-12-31 23:59:59.250000");
  EXPECT_EQ(value("TIMESTAMP_S '2007-09-03 02:14:05'"), "2007-09-03 02:14:05");
  EXPECT_EQ(value("TIMESTAMP '9999-12-31 00:00:00'"), "9999-12-31 00:00:00");
  EXPECT_EQ(value("INTERVAL '14 months 3 days 1 second'"), "14 months 3 days 00:00:01");
  EXPECT_EQ(value("'8d2e0bc1-64ee-4b79-9c35-6d1e0b4b2a10'::UUID"), "8d2e0bc1-64ee-4b79-9c35-6d1e0b4b2a10");
  EXPECT_EQ(value("'b'::ENUM('a','b')"), "b");
  EXPECT_EQ(value("[1, NULL, 3]"), "[1,null,3]");
  EXPECT_EQ(value("{'a': 1, 'b': ['x\"', NULL]}"), "{\"a\":1,\"b\":[\"x\\\"\",null]}");
  EXPECT_EQ(value("MAP {'k': 1.5}"), "{\"k\":1.5}");
  EXPECT_EQ(value("array_value(1, 2)"), "[1,2]");
}

TEST_F(QueryTest, CannotWriteNorReachOtherFiles) {
  EXPECT_EQ(ask("DELETE FROM sample").substr(0, 6), "error:");
  EXPECT_EQ(ask("CREATE TABLE x (i INTEGER)").substr(0, 6), "error:");
  EXPECT_EQ(ask("SELECT * FROM read_text('/etc/hostname')").substr(0, 6), "error:");
  EXPECT_EQ(ask("COPY sample TO '" + (folder_ / "out.csv") + "'").substr(0, 6), "error:");
  EXPECT_EQ(ask("ATTACH '" + (folder_ / "b.db") + "'").substr(0, 6), "error:");
  EXPECT_EQ(ask("SET enable_external_access = true").substr(0, 6), "error:");
  EXPECT_NE(ask("SELECT nonsense FROM sample").find("nonsense"), std::string::npos);
  EXPECT_EQ(folder_.list(), "a.case");
}

}  // namespace
}  // namespace whodunit::store
