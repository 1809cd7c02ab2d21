#include <gtest/gtest.h>

#include "record/batch.h"
#include "record/sink.h"
#include "record/uid.h"

namespace whodunit::record {
namespace {

#define TEST_FIELDS(FIELD)                                    \
  FIELD(1, Text, name, "name", "A text.")                     \
  FIELD(1, Opt<std::uint64_t>, count, "count", "A count.")    \
  FIELD(1, Texts, list, "list", "A list of texts.")           \
  FIELD(1, Durations, spans, "spans", "A list of intervals.") \
  FIELD(1, base::Address, address, "address", "An address.")  \
  FIELD(2, Opt<bool>, flag, "flag", "Came with version 2.")
WHODUNIT_RECORD(Example, "example", 2, "A record for the test.", TEST_FIELDS)

Example sample(int i, std::vector<std::string_view>& names) {
  Example e;
  e.head.ts = {i};
  e.head.uid = {static_cast<std::uint64_t>(i) + 1};
  e.name = i % 2 == 0 ? "even" : Text{};
  if (i % 3 == 0) e.count = static_cast<std::uint64_t>(i);
  names = {"a", "", "ccc"};
  e.list = Texts(names).subspan(0, static_cast<std::size_t>(i % 4 == 3 ? 3 : i % 4));
  e.address = *base::Address::parse("192.0.2.7");
  return e;
}

TEST(Batch, GivesBackWhatWasPut) {
  Batch batch(Example::schema);
  std::vector<std::string_view> names;
  for (int i = 0; i < 100; ++i) sample(i, names).append_to(batch, {static_cast<std::uint64_t>(i), 0});
  ASSERT_EQ(batch.rows(), 100u);
  for (int i = 0; i < 100; ++i) {
    const Example e = Example::read(batch, static_cast<std::size_t>(i));
    EXPECT_EQ(e.head.ts.ns, i);
    EXPECT_EQ(e.name.data() == nullptr, i % 2 != 0) << "unset stays unset";
    EXPECT_EQ(e.count.has_value(), i % 3 == 0);
    EXPECT_EQ(e.list.size(), static_cast<std::size_t>(i % 4));
    EXPECT_NE(e.list.data(), nullptr) << "an empty list is set";
    if (e.list.size() == 3) {
      EXPECT_EQ(e.list[2], "ccc");
    }
    EXPECT_EQ(e.spans.data(), nullptr);
    EXPECT_EQ(e.address.to_string(), "192.0.2.7");
    EXPECT_FALSE(e.flag.has_value());
  }
}

TEST(Batch, CopiesRowsWhole) {
  Batch from(Example::schema), to(Example::schema);
  std::vector<std::string_view> names;
  for (int i = 0; i < 12; ++i) sample(i, names).append_to(from, {static_cast<std::uint64_t>(i), 0});
  for (std::size_t i = 12; i-- > 0;) to.append_row(from, i);
  from.clear();
  for (std::size_t i = 0; i < 12; ++i) {
    const Example e = Example::read(to, i);
    EXPECT_EQ(e.head.ts.ns, static_cast<std::int64_t>(11 - i));
    EXPECT_EQ(to.order(i).packet, 11 - i);
    EXPECT_EQ(e.list.size(), (11 - i) % 4);
  }
}

TEST(Sink, KeepsOnlyWhatThePlanWants) {
  Schema* const list[] = {&Example::schema};
  register_schemas(list);
  Sink none(std::vector<bool>(static_cast<std::size_t>(Example::schema.id) + 1, false));
  none.emit(Example{});
  EXPECT_TRUE(none.batches().empty());
  Sink all;
  all.at(7);
  all.emit(Example{});
  all.emit(Example{});
  EXPECT_EQ(all.batch(Example::schema).order(1), (Order{7, 1}));
}

TEST(Uid, IsTheSameFromBothSides) {
  Endpoints id{*base::Address::parse("192.0.2.1"), *base::Address::parse("198.51.100.2"), {1234}, {80}};
  const Endpoints turned{id.resp_h, id.orig_h, id.resp_p, id.orig_p};
  const base::Time t{1189000000000000000};
  EXPECT_EQ(make_uid(id, 6, {}, t), make_uid(turned, 6, {}, t));
  EXPECT_NE(make_uid(id, 6, {}, t), make_uid(id, 17, {}, t));
  EXPECT_NE(make_uid(id, 6, {}, t), make_uid(id, 6, {}, t + base::nanoseconds(1)));
  EXPECT_NE(make_uid(id, 6, {}, t), make_uid(id, 6, {5}, t));
  EXPECT_NE(make_uid(id, 6, {}, t), make_uid(id, 6, {}, t, 1));
  const Uid uid = make_uid(id, 6, {}, t);
  EXPECT_EQ(uid.to_string().size(), 12u);
  EXPECT_EQ(Uid::parse(uid.to_string()), uid);
}

TEST(Place, Extends) {
  Place p;
  extend(p, {5, 5, 1, 1});
  extend(p, {9, 9, 1, 1});
  extend(p, {100, 100, 0, 0});
  EXPECT_EQ(p, (Place{100, 9, 0, 1}));
}

}  // namespace
}  // namespace whodunit::record
