// Facts of actors as text, one line each, grouped by their source: what ships, what `knowledge import` keeps, what
// `knowledge diff` compares. Fields are separated by tabs; a tab, a line end or a backslash in one is escaped.
//
//   # whodunit actors 1
//   D name version date licence notice digest            a data set; the lines after it are its facts
//   R number name url date                               a reference; numbers count per data set
//   G id name known refs                                 a group; the lines after it, up to the next capital, are its
//   own a rule known refs name…      o id…                   aliases; other ids c role known refs country…   t|s known
//   refs id…      countries; techniques, software v|w|k|i known refs value…    p confidence            victims
//   (countries, others), target categories, incident types S id name malware|tool known refs software: n (plain alias
//   names), t T id name tactics flags replaced_by known            techniques: flags "n" network-observable C id name
//   first last known refs                      campaigns: n, t, s, g (attributed to) P id actor group kind date upper
//   added urls…         a report: d (domains), h (hosts of URLs), x (addresses), u (URLs), l label value…
#include <algorithm>
#include <array>
#include <map>

#include "knowledge/actors/part.h"
#include "knowledge/text.h"

namespace whodunit::knowledge {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  const auto escaped = [](char c) { return c == '\t' || c == '\n' || c == '\r' || c == '\\'; };
  if (std::none_of(text.begin(), text.end(), escaped)) {
    out += text;
    return;
  }
  for (const char c : text) {
    switch (c) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i];
  }
  return out;
}

class Writer {
 public:
  Writer(const Actors& actors, std::uint32_t dataset)
      : actors_(actors), dataset_(dataset), numbers_(actors.references().size(), kNotUsed) {}

  bool mine(const Fact& fact) const { return fact.dataset == dataset_; }

  /// Numbers references in the order of the whole, for all facts that will be written.
  void note(const Fact& fact) {
    if (!mine(fact)) return;
    for (const std::uint32_t r : fact.references) numbers_[r] = 0;
  }
  void write_references() {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      if (numbers_[i] == kNotUsed) continue;
      numbers_[i] = next++;
      const Reference& r = actors_.references()[i];
      line("R", {std::to_string(numbers_[i]), r.name, r.url, r.date.to_string()});
    }
  }
  std::string refs(const Fact& fact) const {
    std::string out;
    if (!mine(fact)) return out;
    for (const std::uint32_t r : fact.references) {
      if (!out.empty()) out += ',';
      out += std::to_string(numbers_[r]);
    }
    return out;
  }
  std::string known(const Fact& fact) const { return mine(fact) ? fact.known.to_string() : std::string(); }

  void line(std::string_view tag, const std::vector<std::string>& fields) {
    out_ += tag;
    for (const std::string& field : fields) {
      out_ += '\t';
      append_escaped(out_, field);
    }
    out_ += '\n';
  }

  /// Facts of one kind under one subject: those with the same lead, date and references share a line.
  template <class Items, class Value, class Lead>
  void grouped(std::string_view tag, const Items& items, Value value, Lead lead) {
    // What a line begins with, each field ended by a zero, which sorts as the list of the fields does.
    std::map<std::string, std::vector<std::string_view>> lines;
    std::string key;
    for (const auto& item : items) {
      if (!mine(item.fact)) continue;
      key.clear();
      for (const std::string_view field : lead(item)) (key += field) += '\0';
      (key += known(item.fact)) += '\0';
      (key += refs(item.fact)) += '\0';
      lines[key].push_back(value(item));
    }
    for (auto& [begins, values] : lines) {
      std::sort(values.begin(), values.end());
      out_ += tag;
      for (std::string_view left = begins; !left.empty(); left.remove_prefix(left.find('\0') + 1)) {
        out_ += '\t';
        append_escaped(out_, left.substr(0, left.find('\0')));
      }
      for (const std::string_view field : values) {
        out_ += '\t';
        append_escaped(out_, field);
      }
      out_ += '\n';
    }
  }
  void relations(std::string_view tag, const std::vector<Relation>& items) {
    grouped(
        tag, items, [](const Relation& r) -> std::string_view { return r.id; },
        [](const Relation&) { return std::array<std::string_view, 0>{}; });
  }
  void claims(std::string_view tag, const std::vector<Claim>& items) {
    grouped(
        tag, items, [](const Claim& c) -> std::string_view { return c.value; },
        [](const Claim&) { return std::array<std::string_view, 0>{}; });
  }
  std::string take() { return std::move(out_); }

 private:
  const Actors& actors_;
  std::uint32_t dataset_;
  static constexpr std::uint32_t kNotUsed = UINT32_MAX;
  std::vector<std::uint32_t> numbers_;  // by reference: its number in what is written
  std::string out_;
};

