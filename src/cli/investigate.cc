// whodunit investigate INPUT…: the main job.
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "attribution/evidence_file.h"
#include "attribution/model/actor_table.h"
#include "cli/input.h"
#include "cli/verb.h"
#include "engine/extract.h"
#include "engine/store_writer.h"
#include "investigation/case_writer.h"
#include "investigation/investigate.h"
#include "knowledge/knowledge.h"
#include "protocol/parser.h"
#include "report/html.h"
#include "report/terminal.h"

namespace whodunit::cli {
namespace {

struct Flags {
  InputFlags input;
  std::string case_path;
  std::string report;
  std::string fail_on;
  std::string as_of;
  std::string intel;
  bool json = false;
  bool no_case = false;
  bool force = false;
  bool append = false;
};

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60) return std::min<std::size_t>(size.ws_col, 160);
  return 120;
}

std::string default_case(const std::vector<std::string>& inputs) {
  if (inputs.empty() || inputs[0] == "-") return "stdin.case";
  std::filesystem::path p(inputs[0]);
  if (!p.has_filename()) p = p.parent_path();
  std::string name = p.filename().string();
  // autumn.pcap.gz and autumn.pcap are both of "autumn".
  for (const char* ending : {".gz", ".zst", ".xz", ".lz4", ".pcapng", ".pcap", ".cap"})
    if (name.size() > std::strlen(ending) &&
        name.compare(name.size() - std::strlen(ending), std::string::npos, ending) == 0)
      name.resize(name.size() - std::strlen(ending));
  return name + ".case";
}

/// Opens the inputs again without those captures that the case has already; false where none is left.
bool leave_out_known(store::Store& kept, const InputFlags& input, engine::Inputs& inputs, int& exit_code) {
  const auto before = kept.captures();
  if (!before) return true;
  InputFlags rest = input;
  rest.inputs.clear();
  const std::vector<capture::CaptureInfo> all = inputs.captures();
  for (const capture::CaptureInfo& info : all) {
    if (const store::Capture* begun = engine::begun_before(*before, info.path); begun != nullptr) {
      std::fprintf(stderr,
                   "whodunit: %s: an earlier run was stopped while it read it; what the case has of it is replaced\n",
                   info.path.c_str());
      if (const auto forgot = kept.forget_capture(begun->ordinal); !forgot) {
        std::fprintf(stderr, "whodunit: %s\n", forgot.error().message().c_str());
        exit_code = worse(exit_code, kPartly);
      }
    }
    if (info.path != "-" && engine::is_known(*before, info.path))
      std::fprintf(stderr, "whodunit: %s: the case has it already; it is not added twice\n", info.path.c_str());
    else
      rest.inputs.push_back(info.path);
  }
  if (rest.inputs.size() == all.size()) return true;
  inputs = {};
  if (!rest.inputs.empty()) inputs = open_inputs(rest, exit_code);
  if (rest.inputs.empty() && !input.quiet)
    std::fprintf(stderr, "whodunit: nothing is added; the verdict stands: whodunit report CASE --format text\n");
  return !inputs.empty();
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return true;
  std::fprintf(stderr, "whodunit: %s: could not be written; choose a place that you may write to\n", path.c_str());
  return false;
}

}  // namespace

