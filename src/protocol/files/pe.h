// Windows executables: what their headers say (Microsoft PE and COFF Specification 8.3).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "record/batch.h"
#include "record/schema.h"

namespace whodunit::protocol {

// clang-format off
#define WHODUNIT_PE_FIELDS(FIELD)                                                                                            \
  FIELD(1, record::Fuid, fuid, "id", "The file's id.")                                                                       \
  FIELD(1, record::Text, machine, "machine", "What it runs on: I386, AMD64, ARM64, ….")                                      \
  FIELD(1, base::Time, compile_ts, "compile_ts", "When it was linked, as it says.")                                          \
  FIELD(1, record::Text, os, "os", "The oldest Windows that it asks for.")                                                   \
  FIELD(1, record::Text, subsystem, "subsystem", "WINDOWS_GUI, WINDOWS_CUI, NATIVE, ….")                                     \
  FIELD(1, bool, is_exe, "is_exe", "An image, not an object file.")                                                          \
  FIELD(1, bool, is_64bit, "is_64bit", "Not marked as made for 32-bit machines.")                                            \
  FIELD(1, bool, uses_aslr, "uses_aslr", "It may be loaded at any address.")                                                 \
  FIELD(1, bool, uses_dep, "uses_dep", "Its data may be kept from execution.")                                               \
  FIELD(1, bool, uses_code_integrity, "uses_code_integrity", "It asks for code integrity checks.")                           \
  FIELD(1, bool, uses_seh, "uses_seh", "It may use structured exception handling.")                                          \
  FIELD(1, std::optional<bool>, has_import_table, "has_import_table", "It has an import table.")                             \
  FIELD(1, std::optional<bool>, has_export_table, "has_export_table", "It has an export table.")                             \
  FIELD(1, std::optional<bool>, has_cert_table, "has_cert_table", "It has an attribute certificate table: it may be signed.") \
  FIELD(1, std::optional<bool>, has_debug_data, "has_debug_data", "It has debug data.")                                      \
  FIELD(1, record::Texts, section_names, "section_names", "Names of its sections, in order.")
// clang-format on
WHODUNIT_RECORD(Pe, "pe", 1, "One Windows executable that crossed the wire.", WHODUNIT_PE_FIELDS)

struct PeHeaders {
  std::string machine, os, subsystem;
  std::int64_t compiled = 0;  ///< seconds since 1970
  bool is_exe = false, is_64bit = true;
  bool aslr = false, dep = false, code_integrity = false, seh = true;
  std::optional<bool> imports, exports, certificates, debug;
  std::vector<std::string> sections;
};

/// Reads the headers at a file's beginning, as far as they are there; null where there is no COFF header.
std::unique_ptr<PeHeaders> parse_pe(base::Bytes beginning);

}  // namespace whodunit::protocol
