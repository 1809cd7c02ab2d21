// The config file (TOML), and what holds in the end: flags before the file, the file before the defaults.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "connection/settings.h"
#include "knowledge/zones/zones.h"

namespace CLI {
class App;
}

namespace whodunit::cli {

struct ConfigFlags {
  std::string path;    ///< --config; empty: config.toml in the user's folder, where there is one
  bool none = false;   ///< --no-config
  bool print = false;  ///< --print-config
};

/// Adds --config, --no-config and --print-config.
void add_config_flags(CLI::App& verb, ConfigFlags& flags);

/// What the config file says.
struct Config {
  std::string path;           ///< of the file; empty where there is none
  knowledge::Zones zones;     ///< `home`, `organisation`, `zone`
  bool zones_unused = false;  ///< --home was given: it says what is defended
  /// Where values come from: key and "--threads", "config.toml:3" or "default".
  std::vector<std::pair<std::string, std::string>> sources;
};

/// Reads the file, gives its values to those flags of `verb` that were not given (each key is a flag's long name with
/// _ for -), and its [connection] part to `connection`. Errors name the file and the line: an unknown key, a value that
/// the flag refuses.
base::Result<Config> apply_config(CLI::App& verb, const ConfigFlags& flags, connection::Settings& connection);
/// The same with the text of a config file; `path` is what errors name.
base::Result<Config> apply_config_text(CLI::App& verb, std::string_view text, const std::string& path,
                                       connection::Settings& connection);

/// What holds and why, as a config file that says the same. `resolved` overrides what is shown for a key whose default
/// depends on the machine.
std::string print_config(const CLI::App& verb, const Config& config, const connection::Settings& connection,
                         const std::vector<std::pair<std::string, std::string>>& resolved);

}  // namespace whodunit::cli
