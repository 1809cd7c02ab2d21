#include "protocol/tls/hello.h"

#include <algorithm>
#include <array>

#include "protocol/tls/names.h"

namespace whodunit::protocol::tls {
namespace {

using base::Cursor;

// A vector of 16-bit numbers with its length in front; what does not fit is a failure of `in`.
void read_u16s(Cursor& in, std::size_t length, std::vector<std::uint16_t>& out) {
  Cursor list(in.bytes(length));
  out.reserve(std::min<std::size_t>(length / 2, 256));
  while (list.left() >= 2) out.push_back(list.be16());
  if (!list.at_end()) in.fail();
}

void read_client_extension(std::uint16_t type, Bytes data, ClientHello& out) {
  Cursor in(data);
  switch (type) {
    case kServerName: {
      out.has_server_name = true;
      if (data.empty()) break;
      Cursor list(in.bytes(in.be16()));
      while (!list.at_end() && list.ok()) {
        const std::uint8_t name_type = list.u8();
        const auto name = list.text(list.be16());
        if (list.ok() && name_type == 0 && out.server_name.empty()) out.server_name = name;
      }
      if (list.failed()) in.fail();
      break;
    }
    case kSupportedGroups:
      read_u16s(in, in.be16(), out.groups);
      break;
    case kPointFormats: {
      const Bytes formats = in.bytes(in.u8());
      out.point_formats.assign(formats.begin(), formats.end());
      break;
    }
    case kSignatureAlgorithms:
      read_u16s(in, in.be16(), out.signature_algorithms);
      break;
    case kAlpn: {
      Cursor list(in.bytes(in.be16()));
      while (!list.at_end() && list.ok()) {
        const auto name = list.text(list.u8());
        if (list.ok()) out.alpn.push_back(name);
      }
      if (list.failed()) in.fail();
      break;
    }
    case kSessionTicket:
      out.session_ticket = !data.empty();
      break;
    case kPreSharedKey:
      out.pre_shared_key = true;
      break;
    case kSupportedVersions:
      read_u16s(in, in.u8(), out.supported_versions);
      break;
    default:
      break;
  }
  if (in.failed()) out.malformed = true;
}

void read_server_extension(std::uint16_t type, Bytes data, ServerHello& out) {
  Cursor in(data);
  switch (type) {
    case kAlpn: {
      Cursor list(in.bytes(in.be16()));
      out.alpn = list.text(list.u8());
      if (list.failed()) in.fail();
      break;
    }
    case kPreSharedKey:
      out.pre_shared_key = true;
      break;
    case kSupportedVersions:
      out.selected_version = in.be16();
      break;
    case kKeyShareOld:
      if (out.version == kTls13 || is_tls13_draft(out.version)) out.group = in.be16();
      break;
    case kKeyShare:  // a HelloRetryRequest has the group alone
      out.group = in.be16();
      break;
    default:
      break;
  }
  if (in.failed()) out.malformed = true;
}

// The extension block, optional before TLS 1.3. Calls `each(type, data)`; false where it is cut short.
template <class Each>
bool read_extensions(Cursor& in, Each&& each) {
  if (in.left() < 2) return in.at_end();
  const std::size_t length = in.be16();
  bool whole = length <= in.left();
  Cursor block(in.bytes(std::min(length, in.left())));
  while (block.left() >= 4) {
    const std::uint16_t type = block.be16();
    const Bytes data = block.bytes(block.be16());
    if (block.failed()) return false;
    each(type, data);
  }
  return whole && block.at_end();
}

}  // namespace

bool parse_client_hello(Bytes body, bool datagram, ClientHello& out) {
  Cursor in(body);
  out.version = in.be16();
  out.random = in.bytes(32);
  out.session_id = in.bytes(in.u8());
  if (out.session_id.size() > 32) return false;
  if (datagram) in.skip(in.u8());  // the cookie (RFC 6347 4.2.1)
  const std::size_t ciphers = in.be16();
  if (ciphers < 2 || ciphers % 2 != 0) return false;
  read_u16s(in, ciphers, out.ciphers);
  const std::size_t compressions = in.u8();
  in.skip(compressions);
  if (in.failed() || compressions == 0) return false;
  out.malformed |= !read_extensions(in, [&](std::uint16_t type, Bytes data) {
    out.extensions.push_back(type);
    read_client_extension(type, data, out);
  });
  return true;
}

bool parse_server_hello(Bytes body, ServerHello& out) {
  // SHA-256 of "HelloRetryRequest".
  static constexpr std::array<std::uint8_t, 32> kRetry = {
      0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
      0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
  Cursor in(body);
  out.version = in.be16();
  out.random = in.bytes(32);
  // Up to draft 21, TLS 1.3's ServerHello had neither session id nor compression.
  const bool short_form = out.version == kTls13 || (is_tls13_draft(out.version) && (out.version & 0xff) < 22);
  if (!short_form) out.session_id = in.bytes(in.u8());
  out.cipher = in.be16();
  if (!short_form) in.u8();
  if (in.failed() || out.session_id.size() > 32) return false;
  out.hello_retry_request = std::equal(out.random.begin(), out.random.end(), kRetry.begin());
  out.malformed |= !read_extensions(in, [&](std::uint16_t type, Bytes data) {
    out.extensions.push_back(type);
    read_server_extension(type, data, out);
  });
  return true;
}

}  // namespace whodunit::protocol::tls
