#include "protocol/mailbox/mailbox.h"

#include <algorithm>
#include <memory>
#include <string>

#include "base/hash.h"
#include "protocol/files/file_record.h"
#include "protocol/files/ocsp.h"
#include "protocol/files/pe.h"
#include "protocol/mime/mime.h"
#include "protocol/text/lines.h"

namespace whodunit::protocol::mailbox {
namespace {

constexpr std::uint16_t kPop3Ports[] = {110};
constexpr std::uint16_t kImapPorts[] = {143};
constexpr std::size_t kMaxLine = 16384, kMaxName = 256;

enum class Waiting : std::uint8_t { kNothing, kLogin, kTls };

struct Facts {
  base::Time ts;
  record::Place place;
  std::string user, greeting, tag;
  Opt<bool> success;
  std::uint64_t attempts = 0, fetched = 0, deleted = 0;
  Waiting waiting = Waiting::kNothing;
  bool tls = false, dialogue = false, plain = false;
};

class MailboxParser : public text::LineParser {
 public:
  explicit MailboxParser(std::string_view protocol) : LineParser(kMaxLine), protocol_(protocol) {}

  void closed(Context& context, End) override {
    if (!facts_) return;
    const Facts& f = *facts_;
    Mailbox row;
    row.head = context.head(f.ts, f.place);
    row.protocol = protocol_;
    if (!f.user.empty()) row.user = f.user;
    row.auth_success = f.success;
    row.auth_attempts = f.attempts;
    row.fetched = f.fetched;
    row.deleted = f.deleted;
    row.tls = f.tls;
    if (!f.greeting.empty()) row.greeting = f.greeting;
    context.emit(row);
    facts_.reset();
  }

 protected:
  void line(Context& context, Direction direction, std::string_view line) override {
    if (!facts_) {
      facts_ = std::make_unique<Facts>();
      facts_->ts = context.now();
    }
    record::extend(facts_->place, context.place());
    if (direction == Direction::kOriginator) {
      client_spoke_ = true;
      if (facts_->dialogue)
        credentials(line);
      else
        command(context, line);
    } else {
      if (facts_->greeting.empty() && !client_spoke_) facts_->greeting = line.substr(0, kMaxName);
      reply(context, line);
    }
    if (answered_ && client_spoke_ && known_) context.recognised = true;
  }
  void lost(Context&, Direction, std::uint64_t) override {}

  virtual void command(Context& context, std::string_view line) = 0;
  virtual void reply(Context& context, std::string_view line) = 0;

  void login(std::string_view user) {
    ++facts_->attempts;
    facts_->waiting = Waiting::kLogin;
    if (!user.empty()) facts_->user = user.substr(0, kMaxName);
  }
  // PLAIN and LOGIN (RFC 4616): the name is kept.
  void credentials(std::string_view line) {
    if (!facts_->user.empty()) return;
    const std::string text = base::from_base64(line);
    const std::size_t first = text.find('\0');
    if (first == std::string::npos) {
      facts_->user = text.substr(0, kMaxName);
    } else {
      const std::size_t second = text.find('\0', first + 1);
      if (second != std::string::npos) facts_->user = text.substr(first + 1, std::min(second - first - 1, kMaxName));
    }
  }
  void settle(Context& context, bool good) {
    Facts& f = *facts_;
    answered_ = true;
    f.dialogue = false;
    if (f.waiting == Waiting::kLogin) f.success = good;
    if (f.waiting == Waiting::kTls && good) {
      f.tls = true;
      context.recognised = true;
      context.become = "ssl";
    }
    f.waiting = Waiting::kNothing;
  }

  std::unique_ptr<Facts> facts_;
  bool answered_ = false, client_spoke_ = false;
  bool known_ = false;  // the client gave a command of the protocol's

 private:
  std::string_view protocol_;
};

/// A mail on its way: its parts are files.
class Pop3Mail final : public mime::Reader {
 public:
  explicit Pop3Mail(std::uint64_t files) : Reader("POP3", Direction::kResponder, files) {}

 protected:
  void header(Context&, const std::string&, std::string_view) override {}
};

class Pop3Parser final : public MailboxParser {
 public:
  Pop3Parser() : MailboxParser("pop3") {}

  void closed(Context& context, End why) override {
    end_mail(context);
    MailboxParser::closed(context, why);
  }

 private:
  void command(Context&, std::string_view line) override {
    const std::string verb = text::upper(text::word(line));
    static constexpr std::string_view kVerbs[] = {"USER", "PASS", "APOP", "AUTH", "STAT",   "LIST",
                                                  "RETR", "DELE", "RSET", "NOOP", "LAST",   "QUIT",
                                                  "TOP",  "CAPA", "UIDL", "STLS", "XSENDER"};
    known_ = known_ || std::find(std::begin(kVerbs), std::end(kVerbs), verb) != std::end(kVerbs);
    // RFC 1939 3, RFC 2449 6.6: answers come in the order of the commands.
    constexpr std::size_t kMostWaiting = 256;
    if (asked_.size() < kMostWaiting) asked_ += verb == "RETR" || verb == "TOP" ? 'm' : '.';
    if (verb == "USER") {
      facts_->user = line.substr(0, kMaxName);
    } else if (verb == "PASS") {
      login({});
    } else if (verb == "APOP") {
      login(text::word(line));
    } else if (verb == "AUTH" && !line.empty()) {
      text::word(line);
      facts_->user.clear();
      login({});
      facts_->dialogue = true;
      if (!line.empty()) credentials(line);
    } else if (verb == "STLS") {
      facts_->waiting = Waiting::kTls;
    } else if (verb == "RETR" || verb == "TOP") {
      ++facts_->fetched;
    } else if (verb == "DELE") {
      ++facts_->deleted;
    }
  }
  void reply(Context& context, std::string_view line) override {
    if (mail_) {  // RFC 1939 3: up to a dot alone; one before another is taken away
      if (line == ".")
        end_mail(context);
      else
        mail_->line(context, !line.empty() && line[0] == '.' ? line.substr(1) : line);
      return;
    }
    const bool good = line.substr(0, 3) == "+OK";
    if (!good && line.substr(0, 4) != "-ERR") return;
    settle(context, good);
    if (asked_.empty()) return;  // the greeting
    if (asked_.front() == 'm' && good && context.has_files()) mail_ = std::make_unique<Pop3Mail>(files_);
    asked_.erase(0, 1);
  }
  void lost(Context& context, Direction direction, std::uint64_t bytes) override {
    if (direction == Direction::kResponder && mail_)
      mail_->gap(context, bytes);
    else
      asked_.clear();  // which answer is whose is not known any more
  }
  void end_mail(Context& context) {
    if (!mail_) return;
    mail_->finish(context);
    files_ = mail_->files();
    mail_.reset();
  }

