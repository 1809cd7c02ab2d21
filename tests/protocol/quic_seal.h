// Seals QUIC Initial packets for tests and fuzzing, with the keys of RFC 9001 A.1.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <vector>

namespace whodunit::protocol::testing {

struct QuicKeys {
  std::vector<std::uint8_t> key, iv, header;
};
/// They follow from the client's first destination connection id, 8394c8f03e515708.
inline const std::vector<std::uint8_t> kQuicId = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
inline const QuicKeys kQuicClientKeys = {
    {0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76, 0xd5, 0x46, 0x77, 0x30, 0xef, 0xcb, 0xe3, 0xb1, 0xa2, 0x2d},
    {0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c},
    {0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10, 0x28, 0x3a, 0x1e, 0x99, 0x33, 0xad, 0xed, 0xd2}};
inline const QuicKeys kQuicServerKeys = {
    {0xcf, 0x3a, 0x53, 0x31, 0x65, 0x3c, 0x36, 0x4c, 0x88, 0xf0, 0xf3, 0x79, 0xb6, 0x06, 0x7e, 0x37},
    {0x0a, 0xc1, 0x49, 0x3c, 0xa1, 0x90, 0x58, 0x53, 0xb0, 0xbb, 0xa0, 0x3e},
    {0xc2, 0x06, 0xb8, 0xd9, 0xb9, 0xf0, 0xf3, 0x76, 0x44, 0x43, 0x0b, 0x49, 0x0e, 0xea, 0xa3, 0x14}};

/// An Initial packet of version 1 with a packet number of two bytes (RFC 9001 5.3, 5.4). `frames`: at least 2 bytes.
inline std::vector<std::uint8_t> seal_initial(const QuicKeys& keys, const std::vector<std::uint8_t>& destination,
                                              const std::vector<std::uint8_t>& source, std::uint16_t number,
                                              const std::vector<std::uint8_t>& frames) {
  std::vector<std::uint8_t> packet = {0xc1, 0, 0, 0, 1, static_cast<std::uint8_t>(destination.size())};
  packet.insert(packet.end(), destination.begin(), destination.end());
  packet.push_back(static_cast<std::uint8_t>(source.size()));
  packet.insert(packet.end(), source.begin(), source.end());
  const std::size_t length = 2 + frames.size() + 16;
  packet.push_back(0);  // no token
  packet.push_back(static_cast<std::uint8_t>(0x40 | length >> 8));
  packet.push_back(static_cast<std::uint8_t>(length));
  const std::size_t at = packet.size();
  packet.push_back(static_cast<std::uint8_t>(number >> 8));
  packet.push_back(static_cast<std::uint8_t>(number));
  std::vector<std::uint8_t> nonce = keys.iv, sealed(frames.size()), tag(16), mask(16);
  nonce[10] ^= static_cast<std::uint8_t>(number >> 8);
  nonce[11] ^= static_cast<std::uint8_t>(number);
  int size = 0;
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), nullptr, keys.key.data(), nonce.data());
  EVP_EncryptUpdate(c, nullptr, &size, packet.data(), static_cast<int>(packet.size()));
  EVP_EncryptUpdate(c, sealed.data(), &size, frames.data(), static_cast<int>(frames.size()));
  EVP_EncryptFinal_ex(c, sealed.data(), &size);
  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, tag.data());
  packet.insert(packet.end(), sealed.begin(), sealed.end());
  packet.insert(packet.end(), tag.begin(), tag.end());
  EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), nullptr, keys.header.data(), nullptr);
  EVP_CIPHER_CTX_set_padding(c, 0);
  EVP_EncryptUpdate(c, mask.data(), &size, packet.data() + at + 4, 16);
  EVP_CIPHER_CTX_free(c);
  packet[0] ^= mask[0] & 0x0f;
  packet[at] ^= mask[1];
  packet[at + 1] ^= mask[2];
  return packet;
}

}  // namespace whodunit::protocol::testing
