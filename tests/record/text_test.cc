#include "record/text.h"

#include <gtest/gtest.h>

#include <string>

namespace whodunit::record {
namespace {

TEST(Text, PrintableAsciiIsToldOfEveryByteInEveryPlace) {
  for (std::size_t size = 0; size < 20; ++size) {
    EXPECT_TRUE(is_printable_ascii(std::string(size, '~')));
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, ' ');
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(is_printable_ascii(text), byte >= 0x20 && byte < 0x7f) << size << ' ' << at << ' ' << byte;
      }
    }
  }
}

}  // namespace
}  // namespace whodunit::record
