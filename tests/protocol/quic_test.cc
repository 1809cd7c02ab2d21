#include "protocol/quic/quic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/encrypted_record.h"
#include "protocol/quic/initial.h"
#include "protocol/quic/quic_record.h"
#include "protocol/quic_seal.h"
#include "protocol/talk.h"
#include "protocol/tls/ssl_record.h"

namespace whodunit::protocol::quic {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using namespace protocol::testing;

constexpr auto kClient = Direction::kOriginator;
constexpr auto kServer = Direction::kResponder;

Octets u16(std::size_t v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)}; }
Octets with_u8(const Octets& data) { return Octets{static_cast<std::uint8_t>(data.size())} + data; }
Octets with_u16(const Octets& data) { return u16(data.size()) + data; }
Octets varint2(std::size_t v) { return u16(v | 0x4000); }
Octets filled(std::size_t count, std::uint8_t value) { return Octets(count, value); }

Octets crypto(std::size_t offset, const Octets& data) {
  return hex("06") + varint2(offset) + varint2(data.size()) + data;
}
Octets message(std::uint8_t type, const Octets& body) { return Octets{type, 0} + with_u16(body); }
Octets extension(std::size_t type, const Octets& data) { return u16(type) + with_u16(data); }

Octets client_hello() {
  return message(1, hex("0303") + filled(32, 1) + hex("00") + with_u16(hex("1301 1302")) + hex("0100") +
                        with_u16(extension(0, with_u16(hex("00") + with_u16(octets("quic.example.test")))) +
                                 extension(16, with_u16(with_u8(octets("h3")))) + extension(43, with_u8(hex("0304"))) +
                                 extension(57, hex("0100"))));
}
Octets server_hello() {
  return message(2, hex("0303") + filled(32, 2) + hex("00 1301 00") +
                        with_u16(extension(43, hex("0304")) + extension(51, hex("001d 0001 00"))));
}
Octets handshake_packet(const Octets& destination, const Octets& source, std::size_t size) {
  return hex("e0 00000001") + with_u8(destination) + with_u8(source) + varint2(size) + filled(size, 0x5a);
}
const Octets kClientOwn = hex("c1c1"), kServerOwn = hex("5e5e5e5e");

// RFC 9001 A.3: the server's Initial packet, with the ServerHello and a packet number of two bytes.
TEST(QuicInitial, OpensTheStandardsExample) {
  const Octets packet =
      hex("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede"
          "4cf73c3ec249"
          "3a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f5889"
          "1850abbdca3d"
          "20398c276456cbc42158407dd074ee");
  const InitialKeys keys(1, kQuicId);
  const auto plain = keys.open(packet, 18, false);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(base::to_hex(base::Bytes(*plain).subspan(0, 13)), "02000000000600405a02000056");
  EXPECT_FALSE(keys.open(packet, 18, true).has_value());
  Octets tampered = packet;
  tampered.back() ^= 1;
  EXPECT_FALSE(keys.open(tampered, 18, false).has_value());
  EXPECT_FALSE(keys.open(base::Bytes(packet).subspan(0, 30), 18, false).has_value());
}

