// Every capture of the corpus: the packets that are read are those that other programs count.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "capture/capture.h"

namespace whodunit::capture {
namespace {

std::vector<std::string> split(const std::string& line, char by) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

TEST(Corpus, CountsOfPackets) {
  const std::string corpus = std::string(WHODUNIT_SOURCE_DIR) + "/../shared/corpus";
  std::ifstream manifest(corpus + "/MANIFEST.tsv");
  if (!manifest) GTEST_SKIP() << "no corpus at " << corpus;
  std::string line;
  std::getline(manifest, line);
  int files = 0, differ = 0, digests = 0;
  std::uint64_t total = 0;
  while (std::getline(manifest, line)) {
    const std::vector<std::string> row = split(line, '\t');
    if (row.size() < 6) continue;
    const std::string path = corpus + "/captures/" + row[0];
    if (!std::filesystem::exists(path)) continue;
    Opened opened = open({path}, {});
    if (!opened.source) {
      EXPECT_FALSE(row[0].ends_with(".pcap") || row[0].ends_with(".pcapng"))
          << row[0] << ": " << opened.problems.at(0).message();
      continue;
    }
    ++files;
    std::vector<RawPacket> packets;
    std::uint64_t count = 0, last = 0;
    do {
      opened.source->read(packets, 100);
      for (const RawPacket& packet : packets) {
        EXPECT_EQ(packet.number, ++last) << row[0];
        EXPECT_LE(packet.bytes.size(), packet.wire_length) << row[0];
      }
      count += packets.size();
    } while (!packets.empty());
    const CaptureInfo& info = opened.source->captures().at(0);
    EXPECT_EQ(info.packets, count);
    EXPECT_EQ(info.sha256, row[1]) << row[0];
    digests += info.sha256 == row[1];
    total += count;
    // A damaged file of which the manifest's program made nothing, though there is a packet before the damage.
    if (row[5] == "0" && info.cut_off) continue;
    if (!row[5].empty() && std::strtoull(row[5].c_str(), nullptr, 10) != count) {
      ++differ;
      std::cout << row[0] << ": " << row[5] << " packets by the manifest, " << count << " here; " << info.reason
                << "\n";
    }
  }
  std::cout << files << " captures, " << total << " packets, " << digests << " digests right, " << differ
            << " counts differ\n";
  EXPECT_EQ(differ, 0);
}

}  // namespace
}  // namespace whodunit::capture
