// A file of network ranges that somebody gives: MMDB.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "knowledge/networks/networks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace whodunit;
  const int fd = memfd_create("input", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  knowledge::NetworksBuilder builder;
  if (builder.add_mmdb("/proc/self/fd/" + std::to_string(fd), {})) {
    const knowledge::Networks networks = builder.build();
    for (const std::uint32_t address : {0x01010101u, 0x09010203u, 0x80000000u, 0xc0000201u})
      (void)networks.facts(base::Address::v4(address));
    (void)networks.facts(*base::Address::parse("2001:db8::1"));
  }
  ::close(fd);
  return 0;
}
