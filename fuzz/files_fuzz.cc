// Files: types by content, headers of executables, OCSP responses, and pieces in any order.
#include <cstdlib>

#include "protocol/files/file_record.h"
#include "protocol/files/files.h"
#include "protocol/files/mime.h"
#include "protocol/files/ocsp.h"
#include "protocol/files/pe.h"
#include "protocol_fuzz.h"

namespace {

using namespace whodunit;

/// Each piece: two bytes of offset (in units of 16 bytes), one of length, or a gap.
void pieces_anywhere(base::Bytes input) {
  fuzz::register_once();
  connection::View view;
  view.uid = {1};
  packet::Origin origin;
  record::Sink sink;
  protocol::Plan plan;
  plan.file_sha256 = true;
  base::MemoryAccountant memory(1u << 20);
  {
    protocol::FileSink files(plan, memory);
    protocol::Shared shared;
    protocol::Context context(view, origin, sink, plan, memory, &files, shared);
    protocol::FileHandle file = files.open(context, {.source = "SMB", .direction = connection::Direction::kOriginator});
    base::Cursor c(input);
    while (!c.at_end() && !c.failed()) {
      const std::uint16_t where = c.be16();
      const std::size_t size = std::min<std::size_t>(c.u8(), c.left());
      if (where == 0xffff)
        files.gap(context, *file, size);
      else if (where == 0xfffe)
        files.data(context, *file, c.bytes(size));
      else
        files.data_at(context, *file, std::uint64_t{where} * 16, c.bytes(size));
    }
    files.close(context, file);
  }
  if (memory.used() != 0 || sink.batch(protocol::Files::schema).rows() != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes input(data, size);
  (void)protocol::mime_type_of(input);
  (void)protocol::parse_pe(input);
  (void)protocol::parse_ocsp(input);
  pieces_anywhere(input);
  return 0;
}
