// BPF filters: libpcap compiles them, per link type.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "capture/capture.h"

namespace whodunit::capture {

class Filter {
 public:
  explicit Filter(std::string expression);
  ~Filter();
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  bool empty() const { return expression_.empty(); }
  /// Empty where the filter can be used for packets of this link type; otherwise libpcap's words.
  const std::string& problem(std::uint32_t link_type);
  /// Whether the packet is wanted. A packet of a link type that the filter cannot be used for is not.
  bool matches(const RawPacket& packet);

 private:
  struct Program;
  Program& program(std::uint32_t link_type);

  std::string expression_;
  std::map<std::uint32_t, std::unique_ptr<Program>> programs_;
  Program* last_ = nullptr;
  std::uint32_t last_link_type_ = 0;
};

}  // namespace whodunit::capture
