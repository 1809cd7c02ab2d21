#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "capture/files.h"

namespace whodunit::capture::test {
namespace {

std::string gzip(const std::string& in) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, in.size()) + 64, 0);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
std::string zstd(const std::string& in) {
  std::string out(ZSTD_compressBound(in.size()), 0);
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3));
  return out;
}
std::string xz(const std::string& in) {
  std::string out(lzma_stream_buffer_bound(in.size()), 0);
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(in.data()),
                                    in.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}
std::string lz4(const std::string& in) {
  std::string out(LZ4F_compressFrameBound(in.size(), nullptr), 0);
  out.resize(LZ4F_compressFrame(out.data(), out.size(), in.data(), in.size(), nullptr));
  return out;
}

struct Packer {
  const char* name;
  std::string (*pack)(const std::string&);
};
const Packer kPackers[] = {{"gzip", gzip}, {"zstd", zstd}, {"xz", xz}, {"lz4", lz4}};

std::string sample(std::size_t bytes) {
  std::string out = pcap_header();
  std::uint32_t seed = 7;
  for (std::uint32_t i = 0; out.size() < bytes; ++i) {
    std::string data(1 + i % 1400, 0);
    for (char& c : data) {
      seed = seed * 1664525 + 1013904223;
      c = static_cast<char>(seed >> (i % 3 == 0 ? 24 : 30));  // some of it packs well, some does not
    }
    out += pcap_packet(i, 0, data);
  }
  return out;
}

TEST(Unpacking, SameAsPlain) {
  const std::string plain = sample(3u << 20);
  const Folder folder;
  Opened reference = open({folder.write("plain.pcap", plain)}, {});
  const auto expected = read_all(*reference.source);
  for (const Packer& packer : kPackers) {
    const std::string packed = packer.pack(plain);
    Opened opened = open({folder.write("packed", packed)}, {});
    ASSERT_TRUE(opened.source) << packer.name;
    EXPECT_EQ(read_all(*opened.source), expected) << packer.name;
    const CaptureInfo& info = opened.source->captures()[0];
    EXPECT_EQ(info.format, std::string("pcap+") + packer.name);
    EXPECT_FALSE(info.cut_off) << info.reason;
    EXPECT_EQ(info.sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(packed))) << packer.name;
    EXPECT_EQ(info.file_bytes, packed.size());
  }
}

TEST(Unpacking, MembersFollowOneAnother) {
  const std::string plain = sample(200'000);
  const std::size_t half = plain.size() / 2;
  const Folder folder;
  for (const Packer& packer : kPackers) {
    Opened opened =
        open({folder.write("packed", packer.pack(plain.substr(0, half)) + packer.pack(plain.substr(half)))}, {});
    ASSERT_TRUE(opened.source) << packer.name;
    Opened reference = open({folder.write("plain", plain)}, {});
    EXPECT_EQ(read_all(*opened.source), read_all(*reference.source)) << packer.name;
    EXPECT_FALSE(opened.source->captures()[0].cut_off) << packer.name;
  }
}

TEST(Unpacking, CutInTheMiddle) {
  const std::string plain = sample(1u << 20);
  const Folder folder;
  Opened reference = open({folder.write("plain", plain)}, {});
  const auto expected = read_all(*reference.source);
  for (const Packer& packer : kPackers) {
    const std::string packed = packer.pack(plain);
    Opened opened = open({folder.write("packed", packed.substr(0, packed.size() * 2 / 3))}, {});
    ASSERT_TRUE(opened.source) << packer.name;
    const auto packets = read_all(*opened.source);
    const CaptureInfo& info = opened.source->captures()[0];
    EXPECT_TRUE(info.cut_off) << packer.name;
    EXPECT_NE(info.reason.find("ends in the middle"), std::string::npos) << packer.name << ": " << info.reason;
    EXPECT_GT(packets.size(), expected.size() / 3) << packer.name;
    ASSERT_LT(packets.size(), expected.size()) << packer.name;
    EXPECT_TRUE(std::equal(packets.begin(), packets.end(), expected.begin())) << packer.name;
  }
}

TEST(Unpacking, DamagedInTheMiddle) {
  const std::string plain = sample(1u << 20);
  const Folder folder;
  for (const Packer& packer : kPackers) {
    std::string packed = packer.pack(plain);
    for (std::size_t i = packed.size() / 2; i < packed.size() / 2 + 64; ++i)
      packed[i] = static_cast<char>(packed[i] ^ 0x5a);
    Opened opened = open({folder.write("packed", packed)}, {});
    ASSERT_TRUE(opened.source) << packer.name;
    EXPECT_GT(read_all(*opened.source).size(), 300u) << packer.name << ": what stands before the damage is given";
    EXPECT_TRUE(opened.source->captures()[0].cut_off) << packer.name;
    EXPECT_EQ(opened.source->captures()[0].sha256, base::digest_hex(base::DigestKind::kSha256, base::as_bytes(packed)))
        << packer.name << ": " << opened.source->captures()[0].reason;
  }
}

TEST(Unpacking, PaddingBehindTheEndIsIgnored) {
  const std::string plain = sample(10'000);
  const Folder folder;
  Opened opened = open({folder.write("a.gz", gzip(plain) + std::string(1000, 0))}, {});
  ASSERT_TRUE(opened.source);
  EXPECT_FALSE(read_all(*opened.source).empty());
  EXPECT_FALSE(opened.source->captures()[0].cut_off);
}

TEST(Unpacking, WhatIsPackedIsNoCapture) {
  const Folder folder;
  for (const Packer& packer : kPackers) {
    const Opened opened = open({folder.write("a.txt", packer.pack("just words, and enough of them to be long"))}, {});
    EXPECT_FALSE(opened.source) << packer.name;
    ASSERT_EQ(opened.problems.size(), 1u) << packer.name;
    EXPECT_NE(opened.problems[0].what.find("not a capture"), std::string::npos) << opened.problems[0].message();
  }
}

}  // namespace
}  // namespace whodunit::capture::test