TEST(Quic, Handshake) {
  Talk talk(kQuic, 443, packet::kUdp);
  const Octets hello = client_hello();
  const Octets first = seal_initial(kQuicClientKeys, kQuicId, kClientOwn, 0, crypto(0, hello) + filled(1000, 0));
  EXPECT_EQ(kQuic.recognise(first, kClient, false), Match::kYes);
  talk.datagram(kClient, first);
  talk.datagram(kServer, seal_initial(kQuicServerKeys, kClientOwn, kServerOwn, 0,
                                      hex("02 00 00 00 00") + crypto(0, server_hello())) +
                             handshake_packet(kClientOwn, kServerOwn, 700));
  EXPECT_THAT(talk.rows<tls::Ssl>(), IsEmpty());
  talk.datagram(kClient, handshake_packet(kServerOwn, kClientOwn, 60) + hex("40") + filled(40, 9));
  EXPECT_EQ(talk.rows<tls::Ssl>().size(), 1u);  // at once
  for (int i = 0; i < 3; ++i) talk.datagram(kServer, hex("40") + filled(1200, 9));
  talk.datagram(kServer, filled(10, 0));
  talk.close();

  const auto rows = talk.rows<Quic>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].version, "1");
  EXPECT_EQ(rows[0].client_initial_dcid, "8394c8f03e515708");
  EXPECT_EQ(rows[0].client_scid, "c1c1");
  EXPECT_EQ(rows[0].server_scid, "5e5e5e5e");
  EXPECT_EQ(rows[0].server_name, "quic.example.test");
  EXPECT_EQ(rows[0].client_protocol, "h3");
  EXPECT_EQ(rows[0].history, "ISishHOoox");
  EXPECT_EQ(rows[0].ja4.substr(0, 10), "q13d0204h3");
  const auto sessions = talk.rows<tls::Ssl>();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].version, "TLSv13");
  EXPECT_EQ(sessions[0].cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(sessions[0].curve, "x25519");
  EXPECT_EQ(sessions[0].ssl_history, "Cs");
  EXPECT_TRUE(sessions[0].established);
  EXPECT_EQ(sessions[0].ja4, rows[0].ja4);
  const auto encrypted = talk.rows<Encrypted>();
  ASSERT_EQ(encrypted.size(), 1u);
  EXPECT_EQ(encrypted[0].protocol, "quic");
  EXPECT_EQ(encrypted[0].orig_bytes, 60u + 41u);
  EXPECT_EQ(encrypted[0].resp_bytes, 700u + 3 * 1201u);
  EXPECT_TRUE(talk.recognised);
  talk.parser.reset();
  EXPECT_EQ(talk.memory.used(), 0u);
}

// RFC 9001 4.1.3: CRYPTO frames in any order, over several packets, with overlaps.
TEST(Quic, HelloInPieces) {
  Talk talk(kQuic, 443, packet::kUdp);
  const Octets hello = client_hello();
  const auto piece = [&](std::size_t from, std::size_t to) {
    return crypto(from, Octets(hello.begin() + static_cast<std::ptrdiff_t>(from),
                               hello.begin() + static_cast<std::ptrdiff_t>(to)));
  };
  talk.datagram(kClient,
                seal_initial(kQuicClientKeys, kQuicId, {}, 0, piece(60, hello.size()) + hex("01") + piece(10, 30)));
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, {}, 1, piece(20, 70)));
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, {}, 2, piece(0, 12) + filled(300, 0)));
  talk.close();
  const auto rows = talk.rows<Quic>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].history, "IIIS");
  EXPECT_EQ(rows[0].server_name, "quic.example.test");
  EXPECT_EQ(rows[0].client_scid.data(), nullptr);
  ASSERT_EQ(talk.rows<tls::Ssl>().size(), 1u);
  EXPECT_FALSE(talk.rows<tls::Ssl>()[0].established);
}

TEST(Quic, RetryBeginsAnewAndTheSessionGoesOn) {
  Talk talk(kQuic, 443, packet::kUdp);
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, kClientOwn, 0, crypto(0, client_hello())));
  // Retry (RFC 9000 17.2.5) whose source id is the one that the keys above were made of.
  talk.datagram(kServer, hex("f0 00000001") + with_u8(kClientOwn) + with_u8(kQuicId) + filled(20, 7) + filled(16, 8));
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, kClientOwn, 1, crypto(0, client_hello())));
  talk.close();
  const auto rows = talk.rows<Quic>();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].history, "ISr");
  EXPECT_EQ(rows[1].history, "IS");
  ASSERT_EQ(talk.rows<tls::Ssl>().size(), 1u);
  EXPECT_EQ(talk.rows<tls::Ssl>()[0].ssl_history, "CC");
}

TEST(Quic, ConnectionClose) {
  Talk talk(kQuic, 443, packet::kUdp);
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, kClientOwn, 0, crypto(0, client_hello())));
  talk.datagram(kServer, seal_initial(kQuicServerKeys, kClientOwn, kServerOwn, 0,
                                      hex("1c 4128 06 03") + octets("no!") + filled(20, 0)));
  talk.close();
  ASSERT_EQ(talk.rows<Quic>().size(), 1u);
  EXPECT_EQ(talk.rows<Quic>()[0].history, "ISic");
}

