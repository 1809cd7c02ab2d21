// The pcapng file format (draft-ietf-opsawg-pcapng).
#include <vector>

#include "base/bytes.h"
#include "capture/reader.h"

namespace whodunit::capture {

namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kPacket = 2;  // obsolete
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::size_t kMostInterfaces = 65536;
constexpr std::size_t kSmallestBlock = 12;
// Blocks that are looked into are held whole; an interface's description is small, and a packet's length is bounded.
constexpr std::uint32_t kMostDescription = 1u << 20;
constexpr std::uint32_t kMostPacketOptions = 1u << 20;

struct Interface {
  std::uint32_t link_type = 0;
  std::uint32_t snap_length = 0;
  std::int64_t offset = 0;          // seconds
  std::uint64_t multiplier = 1000;  // ns per unit; 0: use the resolution
  std::uint8_t resolution = 6;      // if_tsresol
};

class PcapngReader final : public FormatReader {
 public:
  explicit PcapngReader(Input& input) : input_(input) {}
  const char* format() const override { return "pcapng"; }

  /// The first section's header; false where it cannot be read.
  bool begin() { return next_block() && type_ == kSectionHeader && section(); }

  std::size_t read(RawPacket* out, std::size_t most) override {
    std::size_t count = 0;
    while (count < most && !ended_) {
      if (!next_block()) break;
      switch (type_) {
        case kEnhancedPacket:
          timed_packet(out, count, true);
          break;
        case kSimplePacket:
          simple_packet(out, count);
          break;
        case kPacket:
          timed_packet(out, count, false);
          break;
        case kInterfaceDescription:
          interface();
          break;
        case kSectionHeader:
          if (!section()) ended_ = true;
          break;
        default:
          if (!input_.skip_over(length_)) {
            cut_off(input_, "a block");
            ended_ = true;
          }
      }
    }
    return count;
  }

 private:
  std::uint32_t u32(const std::uint8_t* p) const { return big_endian_ ? base::load_be32(p) : base::load_le32(p); }
  std::uint16_t u16(const std::uint8_t* p) const { return big_endian_ ? base::load_be16(p) : base::load_le16(p); }

  bool end(const char* what) {
    ++unread_;
    cut_off(input_, what);
    ended_ = true;
    return false;
  }
  bool damage(const std::string& what) {
    damaged(input_, what);
    ended_ = true;
    return false;
  }

  /// Sets type_ and length_ of the block at hand, of which at least twelve bytes are there.
  bool next_block() {
    if (!input_.need(kSmallestBlock)) {
      ended_ = true;
      if (input_.left() > 0) return end("a block's header");
      if (!input_.error().empty()) cut_off(input_, "the file");
      return false;
    }
    const std::uint8_t* p = input_.at();
    type_ = base::load_be32(p);
    if (type_ == kSectionHeader) {  // the same in both orders; the order is told by what comes next
      const std::uint32_t magic = base::load_be32(p + 8);
      if (magic == kByteOrderMagic)
        big_endian_ = true;
      else if (base::load_le32(p + 8) == kByteOrderMagic)
        big_endian_ = false;
      else
        return damage("a section header without its byte-order mark");
    } else {
      type_ = u32(p);
    }
    length_ = u32(p + 4);
    if (length_ < kSmallestBlock) return damage("a block of " + std::to_string(length_) + " bytes");
    length_ = (static_cast<std::uint64_t>(length_) + 3) & ~std::uint64_t{3};  // some writers forget the padding
    return true;
  }

  /// The whole block at hand, its two lengths alike.
  bool whole(const char* what, std::uint32_t most) {
    if (length_ > most) return damage(std::string(what) + " of " + std::to_string(length_) + " bytes");
    if (!input_.need(static_cast<std::size_t>(length_))) return end(what);
    const std::uint32_t again = u32(input_.at() + length_ - 4);
    if (((static_cast<std::uint64_t>(again) + 3) & ~std::uint64_t{3}) != length_)
      return damage(std::string(what) + " whose two lengths differ (" + std::to_string(length_) + ", " +
                    std::to_string(again) + ")");
    return true;
  }

  bool section() {
    if (length_ < 28) return damage("a section header that is too short");
    if (!whole("a section header", kMostDescription)) return false;
    const std::uint16_t major = u16(input_.at() + 12);
    if (major != 1) return damage("pcapng version " + std::to_string(major) + ", which this program does not know");
    interfaces_.clear();
    input_.skip(static_cast<std::size_t>(length_));
    return true;
  }

  void interface() {
    if (length_ < 20) {
      damage("an interface description that is too short");
      return;
    }
    if (!whole("an interface description", kMostDescription)) return;
    if (interfaces_.size() >= kMostInterfaces) {
      damage("more than " + std::to_string(kMostInterfaces) + " interfaces");
      return;
    }
    const std::uint8_t* p = input_.at();
    Interface one;
    one.link_type = u16(p + 8);
    one.snap_length = u32(p + 12);
    base::Bytes options{p + 16, static_cast<std::size_t>(length_) - 20};
    while (options.size() >= 4) {
      const std::uint16_t code = u16(options.data());
      const std::size_t size = u16(options.data() + 2);
      if (code == 0 || size > options.size() - 4) break;
      const std::uint8_t* value = options.data() + 4;
      if (code == 9 && size >= 1) one.resolution = value[0];  // if_tsresol
      if (code == 14 && size >= 8) {                          // if_tsoffset, seconds
        one.offset = static_cast<std::int64_t>(big_endian_ ? base::load_be64(value) : base::load_le64(value));
      }
      options = base::slice(options, 4 + ((size + 3) & ~std::size_t{3}));
    }
    one.multiplier = 0;
    if (one.resolution <= 9) {
      one.multiplier = 1;
      for (unsigned i = one.resolution; i < 9; ++i) one.multiplier *= 10;
    }
    const bool binary = (one.resolution & 0x80) != 0;
    if (binary ? (one.resolution & 0x7f) > 20 : one.resolution > 6) nanoseconds_ = true;
    interfaces_.push_back(one);
    input_.skip(static_cast<std::size_t>(length_));
  }

