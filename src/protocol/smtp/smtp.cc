#include "protocol/smtp/smtp.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "protocol/mime/mime.h"
#include "protocol/text/lines.h"

namespace whodunit::protocol::smtp {
namespace {

using base::Address;
using base::Time;

constexpr std::uint16_t kPorts[] = {25, 465, 587, 2525};
constexpr std::size_t kMaxLine = 8192, kMaxList = 1000, kMaxPath = 64, kMaxText = 2048;

// What stands in angle brackets, or the first word with an @.
std::string mail_address(std::string_view text) {
  const std::size_t open = text.find('<');
  if (open != std::string_view::npos) {
    std::string_view inside = text.substr(open + 1);
    inside = inside.substr(0, inside.find('>'));
    return std::string(text::trim(inside).substr(0, 512));
  }
  std::string_view rest = text::trim(text);
  const std::string_view first = text::word(rest);
  return first.find('@') != std::string_view::npos ? std::string(first.substr(0, 512)) : std::string();
}

// Commas outside quotes and brackets separate addresses.
std::vector<std::string> addresses(std::string_view value) {
  std::vector<std::string> out;
  std::string one;
  bool quoted = false;
  const auto end = [&] {
    const std::string_view t = text::trim(one);
    if (!t.empty() && std::find(out.begin(), out.end(), t) == out.end()) out.emplace_back(t);
    one.clear();
  };
  for (const char c : value) {
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted)
      end();
    else
      one += c;
    if (out.size() >= kMaxList) break;
  }
  end();
  return out;
}

// One field of a kind is allowed (RFC 5322 3.6), several are in use: all are kept.
void add_addresses(std::vector<std::string>& list, std::string_view value) {
  for (std::string& address : addresses(value)) {
    if (list.size() >= kMaxList) return;
    list.push_back(std::move(address));
  }
}

// 010.000.000.004 is 10.0.0.4 in headers: padded, not octal (RFC 6943 3.1.1).
std::string without_zeros(std::string_view address) {
  std::string out;
  const bool v4 = address.find(':') == std::string_view::npos;
  for (std::size_t i = 0; i < address.size(); ++i) {
    const bool begins = out.empty() || out.back() == '.';
    const bool more = i + 1 < address.size() && address[i + 1] >= '0' && address[i + 1] <= '9';
    if (v4 && address[i] == '0' && begins && more) continue;
    out += address[i];
  }
  return out;
}

// IP addresses in a Received header: what stands in brackets or parentheses or free.
std::vector<Address> ips(std::string_view value) {
  std::vector<Address> out;
  std::string candidate;
  const auto end = [&] {
    std::string_view t = candidate;
    if (text::begins(t, "IPv6:")) t.remove_prefix(5);
    if (const auto a = Address::parse(without_zeros(t))) out.push_back(*a);
    candidate.clear();
  };
  for (const char c : value) {
    const bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                      c == ':' || c == '-' || c == '_';
    if (part)
      candidate += c;
    else
      end();
  }
  end();
  return out;
}

struct Mail {
  Time ts;
  record::Place place;
  std::string mailfrom, date, from, reply_to, msg_id, in_reply_to, subject, originating, first_received,
      second_received;
  std::string last_reply, user_agent;
  std::vector<std::string> rcptto, to, cc, fuids;
  std::vector<Address> path;
  std::uint64_t depth = 1;
  bool has_from = false, active = false, tls = false;
};

class MailReader final : public mime::Reader {
 public:
  MailReader(Mail& mail, std::uint64_t files) : Reader("SMTP", Direction::kOriginator, files), mail_(&mail) {}

