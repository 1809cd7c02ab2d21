// The patterns of web attacks, compiled for matching.
#pragma once

struct hs_database;

namespace whodunit::detect {

/// Compiles web_patterns(): takes about a tenth of a second. The caller frees it. Throws std::runtime_error, which
/// names the pattern, where one cannot be compiled.
hs_database* compile_web_patterns();

/// The same, from what the build has compiled already; compiled anew where this machine or its library does not take
/// that. The caller frees it.
hs_database* web_patterns_database();

}  // namespace whodunit::detect
