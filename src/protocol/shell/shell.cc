#include "protocol/shell/shell.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "protocol/text/lines.h"

namespace whodunit::protocol::shell {
namespace {

constexpr std::size_t kMaxLine = 512;     // bytes of a line that are looked at
constexpr std::size_t kMaxCommands = 32;  // commands kept
constexpr std::size_t kMaxKept = 128;     // bytes kept of each, and of the sign
constexpr std::size_t kLookAhead = 2048;  // bytes within which the first sign must come, where nothing else matched
constexpr std::size_t kOfCommands = 2;    // lines that are commands, where nothing of the answers is seen

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool name_character(char c) { return letter(c) || digit(c) || c == '_' || c == '-' || c == '.'; }

/// Text as terminals show it: printable, white space, and the escapes that colour it. UTF-8's bytes are let through,
/// but none that UTF-8 has not (0xff begins Telnet's commands).
bool textual(Bytes data) {
  return std::all_of(data.begin(), data.end(), [](std::uint8_t b) {
    return (b >= 0x20 && b < 0x7f) || (b >= 0x80 && b < 0xf8) || (b >= 0x07 && b <= 0x0d) || b == 0x1b;
  });
}

/// A line without the escape sequences that colour it (ECMA-48 5.4: ESC [ parameters letter; ESC ] … BEL): `line`
/// itself where it has none, as most, else in `scratch`.
std::string_view plain(std::string_view line, std::string& scratch) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::size_t i = 0;
  while (i < line.size() && line[i] != '\x1b' && line[i] != '\r' && line[i] != '\x07') ++i;
  if (i == line.size()) return line;
  scratch = line.substr(0, i);
  for (; i < line.size(); ++i) {
    if (line[i] != 0x1b) {
      if (line[i] != '\r' && line[i] != '\x07') scratch += line[i];
      continue;
    }
    if (i + 1 < line.size() && line[i + 1] == ']') {
      while (i < line.size() && line[i] != '\x07') ++i;
    } else if (i + 1 < line.size() && line[i + 1] == '[') {
      i += 2;
      while (i < line.size() && !letter(line[i])) ++i;
    }
  }
  return scratch;
}

struct Sign {
  const char* interpreter = nullptr;  // "unix", "cmd", "powershell"; null: no sign
  std::string user;
  bool prompt = false;
};

std::string_view name_at(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && n < 33 && name_character(text[n])) ++n;
  return text.substr(0, n);
}

// user@host:path$ and user@host path]# are what Debian's and Red Hat's shells print; bash-5.1$ and sh-5.1$ what a shell
// without settings does. A prompt's line goes on with what is typed where the terminal echoes.
Sign unix_prompt(std::string_view line) {
  Sign s;
  const bool bracket = !line.empty() && line[0] == '[';
  std::string_view rest = bracket ? line.substr(1) : line;
  const std::string_view user = name_at(rest);
  rest.remove_prefix(user.size());
  if (user.empty()) return s;
  if (!rest.empty() && rest[0] == '@') {
    rest.remove_prefix(1);
    const std::string_view host = name_at(rest);
    rest.remove_prefix(host.size());
    if (host.empty() || rest.empty()) return s;
    const std::size_t end = rest.find_first_of("$#");
    if (end == std::string_view::npos || end > 200) return s;
    const std::string_view path = rest.substr(0, end);
    const bool separated = end + 1 >= rest.size() || rest[end + 1] == ' ';
    const bool debian = !bracket && path.size() >= 2 && path[0] == ':' && (path[1] == '/' || path[1] == '~');
    const bool red_hat = bracket && path.size() >= 3 && path[0] == ' ' && path.back() == ']';
    if (!separated || (!debian && !red_hat)) return s;
    return {"unix", std::string(user), true};
  }
  // bash-5.1$: the name and the version were read as one word.
  for (const std::string_view shell : {"bash-", "sh-", "zsh-", "ksh-"})
    if (user.size() > shell.size() && user.substr(0, shell.size()) == shell && digit(user[shell.size()]) &&
        (rest.substr(0, 2) == "$ " || rest.substr(0, 2) == "# " || rest == "$" || rest == "#"))
      return {"unix", {}, true};
  return s;
}

// C:\Windows\system32> and PS C:\Users\x>.
Sign windows_prompt(std::string_view line) {
  const bool power = line.substr(0, 3) == "PS ";
  if (power) line.remove_prefix(3);
  if (line.size() < 4 || !letter(line[0]) || line[1] != ':' || line[2] != '\\') return {};
  const std::size_t end = line.find('>');
  if (end == std::string_view::npos || end > 200 ||
      line.substr(0, end).find_first_of("<|\"*?") != std::string_view::npos)
    return {};
  return {power ? "powershell" : "cmd", {}, true};
}

