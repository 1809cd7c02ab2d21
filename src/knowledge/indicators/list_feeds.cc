// Plain lists, lists of networks, maltrail's trails, and lists whose fields ';' separates.
#include <algorithm>

#include "knowledge/actors/part.h"
#include "knowledge/indicators/feed_readers.h"
#include "knowledge/indicators/trail.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

std::string place(std::string_view name, std::size_t line) { return std::string(name) + ':' + std::to_string(line); }
std::string shown(std::string_view text) {
  std::string out = ": '" + std::string(text.substr(0, 80));
  return out + (text.size() > 80 ? "…'" : "'");
}

}  // namespace

void read_trail_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                     Problems& problems) {
  (void)options;
  TrailReader reader(text);
  TrailReader::Line line;
  std::string aliases;
  FeedIndicator like;
  // "apt_sofacy.txt": the actor's name as maltrail has it; other trails name malware.
  std::string stem = base_name(name);
  if (const std::size_t dot = stem.find('.'); dot != std::string::npos) stem.resize(dot);
  if (const std::size_t dash = stem.rfind('-');
      dash != std::string::npos && all_digits(std::string_view(stem).substr(dash + 1)))
    stem.resize(dash);
  if (stem.substr(0, 4) == "apt_") {
    like.actor = feed.string(stem);
  } else {
    like.malware = feed.string(stem);
  }
  std::size_t block = static_cast<std::size_t>(-1);
  if (text.substr(0, 2048).find("Maltrail developers") != std::string_view::npos) feed.licence = "MIT";
  while (reader.next(line)) {
    if (line.kind != TrailReader::Kind::kEntry) continue;
    if (line.block != block) {
      block = line.block;
      like.report = reader.references().empty() ? 0 : feed.string(reader.references().front());
      like.date = {};
      for (const std::string& url : reader.references()) {
        like.date = url_date(url);
        if (like.date.known()) break;
      }
      newest_date(feed.date, like.date);
    }
    std::string why;
    if (!add_value(feed, line.text, IndicatorKind::kCount, like, why))
      problems.add(place(name, line.number), why + shown(line.text));
  }
}

void read_plain_list(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                     Problems& problems) {
  const IndicatorKind as = options.value_kind.empty() ? IndicatorKind::kCount : indicator_kind(options.value_kind);
  Lines lines(text);
  std::string_view line;
  std::uint32_t section = 0;  // "# AS63949 Linode, LLC"
  while (lines.next(line)) {
    line = trimmed(line);
    if (line.empty()) continue;
    if (line[0] == '#' || line.substr(0, 2) == "//" || line.substr(0, 2) == "; " || line == ";") {
      const std::string_view comment = trimmed(line.substr(line[0] == '/' ? 2 : 1));
      const bool system = comment.substr(0, 2) == "AS" && comment.size() > 2 && comment[2] >= '0' && comment[2] <= '9';
      section = system ? feed.string(comment) : 0;
      continue;
    }
    FeedIndicator like;
    std::string_view value = line;
    if (as != IndicatorKind::kUserAgent) {
      // A comment or a label after the value: "192.0.2.0/24,linode", "192.0.2.1  # seen 2023", "192.0.2.1<tab>7",
      // "0.0.0.0 evil.example" of hosts files.
      if (const std::size_t hash = value.find(" #"); hash != std::string_view::npos)
        value = trimmed(value.substr(0, hash));
      const std::size_t end = value.find_first_of(",;\t ");
      if (end != std::string_view::npos) {
        const std::string_view first = trimmed(value.substr(0, end));
        std::string_view rest = trimmed(value.substr(end + 1));
        if ((first == "0.0.0.0" || first == "127.0.0.1") && normalised_domain(rest)) {
          value = rest;
        } else if (value[end] != ' ' || base::Network::parse(first) || is_hex(first) || normalised_domain(first)) {
          value = first;
          if (!rest.empty() && rest.size() < 200 && !all_digits(rest)) like.malware = feed.string(rest);
        }
      }
    }
    if (like.malware == 0) like.malware = section;
    std::string why;
    if (!add_value(feed, value, as, like, why)) problems.add(place(name, lines.number()), why + shown(line));
  }
}

/// signature-base's c2-iocs.txt and hash-iocs.txt: "value;score;comment" or "value;comment", under "# title" lines;
/// also filename-iocs.txt, whose expressions are not for the wire.
void read_signature_base(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                         Problems& problems) {
  const IndicatorKind as = options.value_kind.empty() ? IndicatorKind::kCount : indicator_kind(options.value_kind);
  const bool file_names = contains_ignoring_case(name, "filename");
  Lines lines(text);
  std::string_view line;
  std::uint32_t title = 0, reference = 0;
  bool comment_before = false;
  while (lines.next(line)) {
    line = trimmed(line);
    if (line.empty()) {
      comment_before = false;
      continue;
    }
    if (line[0] == '#') {
      const std::string_view comment = trimmed(line.substr(1));
      if (!comment_before) title = reference = 0;
      comment_before = true;
      const std::size_t url = comment.find("http");
      if (url != std::string_view::npos && comment.find("://", url) != std::string_view::npos) {
        reference = feed.string(comment.substr(url, comment.find_first_of(" \t", url) - url));
        if (title == 0 && url > 3) title = feed.string(comment.substr(0, url));
      } else if (title == 0 && !comment.empty()) {
        title = feed.string(comment);
      }
      continue;
    }
    comment_before = false;
    if (file_names) {
      ++feed.passed_over["file name"];
      continue;
    }
    std::vector<std::string_view> fields;
    std::string_view rest = line;
    for (;;) {
      const std::size_t end = rest.find(';');
      fields.push_back(trimmed(rest.substr(0, end)));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    FeedIndicator like;
    like.report = reference != 0 ? reference : title;
    std::size_t next = 1;
    if (fields.size() > 1 && all_digits(fields[1]) && fields[1].size() <= 3) {
      const int score = std::stoi(std::string(fields[1]));
      if (score <= 100) like.confidence = static_cast<float>(score) / 100.0F;
      next = 2;
    }
    std::string comment;
    for (std::size_t i = next; i < fields.size(); ++i) {
      if (fields[i].empty()) continue;
      const std::size_t url = fields[i].find("http");
      if (url != std::string_view::npos && fields[i].find("://") != std::string_view::npos) {
        like.report = feed.string(fields[i].substr(url, fields[i].find_first_of(" \t", url) - url));
        if (url == 0) continue;
        comment += std::string(comment.empty() ? "" : "; ") + std::string(trimmed(fields[i].substr(0, url)));
        continue;
      }
      comment += std::string(comment.empty() ? "" : "; ") + std::string(fields[i]);
    }
    like.malware = feed.string(comment);
    if (like.malware == 0) like.malware = title;
    std::string why;
    if (!add_value(feed, fields[0], as, like, why)) problems.add(place(name, lines.number()), why + shown(line));
  }
}

}  // namespace whodunit::knowledge
