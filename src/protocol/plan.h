// The plan: what detectors and consumers asked for before the run. What nobody asked for is not computed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"

namespace whodunit::protocol {

class Ticks;  // protocol/ticks.h

/// Limits are bytes unless said otherwise. Defaults are those of `whodunit investigate`.
struct Plan {
  bool file_md5 = false;
  bool file_sha1 = false;
  bool file_sha256 = false;
  /// Folder to extract files to; empty: none.
  std::string extract_to;
  std::uint64_t extract_limit = 100u << 20;     ///< per file
  std::uint64_t extract_total = 2048ull << 20;  ///< over the run
  /// First bytes of HTTP bodies that detectors look at (http.request_body, http.response_body); 0: none are kept.
  std::uint32_t http_body_window = 0;
  /// Request headers that have no field of their own are kept (http.other_headers) where their value holds signs of
  /// code.
  bool http_code_headers = false;
  /// Bodies are decompressed up to this many bytes each.
  std::uint64_t decompress_limit = 64u << 20;
  /// Account names are kept always; passwords, tokens, communities only with this.
  bool keep_secrets = false;
  /// The defended networks, for files.local_orig; empty: whatever is no one's on the Internet (RFC 6890).
  std::vector<base::Network> local_networks;
  /// The run's clock; the engine sets it. Null: none, time is that of the connection at hand.
  const Ticks* ticks = nullptr;
};

}  // namespace whodunit::protocol