/// What only an interpreter, or a program that it ran, prints in a line.
Sign sign_of(std::string_view line) {
  if (line.size() < 4) return {};
  // id(1), POSIX: uid=0(root) gid=0(root).
  if (line.substr(0, 4) == "uid=" && digit(line[4 < line.size() ? 4 : 0])) {
    const std::size_t open = line.find('('), close = line.find(") gid=");
    if (open != std::string_view::npos && close != std::string_view::npos && open < close && close - open < 40)
      return {"unix", std::string(line.substr(open + 1, close - open - 1)), false};
  }
  // passwd(5): the first line of every system's.
  if (line.substr(0, 9) == "root:x:0:" || line.substr(0, 9) == "root:*:0:") return {"unix", {}, false};
  static constexpr std::string_view kComplaints[] = {
      "no job control in this shell", "can't access tty; job control turned off", "cannot set terminal process group"};
  for (const std::string_view s : kComplaints)
    if (line.find(s) != std::string_view::npos) return {"unix", {}, false};
  // uname -a
  if (line.substr(0, 6) == "Linux " &&
      (line.find(" GNU/Linux") != std::string_view::npos || line.find(" SMP ") != std::string_view::npos))
    return {"unix", {}, false};
  if (line.substr(0, 27) == "Microsoft Windows [Version " || line.substr(0, 17) == " Volume in drive ")
    return {"cmd", {}, false};
  if (line.substr(0, 18) == "Windows PowerShell" && line.size() < 24) return {"powershell", {}, false};
  if (Sign s = windows_prompt(line); s.interpreter != nullptr) return s;
  return unix_prompt(line);
}

/// ls -l (POSIX): a file's type and mode, then its links. FTP's listings look the same: it takes commands beside it.
bool listing(std::string_view line) {
  if (line.size() < 14 || line[0] == '\0' || std::string_view("-dlbcps").find(line[0]) == std::string_view::npos)
    return false;
  for (std::size_t i = 1; i < 10; ++i) {
    constexpr std::string_view kBits[] = {"r-", "w-", "xsStT-"};
    if (kBits[(i - 1) % 3].find(line[i]) == std::string_view::npos) return false;
  }
  const std::size_t links = line.find_first_not_of(" +.@", 10);
  return links != std::string_view::npos && links > 10 && digit(line[links]);
}

// What whoever gets a shell types first: whole lines, and how lines begin.
constexpr std::string_view kCommands[] = {
    "id",         "whoami", "uname -a", "hostname",    "ifconfig", "ipconfig", "ipconfig /all",
    "systeminfo", "ps aux", "ps -ef",   "netstat -an", "ls -la",   "ls -l",    "ls",
    "dir",        "pwd",    "w",        "sudo -l",     "net user", "tasklist"};
constexpr std::string_view kBeginnings[] = {"cat /etc/",  "uname -",     "ls /",           "ls -",      "cd /",
                                            "python -c ", "python3 -c ", "/bin/sh",        "/bin/bash", "sh -i",
                                            "bash -i",    "net user ",   "net localgroup", "wget http", "curl http",
                                            "chmod ",     "export ",     "find / "};

bool command(std::string_view line) {
  line = text::trim(line);
  for (const std::string_view whole : kCommands)
    if (line == whole) return true;
  for (const std::string_view begin : kBeginnings)
    if (line.substr(0, begin.size()) == begin) return true;
  return false;
}

/// #!/bin/sh and its like: the interpreter that a script names (execve(2)); empty: none.
std::string_view script_line(std::string_view text) {
  if (text.substr(0, 3) != "#!/" && text.substr(0, 4) != "#! /") return {};
  const std::string_view line = text::trim(text.substr(2, text.find('\n') - 2));
  for (const std::string_view shell : {"sh", "bash", "dash", "ksh", "zsh", "ash", "python", "python3", "perl",
                                       "env bash", "env sh", "env python", "env python3", "env perl"}) {
    const std::string_view path = line.substr(0, line.find(' '));
    const std::string_view last = line.substr(path.rfind('/') + 1);
    if (last == shell || (last.size() > shell.size() && last.substr(0, shell.size() + 1) == std::string(shell) + ' '))
      return line;
  }
  return {};
}