 protected:
  void header(Context&, const std::string& name, std::string_view value) override {
    Mail& m = *mail_;
    value = value.substr(0, kMaxText);
    if (name == "MESSAGE-ID") m.msg_id = value;
    if (name == "IN-REPLY-TO") m.in_reply_to = value;
    if (name == "SUBJECT") m.subject = value;
    if (name == "FROM") m.from = value;
    if (name == "REPLY-TO") m.reply_to = value;
    if (name == "DATE") m.date = value;
    if (name == "X-MAILER" || name == "USER-AGENT" || name == "X-USER-AGENT") m.user_agent = value;
    if (name == "TO") add_addresses(m.to, value);
    if (name == "CC") add_addresses(m.cc, value);
    if (name == "X-ORIGINATING-IP") {
      const auto found = ips(value);
      if (!found.empty()) m.originating = found.front().to_string();
    }
    if (name == "RECEIVED") {
      if (!m.first_received.empty()) m.second_received = m.first_received;
      m.first_received = value;
      const auto found = ips(value);
      if (found.empty() || m.path.size() >= kMaxPath) return;
      const Address& hop = found.size() > 1 ? found[1] : found[0];
      if (m.path.back() != hop) m.path.push_back(hop);
    }
  }
  void file(record::Fuid fuid) override {
    if (mail_->fuids.size() < kMaxList) mail_->fuids.push_back(fuid.to_string());
  }

 private:
  Mail* mail_;
};

enum class Expecting : std::uint8_t { kOther, kHelo, kData, kStartTls, kAuth, kBody };

struct State {
  std::string helo, helo_before, auth_user;  // `helo_before`: in force while the last greeting waits for its reply
  Opt<bool> auth_success;
  std::uint64_t mails = 0, files = 0;
  std::unique_ptr<Mail> mail;
  std::unique_ptr<MailReader> reader;
  std::size_t chunk = 0;  // bytes of BDAT that are still to come
  std::string chunk_line;
  std::vector<Expecting> expecting;  // commands that wait for their reply, oldest first (RFC 2920)
  Time auth_ts;                      // of the last AUTH
  record::Place auth_place;
  bool has_helo = false, in_data = false, last_chunk = false, auth_login = false, auth_dialogue = false,
       server_spoke = false, client_spoke = false, told = false,  // `told`: a row was written
      tls = false, greeted = false;
};

class SmtpParser final : public text::LineParser {
 public:
  SmtpParser() : LineParser(kMaxLine) {}

  void closed(Context& context, End) override {
    if (!state_) return;
    end_body(context);
    // A session that sent no mail is told, too, where a client said who it is: it was refused, or it looked around.
    if (state_->mail && (state_->mail->active || (!state_->told && state_->has_helo && state_->server_spoke)))
      write(context);
    state_.reset();
  }

 protected:
  std::size_t raw(Direction direction) override {
    return direction == Direction::kOriginator && state_ ? state_->chunk : 0;
  }
  void raw_bytes(Context& context, Direction, Bytes bytes) override {
    // BDAT (RFC 3030): lines within the chunk.
    state_->chunk -= std::min(state_->chunk, bytes.size());
    begin_body();
    for (const char c : base::as_text(bytes)) {
      if (c == '\n') {
        if (!state_->chunk_line.empty() && state_->chunk_line.back() == '\r') state_->chunk_line.pop_back();
        state_->reader->line(context, state_->chunk_line);
        state_->chunk_line.clear();
      } else if (state_->chunk_line.size() < kMaxLine) {
        state_->chunk_line += c;
      }
    }
    if (state_->chunk == 0 && state_->last_chunk) end_body(context);
  }

  void line(Context& context, Direction direction, std::string_view line) override {
    if (!state_) state_ = std::make_unique<State>();
    State& s = *state_;
    if (!s.mail) begin(context);
    record::extend(s.mail->place, context.place());
    if (direction == Direction::kResponder) {
      s.server_spoke = true;
      reply(context, line);
    } else if (s.in_data) {
      if (line == ".") {
        end_body(context);
        expect(Expecting::kBody);
      } else {
        begin_body();
        // RFC 5321 4.5.2: a dot at a line's beginning was doubled.
        s.reader->line(context, !line.empty() && line.front() == '.' ? line.substr(1) : line);
      }
    } else {
      s.client_spoke = true;
      command(context, line);
    }
    if (s.server_spoke && s.client_spoke && commands_ > 0) context.recognised = true;
  }

