// Reading and decoding a capture, beside the least that such a program can do in the same run: large reads and a look
// at the addresses and ports. decode_bench [FILE.pcap]: without a file, one is made (TCP and UDP of several sizes) and
// removed. Checks its own results: exits with 1 where counts differ or a ratio is beyond its bar.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "packet/decoder.h"

using namespace whodunit;

namespace {

constexpr double kMostReading = 1.5;   // times the floor
constexpr double kMostDecoding = 4.0;  // with all fields of every packet written out
constexpr int kRounds = 5;
constexpr std::size_t kBatch = 256;

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Sum {
  std::uint64_t packets = 0, datagrams = 0, bytes = 0, ports = 0;
};

/// What cannot be left out: Ethernet, IPv4 without options, ports; little-endian pcap.
Sum floor_of(const char* path) {
  Sum sum;
  const int fd = ::open(path, O_RDONLY);
  constexpr std::size_t kRead = 1u << 20;
  std::vector<std::uint8_t> buffer(kRead + (1u << 18));
  std::size_t have = 0, skip = 24;
  while (true) {
    const ssize_t got = ::read(fd, buffer.data() + have, kRead);
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
    std::size_t at = skip;
    skip = 0;
    while (at + 16 <= have) {
      const std::uint32_t kept = base::load_le32(buffer.data() + at + 8);
      if (at + 16 + kept > have) break;
      const std::uint8_t* p = buffer.data() + at + 16;
      ++sum.packets;
      sum.bytes += kept;
      if (kept >= 42 && base::load_be16(p + 12) == 0x0800 && (p[23] == 6 || p[23] == 17)) {
        const std::uint8_t* transport = p + 14 + (p[14] & 15) * 4;
        sum.ports += base::load_be16(transport) + base::load_be16(transport + 2) + base::load_be32(p + 26) +
                     base::load_be32(p + 30);
        ++sum.datagrams;
      }
      at += 16 + kept;
    }
    std::memmove(buffer.data(), buffer.data() + at, have - at);
    have -= at;
  }
  ::close(fd);
  return sum;
}

class Quiet final : public packet::Events {
 public:
  void weird(std::string_view, std::string_view, std::string_view, const packet::Origin&,
             const record::Endpoints*) override {}
  void tunnel(const packet::TunnelEvent&) override {}
  void arp(const packet::Arp&, const packet::Origin&) override {}
};

Sum read_with(const char* path, bool decode, bool checksums) {
  Sum sum;
  capture::OpenOptions options;
  options.digest = false;
  capture::Opened opened = capture::open({path}, options);
  if (!opened.source) {
    std::fprintf(stderr, "%s\n", opened.problems.at(0).message().c_str());
    std::exit(1);
  }
  packet::Settings settings;
  settings.verify_checksums = checksums;
  base::MemoryAccountant memory;
  packet::Decoder decoder(settings, memory);
  Quiet events;
  std::vector<capture::RawPacket> raw;
  std::vector<packet::Packet> packets;
  do {
    opened.source->read(raw, kBatch);
    packets.clear();
    decoder.begin_batch();
    for (const capture::RawPacket& one : raw) {
      sum.bytes += one.bytes.size();
      if (decode) decoder.decode(one, sum.packets, packets, events);
      ++sum.packets;
    }
    for (const packet::Packet& p : packets) {
      if (p.protocol != 6 && p.protocol != 17) continue;
      sum.ports += static_cast<std::uint64_t>(p.source_port) + p.destination_port + p.source.v4_value() +
                   p.destination.v4_value();
      ++sum.datagrams;
    }
  } while (!raw.empty());
  return sum;
}

/// About 300 MB: two thirds full segments, the rest small, four addresses.
std::string make_capture() {
  std::string path = "/tmp/whodunit_decode_bench_XXXXXX";
  const int fd = mkstemp(path.data());
  std::FILE* out = fdopen(fd, "wb");
  const std::uint32_t header[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1};
  std::fwrite(header, 1, sizeof header, out);
  std::vector<std::uint8_t> frame(1514);
  for (std::uint32_t i = 0; i < 400'000; ++i) {
    const bool tcp = i % 4 != 3;
    const std::size_t size = i % 3 == 0 ? 66 + i % 50 : i % 3 == 1 ? 1514 : 700 + i % 300;
    std::fill(frame.begin(), frame.begin() + 54, std::uint8_t{0});
    frame[12] = 8;
    frame[14] = 0x45;
    frame[16] = static_cast<std::uint8_t>((size - 14) >> 8);
    frame[17] = static_cast<std::uint8_t>(size - 14);
    frame[22] = 64;
    frame[23] = tcp ? 6 : 17;
    frame[26] = frame[30] = 10;
    frame[29] = static_cast<std::uint8_t>(i & 3);
    frame[33] = static_cast<std::uint8_t>(4 + (i & 3));
    frame[34] = static_cast<std::uint8_t>(i >> 8);
    frame[37] = 80;
    if (tcp) {
      frame[46] = 0x50;
      frame[47] = 0x10;
    } else {
      frame[38] = static_cast<std::uint8_t>((size - 34) >> 8);
      frame[39] = static_cast<std::uint8_t>(size - 34);
    }
    const std::uint32_t record[4] = {i / 1000, i % 1000, static_cast<std::uint32_t>(size),
                                     static_cast<std::uint32_t>(size)};
    std::fwrite(record, 1, sizeof record, out);
    std::fwrite(frame.data(), 1, size, out);
  }
  std::fclose(out);
  return path;
}

}  // namespace

int main(int argc, char** argv) {
  const bool made = argc < 2;
  const std::string path = made ? make_capture() : argv[1];
  struct Way {
    const char* name;
    double best = 1e9;
    Sum sum;
  } ways[] = {{"floor"}, {"reading"}, {"reading, decoding"}, {"reading, decoding, checksums"}};
  // Turn by turn, the best of each: the machine's other work hits all alike.
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 4; ++i) {
      const double start = cpu_seconds();
      ways[i].sum = i == 0 ? floor_of(path.c_str()) : read_with(path.c_str(), i >= 2, i == 3);
      ways[i].best = std::min(ways[i].best, cpu_seconds() - start);
    }
  }
  if (made) ::unlink(path.c_str());
  const auto packets = static_cast<double>(ways[0].sum.packets);
  for (const Way& way : ways) {
    std::printf("%-30s %8.3f s  %6.1f ns a packet  %5.2f times the floor\n", way.name, way.best,
                way.best * 1e9 / packets, way.best / ways[0].best);
  }
  bool fine = true;
  for (int i = 1; i < 4; ++i)
    fine = fine && ways[i].sum.packets == ways[0].sum.packets && ways[i].sum.bytes == ways[0].sum.bytes;
  if (made) {
    for (int i = 2; i < 4; ++i)
      fine = fine && ways[i].sum.datagrams == ways[0].sum.datagrams && ways[i].sum.ports == ways[0].sum.ports;
  }
  if (!fine) std::fprintf(stderr, "the counts differ\n");
  if (ways[1].best > kMostReading * ways[0].best) {
    std::fprintf(stderr, "reading takes more than %.1f times the floor\n", kMostReading);
    fine = false;
  }
  if (ways[3].best > kMostDecoding * ways[0].best) {
    std::fprintf(stderr, "decoding takes more than %.1f times the floor\n", kMostDecoding);
    fine = false;
  }
  return fine ? 0 : 1;
}
