// Several inputs, folders, pipes, filters, and what cannot be read.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "capture/files.h"

namespace whodunit::capture::test {
namespace {

std::string numbered(std::uint32_t from, std::uint32_t step, int count, const std::string& name) {
  std::string out = pcap_header();
  for (int i = 0; i < count; ++i)
    out += pcap_packet(from + step * static_cast<std::uint32_t>(i), 0, name + std::to_string(i));
  return out;
}

std::vector<std::string> texts(const std::vector<Kept>& packets) {
  std::vector<std::string> out;
  for (const Kept& p : packets) out.push_back(p.bytes);
  return out;
}

TEST(Merge, ByTimeThenOrdinal) {
  const Folder folder;
  folder.write("b.pcap", numbered(100, 2, 3, "b"));      // 100 102 104
  folder.write("sub/a.pcap", numbered(101, 1, 4, "a"));  // 101 102 103 104
  folder.write("c.pcap", numbered(100, 10, 2, "c"));     // 100 110
  Opened opened = open({folder.path()}, {});
  ASSERT_TRUE(opened.source);
  const auto packets = read_all(*opened.source, 2);
  EXPECT_EQ(texts(packets), (std::vector<std::string>{"b0", "c0", "a0", "b1", "a1", "a2", "b2", "a3", "c1"}));
  EXPECT_EQ(opened.source->captures()[0].name, "b.pcap");
  EXPECT_EQ(opened.source->captures()[1].name, "c.pcap");
  EXPECT_EQ(opened.source->captures()[2].name, "a.pcap");
  EXPECT_EQ(packets[2].capture, 2u);
  EXPECT_EQ(packets[2].number, 1u);
  EXPECT_EQ(opened.source->captures()[2].packets, 4u);
  for (const CaptureInfo& info : opened.source->captures()) EXPECT_EQ(info.sha256.size(), 64u);
}

TEST(Merge, TheSameWhateverTheBatches) {
  const Folder folder;
  for (int i = 0; i < 20; ++i) {
    folder.write("f" + std::to_string(i) + ".pcap",
                 numbered(static_cast<std::uint32_t>(i * 37), static_cast<std::uint32_t>(1 + i % 3), 200 + i,
                          "f" + std::to_string(i) + "-"));
  }
  folder.write("empty.pcap", pcap_header());
  std::vector<Kept> first;
  for (const std::size_t most : {1, 3, 64, 65, 4096, 100'000}) {
    Opened opened = open({folder.path()}, {});
    const auto packets = read_all(*opened.source, most);
    if (first.empty()) first = packets;
    EXPECT_EQ(packets, first) << most;
  }
  ASSERT_EQ(first.size(), 4190u);
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end(), [](const Kept& a, const Kept& b) {
    return a.ns != b.ns ? a.ns < b.ns : a.capture < b.capture;
  }));
}

TEST(Merge, ManyMoreThanMayBeOpen) {
  const Folder folder;
  constexpr int kFiles = 400;
  for (int i = 0; i < kFiles; ++i) {
    // Longer than the buffers, so that files must be opened again at their place.
    std::string bytes = pcap_header();
    for (std::uint32_t k = 0; k < 60; ++k)
      bytes += pcap_packet(k, static_cast<std::uint32_t>(i), std::string(1500, static_cast<char>('a' + (k + i) % 26)));
    folder.write("f" + std::to_string(1000 + i) + ".pcap", bytes);
  }
  auto open_files = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto before = open_files();
  Opened opened = open({folder.path()}, {});
  ASSERT_TRUE(opened.source);
  EXPECT_LE(open_files() - before, 2);
  std::vector<RawPacket> batch;
  std::int64_t last = 0;
  std::uint64_t count = 0;
  do {
    opened.source->read(batch, 500);
    for (const RawPacket& p : batch) {
      ASSERT_GE(p.time.ns, last);
      last = p.time.ns;
      const auto i = static_cast<int>(p.capture);
      ASSERT_EQ(p.bytes.size(), 1500u);
      ASSERT_EQ(p.bytes[0], 'a' + (p.number - 1 + static_cast<std::uint64_t>(i)) % 26) << i;
      ASSERT_EQ(p.bytes[1499], p.bytes[0]);
    }
    count += batch.size();
    EXPECT_LE(open_files() - before, 260);
  } while (!batch.empty());
  EXPECT_EQ(count, 60u * kFiles);
  for (const CaptureInfo& info : opened.source->captures()) EXPECT_FALSE(info.cut_off) << info.reason;
}

TEST(Merge, NoFileTwice) {
  const Folder folder;
  const std::string path = folder.write("a.pcap", numbered(1, 1, 3, "a"));
  std::filesystem::create_hard_link(path, folder.at("b.pcap"));
  std::filesystem::create_symlink(path, folder.at("c.pcap"));
  Opened opened = open({path, folder.path(), path}, {});
  ASSERT_TRUE(opened.source);
  EXPECT_EQ(read_all(*opened.source).size(), 3u);
  EXPECT_EQ(opened.source->captures().size(), 1u);
  EXPECT_TRUE(opened.problems.empty());
}

TEST(Merge, ACutFileDoesNotStopTheOthers) {
  const Folder folder;
  const std::string a = numbered(1, 2, 5, "a");
  folder.write("a.pcap", a.substr(0, a.size() - 3));
  folder.write("b.pcap", numbered(2, 2, 5, "b"));
  Opened opened = open({folder.path()}, {});
  ASSERT_TRUE(opened.source);
  EXPECT_EQ(read_all(*opened.source).size(), 9u);
  EXPECT_TRUE(opened.source->captures()[0].cut_off);
  EXPECT_FALSE(opened.source->captures()[1].cut_off);
}

TEST(Pipe, IsReadOnceAndMerged) {
  const Folder folder;
  const std::string fifo = folder.at("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string bytes = numbered(1, 2, 1000, "pipe");
  std::thread writer([&] {
    const int fd = ::open(fifo.c_str(), O_WRONLY);
    for (std::size_t at = 0; at < bytes.size();) {  // in odd pieces
      const ssize_t n = ::write(fd, bytes.data() + at, std::min<std::size_t>(777, bytes.size() - at));
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    ::close(fd);
  });
  Opened opened = open({fifo, folder.write("f.pcap", numbered(2, 2, 10, "file"))}, {});
  ASSERT_TRUE(opened.source);
  const auto packets = read_all(*opened.source);
  writer.join();
  ASSERT_EQ(packets.size(), 1010u);
  EXPECT_EQ(packets[0].bytes, "pipe0");
  EXPECT_EQ(packets[1].bytes, "file0");
  EXPECT_EQ(packets.back().bytes, "pipe999");
  EXPECT_EQ(opened.source->captures()[0].file_bytes, bytes.size());
  EXPECT_EQ(opened.source->captures()[0].sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(bytes)));
  EXPECT_EQ(opened.source->bytes_total(), 0u) << "unknown with a pipe among them";
}

TEST(StandardInput, IsACapture) {
  const Folder folder;
  const std::string bytes = numbered(5, 1, 3, "x");
  const int file = ::open(folder.write("in.pcap", bytes).c_str(), O_RDONLY);
  const int saved = ::dup(0);
  ::dup2(file, 0);
  Opened opened = open({"-", "-"}, {});
  ASSERT_TRUE(opened.source);
  EXPECT_EQ(read_all(*opened.source).size(), 3u);
  EXPECT_EQ(opened.source->captures().at(0).name, "-");
  ::dup2(saved, 0);
  ::close(saved);
  ::close(file);
}

// An Ethernet frame with IPv4 and UDP to `port`.
std::string udp_frame(std::uint16_t port) {
  return Maker(true)
      .text(std::string(12, 1))
      .u16(0x0800)
      .u8(0x45)
      .u8(0)
      .u16(28)
      .u32(0)
      .u8(64)
      .u8(17)
      .u16(0)
      .u32(0x0a000001)
      .u32(0x0a000002)
      .u16(4000)
      .u16(port)
      .u16(8)
      .u16(0)
      .out;
}

TEST(FilterExpression, KeepsWhatMatches) {
  const Folder folder;
  std::string bytes = pcap_header();
  for (std::uint32_t i = 0; i < 5000; ++i) bytes += pcap_packet(i, 0, udp_frame(i % 10 == 3 ? 53 : 80));
  const std::string path = folder.write("a.pcap", bytes);
  for (const std::size_t most : {1, 64, 1000}) {
    OpenOptions options;
    options.filter = "udp port 53";
    Opened opened = open({path}, options);
    ASSERT_TRUE(opened.source);
    const auto packets = read_all(*opened.source, most);
    ASSERT_EQ(packets.size(), 500u);
    EXPECT_EQ(packets[0].number, 4u);
    EXPECT_EQ(packets[499].number, 4994u);
    for (const Kept& p : packets) EXPECT_EQ(p.bytes, udp_frame(53));
    EXPECT_EQ(opened.source->captures()[0].packets, 500u);
  }
}

TEST(FilterExpression, RareMatchesInALongFile) {
  const Folder folder;
  std::string bytes = pcap_header();
  for (std::uint32_t i = 0; i < 60'000; ++i)
    bytes += pcap_packet(i, 0, udp_frame(i % 25'000 == 1 ? 53 : 80) + std::string(40, 0));
  OpenOptions options;
  options.filter = "udp dst port 53";
  Opened opened = open(
      {folder.write("a.pcap", bytes), folder.write("b.pcap", pcap_header() + pcap_packet(30'000, 0, udp_frame(53)))},
      options);
  ASSERT_TRUE(opened.source);
  const auto packets = read_all(*opened.source);
  ASSERT_EQ(packets.size(), 4u);
  EXPECT_EQ(packets[2].capture, 1u);
  EXPECT_EQ(packets[3].number, 50'002u);
}

TEST(FilterExpression, ThatCannotBeUsedIsAProblem) {
  const Folder folder;
  const std::string path = folder.write("a.pcap", pcap_header() + pcap_packet(1, 0, udp_frame(53)));
  OpenOptions options;
  options.filter = "this is no filter";
  const Opened opened = open({path}, options);
  EXPECT_FALSE(opened.source);
  ASSERT_EQ(opened.problems.size(), 1u);
  EXPECT_EQ(opened.problems[0].where, path);
  EXPECT_NE(opened.problems[0].what.find("filter"), std::string::npos);
}

TEST(BadInput, SaysWhatIsWrongAndWhere) {
  const Folder folder;
  std::string noise(5000, 0);
  std::uint32_t seed = 3;
  for (char& c : noise) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  std::filesystem::create_directories(folder.at("nothing"));
  folder.write("nothing/readme.txt", "words");
  folder.write("nothing/empty", "");
  struct Case {
    std::string path, what;
  };
  const Case cases[] = {
      {folder.at("missing.pcap"), "no such file"},
      {folder.write("noise", noise), "not a capture"},
      {folder.write("words.txt", "these are words"), "not a capture"},
      {folder.write("empty", ""), "the file is empty"},
      {folder.write("short", "ab"), "2 bytes only"},
      {folder.write("header.pcap", pcap_header().substr(0, 20)), "ends within its header"},
      {folder.write("header.pcapng", std::string("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c", 10)),
       "section header is cut off"},
      {folder.at("nothing"), "no capture in this folder"},
  };
  for (const Case& one : cases) {
    const Opened opened = open({one.path}, {});
    EXPECT_FALSE(opened.source) << one.path;
    ASSERT_EQ(opened.problems.size(), 1u) << one.path;
    EXPECT_EQ(opened.problems[0].where, one.path);
    EXPECT_NE(opened.problems[0].what.find(one.what), std::string::npos) << opened.problems[0].message();
  }
  // The rest is taken all the same.
  Opened mixed =
      open({folder.at("missing.pcap"), folder.write("good.pcap", numbered(1, 1, 2, "g")), folder.at("noise")}, {});
  ASSERT_TRUE(mixed.source);
  EXPECT_EQ(read_all(*mixed.source).size(), 2u);
  EXPECT_EQ(mixed.problems.size(), 2u);
}

TEST(BadInput, NothingGiven) {
  const Opened opened = open({}, {});
  EXPECT_FALSE(opened.source);
  EXPECT_TRUE(opened.problems.empty());
}

TEST(Source, MayBeDroppedInTheMiddle) {
  const Folder folder;
  std::string bytes = pcap_header();
  for (std::uint32_t i = 0; i < 20'000; ++i) bytes += pcap_packet(i, 0, std::string(1000, 'x'));
  Opened opened = open({folder.write("a.pcap", bytes)}, {});
  std::vector<RawPacket> batch;
  opened.source->read(batch, 10'000);
  EXPECT_EQ(batch.size(), 10'000u);
}

}  // namespace
}  // namespace whodunit::capture::test