  void lost(Context& context, Direction direction, std::uint64_t bytes) override {
    if (direction == Direction::kOriginator && state_ && state_->in_data && state_->reader)
      state_->reader->gap(context, bytes);
    else if (state_)
      state_->chunk = 0;
    if (state_) state_->expecting.clear();
  }

 private:
  void begin(Context& context) {
    end_body(context);  // of the mail before: its reader must not outlive it
    state_->mail = std::make_unique<Mail>();
    state_->mail->ts = context.now();
    state_->mail->place = context.place();
    state_->mail->depth = state_->mails + 1;
    state_->mail->tls = state_->tls;
    state_->mail->path = {context.connection().id.resp_h, context.connection().id.orig_h};
  }

  void begin_body() {
    State& s = *state_;
    if (!s.reader) s.reader = std::make_unique<MailReader>(*s.mail, s.files);
  }
  void end_body(Context& context) {
    State& s = *state_;
    s.in_data = false;
    s.last_chunk = false;
    if (!s.reader) return;
    if (!s.chunk_line.empty()) s.reader->line(context, s.chunk_line);
    s.chunk_line.clear();
    s.reader->finish(context);
    s.files = s.reader->files();
    s.reader.reset();
  }

  void command(Context& context, std::string_view line) {
    State& s = *state_;
    if (s.auth_dialogue) {  // answers to the server's questions: never shown
      credentials(line);
      return;
    }
    std::string_view rest = line;
    const std::string verb = text::upper(text::word(rest));
    static constexpr std::string_view kVerbs[] = {"HELO", "EHLO", "LHLO", "MAIL",   "RCPT", "DATA",
                                                  "BDAT", "RSET", "QUIT", "NOOP",   "AUTH", "STARTTLS",
                                                  "VRFY", "EXPN", "HELP", "XCLIENT"};
    if (std::find(std::begin(kVerbs), std::end(kVerbs), verb) == std::end(kVerbs)) {
      if (++unknown_ > 16 && commands_ == 0) context.failed = true;
      expect(Expecting::kOther);
      return;
    }
    ++commands_;
    Expecting expecting = Expecting::kOther;
    if (verb == "HELO" || verb == "EHLO" || verb == "LHLO") {
      // In clear behind STARTTLS (the capture was decrypted): the session begins anew (RFC 3207 4.2).
      if (s.mail->tls && s.mail->active && !s.mail->has_from && s.mail->rcptto.empty()) {
        write(context);
        begin(context);
      }
      s.helo_before = std::move(s.helo);
      s.helo = rest.substr(0, 512);
      s.has_helo = true;
      expecting = Expecting::kHelo;
    } else if (verb == "MAIL" && text::begins(rest, "FROM:")) {
      end_body(context);
      if (s.mail->active) {  // its acknowledgement was not seen
        write(context);
        begin(context);
      }
      s.mail->mailfrom = mail_address(rest.substr(5));
      s.mail->has_from = !s.mail->mailfrom.empty();
      s.mail->active = true;
    } else if (verb == "RCPT" && text::begins(rest, "TO:")) {
      const std::string to = mail_address(rest.substr(3));
      auto& list = s.mail->rcptto;
      if (!to.empty() && list.size() < kMaxList && std::find(list.begin(), list.end(), to) == list.end())
        list.push_back(to);
      s.mail->active = true;
    } else if (verb == "DATA") {
      // The mail's lines follow the answer (RFC 2920 3.1). A client that does not wait sends them all the same, and a
      // server that takes them reads them as the mail: a refusal ends it.
      expecting = Expecting::kData;
      end_body(context);
      s.in_data = true;
    } else if (verb == "BDAT") {
      // RFC 3030 2: a number, and LAST or nothing. Nothing follows a command that a server refuses.
      std::size_t size = 0;
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
      const std::string_view more = text::trim(rest.substr(static_cast<std::size_t>(end - rest.data())));
      if (error != std::errc{} || (!more.empty() && text::upper(more) != "LAST")) {
        if (error == std::errc::result_out_of_range)
          context.weird("smtp_huge_bdat_chunk", text::word(rest));
        else
          context.weird("smtp_invalid_bdat_command",
                        error == std::errc{} ? "BDAT chunk-size followed by junk" : "BDAT without a chunk-size");
        expect(Expecting::kOther);
        return;
      }
      begin_body();
      s.chunk = size;
      s.last_chunk = text::upper(rest).find("LAST") != std::string::npos;
      if (s.last_chunk) expecting = Expecting::kBody;
      if (size == 0 && s.last_chunk) end_body(context);
    } else if (verb == "STARTTLS") {
      expecting = Expecting::kStartTls;
    } else if (verb == "AUTH") {
      const std::string mechanism = text::upper(text::word(rest));
      s.auth_dialogue = true;
      s.auth_login = mechanism == "LOGIN";
      s.auth_user.clear();
      s.auth_ts = context.now();
      s.auth_place = context.place();
      expecting = Expecting::kAuth;
      if (!rest.empty()) credentials(rest);
    }
    expect(expecting);
  }

