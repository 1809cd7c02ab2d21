// From a case back to the packets: a capture made here is read into a case, and the packets of single connections are
// taken out of it again.
#include "engine/extract.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "capture/capture.h"
#include "engine/engine.h"
#include "engine/store_writer.h"
#include "protocol/parser.h"
#include "report/trace.h"

namespace whodunit::engine {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "whodunit-extract-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void put16(std::string& out, unsigned v) {
  out += static_cast<char>(v >> 8 & 255);
  out += static_cast<char>(v & 255);
}
void put32(std::string& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}

/// An IPv4 packet in Ethernet. `fragment`: the header's flags and offset.
std::string ethernet(std::uint32_t source, std::uint32_t destination, unsigned protocol, const std::string& payload,
                     unsigned fragment = 0, unsigned id = 1) {
  std::string p(12, '\x02');
  put16(p, 0x0800);
  p += "\x45";
  p += '\0';
  put16(p, static_cast<unsigned>(20 + payload.size()));
  put16(p, id);
  put16(p, fragment);
  p += '\x40';
  p += static_cast<char>(protocol);
  put16(p, 0);
  put32(p, source);
  put32(p, destination);
  return p + payload;
}

std::string udp(unsigned source, unsigned destination, const std::string& payload) {
  std::string u;
  put16(u, source);
  put16(u, destination);
  put16(u, static_cast<unsigned>(8 + payload.size()));
  put16(u, 0);
  return u + payload;
}

void write_pcap(const std::string& path, const std::vector<std::string>& packets, std::uint32_t start,
                unsigned link_type = 1) {
  const auto le = [](std::string& s, std::uint32_t v) {
    for (int i = 0; i < 4; ++i) s += static_cast<char>(v >> 8 * i & 255);
  };
  std::string out;
  le(out, 0xa1b23c4d);
  le(out, 0x00040002);
  le(out, 0);
  le(out, 0);
  le(out, 65535);
  le(out, link_type);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    le(out, start + static_cast<std::uint32_t>(i));
    le(out, static_cast<std::uint32_t>(i) * 1001 + 1);
    le(out, static_cast<std::uint32_t>(packets[i].size()));
    le(out, static_cast<std::uint32_t>(packets[i].size()) + 5);
    out += packets[i];
  }
  std::ofstream(path, std::ios::binary) << out;
}

constexpr std::uint32_t kA = 0x0a000001, kB = 0x0a000002, kC = 0x0a000003;

/// Times and bytes of a capture's packets, one a line.
std::vector<std::string> packets_in(const std::string& path) {
  std::vector<std::string> out;
  capture::Opened opened = capture::open({path}, {});
  if (!opened.source) return out;
  std::vector<capture::RawPacket> packets;
  for (opened.source->read(packets, 100); !packets.empty(); opened.source->read(packets, 100))
    for (const auto& p : packets)
      out.push_back(std::to_string(p.time.ns) + " " + std::to_string(p.wire_length) + " " +
                    std::to_string(p.link_type) + " " + base::to_hex(p.bytes));
  return out;
}

class ExtractTest : public testing::Test {
 protected:
  void SetUp() override { protocol::register_records(); }

  /// Reads the captures into a case.
  void investigate(const std::vector<std::string>& paths, bool append = false) {
    Inputs inputs = std::move(open_inputs(paths, {}).inputs);
    ASSERT_FALSE(inputs.empty());
    auto store = append ? store::open_to_append(case_) : store::create_case(case_);
    ASSERT_TRUE(store.ok()) << store.error().message();
    StoreWriter writer(**store);
    Settings settings;
    settings.first_capture = (*store)->first_capture();
    Consumer* consumers[] = {&writer};
    const Summary summary = run(inputs, settings, consumers, [&](const Progress&) {
      writer.observe(inputs);
      return true;
    });
    auto done = writer.finish(inputs.captures(), {summary.packets, summary.last, true, ""});
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  /// The uid of the only connection between two hosts.
  std::string uid_between(std::uint32_t a, std::uint32_t b) {
    auto store = store::open_to_read(case_);
    if (!store) return store.error().message();
    std::string uid;
    auto scanned = (*store)->scan(*record::find_schema("conn"), {}, [&](const record::Batch& batch) {
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        const record::Head& head = batch.head(row);
        if ((head.id.orig_h == base::Address::v4(a) && head.id.resp_h == base::Address::v4(b)) ||
            (head.id.orig_h == base::Address::v4(b) && head.id.resp_h == base::Address::v4(a)))
          uid = head.uid.to_string();
      }
      return true;
    });
    return scanned ? uid : scanned.error().message();
  }
  /// The packets of an id, by way of a file.
  std::vector<std::string> extracted(const std::string& id, const std::string& folder = "") {
    auto store = store::open_to_read(case_);
    if (!store) return {store.error().message()};
    auto traced = report::trace(**store, id);
    if (!traced) return {traced.error().message()};
    const auto wanted = report::packets_of(*traced);
    problems_.clear();
    const auto found = find_captures(traced->captures, captures_of(wanted), case_, folder, problems_);
    if (found.empty()) return {};
    auto done = extract(found, wanted, folder_ / "out.pcap");
    if (!done) return {done.error().message()};
    for (const auto& problem : done->problems) problems_.push_back(problem);
    const auto packets = packets_in(folder_ / "out.pcap");
    EXPECT_EQ(packets.size(), done->packets);
    return packets;
  }

