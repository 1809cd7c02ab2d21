// whodunit campaigns CASE…: incidents joined across one or many cases.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "base/json.h"
#include "cli/verb.h"
#include "investigation/across.h"
#include "investigation/case.h"
#include "protocol/parser.h"
#include "store/store.h"

namespace whodunit::cli {

void add_campaigns(CLI::App& app, int& exit_code) {
  struct Flags {
    std::vector<std::string> cases;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = app.add_subcommand("campaigns", "incidents joined across one or many cases");
  verb->add_option("CASE", flags->cases, "the cases")->required();
  verb->add_flag("--json", flags->json, "as JSON");
  verb->callback([flags, &exit_code] {
    protocol::register_records();
    const auto fail = [&](const base::Error& error) {
      std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
      exit_code = kNothing;
    };
    std::vector<investigation::CaseDocument> documents;
    // A case that cannot be read is told; the others are compared all the same.
    const auto left_out = [&](const base::Error& error) {
      std::fprintf(stderr, "whodunit: %s\n", error.message().c_str());
      exit_code = worse(exit_code, kPartly);
    };
    for (const std::string& path : flags->cases) {
      auto opened = store::open_to_read(path);
      if (!opened) {
        left_out(opened.error());
        continue;
      }
      auto json = (*opened)->document("verdict");
      if (!json)
        left_out(json.error());
      else if (!*json)
        left_out(
            {"the case holds no verdict: its run did not finish", path, "run whodunit investigate again with --force"});
      else
        documents.push_back({path, **json});
    }
    if (documents.empty()) {
      exit_code = kNothing;
      return;
    }
    const auto joined = investigation::join_cases(documents);
    if (!joined) return fail(joined.error());
    std::string out;
    if (flags->json) {
      base::JsonWriter w(out);
      w.begin_array();
      for (const incident::Campaign& c : joined->campaigns) investigation::write_campaign(w, c);
      w.end_array();
      out += '\n';
    } else {
      std::map<std::string, std::string> names;
      for (const auto& m : joined->incidents)
        names[m.incident.id] = fmt::format("{}  {}: {}", m.incident.id, m.case_name, m.incident.headline);
      for (const incident::Campaign& c : joined->campaigns) {
        out += fmt::format("{}  {} incidents\n", c.id, c.incidents.size());
        for (const std::string& id : c.incidents) out += "  " + names[id] + "\n";
        for (const incident::CampaignLink& l : c.links)
          out += fmt::format("  {} – {}  weight {:.1f}: {}\n", l.a, l.b, l.weight, l.reason);
      }
      if (out.empty())
        out = fmt::format("No two of {} incidents are linked by infrastructure, tooling or names that we know of.\n",
                          joined->incidents.size());
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
  });
}

}  // namespace whodunit::cli
