#include "protocol/tls/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/encrypted_record.h"
#include "protocol/talk.h"
#include "protocol/tls/fingerprints.h"
#include "protocol/tls/hello.h"
#include "protocol/tls/names.h"
#include "protocol/tls/ssl_record.h"
#include "protocol/tls_certificates.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/x509_record.h"

namespace whodunit::protocol::tls {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace protocol::testing;

Octets u16(std::size_t v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)}; }
Octets u24(std::size_t v) { return Octets{static_cast<std::uint8_t>(v >> 16)} + u16(v & 0xffff); }
Octets with_u8(const Octets& data) { return Octets{static_cast<std::uint8_t>(data.size())} + data; }
Octets with_u16(const Octets& data) { return u16(data.size()) + data; }
Octets with_u24(const Octets& data) { return u24(data.size()) + data; }
Octets filled(std::size_t count, std::uint8_t value) { return Octets(count, value); }
Octets from_base64(std::string_view text) { return octets(base::from_base64(text)); }

Octets record(std::uint8_t type, const Octets& body, std::string_view version = "0303") {
  return Octets{type} + hex(version) + with_u16(body);
}
Octets message(std::uint8_t type, const Octets& body) { return Octets{type} + with_u24(body); }
Octets extension(std::size_t type, const Octets& data) { return u16(type) + with_u16(data); }
Octets sni(std::string_view name) { return extension(0, with_u16(hex("00") + with_u16(octets(name)))); }

Octets client_hello(const Octets& ciphers, const Octets& extensions, const Octets& session_id = {},
                    std::string_view version = "0303", const Octets& cookie = {}, bool datagram = false) {
  return hex(version) + filled(32, 0x11) + with_u8(session_id) + (datagram ? with_u8(cookie) : Octets{}) +
         with_u16(ciphers) + hex("0100") + (extensions.empty() ? Octets{} : with_u16(extensions));
}
Octets server_hello(std::string_view cipher, const Octets& extensions, const Octets& session_id = {},
                    std::string_view version = "0303") {
  return hex(version) + filled(32, 0x22) + with_u8(session_id) + hex(cipher) + hex("00") +
         (extensions.empty() ? Octets{} : with_u16(extensions));
}
Octets certificate_message() {
  return with_u24(with_u24(from_base64(kHostCertificate)) + with_u24(from_base64(kRootCertificate)));
}

const Octets kCcs = record(20, hex("01"));

ClientHello parsed(const Octets& body) {
  ClientHello out;
  EXPECT_TRUE(parse_client_hello(body, false, out));
  return out;
}

// ---- fingerprints: the authors' published examples