  Folder folder_;
  std::string case_ = folder_ / "a.case";
  std::vector<base::Error> problems_;
};

std::vector<std::string> chosen(const std::vector<std::string>& all, std::initializer_list<std::size_t> numbers) {
  std::vector<std::string> out;
  for (const std::size_t n : numbers) out.push_back(all[n - 1]);
  return out;
}

std::vector<std::string> mixed_packets() {
  const std::string fragmented = udp(2000, 53, std::string(64, 'f'));
  return {
      ethernet(kA, kB, 17, udp(1000, 9999, "one")),   ethernet(kA, kC, 17, udp(1000, 9999, "other")),
      ethernet(kB, kA, 17, udp(9999, 1000, "two")),   ethernet(kA, kB, 17, udp(1001, 9999, "other port")),
      ethernet(kC, kB, 17, udp(53, 2000, "first")),   ethernet(kB, kC, 17, fragmented.substr(0, 32), 0x2000),
      ethernet(kA, kB, 17, udp(1000, 9999, "three")), ethernet(kB, kC, 17, fragmented.substr(32), 4),
  };
}

TEST_F(ExtractTest, OneConnectionsPackets) {
  write_pcap(folder_ / "a.pcap", mixed_packets(), 1'000'000'000);
  investigate({folder_ / "a.pcap"});
  const auto all = packets_in(folder_ / "a.pcap");
  EXPECT_EQ(extracted(uid_between(kA, kC)), chosen(all, {2}));
  // Fragments belong to it too.
  EXPECT_EQ(extracted(uid_between(kB, kC)), chosen(all, {5, 6, 8}));
  EXPECT_TRUE(problems_.empty());
}

TEST_F(ExtractTest, BothDirectionsAndNoOtherPort) {
  std::vector<std::string> packets = mixed_packets();
  packets[3] = ethernet(kA, kC, 17, udp(1001, 9999, "other port"));
  write_pcap(folder_ / "a.pcap", packets, 1'000'000'000);
  investigate({folder_ / "a.pcap"});
  EXPECT_EQ(extracted(uid_between(kA, kB)), chosen(packets_in(folder_ / "a.pcap"), {1, 3, 7}));
}

TEST_F(ExtractTest, AcrossCapturesAndRuns) {
  const auto packets = mixed_packets();
  write_pcap(folder_ / "a.pcap", {packets[0], packets[1]}, 1'000'000'000);
  write_pcap(folder_ / "b.pcap", {packets[2], packets[6]}, 1'000'000'002);
  write_pcap(folder_ / "c.pcap", {packets[4]}, 1'000'000'010);
  investigate({folder_ / "a.pcap", folder_ / "b.pcap"});
  investigate({folder_ / "c.pcap"}, true);
  auto expected = chosen(packets_in(folder_ / "a.pcap"), {1});
  const auto second = packets_in(folder_ / "b.pcap");
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(extracted(uid_between(kA, kB)), expected);
  EXPECT_EQ(extracted(uid_between(kC, kB)), packets_in(folder_ / "c.pcap"));
}

TEST_F(ExtractTest, DifferentLinkTypesBecomePcapng) {
  const auto packets = mixed_packets();
  write_pcap(folder_ / "a.pcap", {packets[0]}, 1'000'000'000);
  write_pcap(folder_ / "b.pcap", {packets[2].substr(14)}, 1'000'000'001, 101);  // raw IP
  investigate({folder_ / "a.pcap", folder_ / "b.pcap"});
  auto expected = packets_in(folder_ / "a.pcap");
  const auto second = packets_in(folder_ / "b.pcap");
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(extracted(uid_between(kA, kB)), expected);
}

TEST_F(ExtractTest, CapturesThatMovedOrChanged) {
  write_pcap(folder_ / "a.pcap", mixed_packets(), 1'000'000'000);
  investigate({folder_ / "a.pcap"});
  const std::string uid = uid_between(kA, kC);
  fs::create_directory(folder_ / "moved");
  fs::rename(folder_ / "a.pcap", folder_ / "moved/a.pcap");
  EXPECT_TRUE(extracted(uid).empty());
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_NE(problems_[0].message().find("--captures"), std::string::npos);
  EXPECT_EQ(extracted(uid, folder_ / "moved").size(), 1u);
  // Another file of the same name and size is not taken for it.
  auto packets = mixed_packets();
  packets[0].back() = '!';
  write_pcap(folder_ / "a.pcap", packets, 1'000'000'000);
  EXPECT_TRUE(extracted(uid).empty());
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_NE(problems_[0].message().find("SHA-256 differs"), std::string::npos);
}

TEST_F(ExtractTest, ACaptureIsKnownByItsBytes) {
  write_pcap(folder_ / "a.pcap", mixed_packets(), 1'000'000'000);
  investigate({folder_ / "a.pcap"});
  auto packets = mixed_packets();
  packets[0].back() = '!';
  write_pcap(folder_ / "other.pcap", packets, 1'000'000'000);
  fs::copy_file(folder_ / "a.pcap", folder_ / "copy.pcap");
  auto store = store::open_to_read(case_);
  ASSERT_TRUE(store.ok());
  const auto captures = *(*store)->captures();
  ASSERT_EQ(captures.size(), 1u);
  EXPECT_EQ(captures[0].sha256.size(), 64u);
  EXPECT_EQ(captures[0].packets, 8u);
  EXPECT_TRUE(fs::path(captures[0].path).is_absolute());
  EXPECT_TRUE(is_known(captures, folder_ / "copy.pcap"));
  EXPECT_FALSE(is_known(captures, folder_ / "other.pcap"));
  EXPECT_FALSE(is_known(captures, folder_ / "none.pcap"));
  capture::OpenOptions options;
  options.skip = [&](const std::string& path) { return is_known(captures, path); };
  capture::Opened opened = capture::open({folder_ / "copy.pcap", folder_ / "other.pcap"}, options);
  ASSERT_TRUE(opened.source != nullptr);
  EXPECT_EQ(opened.source->captures().size(), 1u);
  EXPECT_TRUE(capture::open({folder_ / "a.pcap"}, options).source == nullptr);
}

TEST_F(ExtractTest, AFindingsChain) {
  write_pcap(folder_ / "a.pcap", mixed_packets(), 1'000'000'000);
  investigate({folder_ / "a.pcap"});
  const std::string uid = uid_between(kA, kC);
  {
    auto store = store::open_to_append(case_);
    ASSERT_TRUE(store.ok());
    store::Finding f;
    f.id = "F-77c0";
    f.statement = "something came by";
    f.attacker_type = "host";
    f.attacker = "10.0.0.1";
    f.json = "{\"id\":\"F-77c0\",\"severity\":\"high\"}";
    const record::Uid conn = record::Uid::parse(uid);
    f.evidence = {{"conn", conn, {2, 2, 0, 0}, {}, {}}, {"arp", {}, {4, 4, 0, 0}, {}, {}}};
    ASSERT_TRUE((*store)->put_findings({&f, 1}).ok());
    const store::Incident i{"I-1", "10.0.0.0/24", "entry", "outer", {}, {}, "{\"id\":\"I-1\"}", {"F-77c0"}};
    ASSERT_TRUE((*store)->replace_incidents({&i, 1}).ok());
    auto captures = (*store)->captures();
    ASSERT_TRUE((*store)->commit({0, {}, true, ""}, {}).ok());
  }
  auto store = store::open_to_read(case_);
  ASSERT_TRUE(store.ok());
  auto traced = report::trace(**store, "F-77c0");
  ASSERT_TRUE(traced.ok()) << traced.error().message();
  ASSERT_EQ(traced->findings.size(), 1u);
  ASSERT_EQ(traced->incidents.size(), 1u);
  const auto& records = traced->findings[0].records;
  ASSERT_EQ(records.size(), 2u);
  EXPECT_NE(records[0].json.find("\"id.resp_h\":\"10.0.0.3\""), std::string::npos);
  EXPECT_EQ(records[0].display_filter,
            "ip.addr == 10.0.0.1 && ip.addr == 10.0.0.3 && udp.port == 1000 && udp.port == 9999 && frame.number == 2");
  EXPECT_EQ(records[1].display_filter, "frame.number == 4");
  const std::string text = report::trace_text(*traced, 1);
  EXPECT_NE(text.find("F-77c0  something came by"), std::string::npos);
  EXPECT_NE(text.find("a.pcap packet 2"), std::string::npos);
  EXPECT_NE(text.find("… and 1 more"), std::string::npos);
  EXPECT_NE(report::trace_json(*traced).find("\"display_filter\": \"frame.number == 4\""), std::string::npos);
  const auto all = packets_in(folder_ / "a.pcap");
  EXPECT_EQ(extracted("F-77c0"), chosen(all, {2, 4}));
  EXPECT_EQ(extracted("I-1"), chosen(all, {2, 4}));
  EXPECT_FALSE(report::trace(**store, "F-none").ok());
  EXPECT_FALSE(report::trace(**store, "C00000000000").ok());
}

}  // namespace
}  // namespace whodunit::engine
