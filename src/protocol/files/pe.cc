#include "protocol/files/pe.h"

#include <algorithm>
#include <string_view>

namespace whodunit::protocol {
namespace {

using base::Cursor;

constexpr std::uint32_t kSignature = 0x00004550;  // "PE\0\0"
/// Image files have at most 96 sections by the loader's rule.
constexpr std::size_t kMaxSections = 96;

struct Name {
  std::uint32_t value;
  std::string_view name;
};

constexpr Name kMachines[] = {{0x0, "UNKNOWN"},     {0x1d3, "AM33"},     {0x8664, "AMD64"},    {0x1c0, "ARM"},
                              {0x1c4, "ARMNT"},     {0xaa64, "ARM64"},   {0xebc, "EBC"},       {0x14c, "I386"},
                              {0x200, "IA64"},      {0x9041, "M32R"},    {0x266, "MIPS16"},    {0x366, "MIPSFPU"},
                              {0x466, "MIPSFPU16"}, {0x1f0, "POWERPC"},  {0x1f1, "POWERPCFP"}, {0x166, "R4000"},
                              {0x1a2, "SH3"},       {0x1a3, "SH3DSP"},   {0x1a6, "SH4"},       {0x1a8, "SH5"},
                              {0x1c2, "THUMB"},     {0x169, "WCEMIPSV2"}};
constexpr Name kSubsystems[] = {{0, "UNKNOWN"},
                                {1, "NATIVE"},
                                {2, "WINDOWS_GUI"},
                                {3, "WINDOWS_CUI"},
                                {7, "POSIX_CUI"},
                                {9, "WINDOWS_CE_GUI"},
                                {10, "EFI_APPLICATION"},
                                {11, "EFI_BOOT_SERVICE_DRIVER"},
                                {12, "EFI_RUNTIME_DRIVER"},
                                {13, "EFI_ROM"},
                                {14, "XBOX"}};
constexpr std::uint32_t version(unsigned major, unsigned minor) { return major << 16 | minor; }
constexpr Name kSystems[] = {{version(10, 0), "Windows 10"},
                             {version(6, 4), "Windows 10 Technical Preview"},
                             {version(6, 3), "Windows 8.1 or Server 2012 R2"},
                             {version(6, 2), "Windows 8 or Server 2012"},
                             {version(6, 1), "Windows 7 or Server 2008 R2"},
                             {version(6, 0), "Windows Vista or Server 2008"},
                             {version(5, 2), "Windows XP x64 or Server 2003"},
                             {version(5, 1), "Windows XP"},
                             {version(5, 0), "Windows 2000"},
                             {version(4, 90), "Windows Me"},
                             {version(4, 10), "Windows 98"},
                             {version(4, 0), "Windows 95 or NT 4.0"},
                             {version(3, 51), "Windows NT 3.51"},
                             {version(3, 50), "Windows NT 3.5"},
                             {version(3, 11), "Windows for Workgroups 3.11"},
                             {version(3, 10), "Windows 3.1 or NT 3.1"},
                             {version(3, 2), "Windows 3.2"},
                             {version(3, 0), "Windows 3.0"},
                             {version(2, 11), "Windows 2.11"},
                             {version(2, 10), "Windows 2.10"},
                             {version(2, 0), "Windows 2.0"},
                             {version(1, 4), "Windows 1.04"},
                             {version(1, 3), "Windows 1.03"},
                             {version(1, 1), "Windows 1.01"},
                             {version(1, 0), "Windows 1.0"}};

template <std::size_t N>
std::string name_of(const Name (&names)[N], std::uint32_t value, const std::string& other) {
  for (const Name& n : names)
    if (n.value == value) return std::string(n.name);
  return "unknown-" + other;
}

}  // namespace

std::unique_ptr<PeHeaders> parse_pe(base::Bytes beginning) {
  Cursor c(beginning);
  if (c.le16() != 0x5a4d) return nullptr;  // "MZ"
  c.seek(0x3c);
  const std::uint32_t offset = c.le32();
  c.seek(offset);
  if (c.le32() != kSignature || c.failed()) return nullptr;
  // COFF file header.
  auto out = std::make_unique<PeHeaders>();
  const std::uint16_t machine = c.le16();
  const std::uint16_t sections = c.le16();
  out->compiled = c.le32();
  c.skip(8);  // symbol table
  const std::uint16_t optional_size = c.le16();
  const std::uint16_t characteristics = c.le16();
  if (c.failed()) return nullptr;
  out->machine = name_of(kMachines, machine, std::to_string(machine));
  out->is_exe = optional_size > 0;
  out->is_64bit = (characteristics & 0x0100) == 0;  // IMAGE_FILE_32BIT_MACHINE
  if (!out->is_exe) return out;

  const std::size_t optional = c.offset();
  const bool plus = c.le16() == 0x20b;  // PE32+
  c.seek(optional + 40);
  const std::uint16_t major = c.le16();
  const std::uint16_t minor = c.le16();
  c.seek(optional + 68);
  const std::uint16_t subsystem = c.le16();
  const std::uint16_t dll = c.le16();
  c.seek(optional + (plus ? 108 : 92));
  const std::uint32_t tables = c.le32();
  if (c.failed()) return out;
  out->os = name_of(kSystems, version(major, minor), std::to_string(major) + "." + std::to_string(minor));
  out->subsystem = name_of(kSubsystems, subsystem, std::to_string(subsystem));
  out->aslr = (dll & 0x0040) != 0;
  out->code_integrity = (dll & 0x0080) != 0;
  out->dep = (dll & 0x0100) != 0;
  out->seh = (dll & 0x0400) == 0;
  const std::size_t directories = c.offset();
  const auto has = [&](std::uint32_t i) {
    Cursor d(beginning);
    d.seek(directories + i * 8 + 4);
    return i < tables && d.le32() > 0;
  };
  out->exports = has(0);
  out->imports = has(1);
  out->certificates = has(4);
  out->debug = has(6);

  c.seek(optional + optional_size);
  for (std::size_t i = 0; i < std::min<std::size_t>(sections, kMaxSections); ++i) {
    const std::string_view name = c.text(8);
    c.skip(32);
    if (c.failed()) break;
    out->sections.emplace_back(name.substr(0, name.find('\0')));
  }
  return out;
}

}  // namespace whodunit::protocol
