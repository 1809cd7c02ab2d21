// What a row costs in the store: connections of a realistic mix into a case, then read back and counted.
// store_bench [ROWS [BATCH [MEMORY]]] (MEMORY in MiB); fails where the case does not hold what went in.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "connection/conn_record.h"
#include "record/batch.h"
#include "store/store.h"

namespace {

using namespace whodunit;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

void make_conn(record::Batch& batch, std::uint64_t i, std::uint64_t& state) {
  static constexpr std::string_view kStates[] = {"SF", "S0", "REJ", "RSTO"};
  static constexpr std::string_view kHistories[] = {"ShADadFf", "S", "Dd", "ShADadfFr"};
  static constexpr std::string_view kServices[] = {"ssl", "http", "dns", ""};
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  const std::uint64_t r = state;
  connection::Conn c;
  c.head.ts = {1'700'000'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000};
  c.head.uid = {r | 1};
  c.head.id = {base::Address::v4(0xc0a86400u + static_cast<std::uint32_t>(r & 0xfff)),
               base::Address::v4(0xc6336400u + static_cast<std::uint32_t>(r >> 12 & 0xff)),
               {static_cast<std::uint16_t>(r >> 20)},
               {443}};
  c.head.place = {i * 20 + 1, i * 20 + (r & 15) + 1, 0, 0};
  c.proto = "tcp";
  c.service = kServices[r >> 30 & 3];
  if ((r & 3) != 1) c.duration = base::Duration{static_cast<std::int64_t>(r >> 34 & 0xffffffff)};
  c.orig_bytes = r >> 20 & 0x3ff;
  c.resp_bytes = r >> 25 & 0xffff;
  c.conn_state = kStates[r & 3];
  c.history = kHistories[r & 3];
  c.orig_pkts = r >> 40 & 0xf;
  c.orig_ip_bytes = r >> 41 & 0xffff;
  c.resp_pkts = r >> 44 & 0xf;
  c.resp_ip_bytes = r >> 46 & 0xffff;
  c.ip_proto = 6;
  const std::string community =
      "1:" + base::to_base64(base::Bytes(reinterpret_cast<const std::uint8_t*>(&c.head.uid), 8)) +
      base::to_base64(base::Bytes(reinterpret_cast<const std::uint8_t*>(&c.head.id), 12));
  c.community_id = community;
  if ((r & 3) == 0) c.handshake_rtt = base::Duration{static_cast<std::int64_t>(r >> 50)};
  if ((r & 3) == 0) c.time_to_first_byte = base::Duration{static_cast<std::int64_t>(r >> 48)};
  c.append_to(batch, {i, 0});
}

int fail(const std::string& why) {
  fmt::print(stderr, "store_bench: {}\n", why);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 500'000;
  const std::uint64_t batch_rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000;
  static record::Schema* const kSchemas[] = {&connection::Conn::schema, &connection::Weird::schema};
  record::register_schemas(kSchemas);
  std::string folder = (std::filesystem::temp_directory_path() / "whodunit-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return fail("no temporary folder");
  const std::string path = folder + "/bench.case";
  const long before = peak_mib();
  double making = 0, storing = 0;
  {
    store::Options options;
    if (argc > 3) options.write_memory = std::strtoull(argv[3], nullptr, 10) << 20;
    auto made = store::create_case(path, options);
    if (!made) return fail(made.error().message());
    store::Store& store = **made;
    record::Batch batch(connection::Conn::schema);
    std::uint64_t state = 88172645463325252u;
    for (std::uint64_t i = 0; i < rows;) {
      const double start = cpu_seconds();
      batch.clear();
      for (std::uint64_t k = 0; k < batch_rows && i < rows; ++k) make_conn(batch, i++, state);
      const double filled = cpu_seconds();
      auto appended = store.append(batch);
      if (!appended) return fail(appended.error().message());
      if (store.due()) {
        auto committed = store.commit({i, {}, false, ""}, {});
        if (!committed) return fail(committed.error().message());
      }
      making += filled - start;
      storing += cpu_seconds() - filled;
    }
    const double start = cpu_seconds();
    auto committed = store.commit({rows, {}, true, ""}, {});
    if (!committed) return fail(committed.error().message());
    made->reset();
    storing += cpu_seconds() - start;
  }
  struct stat file {};
  ::stat(path.c_str(), &file);
  const long peak = peak_mib();
  const double per_row = 1e9 / static_cast<double>(rows);
  fmt::print(
      "store: {} rows of {} columns, batches of {}: {:.0f} ns a row (CPU; making the rows took {:.0f} beside), "
      "{:.0f} bytes a row in the file, peak {} MiB (before: {})\n",
      rows, connection::Conn::schema.fields.size() + 10, batch_rows, storing * per_row, making * per_row,
      static_cast<double>(file.st_size) / static_cast<double>(rows), peak, before);
  auto opened = store::open_to_read(path);
  if (!opened) return fail(opened.error().message());
  auto count = (*opened)->count(connection::Conn::schema, {});
  if (!count || *count != rows) return fail("the case does not hold the rows that went in");
  double start = cpu_seconds();
  std::uint64_t read = 0, bytes = 0;
  auto scanned = (*opened)->scan(connection::Conn::schema, {}, [&](const record::Batch& batch) {
    for (std::size_t row = 0; row < batch.rows(); ++row)
      bytes += connection::Conn::read(batch, row).orig_bytes.value_or(0);
    read += batch.rows();
    return true;
  });
  if (!scanned || read != rows) return fail("the scan does not give the rows that went in");
  const double scanning = cpu_seconds() - start;
  start = cpu_seconds();
  store::Grouping grouping;
  grouping.keys = {"id.orig_h", "id.resp_h"};
  grouping.aggregates = {{store::Aggregate::Of::kSum, "orig_bytes"}};
  auto groups = (*opened)->group(connection::Conn::schema, grouping);
  if (!groups) return fail(groups.error().message());
  std::uint64_t grouped = 0;
  double sum = 0;
  for (const store::Group& g : *groups) {
    grouped += g.count;
    sum += g.values[0];
  }
  if (grouped != rows || sum != static_cast<double>(bytes)) return fail("the groups do not add up to the rows");
  fmt::print("store: scan {:.0f} ns a row, group into {} {:.0f} ns a row, peak {} MiB\n", scanning * per_row,
             groups->size(), (cpu_seconds() - start) * per_row, peak_mib());
  std::filesystem::remove_all(folder);
  return 0;
}
