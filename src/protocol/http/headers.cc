#include <algorithm>

#include "protocol/http/message.h"
#include "protocol/plan.h"

namespace whodunit::protocol::http {
namespace {

constexpr std::size_t kMaxCookies = 32;

/// A media type without its parameters, in lower case.
std::string text_type(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, std::min<std::size_t>(value.find_first_of("; \t,"), 128)))
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

/// The names of a Cookie header's pairs, or the one of a Set-Cookie.
void cookie_names(Transaction& t, List list, std::string_view value, bool all) {
  while (!value.empty() && t.size(list) < kMaxCookies) {
    const std::size_t end = std::min(value.find(';'), value.size());
    std::string_view name = skip_blanks(value.substr(0, end));
    name = name.substr(0, name.find('='));
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (!name.empty()) t.add(list, name);
    if (!all) return;
    value.remove_prefix(std::min(end + 1, value.size()));
  }
}

/// The items of a list (RFC 9110 5.6.1).
void list_items(Transaction& t, List list, std::string_view value, bool keep_secrets) {
  for (;;) {
    const std::size_t end = std::min(value.find(','), value.size());
    std::string_view item = skip_blanks(value.substr(0, end));
    while (!item.empty() && is_blank(item.back())) item.remove_suffix(1);
    // Where browsers cannot set Authorization, tokens travel as a protocol's name.
    constexpr std::string_view kBearer = "authorization.bearer.";
    if (!keep_secrets && item.substr(0, kBearer.size()) == kBearer) item = "authorization.bearer.***";
    t.add(list, item);
    if (end == value.size()) return;
    value.remove_prefix(end + 1);
  }
}

/// RFC 9110 11: the scheme, and for Basic (RFC 7617) and Digest (RFC 7616) who it is.
void credentials(Transaction& t, std::string_view value, bool keep_secrets) {
  const std::string_view scheme = value.substr(0, value.find_first_of(" \t,=:;\""));
  if (!scheme.empty() && scheme.size() <= 32) {
    std::string lower(scheme);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    t.set(Slot::kAuthorization, lower);
  }
  if (scheme.size() == value.size()) return;
  const std::string_view rest = skip_blanks(value.substr(scheme.size()));
  if (equals_ignoring_case(scheme, "basic")) {
    const std::string pair = base::from_base64(rest);
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos) {
      t.set(Slot::kUserName,
            keep_secrets ? "<problem-decoding> (" + std::string(value) + ")" : std::string("<problem-decoding>"));
      return;
    }
    t.set(Slot::kUserName, std::string_view(pair).substr(0, colon));
    if (keep_secrets) t.set(Slot::kPassword, std::string_view(pair).substr(colon + 1));
  } else if (equals_ignoring_case(scheme, "digest")) {
    std::string pairs(";");
    for (const char c : rest) pairs += c == ',' ? ';' : c;
    if (const std::string_view user = parameter(pairs, "username"); !user.empty()) t.set(Slot::kUserName, user);
  }
}

/// A header's value with signs of code in it: expressions, markup, quotes, pipes, paths upward. Headers that have
/// fields of their own are left out; of those that hold secrets only the expression is kept.
void keep_code(Transaction& t, std::string_view name, std::string_view value) {
  constexpr std::size_t kMost = 512;
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  if (is("user-agent") || is("referer") || is("host") || is("origin") || is("accept-language") || is("x-forwarded-for"))
    return;
  const std::size_t expression = value.find("${");
  if (is("cookie") || is("authorization") || is("proxy-authorization")) {
    if (expression == std::string_view::npos) return;
    value = value.substr(expression);
    const std::size_t end = value.rfind('}');
    value = value.substr(0, end == std::string_view::npos ? 64 : end + 1);
  } else if (expression == std::string_view::npos && value.find_first_of("<'`|") == std::string_view::npos &&
             value.find("() {") == std::string_view::npos && value.find("../") == std::string_view::npos) {
    return;
  }
  std::string text(name.substr(0, 64));
  text += ": ";
  text += value.substr(0, kMost);
  t.add(List::kOtherHeaders, text);
}

/// A list with an element of nothing before its last comma.
bool empty_element(std::string_view list) {
  bool empty = true;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      if (empty) return true;
      empty = true;
    } else if (list[i] != ' ' && list[i] != '\t') {
      empty = false;
    }
  }
  return false;
}

}  // namespace

