// HTTP/1 (RFC 9110, 9112), HTTP/1.0 (RFC 1945) and HTTP/0.9: requests matched with their replies. HTTP/2, which gives
// the same rows, lies beside it (protocol/http2).
#pragma once

#include "protocol/parser.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol::http {

// clang-format off
#define WHODUNIT_HTTP_FIELDS(FIELD)                                                                                                \
  FIELD(1, std::uint64_t, trans_depth, "trans_depth", "Counts the transactions of the connection, from 1.")                        \
  FIELD(1, record::Text, method, "method", "The request's method (RFC 9110 9).")                                                   \
  FIELD(1, record::Text, host, "host", "Host, with its port where it has one (RFC 9110 7.2).")                                     \
  FIELD(1, record::Text, uri, "uri", "The request's target (RFC 9112 3.2), its percent-encoding undone.")                          \
  FIELD(1, record::Text, referrer, "referrer", "Referer (RFC 9110 10.1.3).")                                                       \
  FIELD(1, record::Text, version, "version", "The reply's version: 0.9, 1.0, 1.1 or 2.")                                                               \
  FIELD(1, record::Text, user_agent, "user_agent", "User-Agent (RFC 9110 10.1.5).")                                                \
  FIELD(1, record::Text, origin, "origin", "Origin (RFC 6454).")                                                                   \
  FIELD(1, std::uint64_t, request_body_len, "request_body_len", "Bytes of the request's body, decoded.")                           \
  FIELD(1, std::uint64_t, response_body_len, "response_body_len", "Bytes of the reply's body, decoded.")                           \
  FIELD(1, std::optional<std::uint64_t>, status_code, "status_code", "Status (RFC 9110 15); 0 where it is no number.")             \
  FIELD(1, record::Text, status_msg, "status_msg", "The reason phrase, or <empty>.")                                               \
  FIELD(1, std::optional<std::uint64_t>, info_code, "info_code", "The last status 1xx before the final one.")                      \
  FIELD(1, record::Text, info_msg, "info_msg", "Its reason phrase.")                                                               \
  FIELD(1, record::Texts, tags, "tags", "Always empty: parsers do not judge.")                                                     \
  FIELD(1, record::Text, username, "username", "User name of basic or digest authentication (RFC 7617, 7616).")                    \
  FIELD(1, record::Text, password, "password", "Password of basic authentication, only where secrets are kept.")                   \
  FIELD(1, record::Texts, proxied, "proxied", "Headers that speak of a proxy: NAME -> value.")                                     \
  FIELD(1, record::Texts, orig_fuids, "orig_fuids", "Files in the request, at most 15.")                                           \
  FIELD(1, record::Texts, orig_filenames, "orig_filenames", "Their names, where they have some.")                                  \
  FIELD(1, record::Texts, orig_mime_types, "orig_mime_types", "Their types by content, where known.")                              \
  FIELD(1, record::Texts, resp_fuids, "resp_fuids", "Files in the reply, at most 15.")                                             \
  FIELD(1, record::Texts, resp_filenames, "resp_filenames", "Their names, where they have some.")                                  \
  FIELD(1, record::Texts, resp_mime_types, "resp_mime_types", "Their types by content, where known.")                              \
  FIELD(1, record::Text, request_version, "request_version", "The request's version.")                                             \
  FIELD(1, std::optional<base::Duration>, server_time, "server_time", "Request's last byte to the reply's first.")                 \
  FIELD(1, std::optional<base::Duration>, transfer_time, "transfer_time", "Reply's first byte to its last.")                       \
  FIELD(1, record::Text, request_content_type, "request_content_type", "The request's Content-Type.")                              \
  FIELD(1, record::Text, content_type, "content_type", "The reply's Content-Type.")                                                \
  FIELD(1, record::Text, content_encoding, "content_encoding", "The reply's Content-Encoding.")                                    \
  FIELD(1, record::Text, server, "server", "Server (RFC 9110 10.2.4).")                                                            \
  FIELD(1, record::Text, location, "location", "Location (RFC 9110 10.2.2).")                                                      \
  FIELD(1, record::Text, x_forwarded_for, "x_forwarded_for", "X-Forwarded-For: whom a proxy speaks for.")                          \
  FIELD(1, record::Text, accept_language, "accept_language", "Accept-Language (RFC 9110 12.5.4).")                                 \
  FIELD(1, record::Text, authorization, "authorization", "The scheme of Authorization, in lower case; never the credentials.")     \
  FIELD(1, record::Texts, cookie_names, "cookie_names", "Names of the cookies that the client sent; never their values.")          \
  FIELD(1, record::Texts, set_cookie_names, "set_cookie_names", "Names of the cookies that the server set.")                       \
  FIELD(1, record::Text, request_body, "request_body", "The request's body's beginning, decoded; passwords left out.")             \
  FIELD(1, record::Text, response_body, "response_body", "The reply's body's beginning, decoded.")                               \
  FIELD(1, record::Texts, other_headers, "other_headers", "Request headers without a field here whose value holds signs of code, as NAME: value; only where asked for. Of credentials and cookies, the code alone.")
// clang-format on
WHODUNIT_RECORD(Http, "http", 1, "One HTTP request with its reply.", WHODUNIT_HTTP_FIELDS)

extern const Definition kDefinition;

}  // namespace whodunit::protocol::http