TEST(Fingerprints, Ja3OfTheAuthorsExamples) {
  static const Octets body = client_hello(
      hex("002f 0035 0005 000a c009 c00a c013 c014 0032 0038 0013 0004"),
      extension(0, {}) + extension(10, with_u16(hex("0017 0018 0019"))) + extension(11, with_u8(hex("00"))), {},
      "0301");
  const ClientHello hello = parsed(body);
  EXPECT_EQ(ja3_text(hello), "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(ja3(hello), "ada70206e40642a3e4461f35503241d5");

  static const Octets bare =
      client_hello(hex("0004 0005 000a 0009 0064 0062 0003 0006 0013 0012 0063"), {}, {}, "0301");
  EXPECT_EQ(ja3(parsed(bare)), "de350869b8c85de67a350c8d186f11e6");
}

TEST(Fingerprints, Ja3s) {
  // What Suricata 7 makes of such a hello: "771,4865,51-43".
  const Octets body = server_hello("1301", extension(51, hex("001d 0001 00")) + extension(43, hex("0304")));
  ServerHello hello;
  ASSERT_TRUE(parse_server_hello(body, hello));
  EXPECT_EQ(ja3s(hello), "eb1d94daa7e0344597e756a1fb6e7054");
  EXPECT_EQ(hello.selected_version, kTls13);
  EXPECT_EQ(hello.group, 29u);
}

Octets chrome_hello() {
  // FoxIO's worked example of JA4, with GREASE where Chrome puts it.
  return client_hello(hex("0a0a 1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"),
                      extension(0x1a1a, {}) + extension(0x1b, {}) + sni("example.test") + extension(0x33, {}) +
                          extension(0x10, with_u16(with_u8(octets("h2")) + with_u8(octets("http/1.1")))) +
                          extension(0x4469, {}) + extension(0x17, {}) + extension(0x2d, {}) +
                          extension(0x0d, with_u16(hex("0403 0804 0401 0503 0805 0501 0806 0601"))) +
                          extension(0x05, {}) + extension(0x23, {}) + extension(0x12, {}) +
                          extension(0x2b, with_u8(hex("2a2a 0304 0303"))) + extension(0xff01, hex("00")) +
                          extension(0x0b, with_u8(hex("00"))) + extension(0x0a, with_u16(hex("3a3a 001d 0017"))) +
                          extension(0x15, filled(8, 0)));
}

TEST(Fingerprints, Ja4OfTheAuthorsExample) {
  static const Octets body = chrome_hello();
  const ClientHello hello = parsed(body);
  EXPECT_EQ(ja4(hello, Carrier::kTcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(ja4(hello, Carrier::kQuic).substr(0, 10), "q13d1516h2");
}

TEST(Fingerprints, Ja4WithoutNameAlpnOrExtensions) {
  static const Octets body = client_hello(hex("002f"), {});
  EXPECT_EQ(ja4(parsed(body), Carrier::kTcp).substr(0, 10), "t12i010000");
  EXPECT_EQ(ja4(parsed(body), Carrier::kTcp).substr(23), "_000000000000");
}

TEST(Names, KnownAndUnknown) {
  EXPECT_EQ(version_name(0x7f17), "TLSv13-draft23");
  EXPECT_EQ(version_name(0x1234), "unknown-4660");
  EXPECT_EQ(cipher_name(0x1301), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(cipher_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(cipher_name(0x0700c0), "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5");
  EXPECT_EQ(cipher_name(0xfafa), "grease_0xFAFA");
  EXPECT_EQ(cipher_name(0xeeee), "unknown-61166");
  EXPECT_EQ(group_name(29), "x25519");
  EXPECT_EQ(alert_name(40), "handshake_failure");
  for (std::size_t i = 1; i < kCipherCount; ++i) EXPECT_LT(kCipherNames[i - 1].number, kCipherNames[i].number);
}

// ---- certificates

TEST(Certificate, ReadsTheFields) {
  const auto root = x509::Certificate::parse(from_base64(kRootCertificate));
  const auto host = x509::Certificate::parse(from_base64(kHostCertificate));
  ASSERT_FALSE(root->malformed);
  ASSERT_FALSE(host->malformed);
  EXPECT_EQ(host->sha256, "228eba24b6df9bec1a1d565faf1c3d6470f1c577fc1efe669223dc1155055d41");
  EXPECT_EQ(host->sha1, "05f875de8cfe01928af60cb6b61601fdc2563fc5");
  EXPECT_EQ(host->version, 3u);
  EXPECT_EQ(host->serial, "0A1B2C3D");
  EXPECT_EQ(host->subject, "CN=www.example.test,C=XX");
  EXPECT_EQ(host->issuer, "CN=Example Root \\C3\\A9,O=Example\\, Inc,C=XX");
  EXPECT_EQ(host->key_algorithm, "rsaEncryption");
  EXPECT_EQ(host->signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_EQ(host->key_type, "rsa");
  EXPECT_EQ(host->key_bits, 1024u);
  EXPECT_EQ(host->exponent, "65537");
  EXPECT_THAT(host->dns, ElementsAre("www.example.test", "*.wild.example.test"));
  EXPECT_THAT(host->ip, ElementsAre("192.0.2.7", "2001:db8::7"));
  EXPECT_THAT(host->email, ElementsAre("a@example.test"));
  EXPECT_THAT(host->uri, ElementsAre("https://example.test/"));
  EXPECT_EQ(host->ca, false);
  EXPECT_EQ(base::to_rfc3339(*host->not_before), "2026-11-24T08:37:03.000000Z");
  EXPECT_EQ(root->key_type, "ecdsa");
  EXPECT_EQ(root->curve, "prime256v1");
  EXPECT_EQ(root->key_bits, 256u);
  EXPECT_EQ(root->ca, true);
  EXPECT_EQ(root->path_length, 1u);
  EXPECT_TRUE(root->self_signed);
  EXPECT_FALSE(host->self_signed);
  EXPECT_TRUE(host->issued_by(*root));
  EXPECT_FALSE(root->issued_by(*host));
  EXPECT_EQ(host->signed_by(*root), true);
  EXPECT_EQ(host->signed_by(*host), false);
  EXPECT_TRUE(host->matches_host("WWW.example.test"));
  EXPECT_TRUE(host->matches_host("a.wild.example.test"));
  EXPECT_FALSE(host->matches_host("a.b.wild.example.test"));
  EXPECT_FALSE(host->matches_host("example.test"));
}

TEST(Certificate, TellsGarbageAndTampering) {
  EXPECT_TRUE(x509::Certificate::parse(hex("3003020101"))->malformed);
  EXPECT_TRUE(x509::Certificate::parse(Octets{})->malformed);
  EXPECT_TRUE(x509::Certificate::parse(filled(x509::kMaxCertificate + 1, 0x30))->malformed);
  Octets der = from_base64(kRootCertificate);
  der[der.size() - 1] ^= 1;  // the signature
  const auto tampered = x509::Certificate::parse(der);
  EXPECT_FALSE(tampered->malformed);
  EXPECT_TRUE(tampered->self_issued);
  EXPECT_FALSE(tampered->self_signed);
}

// ---- conversations

struct Tls12 {
  Octets client1 =
             record(22,
                    message(1, client_hello(hex("c02f 002f"),
                                            sni("www.example.test") + extension(16, with_u16(with_u8(octets("h2")))))),
                    "0301"),
         server1 = record(22, message(2, server_hello("c02f", extension(16, with_u16(with_u8(octets("h2"))))))) +
                   record(22, message(11, certificate_message())) +
                   record(22, message(12, hex("03 0017 04 01020304")) + message(14, {})),
         client2 = record(22, message(16, filled(66, 4))) + kCcs + record(22, filled(40, 0x99)),
         server2 = record(22, message(4, filled(80, 5))) + kCcs + record(22, filled(40, 0x98)),
         client3 = record(23, filled(1000, 0x77)), server3 = record(23, filled(5000, 0x66));
};

void expect_tls12(Talk& talk) {
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  const Ssl& row = rows[0];
  EXPECT_EQ(row.version, "TLSv12");
  EXPECT_EQ(row.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(row.curve, "secp256r1");
  EXPECT_EQ(row.server_name, "www.example.test");
  EXPECT_FALSE(row.resumed);
  EXPECT_TRUE(row.established);
  EXPECT_EQ(row.ssl_history, "CsxknGIti");
  EXPECT_EQ(row.next_protocol, "h2");
  EXPECT_EQ(row.last_alert.data(), nullptr);
  EXPECT_EQ(row.cert_chain_fps.size(), 2u);
  ASSERT_NE(row.client_cert_chain_fps.data(), nullptr);
  EXPECT_THAT(row.client_cert_chain_fps, IsEmpty());
  EXPECT_EQ(row.sni_matches_cert, true);
  EXPECT_EQ(row.subject, "CN=www.example.test,C=XX");
  EXPECT_EQ(row.client_version, "TLSv12");
  EXPECT_THAT(row.orig_alpn, ElementsAre("h2"));
  EXPECT_THAT(row.ssl_client_exts, ElementsAre(0u, 16u));
  EXPECT_TRUE(talk.recognised);
  EXPECT_FALSE(talk.failed);

  const auto certificates = talk.rows<x509::X509>();
  ASSERT_EQ(certificates.size(), 2u);
  EXPECT_TRUE(certificates[0].host_cert);
  EXPECT_FALSE(certificates[0].client_cert);
  EXPECT_EQ(certificates[0].issued_by_next, true);
  EXPECT_EQ(certificates[0].signed_by_next, true);
  EXPECT_EQ(certificates[0].self_signed, false);
  EXPECT_EQ(certificates[0].not_yet_valid, true);  // the talk is of 2001
  EXPECT_EQ(certificates[0].expired, false);
  EXPECT_THAT(certificates[0].san_dns, ElementsAre("www.example.test", "*.wild.example.test"));
  EXPECT_FALSE(certificates[1].host_cert);
  EXPECT_EQ(certificates[1].self_signed, true);
  EXPECT_FALSE(certificates[1].issued_by_next.has_value());
  EXPECT_EQ(certificates[1].fingerprint, row.cert_chain_fps[1]);

  const auto encrypted = talk.rows<Encrypted>();
  ASSERT_EQ(encrypted.size(), 1u);
  EXPECT_EQ(encrypted[0].orig_bytes, 1040u);
  EXPECT_EQ(encrypted[0].resp_bytes, 5040u);
  EXPECT_EQ(encrypted[0].orig_records, 2u);
  EXPECT_FALSE(encrypted[0].lost);
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Tls, FullHandshake) {
  const Tls12 t;
  Talk talk(kSsl, 443);
  talk.client(t.client1);
  talk.server(t.server1);
  talk.client(t.client2);
  talk.server(t.server2);
  talk.client(t.client3);
  talk.server(t.server3);
  expect_tls12(talk);
}

TEST(Tls, ByteByByte) {
  const Tls12 t;
  Talk talk(kSsl, 443);
  const auto drip = [&](Direction direction, const Octets& data) {
    for (const std::uint8_t b : data) talk.stream(direction, Octets{b});
  };
  drip(Direction::kOriginator, t.client1);
  drip(Direction::kResponder, t.server1);
  drip(Direction::kOriginator, t.client2);
  drip(Direction::kResponder, t.server2);
  drip(Direction::kOriginator, t.client3);
  drip(Direction::kResponder, t.server3);
  expect_tls12(talk);
}

// RFC 8446 5.1: handshake messages may be cut over records anywhere.
TEST(Tls, MessagesStraddleRecords) {
  const Tls12 t;
  Talk talk(kSsl, 443);
  talk.client(t.client1);
  const Octets all = message(2, server_hello("c02f", extension(16, with_u16(with_u8(octets("h2")))))) +
                     message(11, certificate_message()) + message(12, hex("03 0017 04 01020304")) + message(14, {});
  for (std::size_t i = 0; i < all.size(); i += 3)
    talk.server(record(22, Octets(all.begin() + static_cast<std::ptrdiff_t>(i),
                                  all.begin() + static_cast<std::ptrdiff_t>(std::min(i + 3, all.size())))));
  talk.client(t.client2);
  talk.server(t.server2);
  talk.client(t.client3);
  talk.server(t.server3);
  expect_tls12(talk);
}

TEST(Tls, Tls13) {
  Talk talk(kSsl, 8443);
  const Octets session = filled(32, 0xab);
  talk.client(record(22, message(1, chrome_hello())));
  talk.server(
      record(22, message(2, server_hello("1301", extension(43, hex("0304")) + extension(51, hex("001d 0001 00")),
                                         session))) +
      kCcs + record(23, filled(600, 1)));
  EXPECT_THAT(talk.rows<Ssl>(), IsEmpty());
  talk.client(kCcs + record(23, filled(69, 2)));
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);  // at once, not when the connection ends
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "TLSv13");
  EXPECT_EQ(rows[0].curve, "x25519");
  EXPECT_EQ(rows[0].ssl_history, "CsiI");
  EXPECT_TRUE(rows[0].established);
  EXPECT_FALSE(rows[0].resumed);
  EXPECT_EQ(rows[0].cert_chain_fps.data(), nullptr);
  EXPECT_FALSE(rows[0].sni_matches_cert.has_value());
  EXPECT_EQ(rows[0].ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(rows[0].client_version, "TLSv13");
}

TEST(Tls, HelloRetryRequest) {
  Talk talk(kSsl, 443);
  const Octets retry = hex("0303 cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c 00 1301 00") +
                       with_u16(extension(43, hex("0304")) + extension(51, hex("0018")));
  talk.client(record(22, message(1, chrome_hello())));
  talk.server(record(22, message(2, retry)) + kCcs);
  talk.client(kCcs + record(22, message(1, chrome_hello())));
  talk.server(
      record(22, message(2, server_hello("1301", extension(43, hex("0304")) + extension(51, hex("0018 0001 00"))))));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].ssl_history, "CjiICs");
  EXPECT_EQ(rows[0].curve, "secp384r1");
}

TEST(Tls, ResumedBySessionIdAndByTicket) {
  const Octets id = filled(32, 0x42);
  {
    Talk talk(kSsl, 443);
    talk.client(record(22, message(1, client_hello(hex("c02f"), {}, id))));
    talk.server(record(22, message(2, server_hello("c02f", {}, id))) + kCcs + record(22, filled(40, 1)));
    talk.client(kCcs + record(22, filled(40, 1)));
    talk.close();
    ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
    EXPECT_TRUE(talk.rows<Ssl>()[0].resumed);
    EXPECT_EQ(talk.rows<Ssl>()[0].ssl_history, "CsiI");
  }
  {
    Talk talk(kSsl, 443);
    talk.client(record(22, message(1, client_hello(hex("c02f"), extension(35, filled(100, 3))))));
    talk.server(record(22, message(2, server_hello("c02f", {}))) + kCcs + record(22, filled(40, 1)));
    talk.client(kCcs + record(22, filled(40, 1)));
    talk.close();
    ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
    EXPECT_TRUE(talk.rows<Ssl>()[0].resumed);
  }
  {
    Talk talk(kSsl, 443);  // PSK (RFC 8446 2.2)
    talk.client(record(
        22, message(1, client_hello(hex("1301"), extension(43, with_u8(hex("0304"))) + extension(41, filled(9, 1))))));
    talk.server(record(22, message(2, server_hello("1301", extension(43, hex("0304")) + extension(41, hex("0000"))))) +
                record(23, filled(40, 1)));
    talk.client(record(23, filled(40, 1)));
    talk.close();
    ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
    EXPECT_TRUE(talk.rows<Ssl>()[0].resumed);
    EXPECT_EQ(talk.rows<Ssl>()[0].ssl_history, "Cs");
  }
}

TEST(Tls, RefusedWithAnAlert) {
  Talk talk(kSsl, 443);
  talk.client(record(22, message(1, client_hello(hex("002f"), {}, {}, "0301")), "0301"));
  talk.server(record(21, hex("02 46"), "0301"));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].last_alert, "protocol_version");
  EXPECT_EQ(rows[0].ssl_history, "Cl");
  EXPECT_FALSE(rows[0].established);
  EXPECT_EQ(rows[0].version.data(), nullptr);
}

// CVE-2014-0160: a heartbeat that claims more than it carries.
TEST(Tls, HeartbeatThatClaimsTooMuch) {
  Talk talk(kSsl, 443);
  talk.client(record(22, message(1, client_hello(hex("002f"), {}))));
  talk.server(record(22, message(2, server_hello("002f", {}))));
  talk.client(record(24, hex("01 4000")));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].ssl_history, "CsB");
  EXPECT_EQ(rows[0].heartbeat_excess, 0x4000u + 16u) << "payload and padding both lack";
}