/// Headers that say how the message goes on, and what its body is.
void HttpParser::framing_header(Context&, Role role, std::string_view name, std::string_view value) {
  Message& m = *message(role);
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  switch (name.size()) {
    case 6:
      if (is("expect")) {
        if (!equals_ignoring_case(first_token(value), "100-continue")) odds_.add(Odd::kExpectNot100);
        m.expect_continue = true;
        if (m.content_length == 0u) odds_.add(Odd::kLength0AndExpect);
      }
      break;
    case 12:
      if (is("content-type")) {
        if (names_file_in_type(value)) {
          m.entity.name = file_name(value);
          m.entity.has_name = true;
        }
        const std::string_view type = first_token(value);
        m.is_multipart = equals_ignoring_case(type, "multipart");
        m.is_message = equals_ignoring_case(type, "message");
        m.is_dns = equals_ignoring_case(type, "application") && text_type(value) == "application/dns-message";
        if (m.is_multipart) m.boundary = parameter(value, "boundary");
      }
      break;
    case 13:
      if (is("content-range") && role == Role::kReply && m.code == 206) {
        if (m.chunked) odds_.add(Odd::kRangeAndChunked);
        m.entity.range = parse_content_range(value, odds_);
        if (m.entity.range) {
          m.entity.offset = m.entity.range->first;
          const std::uint64_t length = m.entity.range->length;
          if (m.content_length.value_or(0) > 0 && *m.content_length != length) odds_.add(Odd::kRangeNotMatchingLength);
          m.content_length = std::max(m.content_length.value_or(0), length);
        }
      }
      break;
    case 14:
      if (is("content-length")) {
        if (m.chunked) odds_.add(Odd::kLengthAndChunked);
        const std::string_view token = first_token(value);
        if (token.empty()) break;
        const auto n = parse_number(token);
        if (!n) {
          odds_.add(Odd::kBadLength, token);
          m.content_length = 0;
          break;
        }
        if (*n > 0 && token[0] == '0') odds_.add(Odd::kLengthLeadingZeros);
        m.content_length = *n;
        if (m.entity.range && m.entity.range->length != *n) {
          odds_.add(Odd::kRangeNotMatchingLength);
          m.content_length = std::max(*n, m.entity.range->length);
        }
        if (*n == 0 && m.expect_continue) odds_.add(Odd::kLength0AndExpect);
      }
      break;
    case 16:
      if (is("content-encoding")) {
        const std::string_view token = first_token(value);
        if (equals_ignoring_case(token, "gzip") || equals_ignoring_case(token, "x-gzip")) m.coding = Coding::kGzip;
        if (equals_ignoring_case(token, "deflate")) m.coding = Coding::kDeflate;
        if (equals_ignoring_case(token, "br")) m.coding = Coding::kBrotli;
      }
      break;
    case 17:
      if (is("transfer-encoding")) {
        const Version version = side(Role::kRequest).ongoing ? request_version_ : reply_version_;
        std::string_view rest;
        if (equals_ignoring_case(first_token(value, &rest), "chunked") && version == Version{1, 1}) {
          m.chunked = true;
          if (!rest.empty()) odds_.add(Odd::kChunkedMulti, rest.substr(0, rest.find('\0')));
          if (m.content_length) odds_.add(Odd::kLengthAndChunked);
        }
      }
      break;
    case 19:
      if (is("content-disposition") && names_file_in_disposition(value)) {
        m.entity.name = file_name(value);
        m.entity.has_name = true;
      }
      break;
    default:
      break;
  }
}