  void expect(Expecting what) {
    if (state_->expecting.size() < 256) state_->expecting.push_back(what);
  }

  // RFC 4616, and LOGIN as it is in use: the account's name is kept, the rest forgotten.
  void credentials(std::string_view line) {
    State& s = *state_;
    if (!s.auth_user.empty()) return;
    const std::string plain = base::from_base64(line);
    if (s.auth_login) {
      s.auth_user = plain.substr(0, 256);
      return;
    }
    const std::size_t first = plain.find('\0');
    if (first == std::string::npos) return;
    const std::size_t second = plain.find('\0', first + 1);
    if (second != std::string::npos)
      s.auth_user = plain.substr(first + 1, std::min<std::size_t>(second - first - 1, 256));
  }

  void reply(Context& context, std::string_view line) {
    State& s = *state_;
    const bool coded = line.size() >= 3 && line.find_first_not_of("0123456789") >= 3 &&
                       (line.size() == 3 || line[3] == ' ' || line[3] == '-');
    if (!coded) {
      if (++unknown_ > 64 && commands_ == 0) context.failed = true;
      return;
    }
    const bool goes_on = line.size() > 3 && line[3] == '-';
    s.mail->last_reply = std::string(line.substr(0, 3)) + " " +
                         std::string(line.size() > 4 ? line.substr(4, kMaxText) : std::string_view());
    if (goes_on) return;
    const char first = line[0];
    Expecting expecting = Expecting::kOther;
    const bool greets = !s.greeted && line.substr(0, 3) == "220" &&
                        (s.expecting.empty() || s.expecting.front() != Expecting::kStartTls);
    s.greeted = true;
    // 354 answers DATA alone (RFC 5321 4.2.2): replies that were taken for others' are made up for.
    if (line.substr(0, 3) == "354")
      while (!s.expecting.empty() && s.expecting.front() == Expecting::kOther) s.expecting.erase(s.expecting.begin());
    if (!s.expecting.empty() && !greets) {  // the greeting answers no command
      expecting = s.expecting.front();
      if (expecting == Expecting::kAuth && first == '3') return;  // the dialogue goes on
      s.expecting.erase(s.expecting.begin());
    }
    if (s.auth_dialogue && expecting == Expecting::kAuth) {
      s.auth_dialogue = false;
      s.auth_success = first == '2';
      if (!*s.auth_success) write_refusal(context);
    }
    // A greeting that is refused changes nothing (RFC 5321 4.1.4).
    if (expecting == Expecting::kHelo && first == '5' && !s.helo_before.empty()) s.helo = s.helo_before;
    if (expecting == Expecting::kData) {
      if (first == '3')
        begin_body();
      else if (s.in_data)
        end_body(context);
    } else if (expecting == Expecting::kStartTls && first == '2') {
      s.mail->tls = s.tls = true;
      s.mail->active = true;
      context.become = "ssl";
    } else if (expecting == Expecting::kBody) {
      ++s.mails;
      if (s.mail->active) write(context);
      begin(context);
    }
  }

