#include "capture/files.h"

namespace whodunit::capture::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::vector<Kept> packets_of(const std::string& bytes, CaptureInfo* info = nullptr) {
  const Folder folder;
  Opened opened = open({folder.write("a.cap", bytes)}, {});
  EXPECT_TRUE(opened.source != nullptr) << (opened.problems.empty() ? "" : opened.problems[0].message());
  if (!opened.source) return {};
  std::vector<Kept> all = read_all(*opened.source);
  if (info != nullptr) *info = opened.source->captures().at(0);
  return all;
}

TEST(Pcap, BothOrdersBothResolutions) {
  for (const bool big : {false, true}) {
    for (const bool nano : {false, true}) {
      CaptureInfo info;
      const auto packets = packets_of(pcap_header(1, nano ? 0xa1b23c4d : 0xa1b2c3d4, big) +
                                          pcap_packet(1'700'000'000, 999'999, "first", big) +
                                          pcap_packet(1'700'000'001, 5, "second one", big, 99),
                                      &info);
      ASSERT_EQ(packets.size(), 2u);
      EXPECT_EQ(packets[0].bytes, "first");
      EXPECT_EQ(packets[0].ns, 1'700'000'000 * kSecond + 999'999 * (nano ? 1 : 1000));
      EXPECT_EQ(packets[1].wire_length, 99u);
      EXPECT_EQ(packets[1].number, 2u);
      EXPECT_EQ(info.format, "pcap");
      EXPECT_EQ(info.nanoseconds, nano);
      EXPECT_FALSE(info.cut_off);
      EXPECT_EQ(info.bytes, 15u);
      EXPECT_EQ(info.last.ns, packets[1].ns);
      EXPECT_EQ(info.link_types, std::vector<std::uint32_t>{1});
    }
  }
}

// As tools that shift times write them, and libpcap reads them.
TEST(Pcap, FractionsBelowZero) {
  const auto packets =
      packets_of(pcap_header(1) + pcap_packet(1'700'000'000, static_cast<std::uint32_t>(-250'000), "x"));
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].ns, 1'700'000'000 * kSecond - 250'000'000);
}

TEST(Pcap, KuznetzovsModification) {
  Maker maker;
  maker.text(pcap_header(1, 0xa1b2cd34)).u32(7).u32(8).u32(3).u32(3).u32(1).u16(0x0800).u8(0).u8(0).text("abc");
  const auto packets = packets_of(maker.out);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].bytes, "abc");
  EXPECT_EQ(packets[0].ns, 7 * kSecond + 8000);
}

TEST(Pcap, OldVersionsSwapTheLengths) {
  const auto packets =
      packets_of(pcap_header(1, 0xa1b2c3d4, false, 2) + Maker().u32(0).u32(0).u32(60).u32(4).text("abcd").out);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].bytes, "abcd");
  EXPECT_EQ(packets[0].wire_length, 60u);
}

TEST(Pcap, LengthOfTheCheckSequenceIsNoLinkType) {
  const auto packets = packets_of(pcap_header(0x54000001) + pcap_packet(0, 0, "x"));
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].link_type, 1u);
}

TEST(Pcap, TimesBeyond2038) {
  const auto packets = packets_of(pcap_header() + pcap_packet(0xf0000000, 0, "x"));
  EXPECT_EQ(packets.at(0).ns, 0xf0000000ll * kSecond);
}

TEST(Pcap, CutAnywhere) {
  const std::string whole =
      pcap_header() + pcap_packet(1, 0, "one") + pcap_packet(2, 0, "three") + pcap_packet(3, 0, "");
  const std::vector<std::size_t> ends{24, 43, 64, 80};
  for (std::size_t size = 24; size <= whole.size(); ++size) {
    CaptureInfo info;
    const auto packets = packets_of(whole.substr(0, size), &info);
    const auto complete =
        static_cast<std::size_t>(std::count_if(ends.begin(), ends.end(), [&](std::size_t e) { return e <= size; }) - 1);
    EXPECT_EQ(packets.size(), complete) << size;
    const bool at_end = std::find(ends.begin(), ends.end(), size) != ends.end();
    EXPECT_EQ(info.cut_off, !at_end) << size;
    EXPECT_EQ(info.unread, at_end ? 0u : 1u) << size;
    EXPECT_EQ(info.reason.empty(), at_end) << size;
    EXPECT_EQ(info.file_bytes, size);
  }
}

TEST(Pcap, AnAbsurdLengthIsDamage) {
  CaptureInfo info;
  const std::string bytes = pcap_header() + pcap_packet(1, 0, "fine") +
                            Maker().u32(2).u32(0).u32(0x7fffffff).u32(0x7fffffff).text("rest").out;
  const auto packets = packets_of(bytes, &info);
  EXPECT_EQ(packets.size(), 1u);
  EXPECT_TRUE(info.cut_off);
  EXPECT_EQ(info.reason, "damaged at byte 44: packet 2 claims 2147483647 bytes");
  // What stands behind the damage is in the digest all the same.
  EXPECT_EQ(info.sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(bytes)));
}