void HttpParser::request_header(Context& context, std::string_view name, std::string_view value) {
  Transaction& t = *transaction(context, Role::kRequest);
  if (context.plan().http_code_headers) keep_code(t, name, value);
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  const auto proxied = [&] {
    std::string text;
    for (const char c : name) text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    text += " -> ";
    text += value;
    t.add_once(List::kProxied, text);
  };
  switch (name.size()) {
    case 3:
      if (is("via")) proxied();
      break;
    case 4:
      if (is("host")) t.set(Slot::kHost, value);
      break;
    case 5:
      if (is("range")) t.range_request = true;
      break;
    case 6:
      if (is("origin")) t.set(Slot::kOrigin, value);
      if (is("cookie")) cookie_names(t, List::kCookieNames, value, true);
      break;
    case 7:
      if (is("referer")) t.set(Slot::kReferrer, value);
      break;
    case 9:
      if (is("forwarded") || is("client-ip")) proxied();
      break;
    case 10:
      if (is("user-agent")) t.set(Slot::kUserAgent, value);
      if (is("connection") && equals_ignoring_case(first_token(value), "keep-alive")) keep_alive_ = true;
      break;
    case 12:
      if (is("content-type")) t.set(Slot::kRequestContentType, value);
      break;
    case 13:
      if (is("authorization")) {
        credentials(t, value, context.plan().keep_secrets);
        authenticate(context, Role::kRequest, value);
      }
      break;
    case 15:
      if (is("accept-language")) t.set(Slot::kAcceptLanguage, value);
      // RFC 9110 5.6.1.1: senders must not make empty elements in a list; the end is where clumsy ones do.
      if (is("accept-encoding") && empty_element(value)) context.weird("HTTP_accept_encoding_empty_element");
      if (is("x-forwarded-for")) {
        t.set(Slot::kForwardedFor, value);
        proxied();
      }
      break;
    case 16:
      if (is("x-forwarded-from") || is("xroxy-connection") || is("proxy-connection")) proxied();
      break;
    case 22:
      if (is("sec-websocket-protocol")) list_items(t, List::kClientProtocols, value, context.plan().keep_secrets);
      break;
    case 24:
      if (is("sec-websocket-extensions")) list_items(t, List::kClientExtensions, value, true);
      break;
    case 19:
      if (is("proxy-authorization")) {
        credentials(t, value, context.plan().keep_secrets);
        authenticate(context, Role::kRequest, value);
      }
      break;
    default:
      break;
  }
}

/// Tokens in headers (RFC 4559 4, [MS-NTHT] 2.1): they are of the connection, not of a request.
void HttpParser::authenticate(Context& context, Role role, std::string_view value) {
  constexpr std::size_t kLongest = 64 << 10;  // bytes of base64; tickets with many groups are long
  std::string_view token;
  const std::string_view scheme = first_token(value, &token);
  if (!equals_ignoring_case(scheme, "ntlm") && !equals_ignoring_case(scheme, "negotiate")) return;
  token = skip_blanks(token);
  token = token.substr(0, token.find_first_of(" \t,"));
  if (token.empty() || token.size() > kLongest) return;
  const std::string plain = base::from_base64(token);
  if (!rare_) rare_ = std::make_unique<Rare>();
  Rare& r = *rare_;
  if (!r.authentication) r.authentication = std::make_unique<gssapi::Session>();
  const bool known = r.authentication->token(context, base::as_bytes(plain), "http");
  context.clear_carried();  // what headers hold is no service of the connection
  if (!known) return;
  if (role == Role::kReply)
    r.login = Login::kChallenged;
  else if (r.login == Login::kChallenged)
    r.login = Login::kAnswered;
}

void HttpParser::reply_header(Context& context, std::string_view name, std::string_view value) {
  const auto is = [&](std::string_view lower_name) { return equals_ignoring_case(name, lower_name); };
  const auto set = [&](Slot slot) { transaction(context, Role::kReply)->set(slot, value); };
  Message& m = *message(Role::kReply);
  switch (name.size()) {
    case 6:
      if (is("server")) set(Slot::kServer);
      break;
    case 7:
      if (is("upgrade")) m.upgrade_to = first_token(value);
      break;
    case 8:
      if (is("location")) set(Slot::kLocation);
      break;
    case 10:
      if (is("connection") && equals_ignoring_case(first_token(value), "upgrade")) m.upgrade = true;
      if (is("set-cookie")) cookie_names(*transaction(context, Role::kReply), List::kSetCookieNames, value, false);
      break;
    case 12:
      if (is("content-type")) set(Slot::kContentType);
      break;
    case 22:
      if (is("sec-websocket-protocol")) set(Slot::kSubprotocol);
      break;
    case 24:
      if (is("sec-websocket-extensions"))
        list_items(*transaction(context, Role::kReply), List::kServerExtensions, value, true);
      break;
    case 16:
      if (is("www-authenticate")) authenticate(context, Role::kReply, value);
      if (is("content-encoding")) set(Slot::kContentEncoding);
      break;
    case 18:
      if (is("proxy-authenticate")) authenticate(context, Role::kReply, value);
      break;
    default:
      break;
  }
}

}  // namespace whodunit::protocol::http