template <class Function>
void for_facts(const Group& group, Function each) {
  each(group.fact);
  for (const Alias& x : group.aliases) each(x.fact);
  for (const CountryClaim& x : group.countries) each(x.fact);
  for (const auto* list : {&group.techniques, &group.software}) {
    for (const Relation& x : *list) each(x.fact);
  }
  for (const auto* list : {&group.victims, &group.victims_other, &group.target_categories, &group.incident_types}) {
    for (const Claim& x : *list) each(x.fact);
  }
}

std::string_view role_word(CountryClaim::Role role) {
  return role == CountryClaim::Role::kOrigin ? "origin" : "sponsor";
}

std::string write_dataset(const Actors& actors, std::uint32_t number, bool with_reports) {
  Writer out(actors, number);
  const Dataset& dataset = actors.datasets()[number];
  const auto note = [&](const Fact& fact) { out.note(fact); };
  for (const Group& g : actors.groups()) for_facts(g, note);
  for (const Software& s : actors.software()) {
    note(s.fact);
    for (const Relation& r : s.techniques) note(r.fact);
  }
  for (const Campaign& c : actors.campaigns()) {
    note(c.fact);
    for (const auto* list : {&c.techniques, &c.software, &c.attributed_to}) {
      for (const Relation& r : *list) note(r.fact);
    }
  }
  out.line("D",
           {dataset.name, dataset.version, dataset.date.to_string(), dataset.licence, dataset.notice, dataset.digest});
  out.write_references();
  for (const Group& g : actors.groups()) {
    bool any = false;
    for_facts(g, [&](const Fact& fact) { any = any || out.mine(fact); });
    if (!any) continue;
    const bool own = out.mine(g.fact);
    out.line(own ? "G" : "g", {g.id, own ? g.name : "", out.known(g.fact), out.refs(g.fact)});
    if (own && !g.other_ids.empty()) out.line("o", g.other_ids);
    out.grouped(
        "a", g.aliases, [](const Alias& a) -> std::string_view { return a.name; },
        [](const Alias& a) { return std::array<std::string_view, 1>{a.rule}; });
    out.grouped(
        "c", g.countries, [](const CountryClaim& c) -> std::string_view { return c.country; },
        [](const CountryClaim& c) { return std::array<std::string_view, 1>{role_word(c.role)}; });
    out.relations("t", g.techniques);
    out.relations("s", g.software);
    out.claims("v", g.victims);
    out.claims("w", g.victims_other);
    out.claims("k", g.target_categories);
    out.claims("i", g.incident_types);
    // MISP alone states it; it goes with the victims and countries.
    const bool confidence_here = !g.countries.empty() ? out.mine(g.countries.front().fact)
                                 : !g.victims.empty() ? out.mine(g.victims.front().fact)
                                                      : own;
    if (g.attribution_confidence >= 0 && confidence_here) out.line("p", {std::to_string(g.attribution_confidence)});
  }
  for (const Software& s : actors.software()) {
    const bool own = out.mine(s.fact);
    const bool any = own || std::any_of(s.techniques.begin(), s.techniques.end(),
                                        [&](const Relation& r) { return out.mine(r.fact); });
    if (!any) continue;
    out.line("S", {s.id, own ? s.name : "", s.tool ? "tool" : "malware", out.known(s.fact), out.refs(s.fact)});
    if (own && !s.aliases.empty()) out.line("n", s.aliases);
    out.relations("t", s.techniques);
  }
  for (const Technique& t : actors.techniques()) {
    if (!out.mine(t.fact)) continue;
    std::string tactics;
    for (const std::string& tactic : t.tactics) tactics += (tactics.empty() ? "" : ",") + tactic;
    out.line("T", {t.id, t.name, tactics, t.network_observable ? "n" : "", t.replaced_by, out.known(t.fact)});
  }
  for (const Campaign& c : actors.campaigns()) {
    // Another data set may know more of it: ATT&CK's for industry of a campaign that is the enterprise one's.
    const bool own = out.mine(c.fact);
    bool any = own;
    for (const auto* list : {&c.techniques, &c.software, &c.attributed_to})
      any = any || std::any_of(list->begin(), list->end(), [&](const Relation& r) { return out.mine(r.fact); });
    if (!any) continue;
    out.line("C", {c.id, own ? c.name : "", own ? c.first_seen.to_string() : "", own ? c.last_seen.to_string() : "",
                   out.known(c.fact), out.refs(c.fact)});
    if (own && !c.aliases.empty()) out.line("n", c.aliases);
    out.relations("t", c.techniques);
    out.relations("s", c.software);
    out.relations("g", c.attributed_to);
  }
  if (with_reports) {
    for (const Report& r : actors.reports()) {
      if (r.dataset != number) continue;
      std::vector<std::string> head = {r.id,   r.actor, r.group, r.kind, r.date.to_string(), r.date_upper.to_string(),
                                       r.added};
      head.insert(head.end(), r.urls_of_report.begin(), r.urls_of_report.end());
      out.line("P", head);
      if (!r.domains.empty()) out.line("d", r.domains);
      if (!r.url_hosts.empty()) out.line("h", r.url_hosts);
      if (!r.ips.empty()) out.line("x", r.ips);
      if (!r.urls.empty()) out.line("u", r.urls);
      std::map<std::string, std::vector<std::string>> by_label;
      for (const auto& [observable, labels] : r.labels) {
        for (const std::string& label : labels) by_label[label].push_back(observable);
      }
      for (const auto& [label, observables] : by_label) {
        std::vector<std::string> fields = {label};
        fields.insert(fields.end(), observables.begin(), observables.end());
        out.line("l", fields);
      }
    }
  }
  return out.take();
}

