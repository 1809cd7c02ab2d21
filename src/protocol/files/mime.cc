#include "protocol/files/mime.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

// The facts (which bytes at which offset mean which type, and how strongly) are those of Zeek's file magic and of
// libmagic's database, so that the answers agree with Zeek's files.log. Where a format has bytes of any value between
// two marks, Zeek lets every value but a line feed stand there; so does this table.

namespace whodunit::protocol {
namespace {

using base::Bytes;
using namespace std::string_view_literals;

/// A mark: these bytes, or (one_of) one byte out of them, at an offset.
struct Mark {
  std::uint16_t offset;
  std::string_view bytes;
  bool one_of = false;
};

struct Rule {
  std::string_view mime;
  int strength;
  std::array<Mark, 3> marks;
};

constexpr Mark at(std::uint16_t offset, std::string_view bytes) { return {offset, bytes, false}; }
constexpr Mark one_of(std::uint16_t offset, std::string_view bytes) { return {offset, bytes, true}; }

constexpr std::string_view kEight0 = "\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb"sv;

// clang-format off
constexpr Rule kRules[] = {
  // --- archives and compression
  {"application/zip", 10, {at(0, "PK\x03\x04"sv)}},  // two more bytes are asked for below
  {"application/zip", 10, {at(0, "PK\x07\x08PK\x03\x04"sv)}},
  {"application/zip", 340, {at(0, "MZ"), at(30, "Copyright 1989-1990 PKWARE Inc.")}},
  {"application/zip", 340, {at(0, "MZ"), at(30, "PKLITE Copr.")}},
  {"application/x-rar", 70, {at(0, "Rar!")}},
  {"application/x-gzip", 100, {at(0, "\x1f\x8b")}},
  {"application/vnd.ms-cab-compressed", 110, {at(0, "MSCF\0\0\0\0"sv)}},
  {"application/x-dmg", 100, {at(0, "\x78\x01\x73\x0d\x62\x62\x60"sv)}},
  {"application/x-dmg", 100, {at(0, "\x78\xda\x63\x60\x18\x05"sv)}},
  {"application/x-dmg", 100, {at(0, "\x78\x01\x63\x60\x18\x05"sv)}},
  {"application/x-dmg", 100, {at(0, "\x78\xda\x73\x0d"sv)}},
  {"application/x-dmg", 100, {at(0, "\x78"), one_of(1, "\x01\xda"), one_of(2, "\xed")}},  // and a fourth byte, below
  {"application/x-xar", 100, {at(0, "xar!")}},
  {"application/x-rpm", 70, {at(0, "drpm")}},
  {"application/x-rpm", 70, {at(0, "\xed\xab\xee\xdb")}},
  {"application/x-debian-package", 171, {at(0, "!<arch>\ndebian")}},
  {"application/x-stuffit", 70, {at(0, "SIT!")}},
  {"application/x-stuffit", 70, {at(0, "StuffIt")}},
  {"application/x-archive", 70, {at(0, "!<arch>")}},
  {"application/x-archive", 70, {at(0, "!<ar>")}},
  {"application/x-archive", 70, {at(0, "<arch>")}},
  {"application/x-archive", 70, {at(0, "<ar>")}},
  {"application/x-eet", 70, {at(0, "\x1e\xe7\xff\0"sv)}},
  {"application/x-zoo", 70, {at(20, "\xdc\xa7\xc4\xfd")}},
  {"application/x-lz4", 70, {at(0, "\x02\x21\x4c\x18")}},
  {"application/x-lz4", 70, {at(0, "\x04\x22\x4d\x18")}},
  {"application/x-lrzip", 1, {at(0, "LRZI")}},
  {"application/x-lzip", 70, {at(0, "LZIP")}},
  {"application/x-lzh", 80, {at(2, "-lh"), one_of(5, " abcdex0123456789"), at(6, "-")}},
  {"application/x-lzh", 80, {at(2, "-lz"), one_of(5, "s2345678"), at(6, "-")}},
  {"application/x-lzh", 80, {at(2, "-pm"), one_of(5, "s012"), at(6, "-")}},
  {"application/x-lzh", 80, {at(2, "-pc1-")}},
  {"application/warc", 50, {at(0, "WARC/")}},
  {"application/x-7z-compressed", 50, {at(0, "7z\xbc\xaf\x27\x1c")}},
  {"application/x-xz", 90, {at(0, "\xfd" "7zXZ\0"sv)}},
  {"application/x-lha", 120, {at(0, "MZ"), at(36, "LHa's SFX")}},
  {"application/x-lha", 120, {at(0, "MZ"), at(36, "LHA's SFX")}},
  {"application/x-arj", 50, {at(0, "\x60\xea")}},
  {"application/x-cpio", 50, {at(0, "\x71\xc7")}},
  {"application/x-cpio", 50, {at(0, "\xc7\x71")}},
  {"application/x-compress", 50, {at(0, "\x1f\x9d")}},
  {"application/x-lzma", 71, {at(0, "\x5d\0\0"sv)}},
  {"application/x-ace", 100, {at(7, "**ACE**")}},
  {"application/x-bzip2", 60, {at(0, "BZh")}},
  {"application/x-svr4-package", 230, {at(0, "# PaCkAgE DaTaStReAm")}},
  {"application/x-shar", 280, {at(10, "# This is a shell archive")}},
  {"application/x-ia-arc", 140, {at(0, "filedesc://")}},

  // --- audio
  {"audio/mpeg", 20, {at(0, "\xff"), one_of(1, "\xe2\xe3\xf2\xf3\xf6\xf7\xfa\xfb\xfc\xfd")}},
  {"audio/m4a", 70, {at(4, "ftypm4a")}},
  {"audio/mp4", 60, {at(4, "ftypM4A")}},
  {"audio/x-wav", 190, {at(0, "RF64\xff\xff\xff\xffWAVEds64")}},
  {"audio/x-wav", 70, {at(0, "RIFF"), at(8, "WAVE")}},
  {"audio/x-w64", 190, {at(0, "riff.\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"sv), at(24, "wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0O\x8e\xdb\x8a"sv)}},
  {"audio/x-mod", 190, {at(0, "Extended Module:")}},
  {"audio/x-mod", 20, {at(0, "MAS_UTrack_V00/0")}},
  {"audio/x-mod", 110, {at(21, "!SCREAM!")}},
  {"audio/x-mod", 110, {at(21, "BMOD2STM")}},
  {"audio/x-mod", 70, {at(0, "IMPM")}},
  {"audio/x-hx-aac-adif", 70, {at(0, "ADIF")}},
  {"audio/x-hx-aac-adts", 50, {at(0, "\xff"), one_of(1, "\xf0\xf1\xf8\xf9")}},
  {"audio/x-ape", 70, {at(0, "MAC ")}},
  {"audio/x-aiff", 70, {at(0, "FORM"), at(8, "AIFF")}},
  {"audio/x-aiff", 70, {at(0, "FORM"), at(8, "AIFC")}},
  {"audio/x-aiff", 70, {at(0, "FORM"), at(8, "8SVX")}},
  {"audio/x-flac", 70, {at(0, "fLaC")}},
  {"audio/x-pn-realaudio", 70, {at(0, "\x2e\x72\x61\xfd")}},
  {"audio/midi", 70, {at(0, "MThd")}},
  {"audio/x-dec-basic", 70, {at(0, ".sd\0"sv), one_of(12, "\x01\x02\x03\x04\x05\x06\x07\x17"), at(13, "\0\0\0"sv)}},
  {"audio/basic", 70, {at(0, ".snd"), at(12, "\0\0\0"sv), one_of(15, "\x01\x02\x03\x04\x05\x06\x07")}},
  {"audio/x-adpcm", 70, {at(0, ".snd"), at(12, "\0\0\0\x17"sv)}},
  {"audio/x-musepack", 60, {at(0, "MP+")}},
  {"audio/x-mp4a-latm", 50, {at(0, "\x56"), one_of(1, "\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff")}},
  {"audio/vnd.dolby.dd-raw", 50, {at(0, "\x0b\x77")}},
  {"application/ogg", 70, {at(0, "OggS")}},
  {"application/vnd.rn-realmedia", 100, {at(0, ".RMF\0\0\0"sv)}},

  // --- executables
  {"application/x-dosexec", 51, {at(0, "MZ")}},
  {"application/x-dosexec", 190, {at(369, "MICROSOFT PIFEX\0"sv)}},
  {"application/x-object", 50, {at(0, "\x7f" "ELF"), one_of(4, "\x01\x02"), at(5, "\x01"sv)}},     // the type at 16: below
  {"application/x-object", 50, {at(0, "\x7f" "ELF"), one_of(4, "\x01\x02"), at(5, "\x02"sv)}},
  {"application/x-mach-o-executable", 100, {one_of(0, "\xce\xcf"), at(1, "\xfa\xed\xfe")}},
  {"application/x-mach-o-executable", 100, {at(0, "\xca\xfe\xba\xbe"), at(6, "\0"sv), one_of(7, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14")}},
  {"application/x-elc", 10, {at(0, ";ELC")}},  // and a fifth byte, below
  {"application/x-python-bytecode", 80, {one_of(0, "\xfc"), at(1, "\xc4\r\n")}},
  {"application/x-python-bytecode", 80, {at(0, "\x99\x4e\r\n")}},
  {"application/x-python-bytecode", 80, {at(0, "\x87\xc6\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\x2a\x2d"), at(1, "\xed\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\x3b\x45\x59\x63\x6d\x77\x81\x8b\x8c\x95\x9f\xa9\xb3\xc7\xd1\xdb\xe5\xef\xf9"), at(1, "\xf2\r\n")}},
  {"application/x-python-bytecode", 80, {at(0, "\x03\xf3\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\xb8\xc2\xcc\xd6\xe0\xea\xf4\xf5\xff"), at(1, "\x0b\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\x09\x13\x1d\x1f\x27\x3b\x45\x4f\x58\x62\x6c\x76\x80\x94\x9e\xb2\xcc\xc6\xd0\xda\xe4\xee\xf8"), at(1, "\x0c\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\x02\x0c\x16\x17\x20\x21\x2a\x2b\x2c\x2d\x2f\x30\x31\x32\x33\x3e\x3f\x40\x41\x42\x48\x49\x52\x53\x54\x55\x5c\x5d\x5e\x5f\x60\x61\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f\x7a\x7b\x7c\x7d\x7e\x7f\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xac\xad\xae\xaf\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xde\xdf\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3"), at(1, "\x0d\r\n")}},
  {"application/x-python-bytecode", 80, {one_of(0, "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"), at(1, "\x0e\r\n")}},

  // --- fonts
  {"application/font-woff2", 70, {at(0, "wOF2")}},
  {"application/font-woff", 70, {at(0, "wOFF")}},
  {"application/x-font-ttf", 80, {at(0, "\0\x01\0\0\0"sv)}},
  {"application/vnd.ms-fontobject", 50, {at(34, "LP")}},
  {"application/x-font-sfn", 70, {at(0, "\x04\0\0\0"sv), at(104, "\x04\0\0\0"sv)}},
  {"application/x-font-sfn", 70, {at(0, "\x04\0\0\0"sv), at(104, "\0\0\0\x04"sv)}},
  {"application/x-font-sfn", 70, {at(0, "\0\0\0\x04"sv), at(104, "\x04\0\0\0"sv)}},
  {"application/x-font-sfn", 70, {at(0, "\0\0\0\x04"sv), at(104, "\0\0\0\x04"sv)}},
  {"application/vnd.ms-opentype", 70, {at(0, "OTTO")}},
  {"application/x-mif", 190, {at(0, "<MakerScreenFont")}},
  {"application/x-mif", 130, {at(0, "<MakerFile")}},
  {"application/x-mif", 120, {at(0, "<BookFile")}},
  {"application/x-mif", 110, {at(0, "<MIFFile")}},
  {"application/x-mif", 90, {at(0, "<Maker")}},
  {"application/x-mif", 70, {at(0, "<MML")}},
  {"application/vnd.font-fontforge-sfd", 160, {at(0, "SplineFontDB:")}},

  // --- images
  {"image/tiff", 70, {at(0, "MM\0"sv), one_of(3, "\x2a\x2b")}},
  {"image/tiff", 70, {at(0, "II"), one_of(2, "\x2a\x2b"), at(3, "\0"sv)}},
  {"image/gif", 70, {at(0, "GIF8")}},
  {"image/jpeg", 52, {at(0, "\xff\xd8")}},
  {"image/x-ms-bmp", 50, {at(0, "BM"), one_of(14, "\x0c\x28\x40\x6c\x7c\x80"), at(15, "\0"sv)}},
  {"image/x-icon", 70, {at(0, "\0\0\x01\0"sv)}},
  {"image/x-cursor", 70, {at(0, "\0\0\x02\0"sv)}},
  {"image/vnd.adobe.photoshop", 70, {at(0, "8BPS")}},
  {"image/png", 110, {at(0, "\x89PNG")}},
  {"image/jp2", 60, {at(4, "ftypjp2")}},
  {"image/jp2", 70, {at(0, "\0\0\0\x0cjP  \r\n\x87\n"sv), at(20, "jp2 ")}},
  {"image/jpx", 70, {at(0, "\0\0\0\x0cjP  \r\n\x87\n"sv), at(20, "jpx ")}},
  {"image/jpm", 70, {at(0, "\0\0\0\x0cjP  \r\n\x87\n"sv), at(20, "jpm ")}},
  {"video/mj2", 70, {at(0, "\0\0\0\x0cjP  \r\n\x87\n"sv), at(20, "mjp2")}},
  {"image/jp2", 50, {at(4, "jP")}},
  {"image/x-xcursor", 70, {at(0, "Xcur")}},
  {"image/x-niff", 70, {at(0, "IIN1")}},
  {"image/x-exr", 70, {at(0, "\x76\x2f\x31\x01")}},
  {"image/x-dpx", 70, {at(0, "SDPX")}},
  {"image/x-cpi", 70, {at(0, "CPC\xb2")}},
  {"image/x-olympus-orf", 70, {at(0, "IIR"), one_of(3, "OS")}},
  {"image/x-olympus-orf", 70, {at(0, "MMOR")}},
  {"image/x-x3f", 70, {at(0, "FOVb")}},
  {"image/x-paintnet", 70, {at(0, "PDN3")}},
  {"image/x-coreldraw", 70, {at(0, "RIFF"), at(8, "CDR"), one_of(11, "A6")}},
  {"image/x-portable-pixmap", 50, {at(0, "P7")}},
  {"image/vnd.djvu", 70, {at(0, "AT&TFORM"), at(12, "DJV"), one_of(15, "MUI")}},
  {"image/vnd.djvu", 70, {at(0, "AT&TFORM"), at(12, "THUM")}},
  {"image/vnd.dwg", 90, {at(0, "AC1.")}},
  {"image/vnd.dwg", 90, {at(0, "AC2.")}},
  {"image/vnd.dwg", 90, {at(0, "AC10")}},
  {"image/x-xcf", 110, {at(0, "gimp xcf")}},
  {"image/x-polar-monitor-bitmap", 160, {at(0, "[BitmapInfo2]")}},
  {"image/x-award-bmp", 20, {at(0, "AWBM")}},
  {"image/x-award-bioslogo", 50, {at(0, "\x11"), one_of(1, "\x06\x09")}},
  {"image/webp", 70, {at(0, "RIFF"), at(8, "WEBP")}},
  {"image/x-canon-crw", 170, {at(0, "II\x1a\0\0\0HEAPCCDR"sv)}},
  {"image/x-canon-cr2", 130, {at(0, "II*\0\x10\0\0\0CR"sv)}},
  {"image/x-quicktime", 70, {at(4, "idsc")}},
  {"image/x-lss16", 70, {at(0, "\x3d\xf3\x13\x14")}},
  {"image/x-epoc-mbm", 70, {at(0, "\x37\0\0\x10\x42\0\0\x10"sv)}},
  {"image/x-epoc-sketch", 70, {at(0, "\x37\0\0\x10\x6d\0\0\x10\x7d\0\0\x10"sv)}},

  // --- Java
  {"application/x-java-applet", 71, {at(0, "\xca\xfe\xba\xbe"), one_of(7, "\x2d\x2e\x2f\x30\x31\x32\x33\x34")}},
  {"application/x-java-pack200", 1, {at(0, "\xca\xfe\xd0\x0d")}},  // and a fifth byte, below
  {"application/x-java-jnlp-file", 100, {at(0, "<jnlp ")}},
  {"application/x-java-keystore", 70, {at(0, "\xfe\xed\xfe\xed")}},
  {"application/x-java-jce-keystore", 70, {at(0, "\xce\xce\xce\xce")}},

  // --- documents
  {"application/msword", 50, {at(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")}},
  {"application/vnd.openxmlformats-officedocument", 50, {at(0, "PK\x03\x04\x14\0\x06\0"sv)}},
  {"application/x-msaccess", 180, {at(4, "Standard Jet DB\0"sv)}},
  {"application/x-msaccess", 180, {at(4, "Standard ACE DB\0"sv)}},
  {"application/epub+zip", 110, {at(0, "PK\x03\x04"), at(26, "\x08\0\0\0mimetypeapplication/epub+zip"sv)}},
  {"application/vnd.google-earth.kmz", 100, {at(0, "PK\x03\x04\x14"), at(30, "doc.kml")}},
  {"application/pdf", 80, {at(0, "%PDF-")}},
  {"application/vnd.fdf", 80, {at(0, "%FDF-")}},
  {"text/rtf", 80, {at(0, "{\\rtf")}},
  {"application/postscript", 60, {at(0, "\x04%!")}},
  {"application/postscript", 50, {at(0, "%!")}},
  {"application/x-gnumeric", 160, {at(39, "<gmr:Workbook")}},
  {"application/x-scribus", 260, {at(0, "<SCRIBUSUTF8NEW Version")}},
  {"application/x-freeplane", 260, {at(0, "<map version=\"freeplane")}},
  {"application/x-freeplane", 260, {at(0, "<mapversion=\"freeplane")}},
  {"application/x-freemind", 150, {at(0, "<map version")}},
  {"application/x-freemind", 150, {at(0, "<mapversion")}},
  {"application/x-sc", 140, {at(38, "Spreadsheet")}},
  {"application/vnd.lotus-wordpro", 120, {at(0, "WordPro\r\xfb")}},
  {"application/vnd.lotus-wordpro", 110, {at(0, "WordPro\0"sv)}},
  {"application/x-ms-reader", 1, {at(0, "ITOLITLS")}},  // and four bytes more, below
  {"application/x-quark-xpress-3", 90, {at(2, "MMXPR3")}},
  {"application/x-dvi", 50, {at(0, "\xf7\x02")}},
  {"application/x-ichitaro4", 40, {at(0, "DOC"), at(43, "\x14")}},
  {"application/x-ichitaro5", 40, {at(0, "DOC"), at(43, "\x15")}},
  {"application/x-ichitaro6", 40, {at(0, "DOC"), at(43, "\x16")}},
  {"application/x-epoc-agenda", 70, {at(0, "\x50\0\0\x10\x6d\0\0\x10\x84\0\0\x10"sv)}},
  {"application/x-epoc-data", 70, {at(0, "\x50\0\0\x10\x6d\0\0\x10\x86\0\0\x10"sv)}},
  {"application/x-epoc-jotter", 70, {at(0, "\x50\0\0\x10\x6d\0\0\x10\xea\x0c\0\x10"sv)}},
  {"application/x-epoc-word", 70, {at(0, "\x37\0\0\x10\x6d\0\0\x10\x7f\0\0\x10"sv)}},
  {"application/x-epoc-opl", 70, {at(0, "\x37\0\0\x10\x6d\0\0\x10\x85\0\0\x10"sv)}},
  {"application/x-epoc-sheet", 70, {at(0, "\x37\0\0\x10\x6d\0\0\x10\x88\0\0\x10"sv)}},
  {"application/x-epoc-opo", 70, {at(0, "\x37\0\0\x10\x73\0\0\x10"sv)}},
  {"application/x-epoc-app", 70, {at(0, "\x37\0\0\x10\x74\0\0\x10"sv)}},
  {"application/vnd.cups-raster", 40, {at(0, "3SaR")}},
  {"application/vnd.cups-raster", 40, {at(0, "RaS3")}},

  // --- mail, news, keys, small texts
  {"application/pgp-keys", 330, {at(2, "---BEGIN PGP PUBLIC KEY BLOCK-")}},
  {"application/pgp-signature", 280, {at(0, "-----BEGIN PGP SIGNATURE-")}},
  {"application/pgp", 260, {at(0, "-----BEGIN PGP MESSAGE-")}},
  {"application/x-pgp-keyring", 50, {at(0, "\x99\0"sv)}},
  {"application/x-pgp-keyring", 50, {at(0, "\x95\x01")}},
  {"application/x-pgp-keyring", 50, {at(0, "\x95\0"sv)}},
  {"application/x-gnupg-keyring", 50, {at(0, "\x99\x01")}},
  {"text/PGP", 50, {at(0, "\xa6\0"sv)}},
  {"text/PGP", 50, {at(0, "\x85\x02")}},
  {"application/x-pem", 0, {at(0, "-----BEGIN CERTIFICATE-----")}},
  {"application/mac-binhex40", 320, {at(11, "must be converted with BinHex")}},
  {"message/rfc822", 170, {at(0, "Relay-Version:")}},
  {"message/rfc822", 130, {at(0, "Forward to")}},
  {"message/rfc822", 120, {at(0, "N#! rnews")}},
  {"message/rfc822", 110, {at(0, "#! rnews")}},
  {"message/rfc822", 100, {at(0, "Pipe to")}},
  {"message/rfc822", 80, {at(0, "From:")}},
  {"message/news", 100, {at(0, "Article")}},
  {"message/news", 80, {at(0, "Path:")}},
  {"message/news", 80, {at(0, "Xref:")}},
  {"text/calendar", 180, {at(0, "BEGIN:VCALENDAR")}},
  {"text/x-vcard", 140, {at(0, "BEGIN:VCARD")}},
  {"application/x-kdelnk", 220, {at(0, "[KDE Desktop Entry]")}},
  {"application/x-kdelnk", 200, {at(0, "# KDE Config File")}},
  {"model/vrml", 190, {at(0, "#VRML V1.0 ascii")}},
  {"model/vrml", 190, {at(0, "#VRMLV1.0 ascii")}},
  {"model/vrml", 190, {at(0, "#VRML V1.0ascii")}},
  {"model/vrml", 190, {at(0, "#VRMLV1.0ascii")}},
  {"model/vrml", 180, {at(0, "#VRML V2.0 utf8")}},
  {"model/vrml", 180, {at(0, "#VRMLV2.0 utf8")}},
  {"model/vrml", 180, {at(0, "#VRML V2.0utf8")}},
  {"model/vrml", 180, {at(0, "#VRMLV2.0utf8")}},
  {"text/x-xmcd", 90, {at(0, "# xmcd")}},
  {"text/x-po", 37, {at(0, "msgid ")}},
  {"text/x-m4", 40, {at(0, "dnl ")}},

  // --- systems, databases, games
  {"application/x-ms-shortcut", 49, {at(0, "\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"sv)}},
  {"application/vnd.ms-pol", 49, {at(0, "PReg")}},
  {"application/vnd.ms-reg", 49, {at(0, "REGEDIT4")}},
  {"application/vnd.ms-reg", 49, {at(0, "\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0 \0E\0d\0i\0t\0o\0r\0 \0V\0e\0r\0s\0i\0o\0n\0 \0" "5\0.\0" "0\0" "0"sv)}},
  {"application/vnd.ms-regf", 49, {at(0, "regf")}},
  {"application/vnd.ms-outlook", 49, {at(0, "!BDN"), one_of(10, "\x0e\x0f\x15\x17"), one_of(11, "\0\x01\x02"sv)}},
  {"application/vnd.apple-afpinfo", 0, {at(0, "AFP")}},
  {"application/x-shockwave-flash", 60, {one_of(0, "FCZ"), at(1, "WS")}},
  {"application/vnd.ms-tnef", 100, {at(0, "\x78\x9f\x3e\x22")}},
  {"application/vnd.tcpdump.pcap", 70, {at(0, "\xa1\xb2\xc3\xd4")}},
  {"application/vnd.tcpdump.pcap", 70, {at(0, "\xd4\xc3\xb2\xa1")}},
  {"application/vnd.tcpdump.pcap", 100, {at(0, "\n\r\r\n"), at(8, "\x1a\x2b\x3c\x4d")}},
  {"application/vnd.tcpdump.pcap", 100, {at(0, "\n\r\r\n"), at(8, "\x4d\x3c\x2b\x1a")}},
  {"application/sla", 10, {at(0, "solid ")}},
  {"application/skp", 100, {at(0, "\xff\xfe\xff\x0eS\0k\0e\0t\0c\0h\0U\0p\0 \0M\0o\0d\0e\0l\0"sv)}},
  {"application/x-ms-dds", 100, {at(0, "DDS")}},
  {"application/bsdiff", 100, {at(0, "BSDIFF")}},
  {"application/bindiff", 100, {at(0, "DIFF")}},
  {"application/x-kaspavdb", 100, {at(0, "KLZF")}},
  {"application/x-kaspavupdate", 100, {at(0, "KLD2")}},
  {"application/mssql-bak", 100, {at(0, "MSSQLBAK")}},
  {"application/mtf", 100, {at(0, "TAPE")}},
  {"application/bplist", 100, {at(0, "bplist")}},
  {"application/mshelp", 100, {at(0, "ITSF")}},
  {"application/x-game-mpq", 100, {at(0, "MPQ\x1a")}},
  {"application/x-blizgame", 100, {at(0, "BLTE")}},
  {"application/map-tile", 100, {at(0, "VMP4")}},
  {"application/chrome-ext", 100, {at(0, "Cr24")}},
  {"application/chrome-ext-upd", 70, {at(0, "CrOD")}},
  {"application/msqm", 100, {at(0, "MSQM")}},
  {"application/x-vim-tmp", 100, {at(0, "b0VIM")}},
  {"application/x-windows-minidump", 50, {at(0, "MDMP")}},
  {"application/x-iso9660-image", 99, {at(0, "CD001")}},
  {"application/x-tokyocabinet-hash", 40, {at(0, "ToKyO CaBiNeT\n"), at(32, "\0"sv)}},
  {"application/x-tokyocabinet-btree", 40, {at(0, "ToKyO CaBiNeT\n"), at(32, "\x01")}},
  {"application/x-tokyocabinet-fixed", 40, {at(0, "ToKyO CaBiNeT\n"), at(32, "\x02")}},
  {"application/x-tokyocabinet-table", 40, {at(0, "ToKyO CaBiNeT\n"), at(32, "\x03")}},
  {"application/x-bittorrent", 140, {at(0, "d8:announce")}},
  {"application/x-hdf", 110, {at(0, "\x89HDF\r\n\x1a\n")}},
  {"application/x-hdf", 70, {at(0, "\x0e\x03\x13\x01")}},
  {"application/x-quicktime-player", 70, {at(4, "pckg")}},
  {"application/dicom", 70, {at(128, "DICM")}},
  {"x-epoc/x-sisx-app", 70, {at(0, "\x7a\x1a\x20\x10")}},
  {"application/vnd.symbian.install", 70, {at(8, "\x19\x04\0\x10"sv)}},
  {"application/x-dbm", 70, {at(0, "\x61\x15\x06\0"sv)}},
  {"application/x-dbm", 70, {at(0, "\0\x06\x15\x61"sv)}},
  {"application/x-gdbm", 70, {at(0, "GDBM")}},
  {"application/x-gdbm", 70, {at(0, "\xce\x9a\x57\x13")}},
  {"application/x-gdbm", 70, {at(0, "\x13\x57\x9a\xce")}},

  // --- video
  {"video/x-flv", 60, {at(0, "FLV")}},
  {"video/x-fli", 50, {at(4, "\x11\xaf")}},
  {"video/x-flc", 50, {at(4, "\x12\xaf")}},
  {"video/x-mng", 70, {at(0, "\x8aMNG")}},
  {"video/x-jng", 70, {at(0, "\x8bJNG")}},
  {"video/mpeg", 50, {at(0, "\0\0\x01"sv), one_of(3, kEight0)}},
  {"video/mpv", 71, {at(0, "\0\0\x01\xb3"sv)}},
  {"video/h264", 41, {at(0, "\0\0\0\x01"sv), one_of(4, "\x07\x27\x47\x67\x87\xa7\xc7\xe7")}},
  {"video/x-sgi-movie", 70, {at(0, "MOVI")}},
  {"video/quicktime", 70, {at(4, "mdat")}},
  {"video/quicktime", 70, {at(4, "moov")}},
  {"video/quicktime", 50, {at(4, "ftypqt")}},
  {"video/mp4", 70, {at(4, "ftypisom")}},
  {"video/mp4", 70, {at(4, "ftypmp41")}},
  {"video/mp4", 70, {at(4, "ftypmp42")}},
  {"video/mp4", 60, {at(4, "ftypM4V")}},
  {"video/3gpp", 60, {at(4, "ftyp3g"), one_of(10, "egps2")}},
  {"video/3gpp", 60, {at(4, "ftypavc1")}},
  {"video/3gpp", 60, {at(4, "ftypmmp4")}},
  {"video/x-ms-asf", 70, {at(0, "\x30\x26\xb2\x75")}},
  {"video/x-msvideo", 70, {at(0, "RIFF"), at(8, "AVI ")}},
};
// clang-format on

/// OpenDocument: an uncompressed first member "mimetype" of a ZIP (ODF 1.3 part 2, 3.3).
struct OpenDocument {
  std::string_view kind;
  int strength;
  bool needs_more;  // one more byte that is not '-'
};
constexpr OpenDocument kOpenDocuments[] = {
    {"text-template", 120, false},
    {"text-web", 70, false},
    {"text-master", 100, false},
    {"text", 110, true},
    {"graphics-template", 120, false},
    {"graphics", 110, true},
    {"presentation-template", 120, false},
    {"presentation", 110, true},
    {"spreadsheet-template", 120, false},
    {"spreadsheet", 110, true},
    {"chart-template", 120, false},
    {"chart", 110, true},
    {"formula-template", 120, false},
    {"formula", 110, true},
    {"database", 110, false},
    {"image-template", 120, false},
    {"image", 110, true},
};
constexpr std::string_view kOpenDocumentNames[] = {
    "application/vnd.oasis.opendocument.text-template",
    "application/vnd.oasis.opendocument.text-web",
    "application/vnd.oasis.opendocument.text-master",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.graphics-template",
    "application/vnd.oasis.opendocument.graphics",
    "application/vnd.oasis.opendocument.presentation-template",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet-template",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.chart-template",
    "application/vnd.oasis.opendocument.chart",
    "application/vnd.oasis.opendocument.formula-template",
    "application/vnd.oasis.opendocument.formula",
    "application/vnd.oasis.opendocument.database",
    "application/vnd.oasis.opendocument.image-template",
    "application/vnd.oasis.opendocument.image",
};
static_assert(std::size(kOpenDocuments) == std::size(kOpenDocumentNames));

// --- helpers on text; positions are always inside or at the end

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_blank_or_line(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool has(std::string_view s, std::size_t at, std::string_view what) {
  if (at > s.size() || s.size() - at < what.size()) return false;
  return what.empty() || (s[at] == what[0] && s.substr(at, what.size()) == what);
}
/// `what` is in lower case.
bool has_any_case(std::string_view s, std::size_t at, std::string_view what) {
  if (at > s.size() || s.size() - at < what.size()) return false;
  for (std::size_t i = 0; i < what.size(); ++i)
    if (lower(s[at + i]) != what[i]) return false;
  return true;
}
template <class P>
std::size_t skip(std::string_view s, std::size_t at, P wanted) {
  while (at < s.size() && wanted(s[at])) ++at;
  return at;
}
/// The end of the line that `at` lies in.
std::size_t line_end(std::string_view s, std::size_t at) {
  const std::size_t end = s.find('\n', at);
  return end == std::string_view::npos ? s.size() : end;
}
/// Keeps the strongest answer.
struct Best {
  std::string_view mime;
  int strength = -1000;
  void offer(std::string_view m, int s) {
    if (s > strength || (s == strength && m < mime)) {
      mime = m;
      strength = s;
    }
  }
};

bool matches(const Rule& rule, std::string_view s) {
  for (const Mark& mark : rule.marks) {
    if (mark.bytes.empty()) break;
    if (mark.one_of) {
      if (mark.offset >= s.size() || mark.bytes.find(s[mark.offset]) == std::string_view::npos) return false;
    } else if (!has(s, mark.offset, mark.bytes)) {
      return false;
    }
  }
  return true;
}

/// What a rule asks for beyond its marks.
std::string_view refine(const Rule& rule, std::string_view s) {
  const auto byte = [&](std::size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  if (rule.mime == "application/zip" && rule.strength == 10 && s[2] == 3)
    return s.size() >= 6 ? rule.mime : std::string_view{};
  if (rule.mime == "application/x-dmg" && byte(2) == 0xed)
    return byte(3) >= 0xd0 && byte(3) <= 0xd9 ? rule.mime : std::string_view{};
  if (rule.mime == "application/x-elc")
    return s.size() > 4 && (byte(4) < 0x20 || byte(4) >= 0x80) ? rule.mime : std::string_view{};
  if (rule.mime == "application/x-java-pack200") return s.size() > 4 ? rule.mime : std::string_view{};
  if (rule.mime == "application/x-ms-reader") return s.size() >= 12 ? rule.mime : std::string_view{};
  if (rule.mime == "application/x-object") {
    // The file type, in the byte order that byte 5 says (System V ABI, ELF header).
    if (s.size() < 18) return {};
    const unsigned type = byte(5) == 1 ? byte(16) | byte(17) << 8 : byte(17) | byte(16) << 8;
    switch (type) {
      case 1:
        return "application/x-object";
      case 2:
        return "application/x-executable";
      case 3:
        return "application/x-sharedlib";
      case 4:
        return "application/x-coredump";
      default:
        return {};
    }
  }
  return rule.mime;
}

/// Rules by the first byte that they ask for; those that look further in only are at the end.
struct Index {
  std::array<std::vector<const Rule*>, 257> by_byte;
  Index() {
    for (const Rule& rule : kRules) {
      const Mark& first = rule.marks[0];
      if (first.offset != 0) {
        by_byte[256].push_back(&rule);
      } else if (first.one_of) {
        for (const char c : first.bytes) by_byte[static_cast<unsigned char>(c)].push_back(&rule);
      } else {
        by_byte[static_cast<unsigned char>(first.bytes[0])].push_back(&rule);
      }
    }
  }
};

// --- texts

/// Places in a text; few, as comments that could end in several places are rare. Further ones are dropped.
struct Positions {
  std::array<std::uint16_t, 64> at;
  std::size_t count = 0;
  bool add(std::size_t position) {
    const auto p = static_cast<std::uint16_t>(position);
    if (count == at.size() || std::find(at.begin(), at.begin() + count, p) != at.begin() + count) return false;
    at[count++] = p;
    return true;
  }
};

/// From `start`: white space and comments, any number of both; adds where something else begins.
void after_comments(std::string_view s, std::size_t start, Positions& reached) {
  std::size_t next = reached.count;
  reached.add(skip(s, start, is_blank_or_line));
  for (; next < reached.count; ++next) {
    const std::size_t at = reached.at[next];
    if (!has(s, at, "<!--")) continue;
    // A comment may end at any "-->": all are followed.
    for (std::size_t end = s.find("-->", at + 4); end != std::string_view::npos; end = s.find("-->", end + 1))
      reached.add(skip(s, end + 3, is_blank_or_line));
  }
}

/// One or more spaces, then `word` (lower case, any case in the text).
bool spaces_then(std::string_view s, std::size_t at, std::string_view word) {
  const std::size_t next = skip(s, at, [](char c) { return c == ' '; });
  return next > at && has_any_case(s, next, word);
}

void markup_at(std::string_view s, std::size_t at, bool byte_order_mark, Best& best) {
  const std::size_t name = at + 1;
  if (has_any_case(s, name, "!doctype")) {
    if (spaces_then(s, name + 8, "html")) best.offer("text/html", 100);
    if (!byte_order_mark && spaces_then(s, name + 8, "cross-domain-policy"))
      best.offer("text/x-cross-domain-policy", 49);
    return;
  }
  if (has_any_case(s, name, "html")) best.offer("text/html", 100);
  if (has_any_case(s, name, "meta") && spaces_then(s, name + 4, "http-equiv")) best.offer("text/html", 100);
  if (has_any_case(s, name, "head") || has_any_case(s, name, "title") || has_any_case(s, name, "body"))
    best.offer("text/html", 20);
  const auto inside_tag = [&](std::size_t from, std::string_view what) {
    return s.substr(from, std::min(s.find('>', from), s.size()) - from + what.size()).find(what);
  };
  if (has_any_case(s, name, "rss")) {
    best.offer("text/rss", 90);
    if (inside_tag(name + 3, "xmlns:atom") != std::string_view::npos) best.offer("text/atom", 100);
  }
  if (has_any_case(s, name, "feed")) {
    std::size_t from = name + 4;
    for (;;) {
      const std::size_t found = inside_tag(from, "xmlns=");
      if (found == std::string_view::npos) break;
      std::size_t value = from + found + 6;
      if (value < s.size() && (s[value] == '"' || s[value] == '\'')) ++value;
      if (has(s, value, "http://www.w3.org/2005/Atom")) best.offer("text/atom", 100);
      from += found + 6;
    }
  }
  if (has_any_case(s, name, "soap")) {
    const std::size_t colon = has_any_case(s, name + 4, "-env") ? name + 8 : name + 4;
    if (has_any_case(s, colon, ":envelope")) best.offer("application/soap+xml", 49);
  }
  if (!byte_order_mark && has_any_case(s, name, "cross-domain-policy")) best.offer("text/x-cross-domain-policy", 49);
  if (has_any_case(s, name, "methodresponse>")) best.offer("application/xml-rpc", 49);
  if (has_any_case(s, name, "manifest")) {
    const std::size_t next = skip(s, name + 8, is_blank_or_line);
    if (next > name + 8 && has(s, next, "xmlns=\"http://ns.adobe.com/f4m/")) best.offer("application/f4m", 49);
  }
}

/// The XML declaration in either of UTF-16's orders too.
bool xml_declaration(std::string_view s, std::size_t at) {
  if (at < s.size() && s[at] == 0) ++at;
  for (const char c : "<?xml "sv) {
    if (at >= s.size() || s[at] != c) return false;
    ++at;
    if (at < s.size() && s[at] == 0) ++at;
  }
  return true;
}

void markup(std::string_view s, std::size_t mark, Best& best) {
  Positions all;
  after_comments(s, mark, all);
  const std::size_t before_declaration = all.count;
  for (std::size_t i = 0; i < before_declaration; ++i) {
    const std::size_t at = all.at[i];
    if (xml_declaration(s, at)) best.offer("application/xml", 10);
    if (has(s, at, "<?xml ")) {
      for (std::size_t end = s.find("?>", at + 6); end != std::string_view::npos; end = s.find("?>", end + 1))
        after_comments(s, end + 2, all);
    }
    if (mark == 0 && (has(s, at, "<CFPARAM") || has(s, at, "<CFSET") || has(s, at, "<CFIF")))
      best.offer("magnus-internal/cold-fusion", 20);
  }
  for (std::size_t i = 0; i < all.count; ++i)
    if (has(s, all.at[i], "<")) markup_at(s, all.at[i], mark != 0, best);
}

/// XML documents told by what comes after their declaration.
void xml_kinds(std::string_view s, Best& best) {
  if (!has(s, 0, "<?xml")) return;
  if (s.size() > 20) {
    for (std::size_t at = s.find(" xmlns=", 20); at != std::string_view::npos; at = s.find(" xmlns=", at + 1)) {
      const std::string_view value = s.substr(at + 7);
      if (value.empty() || (value[0] != '"' && value[0] != '\'')) continue;
      if (has(value, 1, "http://earth.google.com/kml")) best.offer("application/vnd.google-earth.kml+xml", 61);
      if (has(value, 1, "http://www.opengis.net/kml")) best.offer("application/vnd.google-earth.kml+xml", 60);
    }
  }
  if (!has(s, 0, "<?xml version=\"") || s.size() < 20) return;
  if (s.find("<!DOCTYPE X3D", 20) != std::string_view::npos || s.find("<!DOCTYPEX3D", 20) != std::string_view::npos)
    best.offer("model/x3d", 43);
  if (s[15] == 0) return;
  if (s.find("<urlset", 19) != std::string_view::npos) best.offer("application/xml-sitemap", 37);
  if (s.find("<svg", 19) != std::string_view::npos) best.offer("image/svg+xml", 38);
  if (s.find("<gnc-v2", 19) != std::string_view::npos) best.offer("application/x-gnucash", 37);
}

/// After an opening bracket or colon: a value's beginning.
bool json_scalar(std::string_view s, std::size_t at, std::size_t& after) {
  if (at >= s.size()) return false;
  if (s[at] == '"') {
    const std::size_t end = s.find('"', at + 1);
    if (end == std::string_view::npos || end == at + 1) return false;
    after = end + 1;
    return true;
  }
  if (is_digit(s[at])) {
    after = skip(s, at, is_digit);
    if (after + 1 < s.size() && s[after] == '.' && is_digit(s[after + 1])) after = skip(s, after + 1, is_digit);
    return true;
  }
  for (const std::string_view word : {"true"sv, "false"sv}) {
    if (has(s, at, word)) {
      after = at + word.size();
      return true;
    }
  }
  return false;
}

void json(std::string_view s, std::size_t mark, Best& best) {
  const std::size_t open = skip(s, mark, is_blank_or_line);
  if (open >= s.size()) return;
  const std::size_t next = skip(s, open + 1, is_blank_or_line);
  if (s[open] == '{') {
    if (next < s.size() && next == open + 1 && s[next] == '}' && skip(s, next + 1, is_blank_or_line) == s.size())
      best.offer("text/json", 0);
    std::size_t after = next;
    if (next < s.size() && s[next] == '"') {
      if (!json_scalar(s, next, after)) return;
    } else if (next < s.size() && lower(s[next]) >= 'a' && lower(s[next]) <= 'z') {
      after = skip(s, next,
                   [](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '\\' || c == '_'; });
    } else {
      return;
    }
    const std::size_t colon = skip(s, after, is_blank_or_line);
    if (colon >= s.size() || s[colon] != ':') return;
    const std::size_t value = skip(s, colon + 1, is_blank_or_line);
    if (value >= s.size()) return;
    const char c = s[value];
    if (c == '"' || c == '[' || c == '{' || is_digit(c) || has(s, value, "true") || has(s, value, "false"))
      best.offer("text/json", 1);
  } else if (s[open] == '[') {
    if (next < s.size() && next == open + 1 && s[next] == ']' && skip(s, next + 1, is_blank_or_line) == s.size())
      best.offer("text/json", 0);
    if (next >= s.size()) return;
    if (s[next] == '{' || s[next] == '[') {
      best.offer("text/json", 1);
      return;
    }
    std::size_t after = next;
    if (json_scalar(s, next, after)) {
      const std::size_t comma = skip(s, after, is_blank_or_line);
      if (comma < s.size() && s[comma] == ',') best.offer("text/json", 1);
    }
  }
}

/// "#!" and an interpreter.
void script(std::string_view s, Best& best) {
  const std::string_view line = s.substr(0, line_end(s, 0));
  for (std::size_t at = 3; at <= 17 && at < line.size(); ++at) {
    if (!has(line, at, "bin/")) continue;
    std::size_t name = at + 4;
    std::size_t names[2] = {name, name};
    if (has(s, name, "env")) {
      const std::size_t after = skip(s, name + 3, is_space);
      if (after > name + 3) names[1] = after;
    }
    for (std::size_t i = 0; i < (names[1] != name ? 2u : 1u); ++i) {
      const std::size_t n = names[i];
      for (const auto shell : {"sh"sv, "bash"sv, "tcsh"sv, "csh"sv, "zsh"sv, "fash"sv, "aesh"sv, "ksh"sv})
        if (has(s, n, shell)) best.offer("text/x-shellscript", 250);
      if (has(s, n, "perl")) best.offer("text/x-perl", 60);
      if (has(s, n, "ruby")) best.offer("text/x-ruby", 60);
      if (has(s, n, "python")) best.offer("text/x-python", 60);
      if (has(s, n, "awk") || has(s, n, "gawk") || has(s, n, "nawk")) best.offer("text/x-awk", 60);
      if (has(s, n, "wish") || has(s, n, "tcl")) best.offer("text/x-tcl", 60);
      if (has(s, n, "lua")) best.offer("text/x-lua", 49);
      if (has(s, n, "node")) best.offer("application/javascript", 60);
      if (has(s, n, "php")) best.offer("text/x-php", 60);
    }
  }
}

void javascript(std::string_view s, Best& best) {
  const std::size_t at = skip(s, 0, is_blank_or_line);
  constexpr std::string_view kMime = "application/javascript";
  if (has_any_case(s, at, "<script")) {
    const std::size_t name = skip(s, at + 7, is_blank);
    if (name > at + 7) {
      const std::size_t equals = has_any_case(s, name, "type")       ? name + 4
                                 : has_any_case(s, name, "language") ? name + 8
                                                                     : s.size();
      if (equals < s.size() && s[equals] == '=') {
        std::size_t value = equals + 1;
        if (value < s.size() && (s[value] == '"' || s[value] == '\'')) ++value;
        if (has_any_case(s, value, "text/")) value += 5;
        if (has_any_case(s, value, "javascript")) best.offer(kMime, 60);
      }
    }
    if (has(s, at, "<script>")) {
      const std::size_t word = skip(s, at + 8, is_blank_or_line);
      if (has(s, word, "var ") || has(s, word, "function ")) best.offer(kMime, 60);
    }
  }
  if (has(s, at, "for (;;);")) best.offer(kMime, 60);
  if (has(s, at, "document.write")) {
    std::size_t open = at + 14;
    if (has(s, open, "ln")) open += 2;
    if (has(s, open, "(") ||
        (open + 1 < s.size() && ":blank"sv.find(s[open]) != std::string_view::npos && s[open + 1] == '('))
      best.offer(kMime, 60);
  }
  if (has(s, 0, "(function()") && has(s, skip(s, 11, [](char c) { return is_blank(c) || c == '\n'; }), "{"))
    best.offer(kMime, 60);
}

/// Portable any-map headers as libmagic's database has them: "P5", any byte, digits and a space, a space and digits.
void any_map(std::string_view s, Best& best) {
  const auto sizes = [&](std::size_t at) {
    const std::size_t first = skip(s, at, is_digit);
    if (first == at || first - at > 50) return false;
    return has(s, first, "  ") && first + 2 < s.size() && is_digit(s[first + 2]);
  };
  if (s.size() > 3 && s[0] == 'P') {
    if (s[1] == '5' && sizes(3)) best.offer("image/x-portable-greymap", 42);
    if (s[1] == '6' && sizes(3)) best.offer("image/x-portable-pixmap", 42);
    if (s[1] == '4' && sizes(3)) best.offer("image/x-portable-bitmap", 42);
  }
  for (std::size_t at = s.find('P'); at != std::string_view::npos && at + 2 < s.size(); at = s.find('P', at + 1)) {
    if (s[at + 1] < '1' || s[at + 1] > '3' || !sizes(at + 2)) continue;
    best.offer(s[at + 1] == '1'   ? "image/x-portable-bitmap"
               : s[at + 1] == '2' ? "image/x-portable-greymap"
                                  : "image/x-portable-pixmap",
               42);
  }
}

void text(std::string_view s, Best& best) {
  const std::size_t mark = has(s, 0, "\xef\xbb\xbf") ? 3 : has(s, 0, "\xff\xfe") || has(s, 0, "\xfe\xff") ? 2 : 0;
  {
    // Plain text: ten printable characters, after any of the byte order marks.
    const auto plain = [&](std::size_t at) {
      if (at > s.size() || s.size() - at < 10) return false;
      for (std::size_t i = at; i < at + 10; ++i)
        if (!is_space(s[i]) && (s[i] < 0x20 || s[i] > 0x7e)) return false;
      return true;
    };
    if (plain(mark) || (has(s, 0, "\0\0\xfe\xff"sv) && plain(4)) || (has(s, 0, "\xff\xfe\0\0"sv) && plain(4)))
      best.offer("text/plain", -20);
  }
  const std::size_t at = skip(s, mark, is_blank_or_line);
  if (at >= s.size()) return;
  switch (s[at]) {
    case '{':
    case '[':
      json(s, mark, best);
      break;
    case '<':
    case '\0':
      markup(s, mark, best);
      xml_kinds(s, best);
      break;
    default:
      break;
  }
  {
    // .ini: a section's name on the first line that is not empty.
    const std::size_t open = skip(s, mark, [](char c) { return is_blank_or_line(c) || c == 0; });
    if (has(s, open, "[")) {
      const std::size_t end = skip(s, open + 1, [](char c) { return c != '\r' && c != '\n'; });
      if (end < s.size()) {
        std::size_t close = end;
        while (close > open + 2 && (is_blank(s[close - 1]) || s[close - 1] == 0)) --close;
        if (close > open + 2 && s[close - 1] == ']') best.offer("text/ini", 20);
      }
    }
  }
  if (s[0] == '#' && has(s, 0, "#!")) script(s, best);
  javascript(s, best);
  // What looks through the whole window is only asked where it could still win.
  if (best.strength <= 40 && s.find("<?php") != std::string_view::npos) best.offer("text/x-php", 40);
  if (has(s, 0, "<?php /* Smarty version") && s.size() > 24 && (is_digit(s[24]) || s[24] == '.'))
    best.offer("text/x-php", 37);
  if (s[0] == '@') {
    const std::size_t word = skip(s, 1, [](char c) { return c == ' '; });
    if (has_any_case(s, word, "echo") && spaces_then(s, word + 4, "off")) best.offer("text/x-msdos-batch", 110);
    if (has_any_case(s, 1, "rem")) best.offer("text/x-msdos-batch", 60);
    if (has_any_case(s, 1, "set ")) best.offer("text/x-msdos-batch", 70);
  }
  if (has_any_case(s, 0, "delivered-to:")) best.offer("message/rfc822", 160);
  if (has_any_case(s, 0, "return-path:")) best.offer("message/rfc822", 150);
  if (has(s, 0, "MIME-Version:") && s.find("protocol=\"application/pkcs7-signature\"") != std::string_view::npos)
    best.offer("application/pkcs7-signature", 100);
  if (s.size() > 6 && s[6] == 'w' && "acdn"sv.find(s[5]) != std::string_view::npos && skip(s, 0, is_digit) == 5)
    best.offer("application/marc", 50);
  // Unified diff: "--- ", a line's end, "+++ ", a line's end, "@@", in this order.
  if (std::size_t at = best.strength <= 55 ? s.find("--- ") : std::string_view::npos; at != std::string_view::npos) {
    bool all = true;
    for (const std::string_view mark : {"\n"sv, "+++ "sv, "\n"sv, "@@"sv}) {
      at = s.find(mark, at + 1);
      all = all && at != std::string_view::npos;
      if (!all) break;
    }
    if (all) best.offer("text/x-diff", 55);
  }
  if (best.strength <= 42) any_map(s, best);
}

// --- containers

void zip(std::string_view s, Best& best) {
  if (has(s, 26, "\x08\0\0\0mimetypeapplication/vnd.oasis.opendocument."sv)) {
    constexpr std::size_t kKind = 26 + 4 + 8 + 12 + 23;
    for (std::size_t i = 0; i < std::size(kOpenDocuments); ++i) {
      const OpenDocument& document = kOpenDocuments[i];
      if (!has(s, kKind, document.kind)) continue;
      const std::size_t after = kKind + document.kind.size();
      if (document.needs_more && (after >= s.size() || s[after] == '-')) continue;
      best.offer(kOpenDocumentNames[i], document.strength);
    }
  }
  // Office Open XML (ECMA-376 part 2): the first member, and a later one of the kind's folder.
  struct Kind {
    std::string_view folder, mime;
  };
  constexpr Kind kKinds[] = {
      {"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
      {"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
  };
  for (const Kind& kind : kKinds) {
    std::size_t after = 0;
    for (const std::string_view member : {"[Content_Types].xml"sv, "_rels/.rels"sv, kind.folder}) {
      if (has(s, 30, member)) after = 30 + member.size();
    }
    if (after == 0) continue;
    for (std::size_t at = s.find("PK\x03\x04", after); at != std::string_view::npos; at = s.find("PK\x03\x04", at + 1))
      if (has(s, at + 30, kind.folder)) best.offer(kind.mime, 80);
  }
  // A Java archive's first member is its manifest.
  for (std::size_t at = 5; at <= 204 && at + 24 <= s.size(); ++at)
    if (s[at] == 0x14 && s[at + 1] == 0 && has(s, at + 4, "META-INF/MANIFEST.MF"))
      best.offer("application/java-archive", 100);
}

void tar(std::string_view s, Best& best) {
  if (s.size() < 157) return;
  const auto all = [&](std::size_t from, std::size_t to, auto wanted) {
    for (std::size_t i = from; i < to; ++i)
      if (!wanted(s[i])) return false;
    return true;
  };
  const auto number = [](char c) { return is_digit(c) || c == ' '; };
  // POSIX ustar: name, mode, uid, gid, size, mtime, checksum, type.
  if (!all(0, 100, [](char c) { return c == 0 || (c >= 0x20 && c <= 0x7e); })) return;
  for (std::size_t at = 100; at < 124; at += 8)
    if (!all(at, at + 7, number) || s[at + 7] != 0) return;
  for (std::size_t at = 124; at < 148; at += 12)
    if (!all(at, at + 11, number) || s[at + 11] != 0) return;
  if (!all(148, 155, [&](char c) { return number(c) || c == 0; }) || (s[155] != ' ' && s[155] != 0)) return;
  if (s[156] == 0 || (s[156] >= '0' && s[156] <= '7')) best.offer("application/x-tar", 100);
}

void others(std::string_view s, Best& best) {
  // OCSP (RFC 6960): an object identifier 11 to 19 bytes in: SHA-1 in a request's certificate id, basic response.
  for (std::size_t at = 11; at <= 19 && at < s.size(); ++at) {
    if (has(s, at, "\x06\x05\x2b\x0e\x03\x02\x1a")) best.offer("application/ocsp-request", 71);
    if (has(s, at, "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01")) best.offer("application/ocsp-response", 71);
  }
  // ARC: two bytes of ASCII, a kind, a version.
  if (s.size() >= 4 && static_cast<unsigned char>(s[0]) < 0x80 && static_cast<unsigned char>(s[1]) < 0x80 &&
      s[3] == 0x1a && ((s[2] >= 2 && s[2] <= 10) || s[2] == 0x14 || s[2] == 0x48))
    best.offer("application/x-arc", 70);
  if (has(s, 0, "\x1a\x45\xdf\xa3")) {
    // EBML's DocType (RFC 8794 11.2.7).
    for (std::size_t at = s.find("B\x82", 4); at != std::string_view::npos; at = s.find("B\x82", at + 1)) {
      if (at + 3 > s.size()) break;
      if (has(s, at + 3, "webm")) best.offer("video/webm", 70);
      if (has(s, at + 3, "matroska")) best.offer("video/x-matroska", 110);
    }
  }
  if (has(s, 0, "\0\0\x01\xba"sv) && s.size() > 4 && (s[4] & 0x40) != 0) best.offer("video/mp2p", 21);
  if (has(s, 0, "LPKSHHRH") && s.size() >= 72 && s[16] >= 0 && s[16] <= 3 &&
      s.substr(24, 48).find('\0') == std::string_view::npos)
    best.offer("application/vnd.fdo.journal", 80);
}

}  // namespace

std::string_view mime_type_of(Bytes beginning) {
  if (beginning.empty()) return {};
  const std::string_view s = base::as_text(beginning.subspan(0, std::min(beginning.size(), kMimeWindow)));
  static const Index kIndex;
  Best best;
  for (const std::size_t bucket : {static_cast<std::size_t>(static_cast<unsigned char>(s[0])), std::size_t{256}}) {
    for (const Rule* rule : kIndex.by_byte[bucket]) {
      if (!matches(*rule, s)) continue;
      if (const std::string_view mime = refine(*rule, s); !mime.empty()) best.offer(mime, rule->strength);
    }
  }
  if (has(s, 0, "PK\x03\x04")) zip(s, best);
  tar(s, best);
  others(s, best);
  text(s, best);
  return best.mime;
}

}  // namespace whodunit::protocol