TEST(Quic, UnknownVersionIsToldOnce) {
  Talk talk(kQuic, 443, packet::kUdp);
  const Octets packet = hex("c3 1a2a3a4b") + with_u8(kQuicId) + with_u8({}) + filled(1200, 4);
  EXPECT_EQ(kQuic.recognise(packet, kClient, false), Match::kNo);
  for (int i = 0; i < 5; ++i) talk.datagram(kClient, packet);
  talk.close();
  ASSERT_EQ(talk.rows<Quic>().size(), 1u);
  EXPECT_EQ(talk.rows<Quic>()[0].version, "unknown-1a2a3a4b");
  EXPECT_EQ(talk.rows<Quic>()[0].history, "U");
  EXPECT_FALSE(talk.recognised);
}

// Google's QUIC: the hello is a message of tags (here PAD, SNI, UAID) in stream 1, in the clear.
Octets tags() {
  const Octets name = octets("www.example.test"), agent = octets("Test/1.0");
  const auto tag = [](std::string_view t, std::size_t end) {
    Octets out = octets(t);
    out.resize(4);
    return out + Octets{static_cast<std::uint8_t>(end), static_cast<std::uint8_t>(end >> 8), 0, 0};
  };
  return octets("CHLO") + hex("0300 0000") + tag("PAD", 20) + tag("SNI", 20 + name.size()) +
         tag("UAID", 20 + name.size() + agent.size()) + filled(20, '-') + name + agent;
}

TEST(Quic, GooglesTags) {
  const Octets hello = tags();
  const Octets length_be = u16(hello.size());
  const Octets length_le = {length_be[1], length_be[0]};
  const Octets id = hex("1122334455667788");
  const std::pair<const char*, Octets> cases[] = {
      {"Q024",
       hex("0d") + id + octets("Q024") + hex("01") + filled(12, 9) + hex("00") + hex("a0 01") + length_le + hello},
      {"Q043",
       hex("09") + id + octets("Q043") + hex("01") + filled(12, 9) + hex("a0 01") + length_be + hello + filled(30, 0)},
      {"Q046", hex("c3") + octets("Q046") + hex("50") + id + hex("00000001") + filled(12, 9) + hex("a0 01") +
                   length_be + hello},
  };
  for (const auto& [version, packet] : cases) {
    EXPECT_EQ(kQuic.recognise(packet, kClient, false), Match::kYes) << version;
    Talk talk(kQuic, 443, packet::kUdp);
    talk.datagram(kClient, packet);
    talk.datagram(kServer, hex("08") + id + filled(500, 3));
    talk.datagram(kClient, hex("0c") + id + filled(100, 3));
    talk.close();
    const auto rows = talk.rows<Quic>();
    ASSERT_EQ(rows.size(), 1u) << version;
    EXPECT_EQ(rows[0].version, version);
    EXPECT_EQ(rows[0].server_name, "www.example.test");
    EXPECT_EQ(rows[0].user_agent, "Test/1.0");
    EXPECT_EQ(rows[0].history, "ISoO");
    EXPECT_EQ(rows[0].client_initial_dcid, "1122334455667788");
    EXPECT_THAT(talk.rows<tls::Ssl>(), IsEmpty());
  }
}

TEST(Quic, GooglesTagsCutAnywhere) {
  const Octets packet = hex("09 1122334455667788") + octets("Q043") + hex("01") + filled(12, 9) + hex("80 01") + tags();
  for (std::size_t n = 0; n <= packet.size(); ++n) {
    Talk talk(kQuic, 443, packet::kUdp);
    talk.datagram(kClient, Octets(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(n)));
    talk.close();
    EXPECT_LE(talk.rows<Quic>().size(), 1u);
  }
}

TEST(Quic, CryptoBeyondTheLimitIsRefused) {
  Talk talk(kQuic, 443, packet::kUdp);
  const Octets far = hex("06 80100000") + varint2(4) + filled(4, 1);  // at 2^20
  talk.datagram(kClient, seal_initial(kQuicClientKeys, kQuicId, kClientOwn, 0, far + filled(20, 0)));
  EXPECT_THAT(talk.weirds(), Contains("quic_crypto_not_put_together"));
  EXPECT_LT(talk.memory.peak(), 70u << 10);
  talk.close();
  ASSERT_EQ(talk.rows<Quic>().size(), 1u);
}

}  // namespace
}  // namespace whodunit::protocol::quic
