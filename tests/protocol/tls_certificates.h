// Two certificates made for these tests with openssl: a root (EC P-256) and a host it signed (RSA 1024).
#pragma once

#include <string_view>

namespace whodunit::protocol::testing {

/// CN=Example Root é,O=Example\, Inc,C=XX; serial 0x1001; CA, path length 1; 2026-11-24 to 2036-11-21.
inline constexpr std::string_view kRootCertificate =
    "MIIBoTCCAUegAwIBAgICEAEwCgYIKoZIzj0EAwIwPjELMAkGA1UEBhMCWFgxFTATBgNVBAoMDEV4YW1wbGUsIEluYzEYMBYGA1UE"
    "AwwPRXhhbXBsZSBSb290IMOpMB4XDTI2MTEyNDA4MzcwM1oXDTM2MTEyMTA4MzcwM1owPjELMAkGA1UEBhMCWFgxFTATBgNVBAoM"
    "DEV4YW1wbGUsIEluYzEYMBYGA1UEAwwPRXhhbXBsZSBSb290IMOpMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbfYgiSbn0KEg"
    "T4EP96zjCVhZDjO+UZTNP2Wx8uoFhgFgw+gMtG+u2dgxutzeuSqHoO52HztsGvPCnDU4NGMiNqM1MDMwEgYDVR0TAQH/BAgwBgEB"
    "/wIBATAdBgNVHQ4EFgQUnvMb0jz2tQ7kE6CJevre9QUYAt4wCgYIKoZIzj0EAwIDSAAwRQIhAIGG+P4S+7j6d5Uuzv1d4/tH+f7I"
    "icEds5RGRK1ftWOxAiACTTyIiR+U9F9M8awRcWYw6R0zg2FSlHFWEglXQmyZ9Q==";

/// CN=www.example.test,C=XX; serial 0x0A1B2C3D; six alternative names; 2026-11-24 to 2027-11-24.
inline constexpr std::string_view kHostCertificate =
    "MIICXzCCAgWgAwIBAgIEChssPTAKBggqhkjOPQQDAjA+MQswCQYDVQQGEwJYWDEVMBMGA1UECgwMRXhhbXBsZSwgSW5jMRgwFgYD"
    "VQQDDA9FeGFtcGxlIFJvb3Qgw6kwHhcNMjYxMTI0MDgzNzAzWhcNMjcxMTI0MDgzNzAzWjAoMQswCQYDVQQGEwJYWDEZMBcGA1UE"
    "AwwQd3d3LmV4YW1wbGUudGVzdDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEA4vgUfZGh56odqm+Ivfvh01T0UEyzHCsvR74A"
    "oU9R0+iLI8oS3agS9iLk5TElzus9IoPxXdtVB7sEv9pytypK649EQKMRGM8nms6S88Xvvnv3DtYwjCQ4yA+1EabgGObB84EFpxf2"
    "OhYAL9ZBE2SfLVFMvcknbHs1U5V9n91GnrUCAwEAAaOBvzCBvDBvBgNVHREEaDBmghB3d3cuZXhhbXBsZS50ZXN0ghMqLndpbGQu"
    "ZXhhbXBsZS50ZXN0hwTAAAIHhxAgAQ24AAAAAAAAAAAAAAAHgQ5hQGV4YW1wbGUudGVzdIYVaHR0cHM6Ly9leGFtcGxlLnRlc3Qv"
    "MAkGA1UdEwQCMAAwHQYDVR0OBBYEFJUn4sQXFw9AzIMGk8ndZEF7Fcw7MB8GA1UdIwQYMBaAFJ7zG9I89rUO5BOgiXr63vUFGALe"
    "MAoGCCqGSM49BAMCA0gAMEUCIE9MLD4DlX/QF06IiwVkCwUpxWPE5ante3kyfGk4QiSKAiEA1c5MtPtFebxBovZc8tuAbKtCQsAH"
    "0tGlb+W6IFKsJaw=";

}  // namespace whodunit::protocol::testing
