// MIME types by content: what Zeek's file magic would say of the first bytes of a file.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/bytes.h"

namespace whodunit::protocol {

/// Bytes from a file's beginning that are looked at (Zeek's default_file_bof_buffer_size).
inline constexpr std::size_t kMimeWindow = 4096;

/// The MIME type of a file that begins with `beginning` (at most kMimeWindow bytes of it are looked at), as a literal;
/// empty where no rule matches. The strongest rule wins, among equals the first by the alphabet.
std::string_view mime_type_of(base::Bytes beginning);

}  // namespace whodunit::protocol
