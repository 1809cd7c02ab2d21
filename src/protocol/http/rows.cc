#include <vector>

#include "protocol/gssapi/gssapi.h"
#include "protocol/http/http.h"
#include "protocol/http/parser.h"
#include "protocol/http/websocket.h"

namespace whodunit::protocol::http {
namespace {

/// The value of a version: "1.1"; "2", which has no minor one (RFC 9113 3.1).
struct VersionText {
  char text[3];
  explicit VersionText(Version v) : text{static_cast<char>('0' + v.major), '.', static_cast<char>('0' + v.minor)} {}
  std::string_view view() const { return {text, text[0] == '2' && text[2] == '0' ? 1u : 3u}; }
};

}  // namespace

void HttpParser::emit(Context& context, const Transaction& t) {
  if (t.full) odds_.add(Odd::kStateLimit);
  Http row;
  row.head = context.head(t.ts, t.place);
  row.trans_depth = t.depth;
  row.method = t.get(Slot::kMethod);
  row.host = t.get(Slot::kHost);
  row.uri = t.get(Slot::kUri);
  row.referrer = t.get(Slot::kReferrer);
  const VersionText reply_version(t.reply_version);
  const VersionText request_version(t.request_version);
  if (t.has_status) {
    row.version = reply_version.view();
    row.status_code = t.status;
  }
  if (t.has_request_version) row.request_version = request_version.view();
  row.user_agent = t.get(Slot::kUserAgent);
  row.origin = t.get(Slot::kOrigin);
  row.request_body_len = t.request_body;
  row.response_body_len = t.reply_body;
  row.status_msg = t.get(Slot::kStatusMessage);
  if (t.has_info) row.info_code = t.info;
  row.info_msg = t.get(Slot::kInfoMessage);
  static constexpr std::string_view kNoTags[] = {""};
  row.tags = record::Texts(kNoTags, std::size_t{0});
  row.username = t.get(Slot::kUserName);
  row.password = t.get(Slot::kPassword);
  std::vector<std::string_view> buffers[static_cast<std::size_t>(List::kCount)];
  const auto list = [&](List l) { return t.get(l, buffers[static_cast<std::size_t>(l)]); };
  row.proxied = list(List::kProxied);
  row.orig_fuids = list(List::kRequestFuids);
  row.orig_filenames = list(List::kRequestFileNames);
  row.orig_mime_types = list(List::kRequestMimeTypes);
  row.resp_fuids = list(List::kReplyFuids);
  row.resp_filenames = list(List::kReplyFileNames);
  row.resp_mime_types = list(List::kReplyMimeTypes);
  if (t.request_ended && t.reply_began && t.reply_start >= t.request_end)
    row.server_time = t.reply_start - t.request_end;
  if (t.reply_began && t.reply_ended) row.transfer_time = t.reply_end - t.reply_start;
  row.request_content_type = t.get(Slot::kRequestContentType);
  row.content_type = t.get(Slot::kContentType);
  row.content_encoding = t.get(Slot::kContentEncoding);
  row.server = t.get(Slot::kServer);
  row.location = t.get(Slot::kLocation);
  row.x_forwarded_for = t.get(Slot::kForwardedFor);
  row.accept_language = t.get(Slot::kAcceptLanguage);
  row.authorization = t.get(Slot::kAuthorization);
  row.cookie_names = list(List::kCookieNames);
  row.set_cookie_names = list(List::kSetCookieNames);
  row.request_body = t.get(Slot::kRequestBody);
  row.response_body = t.get(Slot::kResponseBody);
  row.other_headers = list(List::kOtherHeaders);
  context.emit(row);
}

void HttpParser::emit_websocket(Context& context, const Transaction& t) {
  Websocket row;
  row.head = context.head(context.now(), t.place);
  row.host = t.get(Slot::kHost);
  row.uri = t.get(Slot::kUri);
  row.user_agent = t.get(Slot::kUserAgent);
  row.subprotocol = t.get(Slot::kSubprotocol);
  std::vector<std::string_view> buffers[3];
  row.client_protocols = t.get(List::kClientProtocols, buffers[0]);
  row.server_extensions = t.get(List::kServerExtensions, buffers[1]);
  row.client_extensions = t.get(List::kClientExtensions, buffers[2]);
  context.emit(row);
}

}  // namespace whodunit::protocol::http
