#include "knowledge/indicators/trail.h"

#include "base/address.h"

namespace whodunit::knowledge {

namespace {

bool read_port(std::string_view text, std::uint16_t& port) {
  if (text.empty() || text.size() > 5 || !all_digits(text)) return false;
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  if (value == 0 || value > 65535) return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

/// "# Reference: X" with the spellings that occur ("Referemce", "Referecne").
std::string_view value_of(std::string_view comment, std::string_view key) {
  if (comment.size() <= key.size() || !equal_ignoring_case(comment.substr(0, key.size()), key)) return {};
  comment.remove_prefix(key.size());
  if (comment.empty() || comment[0] != ':') return {};
  return trimmed(comment.substr(1));
}

}  // namespace

TrailEntry read_trail_entry(std::string_view raw) {
  TrailEntry entry;
  const auto malformed = [&entry](const char* why) {
    entry.kind = TrailEntry::Kind::kMalformed;
    entry.why = why;
    return entry;
  };
  raw = trimmed(raw);
  if (raw.empty()) return malformed("empty");
  if (raw.size() > 8192) return malformed("longer than 8192 bytes");
  std::string text =
      raw.find_first_of("[({\\") != std::string_view::npos || equal_ignoring_case(raw.substr(0, 4), "hxxp")
          ? refanged(raw)
          : std::string(raw);
  std::string_view rest = text;
  if (rest[0] == '/') {
    if (rest.size() < 2) return malformed("a path of '/' alone matches everything");
    entry.kind = TrailEntry::Kind::kUrl;
    entry.path = std::string(rest.substr(0, rest.find('#')));
    return entry;
  }
  std::uint16_t default_port = 0;
  const std::size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos && scheme < 12) {
    const std::string_view name = rest.substr(0, scheme);
    default_port = equal_ignoring_case(name, "https") ? 443 : equal_ignoring_case(name, "http") ? 80 : 0;
    rest.remove_prefix(scheme + 3);
  }
  const std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  const std::string_view tail = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  const std::size_t user = authority.rfind('@');
  if (user != std::string_view::npos && scheme != std::string_view::npos) authority.remove_prefix(user + 1);

  if (scheme == std::string_view::npos && !tail.empty() && tail[0] == '/' && tail.size() <= 4 &&
      all_digits(tail.substr(1))) {
    if (const auto network = base::Network::parse(rest)) {
      const bool whole = network->bits128() == 128;
      entry.kind = whole ? TrailEntry::Kind::kAddress : TrailEntry::Kind::kNetwork;
      entry.host = whole ? network->address().to_string() : network->to_string();
      return entry;
    }
  }
  std::string_view host = authority;
  std::string_view port_text;
  if (!authority.empty() && authority[0] == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return malformed("'[' without ']'");
    host = authority.substr(1, close - 1);
    if (close + 1 < authority.size()) {
      if (authority[close + 1] != ':') return malformed("text after ']'");
      port_text = authority.substr(close + 2);
    }
  } else if (authority.find(':') != std::string_view::npos && authority.find(':') == authority.rfind(':')) {
    host = authority.substr(0, authority.find(':'));
    port_text = authority.substr(authority.find(':') + 1);
    if (port_text.empty() && scheme == std::string_view::npos) return malformed("no port after ':'");
  }
  if (!port_text.empty() && !read_port(port_text, entry.port)) return malformed("no port");
  const std::string_view path = tail.substr(0, tail.find('#'));
  const auto address = base::Address::parse(host);
  if (address) {
    entry.host = address->to_string();
  } else if (const auto name = normalised_domain(host)) {
    entry.host = *name;
  } else {
    return malformed("neither a host name, an address, a network nor a URL");
  }
  if (path.empty() || path == "/") {
    entry.kind = address ? TrailEntry::Kind::kAddress : TrailEntry::Kind::kDomain;
    if (entry.port == 0 && scheme != std::string_view::npos && address && default_port == 443) entry.port = 443;
    return entry;
  }
  if (entry.port == default_port) entry.port = 0;
  entry.kind = TrailEntry::Kind::kUrl;
  entry.path = path[0] == '/' ? std::string(path) : '/' + std::string(path);
  return entry;
}

bool TrailReader::next(Line& line) {
  std::string_view text;
  while (lines_.next(text)) {
    text = trimmed(text);
    if (text.empty()) continue;
    line.number = lines_.number();
    if (text[0] == '#' || (text[0] == ';' && text.size() > 1 && text[1] == ' ')) {
      // A comment after entries begins the next block; the comments at a file's start belong to its first.
      if (entries_seen_) {
        references_.clear();
        block_ = line.number;
        entries_seen_ = false;
      }
      std::string_view comment = trimmed(text.substr(1));
      line.block = block_;
      for (const std::string_view key : {"Reference", "References", "Referemce", "Referecne", "Refrence", "Source"}) {
        const std::string_view value = value_of(comment, key);
        if (value.empty()) continue;
        if (references_.size() < 64) references_.emplace_back(value);
        line.kind = Kind::kReference;
        line.text = value;
        return true;
      }
      for (const std::string_view key : {"Aliases", "Alias"}) {
        const std::string_view value = value_of(comment, key);
        if (value.empty()) continue;
        line.kind = Kind::kAliases;
        line.text = value;
        return true;
      }
      const std::string_view mitre = value_of(comment, "MITRE");
      if (!mitre.empty()) {
        line.kind = Kind::kMitre;
        line.text = mitre;
        return true;
      }
      continue;
    }
    const std::size_t comment = text.find(" #");
    const std::size_t tab_comment = text.find("\t#");
    text = trimmed(text.substr(0, comment < tab_comment ? comment : tab_comment));
    if (text.empty()) continue;
    entries_seen_ = true;
    line.kind = Kind::kEntry;
    line.text = text;
    line.block = block_;
    return true;
  }
  return false;
}

}  // namespace whodunit::knowledge
