// What verbs that read captures have in common: inputs, filters, progress.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "cli/config.h"
#include "engine/inputs.h"
#include "incident/incident.h"

namespace CLI {
class App;
}

namespace whodunit::cli {

/// What is defended, as the flags and the config file say.
struct Defended {
  std::vector<base::Network> home;    ///< empty: to be inferred
  std::vector<incident::Zone> zones;  ///< configured ones; their networks are of `home` too
};

struct InputFlags {
  CLI::App* verb = nullptr;
  ConfigFlags config;
  std::vector<std::string> inputs;
  std::vector<std::string> home;
  std::string filter;
  std::string progress = "auto";
  unsigned threads = 0;  ///< 0: as many as there are processors, at most 4
  std::size_t memory_mib = 4096;
  bool quiet = false;
  bool keep_secrets = false;
  bool check_checksums = false;
};

void add_input_flags(CLI::App& verb, InputFlags& flags);

/// The engine's settings from the flags and the config file. False (and said on stderr, with `exit_code`) where one is
/// wrong, or where there is nothing more to do (--print-config).
bool engine_settings(const InputFlags& flags, engine::Settings& out, Defended& defended, int& exit_code);

/// Opens the inputs. Problems go to stderr; `exit_code` becomes 3 or 4. Empty where nothing can be read.
engine::Inputs open_inputs(const InputFlags& flags, int& exit_code);

/// Shows progress on stderr where it is a terminal, or as the flag says; ends at the first interrupt (SIGINT).
std::function<bool(const engine::Progress&)> progress_of(const InputFlags& flags);
/// Clears the progress line.
void end_progress();
/// An interrupt came: what was read so far stands.
bool interrupted();
/// Says that the run was interrupted, where it was; the exit code that this makes.
int report_interrupt();

/// What could not be read of captures and logs that were opened, on stderr; the exit code that follows (0 or 3).
int report_unread(const std::vector<capture::CaptureInfo>& captures, bool quiet);

}  // namespace whodunit::cli