  std::string asked_;  // of each command without an answer yet: 'm' where it asked for a mail
  std::unique_ptr<Pop3Mail> mail_;
  std::uint64_t files_ = 0;
};

class ImapParser final : public MailboxParser {
 public:
  ImapParser() : MailboxParser("imap") {}

 private:
  void command(Context&, std::string_view line) override {
    known_ = true;
    const std::string tag(text::word(line));
    const std::string verb = text::upper(text::word(line));
    const auto word = [&line] {
      if (!line.empty() && line.front() == '"') {
        const std::size_t end = line.find('"', 1);
        const std::string_view w = line.substr(1, end == std::string_view::npos ? end : end - 1);
        line.remove_prefix(std::min(line.size(), w.size() + 3));
        return w;
      }
      return text::word(line);
    };
    if (verb == "LOGIN") {
      facts_->tag = tag;
      login(word());
    } else if (verb == "AUTHENTICATE") {
      facts_->tag = tag;
      text::word(line);
      facts_->user.clear();
      login({});
      facts_->dialogue = true;
      if (!line.empty()) credentials(line);
    } else if (verb == "STARTTLS") {
      facts_->tag = tag;
      facts_->waiting = Waiting::kTls;
    } else if (verb == "FETCH" || (verb == "UID" && text::begins(line, "FETCH"))) {
      ++facts_->fetched;
    } else if (verb == "EXPUNGE") {
      ++facts_->deleted;
    }
  }
  void reply(Context& context, std::string_view line) override {
    const std::string_view tag = text::word(line);
    if (tag == "*" || tag == "+") {
      if (tag == "*") answered_ = true;
      return;
    }
    if (!facts_->tag.empty() && tag == facts_->tag) settle(context, text::begins(line, "OK"));
  }
};

Match recognise_pop3(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (direction == Direction::kResponder) {
    if (text.size() < 3) return text::begins("+OK", text) ? Match::kNeedMore : Match::kNo;
    if (text.substr(0, 3) != "+OK") return port_hint && text.substr(0, 4) == "-ERR" ? Match::kMaybe : Match::kNo;
    const std::string line = text::upper(text.substr(0, text.find('\n')));
    return port_hint || line.find("POP") != std::string::npos ? Match::kYes : Match::kMaybe;
  }
  if (text.size() < 4) return Match::kNeedMore;
  for (const std::string_view verb : {"USER ", "CAPA", "APOP ", "AUTH ", "STLS", "QUIT"})
    if (text::begins(text, verb)) return port_hint && verb != "QUIT" ? Match::kYes : Match::kMaybe;
  return Match::kNo;
}

Match recognise_imap(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (direction == Direction::kResponder) {
    if (text.size() < 5) return text::begins("* OK ", text) ? Match::kNeedMore : Match::kNo;
    if (text.substr(0, 5) != "* OK " && text.substr(0, 6) != "* PREA") return Match::kNo;
    const std::string line = text::upper(text.substr(0, text.find('\n')));
    return port_hint || line.find("IMAP") != std::string::npos ? Match::kYes : Match::kMaybe;
  }
  std::string_view rest = text.substr(0, text.find_first_of("\r\n"));
  const std::string_view tag = text::word(rest);
  const std::string verb = text::upper(text::word(rest));
  if (tag.empty() || tag.size() > 16) return Match::kNo;
  for (const std::string_view v : {"CAPABILITY", "LOGIN", "AUTHENTICATE", "STARTTLS", "NOOP", "SELECT", "ID"})
    if (verb == v) return port_hint ? Match::kYes : Match::kMaybe;
  return verb.empty() && text.size() < 32 ? Match::kNeedMore : Match::kNo;
}

record::Schema* const kPop3Schemas[] = {&Mailbox::schema, &Files::schema, &Pe::schema, &Ocsp::schema};
record::Schema* const kImapSchemas[] = {&Mailbox::schema};

}  // namespace

const Definition kPop3 = {.name = "pop3",
                          .stream = true,
                          .recognise = recognise_pop3,
                          .ports = kPop3Ports,
                          .make = [] { return std::unique_ptr<Parser>(std::make_unique<Pop3Parser>()); },
                          .schemas = kPop3Schemas};
const Definition kImap = {.name = "imap",
                          .stream = true,
                          .recognise = recognise_imap,
                          .ports = kImapPorts,
                          .make = [] { return std::unique_ptr<Parser>(std::make_unique<ImapParser>()); },
                          .schemas = kImapSchemas};

}  // namespace whodunit::protocol::mailbox
