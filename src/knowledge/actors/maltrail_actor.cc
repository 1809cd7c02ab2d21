// maltrail's static trails of actors (apt_NAME.txt): "# Aliases:", then per report "# Reference:" lines and entries.
#include <algorithm>
#include <set>

#include "base/address.h"
#include "base/hash.h"
#include "knowledge/actors/part.h"
#include "knowledge/indicators/trail.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

void unique(std::vector<std::string>& values) {
  std::set<std::string> seen;
  std::vector<std::string> out;
  for (std::string& value : values) {
    if (seen.insert(value).second) out.push_back(std::move(value));
  }
  values = std::move(out);
}

}  // namespace

base::Result<void> read_maltrail_actor(std::string_view name, std::string_view text, std::vector<Part>& parts,
                                       Problems& problems) {
  std::string stem(name);
  const std::size_t dot = stem.find('.');
  if (dot != std::string::npos) stem.resize(dot);
  // apt_gamaredon-1 is a part of apt_gamaredon.
  std::string actor = stem;
  const std::size_t dash = actor.rfind('-');
  if (dash != std::string::npos && all_digits(std::string_view(actor).substr(dash + 1))) actor.resize(dash);

  Part part;
  part.dataset.name = "maltrail";
  part.dataset.licence = "MIT";
  part.dataset.notice = "Copyright (c) Maltrail developers";
  part.dataset.digest = base::digest_hex(base::DigestKind::kSha256, base::as_bytes(text));
  Group group;
  group.id = "maltrail:" + actor;
  group.name = actor;
  std::set<std::string> attack_ids;

  TrailReader reader(text);
  TrailReader::Line line;
  Report report;
  bool open = false;
  const auto finish = [&] {
    if (!open) return;
    unique(report.domains);
    unique(report.ips);
    unique(report.urls);
    unique(report.url_hosts);
    if (!report.domains.empty() || !report.ips.empty() || !report.urls.empty())
      part.reports.push_back(std::move(report));
    report = {};
    open = false;
  };
  std::size_t block = 0;
  while (reader.next(line)) {
    if (line.kind == TrailReader::Kind::kAliases) {
      for (const std::string_view alias : split(line.text, ','))
        group.aliases.push_back({std::string(alias), "maltrail alias", {}});
    } else if (line.kind == TrailReader::Kind::kMitre) {
      const std::size_t at = line.text.find("groups/");
      const std::string_view id = line.text.substr(at == std::string_view::npos ? 0 : at + 7, 5);
      if (is_attack_group_id(id)) attack_ids.insert(std::string(id));
    } else if (line.kind == TrailReader::Kind::kEntry) {
      if (!open || line.block != block) {
        finish();
        open = true;
        block = line.block;
        report.id = stem + ':' + std::to_string(block);
        report.actor = actor;
        report.urls_of_report = reader.references();
        report.kind =
            report.urls_of_report.empty() ? "unreferenced" : std::string(reference_kind(report.urls_of_report.front()));
        for (const std::string& url : report.urls_of_report) {
          report.date = url_date(url);
          if (report.date.known()) break;
        }
      }
      const TrailEntry entry = read_trail_entry(line.text);
      switch (entry.kind) {
        case TrailEntry::Kind::kDomain:
          report.domains.push_back(entry.host);
          break;
        case TrailEntry::Kind::kAddress:
          report.ips.push_back(entry.host);
          break;
        case TrailEntry::Kind::kUrl:
          report.urls.push_back(entry.host + entry.path);
          if (!entry.host.empty()) report.url_hosts.push_back(entry.host);
          break;
        case TrailEntry::Kind::kNetwork:
          break;
        case TrailEntry::Kind::kMalformed:
          problems.add(std::string(name) + ':' + std::to_string(line.number),
                       entry.why + ": '" + std::string(line.text.substr(0, 80)) + "'");
          break;
      }
    }
  }
  finish();
  if (part.reports.empty()) return base::Error{"no entry of it could be read", std::string(name), ""};
  // Files grow at their end: an undated block was there when the next dated one was written below it. Blocks are put
  // in late, too, so that the latest date above counts as well; without a dated block below nothing bounds it.
  Date below;
  for (auto it = part.reports.rbegin(); it != part.reports.rend(); ++it) {
    if (it->date.known()) below = it->date;
    it->date_upper = below;
  }
  Date above;
  for (Report& r : part.reports) {
    if (r.date.known() && (!above.known() || above < r.date)) above = r.date;
    if (!r.date.known() && r.date_upper.known() && above.known() && r.date_upper < above) r.date_upper = above;
  }
  group.other_ids.assign(attack_ids.begin(), attack_ids.end());
  for (const Report& r : part.reports) {
    if (r.date.known() && (!part.dataset.date.known() || part.dataset.date < r.date)) part.dataset.date = r.date;
  }
  Date first;
  for (const Report& r : part.reports) first = earlier(first, r.date_upper);
  group.fact.known = first;
  part.groups.push_back(std::move(group));
  parts.push_back(std::move(part));
  return {};
}

}  // namespace whodunit::knowledge