struct Findings {
  bool sign = false;
  std::size_t commands = 0;
};
Findings look(std::string_view text) {
  Findings f;
  std::string scratch;
  while (!text.empty() && !f.sign) {
    const std::size_t end = text.find('\n');
    const std::string_view line = plain(text.substr(0, std::min(end, kMaxLine)), scratch);
    f.sign = sign_of(line).interpreter != nullptr || listing(line);
    f.commands += command(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return f;
}

class ShellParser final : public Parser {
 public:
  ~ShellParser() override {
    if (memory_ != nullptr) memory_->give_back(base::MemoryUse::kParsers, sizeof(Facts) + kMaxCommands * kMaxKept);
  }

  void stream(Context& context, Direction direction, Bytes data) override {
    if (!facts_ && !begin(context)) return;
    record::extend(facts_->place, context.place());
    std::string& open = facts_->open[connection::index(direction)];
    std::string_view text = base::as_text(data);
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      const std::string_view part = text.substr(0, end);
      if (open.size() < kMaxLine) open.append(part.substr(0, kMaxLine - open.size()));
      if (end == std::string_view::npos) break;
      line(context, direction, open, true);
      open.clear();
      text.remove_prefix(end + 1);
    }
    // A prompt waits at the end of a line that has none.
    if (!open.empty() && facts_->sign.empty()) line(context, direction, open, false);
  }
  void gap(Context&, Direction direction, std::uint64_t) override {
    if (facts_) facts_->open[connection::index(direction)].clear();
  }

  void closed(Context& context, End) override {
    if (!facts_) return;
    Facts& f = *facts_;
    for (const Direction d : {Direction::kOriginator, Direction::kResponder})
      if (std::string& open = f.open[connection::index(d)]; !open.empty()) line(context, d, open, true);
    Shell row;
    row.head = context.head(f.ts, f.place);
    const bool session = !f.sign.empty() || f.script.empty();
    row.kind = session ? "session" : "script";
    row.interpreter = f.interpreter.empty() ? std::string_view(f.script) : f.interpreter;
    std::size_t to = f.shell_side;  // the side whose lines are answers
    if (f.sign.empty()) {
      // Only commands: the side that gives them is not the interpreter's; most of what it says must be such.
      to = f.known[0] >= f.known[1] ? 1 : 0;
      if (f.script.empty() && (f.known[1 - to] < kOfCommands || 2 * f.known[1 - to] < f.lines[1 - to])) return;
      if (!f.script.empty()) to = f.script_side == 0 ? 1 : 0;
    } else {
      row.by_originator = f.shell_side == 0;
    }
    row.sign = f.sign;
    row.user = f.user;
    std::vector<std::string_view> commands(f.commands[1 - to].begin(), f.commands[1 - to].end());
    row.commands = commands;
    row.command_lines = f.lines[1 - to];
    row.answer_lines = f.lines[to];
    context.emit(row);
    facts_->ts = {};
  }

 private:
  struct Facts {
    base::Time ts;
    record::Place place;
    std::string open[2];  // lines that have not ended
    std::vector<std::string> commands[2];
    std::uint64_t lines[2] = {0, 0};
    std::uint64_t known[2] = {0, 0};  // of them, commands of the usual ones
    std::string sign, user, script;
    std::string_view interpreter;
    std::size_t shell_side = 1, script_side = 0;
  };

  bool begin(Context& context) {
    if (!context.memory().take(base::MemoryUse::kParsers, sizeof(Facts) + kMaxCommands * kMaxKept, true)) {
      context.failed = true;
      return false;
    }
    memory_ = &context.memory();
    facts_ = std::make_unique<Facts>();
    facts_->ts = context.now();
    facts_->place = context.place();
    return true;
  }

  void line(Context& context, Direction direction, std::string_view raw, bool ended) {
    Facts& f = *facts_;
    const std::size_t side = connection::index(direction);
    std::string scratch;
    std::string_view text = plain(raw, scratch);
    // A shell without a name prompts with this alone, and prints behind it.
    while (text.size() > 2 && (text[0] == '$' || text[0] == '#') && text[1] == ' ' && !f.sign.empty())
      text.remove_prefix(2);
    if (ended) {
      if (f.lines[side]++ == 0 && f.script.empty()) {
        f.script = script_line(text).substr(0, kMaxKept);
        f.script_side = side;
      }
      f.known[side] += command(text);
      // Lines of either side are kept until it is known which gives commands.
      if (!text::trim(text).empty() && f.commands[side].size() < kMaxCommands)
        f.commands[side].emplace_back(text.substr(0, kMaxKept));
    }
    if (!f.script.empty() && f.sign.empty() && f.lines[side] != 0 && f.lines[1 - side] == 0)
      return;  // the script's own
    Sign s = sign_of(text);
    if (s.interpreter == nullptr && f.lines[1 - side] != 0 && listing(text)) s.interpreter = "unix";
    if (s.interpreter == nullptr) return;
    if (f.sign.empty()) {
      f.sign = text.substr(0, kMaxKept);
      f.interpreter = s.interpreter;
      f.shell_side = side;
      context.recognised = true;
    }
    if (f.user.empty() && side == f.shell_side) f.user = s.user.substr(0, 64);
  }

  std::unique_ptr<Facts> facts_;
  base::MemoryAccountant* memory_ = nullptr;
};

// The first sign by itself: a line that only an interpreter prints, the first line of a script, or several commands.
Match recognise(Bytes data, Direction, bool) {
  if (!textual(data)) return Match::kNo;
  const std::string_view text = base::as_text(data).substr(0, kLookAhead);
  if (!script_line(text).empty()) return Match::kYes;
  const Findings f = look(text);
  if (f.sign || f.commands >= kOfCommands) return Match::kYes;
  return data.size() < kLookAhead ? Match::kNeedMore : Match::kNo;
}

std::unique_ptr<Parser> make() { return std::make_unique<ShellParser>(); }

record::Schema* const kSchemas[] = {&Shell::schema};

}  // namespace

const Definition kDefinition = {
    .name = "shell", .stream = true, .recognise = recognise, .make = make, .schemas = kSchemas, .late = true};

}  // namespace whodunit::protocol::shell