// --- pcapng

std::string block(std::uint32_t type, const std::string& body, bool big) {
  const auto length = static_cast<std::uint32_t>(12 + (body.size() + 3) / 4 * 4);
  return Maker(big).u32(type).u32(length).text(body).pad().u32(length).out;
}
std::string section(bool big) {
  return block(0x0a0d0d0a, Maker(big).u32(0x1a2b3c4d).u16(1).u16(0).u64(UINT64_MAX).out, big);
}
std::string interface(std::uint16_t link_type, bool big, const std::string& options = {},
                      std::uint32_t snap_length = 0) {
  return block(1, Maker(big).u16(link_type).u16(0).u32(snap_length).text(options).out, big);
}
std::string resolution(std::uint8_t value, bool big) { return Maker(big).u16(9).u16(1).u8(value).pad().out; }
std::string offset(std::int64_t seconds, bool big) {
  return Maker(big).u16(14).u16(8).u64(static_cast<std::uint64_t>(seconds)).out;
}
std::string enhanced(std::uint32_t interface, std::uint64_t units, const std::string& data, bool big,
                     std::uint32_t wire = 0) {
  return block(6,
               Maker(big)
                   .u32(interface)
                   .u32(static_cast<std::uint32_t>(units >> 32))
                   .u32(static_cast<std::uint32_t>(units))
                   .u32(static_cast<std::uint32_t>(data.size()))
                   .u32(wire == 0 ? static_cast<std::uint32_t>(data.size()) : wire)
                   .text(data)
                   .out,
               big);
}

TEST(Pcapng, SectionsOfBothOrders) {
  CaptureInfo info;
  const auto packets = packets_of(section(false) + interface(1, false) + enhanced(0, 1'000'000, "little", false, 100) +
                                      section(true) + interface(101, true) + enhanced(0, 2'000'000, "big", true),
                                  &info);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].bytes, "little");
  EXPECT_EQ(packets[0].wire_length, 100u);
  EXPECT_EQ(packets[0].ns, kSecond);
  EXPECT_EQ(packets[1].bytes, "big");
  EXPECT_EQ(packets[1].link_type, 101u);
  EXPECT_EQ(packets[1].ns, 2 * kSecond);
  EXPECT_EQ(packets[1].number, 2u);
  EXPECT_EQ(info.format, "pcapng");
  EXPECT_EQ(info.link_types, (std::vector<std::uint32_t>{1, 101}));
}