  static base::Time to_time(const Interface& interface, std::uint64_t units) {
    Wide ns;
    if (interface.multiplier != 0) {
      ns = static_cast<Wide>(units) * interface.multiplier;
    } else if (interface.resolution & 0x80) {
      const unsigned bits = interface.resolution & 0x7f;
      // Whole and fraction apart, so that nothing overflows: 2^-127 at the finest.
      const std::uint64_t whole = bits >= 64 ? 0 : units >> bits;
      const std::uint64_t part = bits >= 64 ? units : units & ((std::uint64_t{1} << bits) - 1);
      const Wide scaled = static_cast<Wide>(part) * 1'000'000'000;
      ns = static_cast<Wide>(whole) * 1'000'000'000 + (bits == 0 ? 0 : scaled >> bits);
    } else {
      ns = units;
      for (unsigned i = 9; i < interface.resolution && ns != 0; ++i) ns /= 10;
    }
    constexpr std::int64_t kMost = INT64_MAX;
    std::int64_t result = ns > static_cast<Wide>(kMost) ? kMost : static_cast<std::int64_t>(ns);
    std::int64_t offset_ns = 0;
    if (interface.offset != 0 && (__builtin_mul_overflow(interface.offset, std::int64_t{1'000'000'000}, &offset_ns) ||
                                  __builtin_add_overflow(result, offset_ns, &result))) {
      result = interface.offset < 0 ? 0 : kMost;
    }
    return {result};
  }

  void give(RawPacket* out, std::size_t& count, const Interface& interface, const std::uint8_t* data,
            std::uint32_t kept, std::uint32_t wire, base::Time time) {
    RawPacket& packet = out[count++];
    packet.bytes = {data, kept};
    packet.wire_length = wire < kept ? kept : wire;
    packet.link_type = interface.link_type;
    packet.time = time;
    packet.number = ++number_;
    last_ = time;
  }

  /// The interface of a packet; null where none was described.
  const Interface* interface_of(std::uint32_t id) {
    if (id < interfaces_.size()) return &interfaces_[id];
    damage("a packet of interface " + std::to_string(id) + ", which was not described");
    return nullptr;
  }

  /// Enhanced packet blocks (4.3: 4 type, 4 length, 4 interface) and their forerunner (appendix A: 4 type, 4 length,
  /// 2 interface, 2 drops); then alike: 8 time, 4 kept, 4 wire, data, options, 4 length.
  void timed_packet(RawPacket* out, std::size_t& count, bool enhanced) {
    if (length_ < 32) {
      damage(enhanced ? "an enhanced packet block that is too short" : "a packet block that is too short");
      return;
    }
    if (!input_.need(28)) {
      end("a packet");
      return;
    }
    const Interface* interface = interface_of(enhanced ? u32(input_.at() + 8) : u16(input_.at() + 8));
    if (interface == nullptr) return;
    const std::uint32_t kept = u32(input_.at() + 20);
    const std::uint32_t most = most_packet_bytes(interface->link_type);
    if (kept > most || kept > length_ - 32) {
      damage("packet " + std::to_string(number_ + 1) + " claims " + std::to_string(kept) + " bytes");
      return;
    }
    if (!whole("a packet", most + kMostPacketOptions)) return;
    const std::uint8_t* p = input_.at();
    const std::uint64_t units = static_cast<std::uint64_t>(u32(p + 12)) << 32 | u32(p + 16);
    give(out, count, *interface, p + 28, kept, u32(p + 24), to_time(*interface, units));
    input_.skip(static_cast<std::size_t>(length_));
  }

  void simple_packet(RawPacket* out, std::size_t& count) {
    // 4 type, 4 length, 4 wire, data, 4 length (4.4): of the first interface, no time of its own
    if (length_ < 16) {
      damage("a simple packet block that is too short");
      return;
    }
    const Interface* interface = interface_of(0);
    if (interface == nullptr) return;
    if (!whole("a packet", most_packet_bytes(interface->link_type) + 16)) return;
    const std::uint8_t* p = input_.at();
    const std::uint32_t wire = u32(p + 8);
    auto kept = static_cast<std::uint32_t>(std::min<std::uint64_t>(wire, length_ - 16));
    if (interface->snap_length != 0) kept = std::min(kept, interface->snap_length);
    give(out, count, *interface, p + 12, kept, wire,
         last_);  // the time of the packet before it: the best that is known
    input_.skip(static_cast<std::size_t>(length_));
  }

  Input& input_;
  std::vector<Interface> interfaces_;
  std::uint64_t number_ = 0;
  base::Time last_;
  std::uint64_t length_ = 0;
  std::uint32_t type_ = 0;
  bool big_endian_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<FormatReader> make_pcapng_reader(Input& input) {
  auto reader = std::make_unique<PcapngReader>(input);
  if (!reader->begin()) return nullptr;
  return reader;
}

}  // namespace whodunit::capture