TEST(Tls, DiffieHellmanPrime) {
  Talk talk(kSsl, 443);
  talk.client(record(22, message(1, client_hello(hex("0033"), {}))));
  talk.server(record(
      22, message(2, server_hello("0033", {})) +
              message(12, with_u16(hex("00 7f") + filled(63, 0xff)) + with_u16(hex("02")) + with_u16(filled(64, 1)))));
  talk.close();
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
  EXPECT_EQ(talk.rows<Ssl>()[0].dh_param_size, 511u);
}

TEST(Tls, Ssl2) {
  Talk talk(kSsl, 443);
  const auto record2 = [](const Octets& body) {
    return Octets{static_cast<std::uint8_t>(0x80 | body.size() >> 8), static_cast<std::uint8_t>(body.size())} + body;
  };
  const Octets hello = record2(hex("01 0002 0006 0000 0010 010080 0700c0") + filled(16, 7));
  EXPECT_EQ(kSsl.recognise(hello, Direction::kOriginator, false), Match::kYes);
  talk.client(hello);
  const Octets certificate = from_base64(kHostCertificate);
  talk.server(record2(hex("04 00 01 0002") + u16(certificate.size()) + hex("0003 0010") + certificate + hex("0700c0") +
                      filled(16, 8)));
  talk.client(record2(hex("02 0700c0 0000 0008 0000") + filled(8, 9)));
  talk.server(record2(filled(33, 1)));
  talk.client(record2(filled(33, 1)));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "SSLv2");
  EXPECT_EQ(rows[0].cipher, "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5");
  EXPECT_EQ(rows[0].ssl_history, "Cs");
  EXPECT_TRUE(rows[0].established);
  EXPECT_EQ(rows[0].cert_chain_fps.size(), 1u);
}

