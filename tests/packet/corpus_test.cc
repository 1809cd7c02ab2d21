// The decoder on every capture of the corpus.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "capture/capture.h"
#include "packet/decoder.h"

namespace whodunit::packet {
namespace {

struct Quiet final : Events {
  std::map<std::string, std::uint64_t, std::less<>> names;
  std::uint64_t tunnels = 0, arps = 0;
  void weird(std::string_view name, std::string_view, std::string_view, const Origin&,
             const record::Endpoints*) override {
    ++names[std::string(name)];
  }
  void tunnel(const TunnelEvent&) override { ++tunnels; }
  void arp(const Arp&, const Origin&) override { ++arps; }
};

TEST(Corpus, EveryPacketHasAnOutcome) {
  const std::string folder = std::string(WHODUNIT_SOURCE_DIR) + "/../shared/corpus/captures";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no corpus at " << folder;
  base::MemoryAccountant memory(256u << 20);
  std::map<Outcome, std::uint64_t> outcomes;
  Quiet events;
  std::uint64_t datagrams = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    capture::OpenOptions options;
    options.digest = false;
    capture::Opened opened = capture::open({entry.path().string()}, options);
    if (!opened.source) continue;
    Decoder decoder({}, memory);
    std::vector<capture::RawPacket> raw;
    std::vector<Packet> packets;
    std::uint64_t number = 0;
    do {
      opened.source->read(raw, 64);
      decoder.begin_batch();
      packets.clear();
      for (const capture::RawPacket& one : raw) {
        const std::size_t before = packets.size();
        const Outcome outcome = decoder.decode(one, number++, packets, events);
        ++outcomes[outcome];
        EXPECT_EQ(outcome == Outcome::kDatagram, packets.size() > before) << entry.path() << " packet " << one.number;
        for (std::size_t i = before; i < packets.size(); ++i) {
          EXPECT_LE(packets[i].payload.size(), packets[i].payload_length) << entry.path() << " packet " << one.number;
        }
      }
      datagrams += packets.size();
    } while (!raw.empty());
    decoder.finish({}, events);
  }
  EXPECT_EQ(memory.used(), 0u);
  std::cout << datagrams << " datagrams;";
  for (const auto& [outcome, count] : outcomes)
    std::cout << " outcome " << static_cast<int>(outcome) << ": " << count << ";";
  std::cout << "\n" << events.tunnels << " tunnel events, " << events.arps << " ARP messages\n";
  for (const auto& [name, count] : events.names) std::cout << count << " " << name << "\n";
}

}  // namespace
}  // namespace whodunit::packet
