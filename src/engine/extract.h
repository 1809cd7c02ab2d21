// Back from a claim to its packets: reads the captures again, and writes those packets that a place and a connection
// name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/types.h"
#include "store/store.h"

namespace whodunit::engine {

/// Packets wanted: those between the place's first and last that belong to the connection. Where `id` says nothing,
/// all of the place's.
struct Wanted {
  record::Place place;
  record::Endpoints id;
  std::uint8_t protocol = 0;  ///< IP protocol number; 0: any
};

struct Found {
  std::string path;  ///< where the capture is now
  std::uint32_t ordinal = 0;
  std::vector<std::uint32_t> link_types;
};

/// Looks for the captures that are needed: in `folder` if given, else where they were, else beside the case. A file
/// counts only if its SHA-256 is the case's. Problems say which is missing or another.
std::vector<Found> find_captures(std::span<const store::Capture> captures, std::span<const std::uint32_t> needed,
                                 const std::string& case_path, const std::string& folder,
                                 std::vector<base::Error>& problems);

/// The capture that an earlier run began with this file and did not bring to its end (it was stopped: no digest is
/// known): the same place, or the same name, and the size that it had. Null where there is none.
const store::Capture* begun_before(std::span<const store::Capture> captures, const std::string& path);

/// True where the file is one of the captures, whatever its name and place: its SHA-256 is the same.
bool is_known(std::span<const store::Capture> captures, const std::string& path);

struct Extracted {
  std::uint64_t packets = 0;
  std::vector<base::Error> problems;  ///< captures that could not be read (to their needed end)
};

/// Writes the packets, in packet-time order, to a pcap file with nanoseconds (pcapng where their link types differ).
/// `out` "-" is stdout.
base::Result<Extracted> extract(std::span<const Found> captures, std::span<const Wanted> wanted,
                                const std::string& out);

/// The captures that the places lie in, by ordinal.
std::vector<std::uint32_t> captures_of(std::span<const Wanted> wanted);

}  // namespace whodunit::engine
