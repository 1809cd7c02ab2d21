#include "protocol/encrypted_record.h"

#include "protocol/parser.h"

namespace whodunit::protocol {

std::optional<Encrypted> encrypted_row(const Context& context, std::string_view protocol, EncryptedAmount orig,
                                       EncryptedAmount resp) {
  if (orig.bytes == 0 && resp.bytes == 0) return std::nullopt;
  Encrypted row;
  row.head = context.head(context.connection().first, context.place());
  row.protocol = protocol;
  row.orig_bytes = orig.bytes;
  row.resp_bytes = resp.bytes;
  row.orig_records = orig.records;
  row.resp_records = resp.records;
  return row;
}

}  // namespace whodunit::protocol