TEST(Pcapng, ResolutionsAndOffsets) {
  const bool big = true;
  CaptureInfo info;
  const auto packets = packets_of(
      section(big) + interface(1, big, resolution(9, big)) + interface(1, big, resolution(3, big)) +
          interface(1, big, resolution(0x80 | 20, big)) + interface(1, big, resolution(12, big)) +
          interface(1, big, resolution(0, big) + offset(1'000, big)) + interface(1, big, resolution(0x80 | 63, big)) +
          interface(1, big, offset(-5, big)) + enhanced(0, 1'700'000'000'123'456'789, "ns", big) +
          enhanced(1, 1'700'000'000'123, "ms", big) + enhanced(2, (5ull << 20) + (1ull << 19), "2^-20", big) +
          enhanced(3, 7'000'000'001'999, "ps", big) + enhanced(4, 5, "s", big) + enhanced(5, 1ull << 62, "2^-63", big) +
          enhanced(6, 10'000'000, "offset", big),
      &info);
  ASSERT_EQ(packets.size(), 7u);
  EXPECT_EQ(packets[0].ns, 1'700'000'000'123'456'789);
  EXPECT_EQ(packets[1].ns, 1'700'000'000'123'000'000);
  EXPECT_EQ(packets[2].ns, 5 * kSecond + kSecond / 2);
  EXPECT_EQ(packets[3].ns, 7'000'000'001);
  EXPECT_EQ(packets[4].ns, 1'005 * kSecond);
  EXPECT_EQ(packets[5].ns, kSecond / 2);
  EXPECT_EQ(packets[6].ns, 5 * kSecond);
  EXPECT_TRUE(info.nanoseconds);
}

TEST(Pcapng, TimesBeyondAllBoundsAreTheLastOne) {
  const bool big = false;
  const auto packets = packets_of(section(big) + interface(1, big, resolution(0, big) + offset(INT64_MAX, big)) +
                                  enhanced(0, UINT64_MAX, "a", big) + enhanced(0, 1, "b", big) +
                                  interface(1, big, offset(INT64_MIN, big)) + enhanced(1, 1, "c", big));
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(packets[0].ns, INT64_MAX);
  EXPECT_EQ(packets[1].ns, INT64_MAX);
  EXPECT_EQ(packets[2].ns, 0);
}

TEST(Pcapng, SimpleAndOldPackets) {
  const bool big = false;
  const auto packets =
      packets_of(section(big) + interface(1, big, {}, 4) + enhanced(0, 3'000'000, "abcd", big) +
                 block(3, Maker(big).u32(9).text("cut!").out, big) +
                 block(2, Maker(big).u16(0).u16(7).u32(0).u32(4'000'000).u32(3).u32(60).text("old").out, big));
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(packets[1].bytes, "cut!");
  EXPECT_EQ(packets[1].wire_length, 9u);
  EXPECT_EQ(packets[1].ns, 3 * kSecond) << "a simple packet has no time: that of the packet before it is taken";
  EXPECT_EQ(packets[2].bytes, "old");
  EXPECT_EQ(packets[2].wire_length, 60u);
  EXPECT_EQ(packets[2].ns, 4 * kSecond);
}

TEST(Pcapng, OtherBlocksAreSkippedHoweverLong) {
  const bool big = false;
  const auto packets =
      packets_of(section(big) + block(4, std::string(3'000'001, 'n'), big) + interface(1, big) +
                 block(0x80000bad, "secret", big) + enhanced(0, 1, "x", big) + block(5, std::string(40, 's'), big));
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].number, 1u);
}

TEST(Pcapng, APacketOfNoInterfaceIsDamage) {
  const bool big = false;
  CaptureInfo info;
  const auto packets =
      packets_of(section(big) + interface(1, big) + enhanced(0, 1, "x", big) + enhanced(1, 2, "y", big), &info);
  EXPECT_EQ(packets.size(), 1u);
  EXPECT_TRUE(info.cut_off);
  EXPECT_EQ(info.unread, 1u);
  EXPECT_NE(info.reason.find("interface 1"), std::string::npos) << info.reason;
}

TEST(Pcapng, InterfacesEndWithTheirSection) {
  const bool big = false;
  CaptureInfo info;
  const auto packets = packets_of(section(big) + interface(1, big) + section(big) + enhanced(0, 1, "x", big), &info);
  EXPECT_TRUE(packets.empty());
  EXPECT_TRUE(info.cut_off);
}

TEST(Pcapng, CutAnywhere) {
  const bool big = false;
  const std::string start = section(big) + interface(1, big), one = enhanced(0, 1, "first", big),
                    two = enhanced(0, 2, "second..", big);
  const std::string whole = start + one + two;
  for (std::size_t size = 28; size <= whole.size(); ++size) {
    CaptureInfo info;
    const auto packets = packets_of(whole.substr(0, size), &info);
    EXPECT_EQ(packets.size(), size >= whole.size() ? 2u : size >= start.size() + one.size() ? 1u : 0u) << size;
    const bool at_end = size == 28 || size == start.size() || size == start.size() + one.size() || size == whole.size();
    EXPECT_EQ(info.cut_off, !at_end) << size << " " << info.reason;
  }
}

TEST(Pcapng, DifferingLengthsAreDamage) {
  const bool big = false;
  std::string bad = enhanced(0, 1, "x", big);
  bad[bad.size() - 4] = 99;
  CaptureInfo info;
  EXPECT_TRUE(packets_of(section(big) + interface(1, big) + bad, &info).empty());
  EXPECT_TRUE(info.cut_off);
}

// --- across buffers

TEST(Reading, PacketsThatStraddleBuffers) {
  // More than several buffers of 1 MiB, with lengths that meet their ends in all ways.
  std::string bytes = pcap_header();
  std::vector<std::string> expected;
  std::uint32_t seed = 1;
  while (bytes.size() < (5u << 20)) {
    seed = seed * 1664525 + 1013904223;
    std::string data(seed >> 8 & (expected.size() % 50 == 0 ? 0x3ffff : 0x7ff), 0);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + expected.size());
    bytes += pcap_packet(static_cast<std::uint32_t>(expected.size()), 0, data);
    expected.push_back(std::move(data));
  }
  const Folder folder;
  const std::string path = folder.write("big.pcap", bytes);
  for (const std::size_t most : {1, 7, 64, 1000, 1'000'000}) {
    Opened opened = open({path}, {});
    const auto packets = read_all(*opened.source, most);
    ASSERT_EQ(packets.size(), expected.size());
    for (std::size_t i = 0; i < packets.size(); ++i) ASSERT_TRUE(packets[i].bytes == expected[i]) << most << " " << i;
    EXPECT_EQ(opened.source->bytes_read(), bytes.size());
    EXPECT_EQ(opened.source->bytes_total(), bytes.size());
    EXPECT_EQ(opened.source->captures()[0].sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(bytes)));
  }
}

}  // namespace
}  // namespace whodunit::capture::test
