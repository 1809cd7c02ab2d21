#include "protocol/ssh/ssh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/talk.h"

namespace whodunit::protocol::ssh {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using namespace protocol::testing;

Octets be32(std::size_t n) {
  return {static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
          static_cast<std::uint8_t>(n)};
}
Octets string(std::string_view s) { return be32(s.size()) + octets(s); }
Octets packet(const Octets& payload) {
  const std::size_t padding = 8 - (payload.size() + 5) % 8 + 4;
  return be32(payload.size() + 1 + padding) + Octets{static_cast<std::uint8_t>(padding)} + payload + Octets(padding);
}
Octets kexinit(std::string_view kex, std::string_view key, std::string_view cipher, std::string_view mac,
               std::string_view compression) {
  return packet(Octets{20} + Octets(16) + string(kex) + string(key) + string(cipher) + string(cipher) + string(mac) +
                string(mac) + string(compression) + string(compression) + string("") + string("") + Octets(5));
}
const Octets kNewKeysPacket = packet({21});

void shake(Talk& talk, std::string_view compression = "none") {
  talk.server(octets("SSH-2.0-OpenSSH_9.2\r\n"));
  talk.client(octets("SSH-2.0-Example_1\r\n"));
  talk.client(kexinit("curve25519-sha256,diffie-hellman-group14-sha256", "ssh-ed25519,ssh-rsa", "aes256-ctr,aes128-ctr",
                      "hmac-sha2-256", compression));
  talk.server(kexinit("diffie-hellman-group14-sha256,curve25519-sha256", "ssh-rsa,ssh-ed25519", "aes128-ctr",
                      "hmac-sha1,hmac-sha2-256", compression));
  talk.client(packet(Octets{30} + string("point")));
  talk.server(packet(Octets{31} + string("the host key") + string("point") + string("signature")) + kNewKeysPacket);
  talk.client(kNewKeysPacket);
}

TEST(Ssh, TellsVersionsAlgorithmsAndKeys) {
  Talk talk(kDefinition, 22);
  shake(talk);
  EXPECT_TRUE(talk.recognised);
  EXPECT_THAT(talk.rows<Ssh>(), IsEmpty());
  talk.close();
  const auto rows = talk.rows<Ssh>();
  ASSERT_EQ(rows.size(), 1u);
  const Ssh& row = rows[0];
  EXPECT_EQ(row.version, 2u);
  EXPECT_EQ(row.client, "SSH-2.0-Example_1");
  EXPECT_EQ(row.server, "SSH-2.0-OpenSSH_9.2");
  EXPECT_EQ(row.kex_alg, "curve25519-sha256");
  EXPECT_EQ(row.host_key_alg, "ssh-ed25519");
  EXPECT_EQ(row.cipher_alg, "aes128-ctr");
  EXPECT_EQ(row.mac_alg, "hmac-sha2-256");
  EXPECT_EQ(row.compression_alg, "none");
  EXPECT_FALSE(row.auth_success.has_value());
  EXPECT_EQ(row.auth_attempts, 0u);
  const std::string list = "curve25519-sha256,diffie-hellman-group14-sha256;aes256-ctr,aes128-ctr;hmac-sha2-256;none";
  EXPECT_EQ(row.hassh_algorithms, list);
  EXPECT_EQ(row.hassh, base::digest_hex(base::DigestKind::kMd5, base::as_bytes(list)));
  EXPECT_EQ(row.hassh_server_algorithms,
            "diffie-hellman-group14-sha256,curve25519-sha256;aes128-ctr;hmac-sha1,hmac-sha2-256;none");
  EXPECT_EQ(row.sshka, "ssh-rsa,ssh-ed25519");
  const auto digest = base::sha256(base::as_bytes("the host key"));
  EXPECT_EQ(std::string(row.host_key_sha256) + "=", "SHA256:" + base::to_base64(digest));
  EXPECT_EQ(row.host_key_fingerprint, row.host_key_sha256.substr(0, 39));
  EXPECT_EQ(row.host_key_md5.size(), 47u);
  EXPECT_EQ(talk.memory.used(), 0u);
}

TEST(Ssh, InfersSuccess) {
  Talk talk(kDefinition, 22);
  shake(talk);
  talk.client(Octets(44));
  talk.server(Octets(44));  // service accepted
  talk.client(Octets(60));
  talk.server(Octets(68));  // refused: which methods there are
  talk.client(Octets(200));
  talk.server(Octets(68));  // refused
  talk.client(Octets(200));
  talk.server(Octets(28));  // 16 less than the acceptance
  const auto rows = talk.rows<Ssh>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].auth_success, true);
  EXPECT_EQ(rows[0].auth_inferred, true);
  EXPECT_EQ(rows[0].auth_attempts, 2u);
  talk.client(Octets(200));
  talk.close();
  EXPECT_EQ(talk.rows<Ssh>().size(), 1u);
}

