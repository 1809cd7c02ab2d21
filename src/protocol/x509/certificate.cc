#include "protocol/x509/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <unordered_map>

#include "base/address.h"
#include "base/hash.h"

namespace whodunit::protocol::x509 {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using Constraints = std::unique_ptr<BASIC_CONSTRAINTS, Deleter<BASIC_CONSTRAINTS_free>>;

std::string take(BIO* bio, std::size_t limit) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out;
  if (size > 0 && data != nullptr) out.assign(data, std::min<std::size_t>(static_cast<std::size_t>(size), limit));
  (void)BIO_reset(bio);
  return out;
}

std::string name_text(BIO* bio, const X509_NAME* name) {
  X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
  return take(bio, kMaxName);
}

std::string algorithm_text(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  char text[256];
  if (object == nullptr || OBJ_obj2txt(text, sizeof text, object, 0) <= 0) return {};
  return text;
}

std::optional<base::Time> time_of(const ASN1_TIME* time) {
  std::tm tm{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &tm) != 1) return std::nullopt;
  // base::Time ends in 2262; 9999-12-31 is how "no end" is written (RFC 5280 4.1.2.5).
  constexpr int kFirstYear = 1678, kLastYear = 2261;
  if (tm.tm_year + 1900 > kLastYear) return base::from_civil(kLastYear, 12, 31, 23, 59, 59);
  if (tm.tm_year + 1900 < kFirstYear) return base::from_civil(kFirstYear, 1, 1);
  return base::from_civil(tm.tm_year + 1900, static_cast<unsigned>(tm.tm_mon + 1), static_cast<unsigned>(tm.tm_mday),
                          static_cast<unsigned>(tm.tm_hour), static_cast<unsigned>(tm.tm_min),
                          static_cast<unsigned>(tm.tm_sec));
}

// A host against a name that may begin with "*." for one label (RFC 6125 6.4.3).
bool matches(std::string_view pattern, std::string_view host) {
  const auto equal = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
  };
  if (equal(pattern, host)) return true;
  const auto dot = host.find('.');
  return pattern.starts_with("*.") && dot != std::string_view::npos && dot != 0 &&
         pattern.find('.', 2) != std::string_view::npos && equal(pattern.substr(1), host.substr(dot));
}

