// The pcap file format (draft-ietf-opsawg-pcap).
#include "base/bytes.h"
#include "capture/reader.h"

namespace whodunit::capture {

namespace {

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;
// Alexey Kuznetzov's patched libpcap of the late 1990s: eight more bytes per packet (interface, protocol, packet type).
constexpr std::uint32_t kKuznetzov = 0xa1b2cd34;
constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kPacketHeader = 16;

template <bool kSwapped>
class PcapReader final : public FormatReader {
 public:
  // The file header is at hand.
  PcapReader(Input& input, std::uint32_t magic) : input_(input) {
    const std::uint8_t* header = input_.at();
    const std::uint16_t major = u16(header + 4), minor = u16(header + 6);
    // Version 2.3 and before wrote the two lengths the other way round; in 2.3 some wrote it so, and some not.
    lengths_swapped_ = major == 2 && minor < 3;
    lengths_may_be_swapped_ = major == 2 && minor == 3;
    link_type_ = u32(header + 20) & 0x03ffffff;  // above it: the length of the FCS
    nanoseconds_ = magic == kNanoseconds;
    unit_ = nanoseconds_ ? 1 : 1000;
    header_bytes_ = kPacketHeader + (magic == kKuznetzov ? 8 : 0);
    most_bytes_ = most_packet_bytes(link_type_);
    input_.skip(kFileHeader);
  }

  const char* format() const override { return "pcap"; }

  std::size_t read(RawPacket* out, std::size_t most) override {
    std::size_t count = 0;
    while (count < most && !ended_) {
      if (!input_.need(header_bytes_)) {
        if (input_.left() > 0 || !input_.error().empty()) {
          if (input_.left() > 0) ++unread_;
          cut_off(input_, "a packet's header");
        }
        ended_ = true;
        break;
      }
      const std::uint8_t* header = input_.at();
      std::uint32_t kept = u32(header + 8);
      std::uint32_t wire = u32(header + 12);
      if (lengths_swapped_ || (lengths_may_be_swapped_ && kept > wire)) std::swap(kept, wire);
      if (kept > most_bytes_) {
        damaged(input_, "packet " + std::to_string(number_ + 1) + " claims " + std::to_string(kept) + " bytes");
        ended_ = true;
        break;
      }
      if (!input_.need(header_bytes_ + kept)) {
        ++unread_;
        cut_off(input_, "a packet");
        ended_ = true;
        break;
      }
      header = input_.at();
      RawPacket& packet = out[count++];
      packet.bytes = {header + header_bytes_, kept};
      packet.wire_length = wire < kept ? kept : wire;
      packet.link_type = link_type_;
      // Tools that shift times write fractions below zero: signed, as libpcap reads them.
      packet.time.ns = static_cast<std::int64_t>(u32(header)) * 1'000'000'000 +
                       static_cast<std::int64_t>(static_cast<std::int32_t>(u32(header + 4))) * unit_;
      packet.number = ++number_;
      input_.skip(header_bytes_ + kept);
    }
    return count;
  }

 private:
  static std::uint32_t u32(const std::uint8_t* p) { return kSwapped ? base::load_be32(p) : base::load_le32(p); }
  static std::uint16_t u16(const std::uint8_t* p) { return kSwapped ? base::load_be16(p) : base::load_le16(p); }

  Input& input_;
  std::uint64_t number_ = 0;
  std::int64_t unit_;  // ns
  std::uint32_t link_type_;
  std::uint32_t most_bytes_;
  std::size_t header_bytes_;
  bool lengths_swapped_, lengths_may_be_swapped_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<FormatReader> make_pcap_reader(Input& input) {
  if (!input.need(kFileHeader)) return nullptr;
  for (const std::uint32_t magic : {kMicroseconds, kNanoseconds, kKuznetzov}) {
    // "le" and "be" name the file's order, whatever this machine's is.
    if (base::load_le32(input.at()) == magic) return std::make_unique<PcapReader<false>>(input, magic);
    if (base::load_be32(input.at()) == magic) return std::make_unique<PcapReader<true>>(input, magic);
  }
  return nullptr;
}

}  // namespace whodunit::capture