  void write(Context& context) {
    const State& s = *state_;
    Mail& m = *s.mail;
    const auto set = [](Text& out, const std::string& in) {
      if (!in.empty()) out = in;
    };
    const auto views = [](const std::vector<std::string>& list) {
      return std::vector<std::string_view>(list.begin(), list.end());
    };
    Smtp row;
    row.head = context.head(m.ts, m.place);
    if (s.has_helo) row.helo = s.helo;
    if (m.has_from) row.mailfrom = m.mailfrom;
    const auto rcptto = views(m.rcptto), to = views(m.to), cc = views(m.cc), fuids = views(m.fuids);
    if (!rcptto.empty()) row.rcptto = rcptto;
    set(row.date, m.date);
    set(row.from, m.from);
    if (!to.empty()) row.to = to;
    if (!cc.empty()) row.cc = cc;
    set(row.reply_to, m.reply_to);
    set(row.msg_id, m.msg_id);
    set(row.in_reply_to, m.in_reply_to);
    set(row.subject, m.subject);
    set(row.x_originating_ip, m.originating);
    set(row.first_received, m.first_received);
    set(row.second_received, m.second_received);
    set(row.last_reply, m.last_reply);
    std::vector<std::string> hops;
    for (const Address& a : m.path) hops.push_back(a.to_string());
    const auto path = views(hops);
    row.path = path;
    set(row.user_agent, m.user_agent);
    row.tls = m.tls;
    if (!fuids.empty()) row.fuids = fuids;
    set(row.auth_user, s.auth_user);
    row.auth_success = s.auth_success;
    row.trans_depth = m.depth;
    context.emit(row);
    m.active = false;
    state_->told = true;
  }

  // A login that was refused, by itself: the session may never come to a mail, or try again.
  void write_refusal(Context& context) {
    State& s = *state_;
    record::extend(s.auth_place, context.place());
    Smtp row;
    row.head = context.head(s.auth_ts, s.auth_place);
    if (s.has_helo) row.helo = s.helo;
    row.last_reply = s.mail->last_reply;
    row.tls = s.mail->tls;
    if (!s.auth_user.empty()) row.auth_user = s.auth_user;
    row.auth_success = false;
    row.trans_depth = s.mail->depth;
    context.emit(row);
    s.told = true;
  }

  std::unique_ptr<State> state_;
  std::uint32_t commands_ = 0, unknown_ = 0;
};
static_assert(sizeof(SmtpParser) <= 128);

// A greeting that names SMTP, or a client that greets as SMTP's do.
Match recognise(Bytes data, Direction direction, bool port_hint) {
  const std::string_view text = base::as_text(data);
  if (text.size() < 4) return text::printable(text) ? Match::kNeedMore : Match::kNo;
  if (direction == Direction::kOriginator) {
    for (const std::string_view verb : {"EHLO ", "HELO ", "LHLO ", "ehlo ", "helo ", "Ehlo ", "Helo "})
      if (text.substr(0, verb.size()) == verb) return Match::kYes;
    if (text::begins(text, "EHLO") || text::begins(text, "HELO")) return Match::kMaybe;
    if (text::begins(text, "MAIL FROM:")) return Match::kYes;
    return port_hint && text::printable(text) ? Match::kMaybe : Match::kNo;
  }
  if (text.substr(0, 3) != "220" || (text[3] != ' ' && text[3] != '-'))
    return text.substr(0, 3) == "554" && port_hint ? Match::kMaybe : Match::kNo;
  const std::string line = text::upper(text.substr(0, text.find('\n')));
  if (line.find("SMTP") != std::string::npos) return Match::kYes;
  if (line.find("FTP") != std::string::npos) return Match::kNo;
  return port_hint && text.find('\n') != std::string_view::npos ? Match::kYes : Match::kNeedMore;
}

std::unique_ptr<Parser> make() { return std::make_unique<SmtpParser>(); }

record::Schema* const kSchemas[] = {&Smtp::schema};

}  // namespace

const Definition kDefinition = {
    .name = "smtp", .stream = true, .recognise = recognise, .ports = kPorts, .make = make, .schemas = kSchemas};

}  // namespace whodunit::protocol::smtp
