// What hash tables of attackers' addresses are keyed with.
#pragma once

#include <cstdint>

namespace whodunit::packet {

/// Random, once per process: who sends the packets cannot choose addresses that fall together. Nothing that a table
/// gives depends on the order within it, so results do not depend on this.
std::uint64_t table_seed();

}  // namespace whodunit::packet