TEST(Ssh, InfersFailureAtTheEnd) {
  Talk talk(kDefinition, 22);
  shake(talk);
  for (const std::size_t size : {44u, 68u, 68u, 68u}) {
    talk.client(Octets(100));
    talk.server(Octets(size));
  }
  talk.close();
  const auto rows = talk.rows<Ssh>();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].auth_success, false);
  EXPECT_EQ(rows[0].auth_attempts, 2u);
}

TEST(Ssh, SaysNothingOfLoginsWhereSizesTellNothing) {
  Talk talk(kDefinition, 22);
  shake(talk, "zlib@openssh.com");
  for (const std::size_t size : {44u, 68u, 28u}) {
    talk.client(Octets(100));
    talk.server(Octets(size));
  }
  talk.close();
  ASSERT_EQ(talk.rows<Ssh>().size(), 1u);
  EXPECT_FALSE(talk.rows<Ssh>()[0].auth_success.has_value());

  Talk holed(kDefinition, 22);
  shake(holed);
  holed.client(Octets(44));
  holed.server(Octets(44));
  holed.gap(Direction::kResponder, 10);
  holed.server(Octets(28));
  holed.close();
  ASSERT_EQ(holed.rows<Ssh>().size(), 1u);
  EXPECT_FALSE(holed.rows<Ssh>()[0].auth_success.has_value());
}

TEST(Ssh, ReadsTheHandshakeByteByByte) {
  Talk whole(kDefinition, 22), single(kDefinition, 22);
  const Octets client = octets("SSH-2.0-Example_1\r\n") + kexinit("curve25519-sha256", "ssh-ed25519", "a", "b", "none");
  const Octets server = octets("hello\r\nSSH-1.99-Server\n") +
                        kexinit("curve25519-sha256", "ssh-ed25519", "a", "b", "none") +
                        packet(Octets{31} + string("key") + string("q") + string("s"));
  whole.client(client);
  whole.server(server);
  for (const std::uint8_t b : client) single.client({b});
  for (const std::uint8_t b : server) single.server({b});
  whole.close();
  single.close();
  ASSERT_EQ(whole.rows<Ssh>().size(), 1u);
  ASSERT_EQ(single.rows<Ssh>().size(), 1u);
  EXPECT_EQ(whole.rows<Ssh>()[0].server, "SSH-1.99-Server");
  EXPECT_EQ(whole.rows<Ssh>()[0].version, 2u);
  EXPECT_EQ(whole.rows<Ssh>()[0].host_key_sha256, single.rows<Ssh>()[0].host_key_sha256);
  EXPECT_NE(whole.rows<Ssh>()[0].host_key_sha256.data(), nullptr);
  EXPECT_EQ(whole.rows<Ssh>()[0].hassh, single.rows<Ssh>()[0].hassh);
}

TEST(Ssh, ReadsVersionOne) {
  Talk talk(kDefinition, 22);
  talk.server(octets("SSH-1.5-Old\n"));
  talk.client(octets("SSH-1.5-Older\n"));
  // Cookie, server key (64 bits: exponent, modulus), host key likewise, three masks.
  const Octets key = be32(8) + hex("0008 03 0008 55");
  const Octets data = Octets{2} + Octets(8) + key + key + Octets(12);
  const std::size_t length = data.size() + 4;
  talk.server(be32(length) + Octets(8 - length % 8) + data + Octets(4));
  talk.close();
  ASSERT_EQ(talk.rows<Ssh>().size(), 1u);
  EXPECT_EQ(talk.rows<Ssh>()[0].version, 1u);
  EXPECT_EQ(std::string(talk.rows<Ssh>()[0].host_key_sha256) + "=",
            "SHA256:" + base::to_base64(base::sha256(hex("5503"))));
}

TEST(Ssh, BadLengthsAreWeird) {
  Talk talk(kDefinition, 22);
  talk.server(octets("SSH-2.0-a\r\n"));
  talk.client(octets("SSH-2.0-b\r\n") + hex("ffffffff 0000"));
  talk.close();
  EXPECT_THAT(talk.weirds(), Contains("ssh_bad_packet_length"));
  EXPECT_EQ(talk.rows<Ssh>().size(), 1u);
}

TEST(Ssh, IsRecognisedByContent) {
  const auto r = [](std::string_view s, bool hint = false) {
    return kDefinition.recognise(base::as_bytes(s), Direction::kResponder, hint);
  };
  EXPECT_EQ(r("SSH-2.0-OpenSSH"), Match::kYes);
  EXPECT_EQ(r("SSH-1.99-x"), Match::kYes);
  EXPECT_EQ(r("SS"), Match::kNeedMore);
  EXPECT_EQ(r("SSH-2."), Match::kNeedMore);
  EXPECT_EQ(r("SSH-3.0-x"), Match::kNo);
  EXPECT_EQ(r("HTTP/1.1 200 OK\r\n"), Match::kNo);
  EXPECT_EQ(r("welcome\r\nSSH-2.0-x\r\n", true), Match::kYes);
  EXPECT_EQ(r("welcome\r\nSSH-2.0-x\r\n", false), Match::kNo);
}

}  // namespace
}  // namespace whodunit::protocol::ssh
