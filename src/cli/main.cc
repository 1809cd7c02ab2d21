#include <malloc.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "cli/verb.h"

namespace whodunit::cli {

int worse(int a, int b) {
  const auto rank = [](int code) {
    return code == kNothing ? 4 : code == kUsage ? 3 : code == kPartly ? 2 : code == kFound ? 1 : 0;
  };
  return rank(a) >= rank(b) ? a : b;
}

}  // namespace whodunit::cli

namespace {

// Memory that batches and the store give back and take again is kept: to return it to the kernel each time costs more
// than it saves. Large tables still go back when they are freed.
void tune_allocator() {
  mallopt(M_TRIM_THRESHOLD, 128 << 20);
  mallopt(M_TOP_PAD, 4 << 20);
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

/// What did not reach whoever reads stdout is lost: a full disk behind a redirection is told, and changes the exit
/// code. (A reader that closes the pipe, as `head` does, ends the program by its signal.)
int close_stdout(int exit_code) {
  using namespace whodunit::cli;
  const bool failed = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !failed) return exit_code;
  std::fprintf(stderr, "whodunit: stdout: not all could be written%s%s\n  make room, or send it elsewhere\n",
               failed ? "" : ": ", failed ? "" : std::strerror(errno));
  return worse(exit_code, kPartly);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace whodunit::cli;
  tune_allocator();
  CLI::App app{
      "whodunit: what happened on the wire, was it an attack, how far did they get, who did it, how sure can we be"};
  app.set_version_flag("--version", std::string("whodunit ") + WHODUNIT_VERSION);
  app.require_subcommand(1);
  int exit_code = kDone;
  for (const Verb& verb : verbs()) verb.add(app, exit_code);
  if (argc > 1)
    for (const VerbToCome& verb : verbs_to_come())
      if (verb.name == argv[1]) {
        std::fprintf(stderr, "whodunit: %s: this version does not have this verb yet\n  meanwhile: %s\n", argv[1],
                     std::string(verb.meanwhile).c_str());
        return kUsage;
      }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kDone : kUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "whodunit: %s\n", error.what());
    return kNothing;
  }
  return close_stdout(exit_code);
}
