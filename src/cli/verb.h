// A verb is one file: it declares its arguments, calls the library, prints. No logic lives here.
#pragma once

#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace whodunit::cli {

/// INTERFACE.md, "Exit codes". Where several hold: 4 before 2 before 3 before 1.
enum ExitCode : int { kDone = 0, kFound = 1, kUsage = 2, kPartly = 3, kNothing = 4 };

/// The more important of two exit codes, in INTERFACE.md's order.
int worse(int a, int b);

struct Verb {
  std::string_view name;
  /// Adds the subcommand with its flags and, as its callback, its work, which sets `exit_code`.
  void (*add)(CLI::App& app, int& exit_code);
};

/// All verbs in the order of the help (registry.cc, one line each).
std::span<const Verb> verbs();

/// Verbs that the interface promises and that this version does not have yet, with what does their work meanwhile.
struct VerbToCome {
  std::string_view name;
  std::string_view meanwhile;
};
std::span<const VerbToCome> verbs_to_come();

}  // namespace whodunit::cli
