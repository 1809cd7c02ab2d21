#include "capture/reader.h"

namespace whodunit::capture {

void FormatReader::cut_off(const Input& input, const char* what) {
  damage_ = "ends in the middle of " + std::string(what) + " at byte " + std::to_string(input.offset());
  if (!input.error().empty()) damage_ += ": " + input.error();
}

void FormatReader::damaged(const Input& input, const std::string& what) {
  ++unread_;
  damage_ = "damaged at byte " + std::to_string(input.offset()) + ": " + what;
}

std::unique_ptr<FormatReader> make_format_reader(Input& input, std::string& why) {
  why.clear();
  if (!input.need(4)) {
    if (!input.error().empty())
      why = input.error();
    else
      why = input.left() == 0 ? kEmptyFile : "the file has " + std::to_string(input.left()) + " bytes only";
    return nullptr;
  }
  switch (base::load_be32(input.at())) {
    case 0xa1b2c3d4:
    case 0xd4c3b2a1:
    case 0xa1b23c4d:
    case 0x4d3cb2a1:
    case 0xa1b2cd34:
    case 0x34cdb2a1: {
      auto reader = make_pcap_reader(input);
      if (reader == nullptr) why = "a pcap file that ends within its header";
      if (!input.error().empty()) why += ": " + input.error();
      return reader;
    }
    case 0x0a0d0d0a: {
      auto reader = make_pcapng_reader(input);
      if (reader == nullptr) why = "a pcapng file whose first section header is cut off or damaged";
      if (!input.error().empty()) why += ": " + input.error();
      return reader;
    }
    default:
      // DuckDB's files have their mark after a checksum of eight bytes.
      if (input.need(12) && base::load_be32(input.at() + 8) == 0x4455434b) why = kIsCase;
      return nullptr;
  }
}

}  // namespace whodunit::capture