void add_investigate(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb =
      app.add_subcommand("investigate", "what happened, was it an attack, how far in, who did it, how sure can we be");
  add_input_flags(*verb, flags->input);
  verb->add_option("--case", flags->case_path, "the case to leave (default: NAME.case in this folder)");
  verb->add_option("--report", flags->report, "also write the report, as one HTML file");
  verb->add_option("--fail-on", flags->fail_on, "exit with 1 where a finding is at or above this severity")
      ->check(CLI::IsMember({"informational", "low", "medium", "high", "critical"}));
  verb->add_option("--as-of", flags->as_of, "use only knowledge from before this day");
  verb->add_option("--intel", flags->intel, "folder of indicators (default: the user's own)");
  verb->add_flag("--json", flags->json, "the verdict as one JSON object");
  verb->add_flag("--no-case", flags->no_case, "leave no case");
  verb->add_flag("--force", flags->force, "replace an existing case");
  verb->add_flag("--append", flags->append, "add to an existing case");
  verb->callback([flags, &exit_code] {
    investigation::Options options;
    Defended defended;
    if (!engine_settings(flags->input, options.engine, defended, exit_code)) return;
    options.home = std::move(defended.home);
    options.zones = std::move(defended.zones);
    if (!flags->as_of.empty()) {
      options.attribution.as_of = base::parse_time(flags->as_of);
      if (!options.attribution.as_of) {
        std::fprintf(stderr, "whodunit: --as-of %s: not a day; write it as 2007-09-01\n", flags->as_of.c_str());
        exit_code = kUsage;
        return;
      }
    }
    protocol::register_records();
    options.program = std::string("whodunit ") + WHODUNIT_VERSION;

    knowledge::KnowledgeSettings known_settings;
    known_settings.intel_folder = flags->intel;
    const auto known = knowledge::load_knowledge(known_settings);
    if (!known) {
      std::fprintf(stderr, "whodunit: %s\n", known.error().message().c_str());
      exit_code = kUsage;
      return;
    }
    investigation::Knowledge knowledge;
    knowledge.networks = &(*known)->networks;
    if ((*known)->indicators.size() != 0) knowledge.indicators = &(*known)->indicators;
    // Nothing that became known on the day of --as-of or later.
    const auto facts = options.attribution.as_of
                           ? (*known)->actors->as_of(knowledge::Date::of_day(
                                 static_cast<std::int32_t>(options.attribution.as_of->ns / 86'400'000'000'000) - 1))
                           : (*known)->actors;
    const auto actors = attribution::ActorTable::compile(*facts);
    knowledge.actors = actors.get();
    knowledge.digest = (*known)->digest;
    investigation::add_needs(options.engine, knowledge);

    // The case: unless told otherwise it stands in this folder under the first input's name; --json alone leaves none.
    if (flags->case_path.empty() && !flags->no_case && !flags->json)
      flags->case_path = default_case(flags->input.inputs);
    if (flags->no_case) flags->case_path.clear();
    // What analysts added to the case (whodunit evidence add) is weighed with the rest.
    if (!flags->case_path.empty()) {
      auto manual = attribution::load_manual(attribution::manual_path(flags->case_path));
      if (!manual) {
        std::fprintf(stderr, "whodunit: %s\n", manual.error().message().c_str());
        exit_code = kUsage;
        return;
      }
      options.manual = std::move(manual).value();
    }
    engine::Inputs inputs = open_inputs(flags->input, exit_code);
    if (inputs.empty()) return;
    std::unique_ptr<store::Store> kept;
    const bool append = flags->append && !flags->case_path.empty() && std::filesystem::exists(flags->case_path);
    if (!flags->case_path.empty()) {
      store::Options store_options;
      store_options.force = flags->force;
      auto opened = append ? store::open_to_append(flags->case_path, store_options)
                           : store::create_case(flags->case_path, store_options);
      if (!opened) {
        std::fprintf(stderr, "whodunit: %s\n", opened.error().message().c_str());
        exit_code = kNothing;
        return;
      }
      kept = std::move(opened).value();
    }
    if (append && !leave_out_known(*kept, flags->input, inputs, exit_code)) return;
    if (kept) options.engine.first_capture = kept->first_capture();
    std::optional<engine::StoreWriter> writer;
    std::vector<engine::Consumer*> consumers;
    if (kept) consumers.push_back(&writer.emplace(*kept));
    const auto progress = progress_of(flags->input);
    std::uint64_t packets_read = 0;  // of this run; the result is of the whole case
    investigation::Whole whole;
    whole.store = kept.get();
    whole.settle = [&](const engine::Summary& summary) -> base::Result<void> {
      packets_read = summary.packets;
      if (writer->error()) return *writer->error();
      return writer->finish(inputs.captures(),
                            {summary.packets, summary.last, false, "its conclusions were not drawn"});
    };
    investigation::Case result = investigation::investigate(
        inputs, options, knowledge, consumers,
        [&](const engine::Progress& p) {
          if (writer) writer->observe(inputs);
          return progress(p);
        },
        append ? &whole : nullptr);
    end_progress();
    if (interrupted())
      result.notes.push_back("the run was interrupted: what came after the packets counted here was not read");

    const std::string json = investigation::to_json(result);
    const auto document = report::parse_document(json);
    if (!document) {
      std::fprintf(stderr, "whodunit: %s\n", document.error().message().c_str());
      exit_code = kNothing;
      return;
    }
    bool stands = writer.has_value();  // the case, with its verdict
    if (writer) {
      base::Result<void> done = writer->error() ? base::Result<void>(*writer->error())
                                                : investigation::put_verdict(*kept, result, json, *document);
      if (done)
        done = writer->finish(inputs.captures(),
                              {append ? packets_read : result.summary.packets, result.summary.last,
                               !result.summary.stopped && !interrupted(), interrupted() ? "interrupted" : ""});
      if (!done) {
        std::fprintf(stderr, "whodunit: %s\n", done.error().message().c_str());
        exit_code = worse(exit_code, kPartly);
        stands = false;
      }
      kept.reset();
    }
    if (flags->json) std::fwrite(json.data(), 1, json.size(), stdout);
    std::string title;
    for (const capture::CaptureInfo& info : result.captures) title += (title.empty() ? "" : ", ") + info.name;
    if (!flags->report.empty() && !write_file(flags->report, report::html_report(*document, {title, flags->case_path})))
      exit_code = worse(exit_code, kPartly);
    if (!flags->json) {
      const bool color = isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
      const std::string text = report::terminal_verdict(
          *document, {stands ? flags->case_path : "", flags->report, terminal_width(), 10, color});
      std::fwrite(text.data(), 1, text.size(), stdout);
    }
    exit_code = worse(exit_code, report_interrupt());
    exit_code = worse(exit_code, report_unread(inputs.captures(), flags->input.quiet));
    detect::Severity least{};
    if (!flags->fail_on.empty() && detect::parse_severity(flags->fail_on, least))
      for (const detect::Finding& f : result.findings)
        if (f.severity >= least) exit_code = worse(exit_code, kFound);
  });
}

}  // namespace whodunit::cli
