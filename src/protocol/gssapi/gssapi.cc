#include "protocol/gssapi/gssapi.h"

#include "protocol/ber/ber.h"
#include "protocol/krb/krb.h"

namespace whodunit::protocol::gssapi {

const Definition kDefinition = {.name = "gssapi"};

namespace {

bool is(Bytes oid, std::initializer_list<std::uint8_t> expected) {
  return oid.size() == expected.size() && std::equal(oid.begin(), oid.end(), expected.begin());
}
bool is_spnego(Bytes oid) { return is(oid, {0x2b, 6, 1, 5, 5, 2}); }  // 1.3.6.1.5.5.2
// 1.2.840.113554.1.2.2 (RFC 4121), and 1.2.840.48018.1.2.2 as Windows 2000 misspelt it.
bool is_kerberos(Bytes oid) {
  return is(oid, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2}) ||
         is(oid, {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2});
}

}  // namespace

bool Session::token(Context& context, Bytes token, std::string_view carrier) {
  if (token.empty()) return false;
  ber::Reader reader(token);
  Bytes negotiation = token;
  if (token[0] == ber::application(0)) {  // RFC 2743 3.1
    ber::Reader content = reader.enter(ber::application(0));
    const Bytes oid = content.take(ber::kOid);
    if (!is_spnego(oid)) return mechanism(context, token, carrier);
    negotiation = content.rest();
  }
  ber::Reader choice(negotiation);
  if (choice.tag() == ber::context(0)) {  // NegTokenInit (RFC 4178 4.2.1)
    ber::Reader fields = choice.enter(ber::context(0)).enter(ber::kSequence);
    context.carries("gssapi");
    while (!fields.at_end()) {
      const ber::Element e = fields.next();
      if (e.tag == ber::context(2)) mechanism(context, ber::Reader(e.content).take(ber::kOctetString), carrier);
    }
    return true;
  }
  if (choice.tag() == ber::context(1)) {  // NegTokenResp (4.2.2)
    ber::Reader fields = choice.enter(ber::context(1)).enter(ber::kSequence);
    context.carries("gssapi");
    std::int64_t state = -1;
    while (!fields.at_end()) {
      const ber::Element e = fields.next();
      if (e.tag == ber::context(0)) state = ber::integer(ber::Reader(e.content).take(ber::kEnumerated)).value_or(-1);
      if (e.tag == ber::context(2)) mechanism(context, ber::Reader(e.content).take(ber::kOctetString), carrier);
    }
    // 0: accepted, 1: goes on, 2: rejected, 3: wants a checksum over the mechanisms.
    if (state == 0 || state > 1) ntlm_.result(context, state == 0);
    return true;
  }
  return mechanism(context, token, carrier);
}

bool Session::mechanism(Context& context, Bytes token, std::string_view carrier) {
  if (ntlm_.token(context, token, carrier)) {
    context.carries("ntlm");
    return true;
  }
  if (token.empty()) return false;
  if (token[0] == ber::application(0)) {
    ber::Reader content = ber::Reader(token).enter(ber::application(0));
    if (!is_kerberos(content.take(ber::kOid))) return false;
    token = content.rest();
    if (token.size() < 2) return false;
    // RFC 4121 4.1: two bytes say what follows, 01 00 a KRB_AP_REQ.
    if (token[0] == 1 && token[1] == 0) token = token.subspan(2);
  }
  if (!krb::shown(context, token, carrier, last_ticket_)) return false;
  context.carries("krb");
  return true;
}

}  // namespace whodunit::protocol::gssapi
