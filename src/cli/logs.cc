// whodunit logs INPUT… --format zeek|json|eve [-o DIR]: the records alone.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/input.h"
#include "cli/verb.h"
#include "protocol/parser.h"
#include "report/log_files.h"

namespace whodunit::cli {

void add_logs(CLI::App& app, int& exit_code) {
  struct Flags {
    InputFlags input;
    std::string format = "zeek";
    std::string folder;
    std::string extract;
    bool hashes = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("logs", "the records alone, in formats that other tools read");
  add_input_flags(*verb, flags->input);
  verb->add_option("--format", flags->format, "zeek (TSV), json (NDJSON) or eve (Suricata's)")
      ->check(CLI::IsMember({"zeek", "json", "eve"}));
  verb->add_option("-o,--output", flags->folder, "folder for the logs; without it, stdout");
  verb->add_flag("--hashes", flags->hashes, "MD5, SHA-1 and SHA-256 of files");
  verb->add_option("--extract-files", flags->extract, "folder to extract files to");
  verb->callback([flags, &exit_code] {
    engine::Settings settings;
    Defended defended;
    if (!engine_settings(flags->input, settings, defended, exit_code)) return;
    protocol::register_records();
    settings.plan.file_md5 = settings.plan.file_sha1 = settings.plan.file_sha256 = flags->hashes;
    settings.plan.extract_to = flags->extract;
    engine::Inputs inputs = open_inputs(flags->input, exit_code);
    if (inputs.empty()) return;
    report::LogFiles logs(flags->format == "json"  ? report::LogFormat::kJson
                          : flags->format == "eve" ? report::LogFormat::kEve
                                                   : report::LogFormat::kZeek,
                          flags->folder);
    engine::Consumer* consumers[] = {&logs};
    engine::run(inputs, settings, consumers, progress_of(flags->input));
    end_progress();
    const base::Result<void> written = logs.finish();
    if (!written) {
      std::fprintf(stderr, "whodunit: %s\n", written.error().message().c_str());
      exit_code = worse(exit_code, kPartly);
    }
    exit_code = worse(exit_code, report_interrupt());
    exit_code = worse(exit_code, report_unread(inputs.captures(), flags->input.quiet));
  });
}

}  // namespace whodunit::cli