class Reader {
 public:
  Reader(std::string_view name, std::vector<Part>& parts, Problems& problems)
      : name_(name), parts_(parts), problems_(problems) {}
  void read(std::string_view text);

 private:
  void line(std::string_view text);
  void wrong(const char* what) { problems_.add(std::string(name_) + ':' + std::to_string(number_), what); }
  std::string field(std::size_t n) const { return n < fields_.size() ? unescaped(fields_[n]) : std::string(); }
  std::vector<std::string> from(std::size_t n) const {
    std::vector<std::string> out;
    for (std::size_t i = n; i < fields_.size(); ++i) out.push_back(unescaped(fields_[i]));
    return out;
  }
  Date date(std::size_t n) const { return n < fields_.size() ? Date::parse(fields_[n]).value_or(Date{}) : Date{}; }
  Fact fact(std::size_t known, std::size_t refs);

  std::string_view name_;
  std::vector<Part>& parts_;
  Problems& problems_;
  std::size_t number_ = 0;
  std::vector<std::string_view> fields_;
  std::size_t first_ = 0;  // of our parts
  std::vector<std::uint32_t> reference_numbers_;
  char subject_ = 0;
};

Fact Reader::fact(std::size_t known, std::size_t refs) {
  Fact out;
  out.known = date(known);
  if (refs >= fields_.size()) return out;
  for (const std::string_view text : split(fields_[refs], ',')) {
    std::size_t n = 0;
    if (!all_digits(text) || text.size() > 8) {
      wrong("a reference that is no number");
      continue;
    }
    for (const char c : text) n = n * 10 + static_cast<std::size_t>(c - '0');
    if (n >= reference_numbers_.size()) {
      wrong("a reference that the data set does not have");
      continue;
    }
    out.references.push_back(reference_numbers_[n]);
  }
  std::sort(out.references.begin(), out.references.end());
  return out;
}

