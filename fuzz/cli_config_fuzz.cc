// The config file. What --print-config prints of it is a config file that says the same.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/config.h"

namespace {

using namespace whodunit;

struct Verb {
  CLI::App app;
  std::string filter, progress = "auto", intel, as_of, fail_on;
  std::vector<std::string> home;
  unsigned threads = 4;
  std::size_t memory = 2048;
  bool quiet = false, keep_secrets = false, check_checksums = false, hashes = false;
  connection::Settings connection;

  Verb() {
    app.add_option("--home", home, "");
    app.add_option("--filter", filter, "");
    app.add_option("--threads", threads, "")->capture_default_str();
    app.add_option("--memory", memory, "")->capture_default_str();
    app.add_option("--progress", progress, "")->check(CLI::IsMember({"auto", "never"}))->capture_default_str();
    app.add_option("--intel", intel, "");
    app.add_option("--as-of", as_of, "");
    app.add_option("--fail-on", fail_on, "")->check(CLI::IsMember({"low", "medium", "high"}));
    app.add_flag("--quiet", quiet, "");
    app.add_flag("--keep-secrets", keep_secrets, "");
    app.add_flag("--check-checksums", check_checksums, "");
    app.add_flag("--hashes", hashes, "");
  }
};

std::string printed(std::string_view text, std::string& zones) {
  Verb verb;
  const auto config = cli::apply_config_text(verb.app, text, "c.toml", verb.connection);
  if (!config) {
    if (config.error().message().empty()) std::abort();
    return {};
  }
  zones = config->zones.to_string();
  return cli::print_config(verb.app, *config, verb.connection, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string zones, zones_again;
  const std::string once = printed({reinterpret_cast<const char*>(data), size}, zones);
  if (once.empty()) return 0;
  const std::string twice = printed(once, zones_again);
  if (twice.empty() || zones != zones_again) std::abort();
  // The reasons name lines, which differ between the first two, then no more.
  const std::string third = printed(twice, zones_again);
  if (printed(third, zones_again) != third) std::abort();
  return 0;
}
