#include "protocol/files/ocsp.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "base/hash.h"
#include "base/time.h"

namespace whodunit::protocol {
namespace {

constexpr int kMaxStatuses = 64;

struct Free {
  void operator()(OCSP_RESPONSE* p) const { OCSP_RESPONSE_free(p); }
  void operator()(OCSP_BASICRESP* p) const { OCSP_BASICRESP_free(p); }
};

std::string hex(const ASN1_STRING* s) {
  if (s == nullptr) return {};
  std::string text =
      base::to_hex({ASN1_STRING_get0_data(s), static_cast<std::size_t>(std::max(0, ASN1_STRING_length(s)))});
  for (char& c : text)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 32);
  return text;
}

std::optional<base::Time> time_of(const ASN1_GENERALIZEDTIME* t) {
  std::tm tm{};
  if (t == nullptr || ASN1_TIME_to_tm(t, &tm) != 1) return std::nullopt;
  return base::from_civil(tm.tm_year + 1900, static_cast<unsigned>(tm.tm_mon + 1), static_cast<unsigned>(tm.tm_mday),
                          static_cast<unsigned>(tm.tm_hour), static_cast<unsigned>(tm.tm_min),
                          static_cast<unsigned>(tm.tm_sec));
}

}  // namespace

std::vector<OcspStatus> parse_ocsp(base::Bytes bytes) {
  std::vector<OcspStatus> out;
  const unsigned char* p = bytes.data();
  const std::unique_ptr<OCSP_RESPONSE, Free> response(d2i_OCSP_RESPONSE(nullptr, &p, static_cast<long>(bytes.size())));
  if (response && OCSP_response_status(response.get()) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    const std::unique_ptr<OCSP_BASICRESP, Free> basic(OCSP_response_get1_basic(response.get()));
    const int count = basic ? std::min(OCSP_resp_count(basic.get()), kMaxStatuses) : 0;
    for (int i = 0; i < count; ++i) {
      OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
      int reason = -1;
      ASN1_GENERALIZEDTIME *revoked = nullptr, *updated = nullptr, *next = nullptr;
      const int status = OCSP_single_get0_status(single, &reason, &revoked, &updated, &next);
      ASN1_OCTET_STRING *name = nullptr, *key = nullptr;
      ASN1_OBJECT* algorithm = nullptr;
      ASN1_INTEGER* serial = nullptr;
      OCSP_id_get0_info(&name, &algorithm, &key, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single)));
      OcspStatus s;
      char text[80] = "";
      if (algorithm != nullptr) OBJ_obj2txt(text, sizeof text, algorithm, 0);
      s.hash_algorithm = text;
      s.issuer_name_hash = hex(name);
      s.issuer_key_hash = hex(key);
      s.serial_number = hex(serial);
      s.status = OCSP_cert_status_str(status);
      if (status == V_OCSP_CERTSTATUS_REVOKED) {
        s.revoke_time = time_of(revoked);
        if (reason >= 0) s.revoke_reason = OCSP_crl_reason_str(reason);
      }
      s.this_update = time_of(updated);
      s.next_update = time_of(next);
      out.push_back(std::move(s));
    }
  }
  ERR_clear_error();
  return out;
}

}  // namespace whodunit::protocol