void Reader::read(std::string_view text) {
  first_ = parts_.size();
  Lines lines(text);
  std::string_view one;
  while (lines.next(one)) {
    number_ = lines.number();
    if (one.empty() || one[0] == '#') continue;
    line(one);
  }
}

void Reader::line(std::string_view text) {
  fields_.clear();
  for (;;) {
    const std::size_t tab = text.find('\t');
    fields_.push_back(text.substr(0, tab));
    if (tab == std::string_view::npos) break;
    text.remove_prefix(tab + 1);
  }
  if (fields_[0].size() != 1) return wrong("begins with no known letter");
  const char tag = fields_[0][0];
  fields_.erase(fields_.begin());
  if (tag == 'D') {
    Part part;
    part.dataset = {field(0), field(1), date(2), field(3), field(4), field(5)};
    parts_.push_back(std::move(part));
    reference_numbers_.clear();
    subject_ = 0;
    return;
  }
  if (parts_.size() == first_) return wrong("a fact before any data set (D)");
  Part& part = parts_.back();
  const auto claims = [&](std::vector<Claim>& out) {
    const Fact f = fact(0, 1);
    for (std::string& value : from(2)) out.push_back({std::move(value), f});
  };
  const auto relations = [&](std::vector<Relation>& out) {
    const Fact f = fact(0, 1);
    for (std::string& id : from(2)) out.push_back({std::move(id), f});
  };
  switch (tag) {
    case 'R':
      reference_numbers_.push_back(part.reference(field(1), field(2), date(3)));
      return;
    case 'G':
    case 'g':
      if (tag == 'g' && subject_ == 'C') break;  // attributed to
      {
        Group group;
        group.id = field(0);
        group.name = field(1);
        group.fact = fact(2, 3);
        if (!is_group_id(group.id)) return wrong("a group without an id of a known catalogue");
        part.groups.push_back(std::move(group));
        subject_ = 'G';
        return;
      }
    case 'S': {
      Software software;
      software.id = field(0);
      software.name = field(1);
      software.tool = field(2) == "tool";
      software.fact = fact(3, 4);
      if (software.id.empty()) return wrong("software without an id");
      part.software.push_back(std::move(software));
      subject_ = 'S';
      return;
    }
    case 'T': {
      Technique technique;
      technique.id = field(0);
      technique.name = field(1);
      const std::string tactics = field(2);
      for (const std::string_view tactic : split(tactics, ',')) technique.tactics.emplace_back(tactic);
      technique.network_observable = field(3).find('n') != std::string::npos;
      technique.replaced_by = field(4);
      technique.fact.known = date(5);
      if (technique.id.empty()) return wrong("a technique without an id");
      const std::size_t dot = technique.id.find('.');
      if (dot != std::string::npos) technique.parent = technique.id.substr(0, dot);
      part.techniques.push_back(std::move(technique));
      subject_ = 'T';
      return;
    }
    case 'C': {
      Campaign campaign;
      campaign.id = field(0);
      campaign.name = field(1);
      campaign.first_seen = date(2);
      campaign.last_seen = date(3);
      campaign.fact = fact(4, 5);
      if (campaign.id.empty()) return wrong("a campaign without an id");
      part.campaigns.push_back(std::move(campaign));
      subject_ = 'C';
      return;
    }
    case 'P': {
      Report report;
      report.id = field(0);
      report.actor = field(1);
      report.group = field(2);
      report.kind = field(3);
      report.date = date(4);
      report.date_upper = date(5);
      report.added = field(6);
      report.urls_of_report = from(7);
      if (report.id.empty()) return wrong("a report without an id");
      part.reports.push_back(std::move(report));
      subject_ = 'P';
      return;
    }
    default:
      break;
  }
  if (subject_ == 'G') {
    Group& group = part.groups.back();
    switch (tag) {
      case 'o': {
        for (std::string& id : from(0)) group.other_ids.push_back(std::move(id));
        return;
      }
      case 'a': {
        const std::string rule = field(0);
        const Fact f = fact(1, 2);
        for (std::string& alias : from(3)) group.aliases.push_back({std::move(alias), rule, f});
        return;
      }
      case 'c': {
        const auto role = field(0) == "sponsor" ? CountryClaim::Role::kStateSponsor : CountryClaim::Role::kOrigin;
        const Fact f = fact(1, 2);
        for (std::string& country : from(3)) group.countries.push_back({std::move(country), role, f});
        return;
      }
      case 't':
        return relations(group.techniques);
      case 's':
        return relations(group.software);
      case 'v':
        return claims(group.victims);
      case 'w':
        return claims(group.victims_other);
      case 'k':
        return claims(group.target_categories);
      case 'i':
        return claims(group.incident_types);
      case 'p': {
        const std::string number = field(0);
        if (all_digits(number) && number.size() <= 3) group.attribution_confidence = std::min(100, std::stoi(number));
        return;
      }
      default:
        break;
    }
  } else if (subject_ == 'S') {
    if (tag == 'n') {
      for (std::string& alias : from(0)) part.software.back().aliases.push_back(std::move(alias));
      return;
    }
    if (tag == 't') return relations(part.software.back().techniques);
  } else if (subject_ == 'C') {
    Campaign& campaign = part.campaigns.back();
    if (tag == 'n') {
      for (std::string& alias : from(0)) campaign.aliases.push_back(std::move(alias));
      return;
    }
    if (tag == 't') return relations(campaign.techniques);
    if (tag == 's') return relations(campaign.software);
    if (tag == 'g') return relations(campaign.attributed_to);
  } else if (subject_ == 'P') {
    Report& report = part.reports.back();
    const auto into = [&](std::vector<std::string>& out) {
      for (std::string& value : from(0)) out.push_back(std::move(value));
    };
    if (tag == 'd') return into(report.domains);
    if (tag == 'h') return into(report.url_hosts);
    if (tag == 'x') return into(report.ips);
    if (tag == 'u') return into(report.urls);
    if (tag == 'l') {
      const std::string label = field(0);
      for (const std::string& observable : from(1)) report.labels[observable].push_back(label);
      return;
    }
  }
  wrong("a line that does not belong here");
}

}  // namespace

std::string write_table(const Actors& actors, bool with_reports) {
  std::string out = "# whodunit actors 1\n";
  for (const Dataset& dataset : actors.datasets()) {
    if (dataset.notice.empty()) continue;
    std::string notice = "# " + dataset.name + ": " + dataset.notice;
    std::replace_if(
        notice.begin(), notice.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out += notice + '\n';
  }
  for (std::uint32_t i = 0; i < actors.datasets().size(); ++i) out += write_dataset(actors, i, with_reports);
  return out;
}

base::Result<void> read_table(std::string_view name, std::string_view text, std::vector<Part>& parts,
                              Problems& problems) {
  const std::size_t before = parts.size();
  Reader(name, parts, problems).read(text);
  if (parts.size() == before) return base::Error{"a table of actors without a data set", std::string(name), ""};
  return {};
}

}  // namespace whodunit::knowledge
