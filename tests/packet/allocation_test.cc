// The fast path allocates nothing: counted by operators new and delete of this program's own.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "packet/frames.h"

namespace {
std::atomic<std::size_t> allocations{0};
}

// Not inlined, so that the compiler does not pair one with the standard's other.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace whodunit::packet::test {
namespace {

TEST(Tcp, NothingIsAllocatedOnTheFastPath) {
  Bench b;
  const std::string frames[] = {ethernet(0x0800, ip4({.protocol = 6}, tcp(1234, 80, std::string(900, 'x')))),
                                ethernet(0x0800, ip4({}, udp(1234, 53, "query"))),
                                ethernet(0x86dd, ip6(17, udp(1, 2, "six"))),
                                ethernet(0x8100, vlan(7, 0x0800, ip4({}, udp(1234, 53, "tagged"))))};
  b.out.reserve(100);
  std::size_t during = 0;
  for (int i = 0; i < 20; ++i) {
    for (const std::string& frame : frames) {
      capture::RawPacket raw;
      raw.bytes = base::as_bytes(frame);
      raw.wire_length = static_cast<std::uint32_t>(frame.size());
      raw.link_type = 1;
      const std::size_t before = allocations;
      EXPECT_EQ(b.decoder.decode(raw, 0, b.out, b.events), Outcome::kDatagram);
      during += allocations - before;
    }
  }
  EXPECT_EQ(during, 0u);
}

}  // namespace
}  // namespace whodunit::packet::test