// RFC 5246 E.2: a ClientHello of SSLv2's form, answered with TLS.
TEST(Tls, Ssl2HelloForTls) {
  Talk talk(kSsl, 443);
  talk.client(hex("801f 01 0301 0006 0000 0010 00002f 010080") + filled(16, 7));
  talk.server(record(22, message(2, server_hello("002f", {}, {}, "0301")) + message(14, {}), "0301"));
  talk.client(record(22, message(16, filled(64, 3)), "0301") + record(20, hex("01"), "0301") +
              record(22, filled(40, 1), "0301"));
  talk.server(record(20, hex("01"), "0301") + record(22, filled(40, 1), "0301"));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "TLSv10");
  EXPECT_EQ(rows[0].ssl_history, "CsnGIi");
  EXPECT_TRUE(rows[0].established);
}

TEST(Tls, NoTls) {
  Talk talk(kSsl, 443);
  talk.client(octets("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(talk.failed);
  EXPECT_FALSE(talk.recognised);
  talk.close();
  EXPECT_THAT(talk.rows<Ssl>(), IsEmpty());
  for (const char* text : {"GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "220 mail ESMTP\r\n"})
    EXPECT_EQ(kSsl.recognise(octets(text), Direction::kOriginator, true), Match::kNo) << text;
  EXPECT_EQ(kSsl.recognise(hex("16 0301 0040 01 00003c 0303"), Direction::kOriginator, false), Match::kYes);
  EXPECT_EQ(kSsl.recognise(hex("16 0301 00"), Direction::kOriginator, false), Match::kNeedMore);
}

TEST(Tls, GarbageAfterTheHelloIsToldAndTheRowStands) {
  Talk talk(kSsl, 443);
  talk.client(record(22, message(1, client_hello(hex("002f"), sni("a.test")))));
  talk.server(octets("HTTP/1.1 400 Bad Request\r\n"));
  talk.close();
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
  EXPECT_EQ(talk.rows<Ssl>()[0].server_name, "a.test");
  EXPECT_THAT(talk.weirds(), Contains("ssl_invalid_record_header"));
}

TEST(Tls, GapsInEncryptedDataAreBridged) {
  const Tls12 t;
  Talk talk(kSsl, 443);
  talk.client(t.client1);
  talk.server(t.server1);
  talk.client(t.client2);
  talk.server(t.server2);
  talk.client(Octets(t.client3.begin(), t.client3.begin() + 105));
  talk.gap(Direction::kOriginator, 900);
  talk.server(t.server3);
  talk.client(record(23, filled(10, 1)));
  talk.close();
  const auto rows = talk.rows<Encrypted>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].orig_bytes, 40u + 100u + 10u);
  EXPECT_FALSE(rows[0].lost);
}

// SSLv2's CLIENT-MASTER-KEY turns on encryption for both sides: the server's may be in the middle of a plaintext
// record.
TEST(Tls, EstablishedInsideAPlaintextRecord) {
  const auto record2 = [](const Octets& body) {
    return Octets{static_cast<std::uint8_t>(0x80 | body.size() >> 8), static_cast<std::uint8_t>(body.size())} + body;
  };
  for (const bool hole : {false, true}) {
    Talk talk(kSsl, 443);
    talk.client(record2(hex("01 0002 0003 0000 0010 010080") + filled(16, 7)));
    talk.server(record2(hex("04 00 00 0002 0000 0003 0000 010080")));
    const Octets late = record2(hex("04") + filled(99, 0));
    talk.server(Octets(late.begin(), late.begin() + 20));
    talk.client(record2(hex("02 010080 0000 0000 0000")) + record2(filled(33, 1)));
    ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
    if (hole)
      talk.gap(Direction::kResponder, 82);
    else
      talk.server(Octets(late.begin() + 20, late.end()));
    talk.server(record2(filled(33, 1)));
    talk.close();
    EXPECT_EQ(talk.rows<Ssl>().size(), 1u);
    ASSERT_EQ(talk.rows<Encrypted>().size(), 1u);
    EXPECT_EQ(talk.rows<Encrypted>()[0].resp_bytes, 33u);
  }
}

// SSLv2's headers are shorter: one half read must not be taken for whole.
TEST(Tls, HeaderHalfReadWhenSsl2IsChosen) {
  Talk talk(kSsl, 443);
  talk.client(hex("80 16 01 00"));
  talk.server(hex("800e 04 00 00 0002 0000 0003 0000 010080"));
  talk.client(filled(200, 0x41));
  talk.close();
  EXPECT_THAT(talk.weirds(), Contains("ssl_invalid_record_header"));
  EXPECT_EQ(talk.rows<Ssl>().size(), 1u);
}

TEST(Tls, MemoryRefusedEndsTheParser) {
  Talk talk(kSsl, 443);
  base::MemoryAccountant none(16);
  packet::Origin origin;
  Context context(talk.view, origin, talk.sink, talk.plan, none, nullptr, talk.shared);
  const Octets hello = record(22, message(1, client_hello(hex("002f"), {})));
  talk.parser->stream(context, Direction::kOriginator, hello);
  EXPECT_TRUE(context.failed);
  EXPECT_EQ(none.used(), 0u);
}

TEST(Tls, AChainTooLongIsNotKept) {
  Talk talk(kSsl, 443);
  talk.client(record(22, message(1, client_hello(hex("002f"), {}))));
  talk.server(record(22, message(2, server_hello("002f", {})) + hex("0b 100000")));
  for (int i = 0; i < 65; ++i) talk.server(record(22, filled(16384, 1)));
  EXPECT_LT(talk.memory.peak(), 300u << 10);
  talk.close();
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
  EXPECT_EQ(talk.rows<Ssl>()[0].ssl_history.substr(0, 3), "Csx");
  EXPECT_THAT(talk.weirds(), Contains("ssl_handshake_message_too_long"));
}

// ---- DTLS

Octets dtls_record(std::uint8_t type, const Octets& body, std::size_t epoch = 0, std::string_view version = "fefd") {
  return Octets{type} + hex(version) + u16(epoch) + hex("000000000001") + with_u16(body);
}
Octets dtls_message(std::uint8_t type, const Octets& body, std::size_t sequence, std::size_t from = 0,
                    std::size_t count = SIZE_MAX) {
  const Octets part(body.begin() + static_cast<std::ptrdiff_t>(from),
                    body.begin() + static_cast<std::ptrdiff_t>(
                                       std::min(body.size(), count == SIZE_MAX ? body.size() : from + count)));
  return Octets{type} + u24(body.size()) + u16(sequence) + u24(from) + with_u24(part);
}

TEST(Dtls, FragmentsInAnyOrder) {
  Talk talk(kDtls, 4433, packet::kUdp);
  const auto client = Direction::kOriginator, server = Direction::kResponder;
  const Octets hello = client_hello(hex("c02f"), sni("www.example.test"), {}, "fefd", {}, true);
  const Octets first = dtls_record(22, dtls_message(1, hello, 0));
  EXPECT_EQ(kDtls.recognise(first, client, false), Match::kYes);
  talk.datagram(client, first);
  talk.datagram(server, dtls_record(22, dtls_message(3, hex("fefd 04 01020304"), 0)));
  talk.datagram(
      client,
      dtls_record(
          22,
          dtls_message(1, client_hello(hex("c02f"), sni("www.example.test"), {}, "fefd", hex("01020304"), true), 1)));
  const Octets chain = certificate_message();
  talk.datagram(server, dtls_record(22, dtls_message(2, server_hello("c02f", {}, {}, "fefd"), 1)) +
                            dtls_record(22, dtls_message(11, chain, 2, 600)));
  talk.datagram(server, dtls_record(22, dtls_message(11, chain, 2, 0, 300)));
  talk.datagram(server, dtls_record(22, dtls_message(11, chain, 2, 250, 400)));
  talk.datagram(server, dtls_record(22, dtls_message(14, {}, 3)));
  talk.datagram(client, dtls_record(22, dtls_message(16, filled(66, 1), 2)) + dtls_record(20, hex("01")) +
                            dtls_record(22, filled(48, 1), 1));
  talk.datagram(server, dtls_record(20, hex("01")) + dtls_record(22, filled(48, 1), 1));
  talk.datagram(client, dtls_record(23, filled(100, 1), 1));
  talk.close();
  const auto rows = talk.rows<Ssl>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "DTLSv12");
  EXPECT_EQ(rows[0].ssl_history, "CvCsxnGIi");
  EXPECT_TRUE(rows[0].established);
  EXPECT_EQ(rows[0].sni_matches_cert, true);
  EXPECT_EQ(rows[0].ja4.substr(0, 4), "dd2d");
  ASSERT_EQ(talk.rows<Encrypted>().size(), 1u);
  EXPECT_EQ(talk.rows<Encrypted>()[0].orig_bytes, 148u);
  EXPECT_EQ(talk.memory.used(), 0u);
}

// RFC 9147 4: encrypted records have the unified header, and no ChangeCipherSpec comes before.
TEST(Dtls, Version13) {
  Talk talk(kDtls, 4433, packet::kUdp);
  const auto client = Direction::kOriginator, server = Direction::kResponder;
  talk.datagram(
      client,
      dtls_record(
          22, dtls_message(1, client_hello(hex("1301"), extension(43, with_u8(hex("fefc fefd"))), {}, "fefd", {}, true),
                           0)));
  talk.datagram(
      server,
      dtls_record(
          22, dtls_message(
                  2, server_hello("1301", extension(43, hex("fefc")) + extension(51, hex("001d 0001 00")), {}, "fefd"),
                  0)) +
          hex("2e 0001 0020") + filled(32, 7));
  talk.datagram(client, hex("2e 0001 0028") + filled(40, 7) + hex("2a 0002") + filled(20, 7));
  talk.close();
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
  const Ssl row = talk.rows<Ssl>()[0];
  EXPECT_EQ(row.version, "DTLSv13");
  EXPECT_EQ(row.ssl_history, "Cs");
  EXPECT_TRUE(row.established);
  EXPECT_EQ(row.client_version, "DTLSv13");
  EXPECT_EQ(row.ja4.substr(0, 3), "dd3");
  ASSERT_EQ(talk.rows<Encrypted>().size(), 1u);
  EXPECT_EQ(talk.rows<Encrypted>()[0].orig_bytes, 60u);
  EXPECT_EQ(talk.rows<Encrypted>()[0].resp_bytes, 32u);
}

TEST(Dtls, TheClientMayBeTheResponder) {
  Talk talk(kDtls, 3478, packet::kUdp);
  talk.datagram(Direction::kResponder,
                dtls_record(22, dtls_message(1, client_hello(hex("c02f"), {}, {}, "fefd", {}, true), 0)));
  talk.datagram(Direction::kOriginator, dtls_record(22, dtls_message(2, server_hello("c02f", {}, {}, "fefd"), 0)));
  talk.close();
  ASSERT_EQ(talk.rows<Ssl>().size(), 1u);
  EXPECT_EQ(talk.rows<Ssl>()[0].ssl_history, "^Cs");
}

}  // namespace
}  // namespace whodunit::protocol::tls
