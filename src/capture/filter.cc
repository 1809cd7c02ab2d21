#include "capture/filter.h"

#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

namespace whodunit::capture {

namespace {
constexpr std::uint32_t kSnapLength = 262144;
}

struct Filter::Program {
  bpf_program code{};
  bool ready = false;
  std::string problem;
  ~Program() {
    if (ready) pcap_freecode(&code);
  }
};

Filter::Filter(std::string expression) : expression_(std::move(expression)) {}
Filter::~Filter() = default;

Filter::Program& Filter::program(std::uint32_t link_type) {
  if (last_ != nullptr && last_link_type_ == link_type) return *last_;
  std::unique_ptr<Program>& slot = programs_[link_type];
  if (!slot) {
    slot = std::make_unique<Program>();
    // A file's link type is not always what libpcap calls it in memory, and only its reader of files knows the table:
    // so it is given a file with no packets.
    std::array<std::uint8_t, 24> header{};
    const std::uint32_t magic = 0xa1b2c3d4, snap_length = kSnapLength;
    const std::uint16_t major = 2, minor = 4;
    std::memcpy(header.data(), &magic, 4);
    std::memcpy(header.data() + 4, &major, 2);
    std::memcpy(header.data() + 6, &minor, 2);
    std::memcpy(header.data() + 16, &snap_length, 4);
    std::memcpy(header.data() + 20, &link_type, 4);
    char error[PCAP_ERRBUF_SIZE] = "";
    std::FILE* file = fmemopen(header.data(), header.size(), "rb");
    pcap_t* handle = file == nullptr ? nullptr : pcap_fopen_offline(file, error);
    if (handle == nullptr) {
      if (file != nullptr) std::fclose(file);
      slot->problem = error;
    } else {
      if (pcap_compile(handle, &slot->code, expression_.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0)
        slot->ready = true;
      else
        slot->problem = pcap_geterr(handle);
      pcap_close(handle);
    }
  }
  last_ = slot.get();
  last_link_type_ = link_type;
  return *slot;
}

const std::string& Filter::problem(std::uint32_t link_type) { return program(link_type).problem; }

bool Filter::matches(const RawPacket& packet) {
  Program& p = program(packet.link_type);
  return p.ready && bpf_filter(p.code.bf_insns, packet.bytes.data(), packet.wire_length,
                               static_cast<u_int>(packet.bytes.size())) != 0;
}

}  // namespace whodunit::capture