// A signature is only tried with keys whose cost is bounded: a certificate from the wire must not buy CPU time.
bool worth_verifying(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: {
      BIGNUM* e = nullptr;
      EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
      const BigNumber exponent(e);
      return EVP_PKEY_get_bits(key) <= 8192 && exponent && BN_num_bits(exponent.get()) <= 32;
    }
    case EVP_PKEY_EC: {
      char group[64];
      return EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1;
    }
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Certificate::Parsed {
  std::unique_ptr<X509, Deleter<X509_free>> x509;
  // The last answer of signed_by: chains come in the same order again and again.
  std::string asked;
  std::optional<bool> answer;
};

Certificate::Certificate() = default;
Certificate::~Certificate() = default;

std::shared_ptr<const Certificate> Certificate::parse(base::Bytes der) {
  // Cleared whole when full: simple, bounded (about 10 KiB an entry), and the same answers either way.
  static constexpr std::size_t kRemembered = 256;
  thread_local std::unordered_map<std::string, std::shared_ptr<const Certificate>> remembered;
  const auto digest = base::sha256(der);
  std::string hex = base::to_hex(digest);
  if (const auto found = remembered.find(hex); found != remembered.end()) return found->second;

  std::shared_ptr<Certificate> out(new Certificate);
  out->sha256 = hex;
  out->sha1 = base::to_hex(base::sha1(der));
  out->size = der.size();
  out->read(der);
  ERR_clear_error();
  if (remembered.size() >= kRemembered) remembered.clear();
  remembered.emplace(std::move(hex), out);
  return out;
}

void Certificate::read(base::Bytes der) {
  malformed = true;
  if (der.empty() || der.size() > kMaxCertificate) return;
  const std::uint8_t* at = der.data();
  auto parsed = std::make_unique<Parsed>();
  parsed->x509.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  X509* x509 = parsed->x509.get();
  if (x509 == nullptr) return;
  malformed = false;

  const Bio bio(BIO_new(BIO_s_mem()));
  version = static_cast<std::uint64_t>(X509_get_version(x509)) + 1;
  i2a_ASN1_INTEGER(bio.get(), X509_get0_serialNumber(x509));
  serial = take(bio.get(), kMaxName);
  subject = name_text(bio.get(), X509_get_subject_name(x509));
  issuer = name_text(bio.get(), X509_get_issuer_name(x509));
  not_before = time_of(X509_get0_notBefore(x509));
  not_after = time_of(X509_get0_notAfter(x509));

  X509_ALGOR* key_algor = nullptr;
  X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &key_algor, X509_get_X509_PUBKEY(x509));
  if (key_algor != nullptr) key_algorithm = algorithm_text(key_algor);
  const X509_ALGOR* signature_algor = nullptr;
  X509_get0_signature(nullptr, &signature_algor, x509);
  if (signature_algor != nullptr) signature_algorithm = algorithm_text(signature_algor);

  if (EVP_PKEY* key = X509_get0_pubkey(x509); key != nullptr) {
    switch (EVP_PKEY_get_base_id(key)) {
      case EVP_PKEY_RSA: {
        key_type = "rsa";
        BIGNUM* e = nullptr;
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e);
        const BigNumber bn(e);
        if (bn && BN_num_bits(bn.get()) <= 4096) {
          char* text = BN_bn2dec(bn.get());
          if (text != nullptr) exponent = text;
          OPENSSL_free(text);
        }
        break;
      }
      case EVP_PKEY_DSA:
        key_type = "dsa";
        break;
      case EVP_PKEY_EC: {
        key_type = "ecdsa";
        char group[64];
        if (EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1) curve = group;
        break;
      }
      default:
        break;
    }
    if (!key_type.empty()) key_bits = static_cast<std::uint64_t>(std::max(0, EVP_PKEY_get_bits(key)));
  }

  if (const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
      names) {
    has_alternative_names = true;
    const int count = std::min<int>(sk_GENERAL_NAME_num(names.get()), kMaxAlternativeNames);
    for (int i = 0; i < count; ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
      const auto text = [&] {
        const std::size_t size = static_cast<std::size_t>(std::max(0, ASN1_STRING_length(name->d.ia5)));
        return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)), std::min(size, kMaxName));
      };
      switch (name->type) {
        case GEN_DNS:
          dns.push_back(text());
          break;
        case GEN_URI:
          uri.push_back(text());
          break;
        case GEN_EMAIL:
          email.push_back(text());
          break;
        case GEN_IPADD:
          if (ASN1_STRING_length(name->d.ip) == 4)
            ip.push_back(base::Address::v4(ASN1_STRING_get0_data(name->d.ip)).to_string());
          else if (ASN1_STRING_length(name->d.ip) == 16)
            ip.push_back(base::Address::v6(ASN1_STRING_get0_data(name->d.ip)).to_string());
          break;
        default:
          break;
      }
    }
  }
  if (const Constraints constraints(
          static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(x509, NID_basic_constraints, nullptr, nullptr)));
      constraints) {
    ca = constraints->ca != 0;
    if (constraints->pathlen != nullptr) {
      std::uint64_t value = 0;
      if (ASN1_INTEGER_get_uint64(&value, constraints->pathlen) == 1) path_length = value;
    }
  }

  self_issued = X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0;
  if (self_issued) {
    EVP_PKEY* key = X509_get0_pubkey(x509);
    self_signed = key != nullptr && worth_verifying(key) && X509_verify(x509, key) == 1;
  }
  parsed_ = std::move(parsed);
}

bool Certificate::matches_host(std::string_view host) const {
  if (!parsed_ || host.empty()) return false;
  X509* x509 = parsed_->x509.get();
  bool good = false;
  if (!dns.empty()) {
    good = X509_check_host(x509, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
  } else if (ip.empty()) {
    // RFC 6125 6.4.4: without names meant for it, the most specific common name.
    const X509_NAME* name = X509_get_subject_name(x509);
    int last = -1;
    for (int i = -1; (i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) >= 0;) last = i;
    if (last >= 0) {
      unsigned char* utf8 = nullptr;
      const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
      if (size > 0)
        good = matches(std::string_view(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)), host);
      OPENSSL_free(utf8);
    }
  }
  ERR_clear_error();
  return good;
}

bool Certificate::issued_by(const Certificate& other) const {
  return parsed_ && other.parsed_ &&
         X509_NAME_cmp(X509_get_issuer_name(parsed_->x509.get()), X509_get_subject_name(other.parsed_->x509.get())) ==
             0;
}

std::optional<bool> Certificate::signed_by(const Certificate& other) const {
  if (!parsed_ || !other.parsed_) return std::nullopt;
  if (parsed_->asked == other.sha256) return parsed_->answer;
  parsed_->asked = other.sha256;
  parsed_->answer.reset();
  EVP_PKEY* key = X509_get0_pubkey(other.parsed_->x509.get());
  if (key != nullptr && worth_verifying(key)) parsed_->answer = X509_verify(parsed_->x509.get(), key) == 1;
  ERR_clear_error();
  return parsed_->answer;
}

}  // namespace whodunit::protocol::x509
