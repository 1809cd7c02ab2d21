// Windows' protocols write texts in UTF-16LE; records hold UTF-8.
#pragma once

#include <string>

#include "base/bytes.h"

namespace whodunit::protocol {

/// UTF-8 of UTF-16LE, up to a NUL or the end. Unpaired surrogates become U+FFFD; an odd last byte is left out.
std::string utf16le_text(base::Bytes data);

}  // namespace whodunit::protocol
