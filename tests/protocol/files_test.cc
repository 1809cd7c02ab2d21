// Files: sizes, types by content, digests, order, limits, extraction.
#include "protocol/files/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "protocol/files/file_record.h"
#include "protocol/files/mime.h"
#include "protocol/files/ocsp.h"
#include "protocol/files/pe.h"
#include "protocol/plan.h"
#include "protocol/talk.h"

namespace whodunit::protocol {
namespace {

using namespace std::string_view_literals;
using base::as_bytes;

std::string_view mime(std::string_view bytes) { return mime_type_of(as_bytes(bytes)); }

TEST(MimeType, KnowsWhatFilesBeginWith) {
  struct Case {
    std::string_view bytes, type;
  };
  const Case cases[] = {
      {"MZ\x90\0\x03\0"sv, "application/x-dosexec"},
      {"\x7f"
       "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0"sv,
       "application/x-sharedlib"},
      {"GIF89a\x01\0\x01\0"sv, "image/gif"},
      {"\x89PNG\r\n\x1a\n"sv, "image/png"},
      {"\xff\xd8\xff\xe0"sv, "image/jpeg"},
      {"%PDF-1.4\n%\xe2\xe3"sv, "application/pdf"},
      {"PK\x03\x04\x14\0\0\0"sv, "application/zip"},
      {"PK\x03\x04\x0a\0\0\0"sv, "application/zip"},
      {"PK\x03\x04\x14\0\x06\0"sv, "application/vnd.openxmlformats-officedocument"},
      {"\x1f\x8b\x08\0"sv, "application/x-gzip"},
      {"CWS\x09"sv, "application/x-shockwave-flash"},
      {"\xca\xfe\xba\xbe\0\0\0\x34"sv, "application/x-java-applet"},
      {"MSCF\0\0\0\0\x01"sv, "application/vnd.ms-cab-compressed"},
      {"\0\0\0\x18"
       "ftypmp42"sv,
       "video/mp4"},
      {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "application/msword"},
      {"AFP\0\0\0\x01"sv, "application/vnd.apple-afpinfo"},
      {"#!/bin/sh\necho hi\n"sv, "text/x-shellscript"},
      {"#!/usr/bin/env python3\n"sv, "text/x-python"},
      {"<!DOCTYPE html>\n<html>"sv, "text/html"},
      {"\r\n <!-- c --> <!DOCTYPE   HTML PUBLIC>"sv, "text/html"},
      {"<html><head></head></html>"sv, "text/html"},
      {"<HEAD><title>x</title>"sv, "text/html"},
      {"<?xml version=\"1.0\"?>\n<a/>"sv, "application/xml"},
      {"<?xml version=\"1.0\"?><!-- a --> <html xmlns=\"x\">"sv, "text/html"},
      {"<?xml version=\"1.0\"?><rss version=\"2.0\">"sv, "text/rss"},
      {"<rss version=\"2.0\" xmlns:atom=\"x\">"sv, "text/atom"},
      {"<?xml version=\"1.0\"?><soap:Envelope>"sv, "application/soap+xml"},
      {"{\"a\": 1}"sv, "text/json"},
      {"{ \"a b\" : [ ] }"sv, "text/json"},
      {"[1, 2]"sv, "text/json"},
      {"[[]]"sv, "text/json"},
      {"{}\r\n"sv, "text/json"},
      {"{ not json at all }"sv, "text/plain"},
      {"[general]\r\nx=1\r\n"sv, "text/ini"},
      {"hello, world"sv, "text/plain"},
      {"too short"sv, ""},
      {"\xef\xbb\xbfhello, world"sv, "text/plain"},
      {"some text <?php echo 1;"sv, "text/x-php"},
      {"@echo off\r\n"sv, "text/x-msdos-batch"},
      {"From: someone@example.org\r\n"sv, "message/rfc822"},
      {"\0\0\0\0\0\0\0\0\0\0\0\0"sv, ""},
      {"\x30\x82\x01\xd2\x0a\x01\0\xa0\x82\x01\xcb\x30\x82\x01\xc7\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01"sv,
       "application/ocsp-response"},
      {"<a.{3}\n"sv, ""},
      {""sv, ""},
  };
  for (const Case& c : cases) EXPECT_EQ(mime(c.bytes), c.type) << c.bytes;
}

TEST(MimeType, ElfNamesItsKind) {
  std::string elf(
      "\x7f"
      "ELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"sv);
  EXPECT_EQ(mime(elf), "application/x-executable");
  elf[16] = 1;
  EXPECT_EQ(mime(elf), "application/x-object");
  elf[16] = 3;
  EXPECT_EQ(mime(elf), "application/x-sharedlib");
  elf[16] = 4;
  EXPECT_EQ(mime(elf), "application/x-coredump");
  elf[5] = 2;  // big endian
  elf[16] = 0;
  elf[17] = 2;
  EXPECT_EQ(mime(elf), "application/x-executable");
}

TEST(MimeType, OnlyTheWindowCounts) {
  std::string late(kMimeWindow, ' ');
  late += "<html>";
  EXPECT_EQ(mime(late), "text/plain");
}

TEST(MimeType, HostileTextEnds) {
  // Many comments and "?>" to choose from.
  std::string text = "<?xml ";
  while (text.size() < 4000) text += "?><!---->";
  text += "<html>";
  EXPECT_FALSE(mime(text).empty());
  std::string open(4096, '<');
  mime(open);
  std::string feeds;
  while (feeds.size() < 4096) feeds += "<feed ";
  mime(feeds);
}

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    testing::register_records();
    view_.uid = {42};
    view_.id.orig_h = base::Address::v4(0xc0a80102);
    view_.id.resp_h = base::Address::v4(0x08080808);
    at_.number = 7;
    at_.time = {1'000'000'000};
  }
  Context context() { return {view_, at_, sink_, plan_, memory_, &files_, shared_}; }
  void next(std::int64_t ns) {
    ++at_.number;
    at_.time.ns += ns;
  }
  Files row(std::size_t i) { return Files::read(sink_.batch(Files::schema), i); }

  connection::View view_;
  packet::Origin at_;
  record::Sink sink_;
  Plan plan_;
  base::MemoryAccountant memory_;
  FileSink files_{plan_, memory_};
  Shared shared_;
};

TEST_F(FilesTest, OneFileInTwoPieces) {
  plan_.file_md5 = plan_.file_sha1 = plan_.file_sha256 = true;
  Context c = context();
  FileHandle file =
      files_.open(c, {.source = "HTTP", .direction = Direction::kResponder, .name = "a.txt", .total_bytes = 12});
  files_.data(c, *file, as_bytes("hello, "));
  EXPECT_FALSE(file->complete());
  next(500);
  Context d = context();
  files_.data(d, *file, as_bytes("world"));
  EXPECT_TRUE(file->complete());
  const record::Fuid fuid = file->fuid();
  const FileClosed closed = files_.close(d, file);
  EXPECT_EQ(closed.fuid, fuid);
  EXPECT_EQ(closed.mime_type, "text/plain");
  EXPECT_EQ(file, nullptr);
  const Files r = row(0);
  EXPECT_EQ(r.fuid, fuid);
  EXPECT_EQ(r.source, "HTTP");
  EXPECT_EQ(r.filename, "a.txt");
  EXPECT_EQ(r.seen_bytes, 12u);
  EXPECT_EQ(r.total_bytes, 12u);
  EXPECT_EQ(r.missing_bytes, 0u);
  EXPECT_EQ(r.duration.ns, 500);
  EXPECT_FALSE(r.is_orig);
  EXPECT_EQ(r.local_orig, false);
  EXPECT_EQ(r.md5, "e4d7f1b4ed2e42d15898f4b27b019da4");
  EXPECT_EQ(r.sha1, "b7e23ec29af22b0b4e41da31e868d57226121c84");
  EXPECT_EQ(r.sha256, "09ca7e4eaa6e8ae9c7d261167129184883644d07dfba7cbfbc4c8a2e08360d5b");
  EXPECT_EQ(r.head.place.first, 7u);
  EXPECT_EQ(r.head.place.last, 8u);
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(FilesTest, NothingIsHashedUnlessAsked) {
  Context c = context();
  FileHandle file = files_.open(c, {.source = "SMTP", .direction = Direction::kOriginator});
  files_.data(c, *file, as_bytes("x"));
  files_.close(c, file);
  EXPECT_EQ(row(0).md5.data(), nullptr);
  EXPECT_EQ(row(0).analyzers.size(), 0u);
  EXPECT_EQ(row(0).local_orig, true);
}

TEST_F(FilesTest, IdsDifferByOrdinalSourceAndDirectionAndAreStable) {
  Context c = context();
  const auto id = [&](FileStart start) { return files_.open(c, start)->fuid().value; };
  const auto a = id({.source = "HTTP", .direction = Direction::kResponder, .ordinal = 1});
  EXPECT_EQ(a, id({.source = "HTTP", .direction = Direction::kResponder, .ordinal = 1}));
  EXPECT_NE(a, id({.source = "HTTP", .direction = Direction::kResponder, .ordinal = 2}));
  EXPECT_NE(a, id({.source = "HTTP", .direction = Direction::kOriginator, .ordinal = 1}));
  EXPECT_NE(a, id({.source = "SMB", .direction = Direction::kResponder, .ordinal = 1}));
}

TEST_F(FilesTest, AGapIsCountedAndSpoilsDigests) {
  plan_.file_md5 = true;
  Context c = context();
  FileHandle file = files_.open(c, {.source = "HTTP", .direction = Direction::kResponder, .total_bytes = 30});
  files_.data(c, *file, as_bytes("<html><body>"));
  files_.gap(c, *file, 10);
  EXPECT_EQ(file->mime_type(), "text/html");
  files_.data(c, *file, as_bytes("12345678"));
  EXPECT_TRUE(file->complete());
  files_.close(c, file);
  EXPECT_EQ(row(0).seen_bytes, 20u);
  EXPECT_EQ(row(0).missing_bytes, 10u);
  EXPECT_EQ(row(0).md5.data(), nullptr);
}

TEST_F(FilesTest, PiecesOutOfOrderAreTheSameFile) {
  plan_.file_sha256 = true;
  std::string whole;
  for (int i = 0; i < 9000; ++i) whole += static_cast<char>('a' + i % 23);
  const auto run = [&](std::initializer_list<std::pair<std::size_t, std::size_t>> pieces) {
    Context c = context();
    FileHandle file =
        files_.open(c, {.source = "SMB", .direction = Direction::kOriginator, .total_bytes = whole.size()});
    for (const auto& [from, to] : pieces)
      files_.data_at(c, *file, from, as_bytes(std::string_view(whole).substr(from, to - from)));
    files_.close(c, file);
    const Files r = row(sink_.batch(Files::schema).rows() - 1);
    EXPECT_EQ(r.seen_bytes, whole.size());
    EXPECT_EQ(r.missing_bytes, 0u);
    return std::string(r.sha256);
  };
  const std::string expected = base::digest_hex(base::DigestKind::kSha256, as_bytes(whole));
  EXPECT_EQ(run({{0, 9000}}), expected);
  EXPECT_EQ(run({{4000, 9000}, {0, 4000}}), expected);
  EXPECT_EQ(run({{8000, 9000}, {4000, 5000}, {0, 4000}, {5000, 8000}}), expected);
  EXPECT_EQ(run({{3000, 7000}, {2000, 8000}, {0, 2500}, {1000, 9000}}), expected);
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(FilesTest, WhatNeverComesIsMissing) {
  Context c = context();
  FileHandle file = files_.open(c, {.source = "SMB", .direction = Direction::kOriginator});
  files_.data_at(c, *file, 0, as_bytes("0123456789"));
  files_.data_at(c, *file, 100, as_bytes("0123456789"));
  files_.close(c, file, true);
  EXPECT_EQ(row(0).seen_bytes, 20u);
  EXPECT_EQ(row(0).missing_bytes, 90u);
  EXPECT_TRUE(row(0).timedout);
}

TEST_F(FilesTest, WaitingBytesAreBounded) {
  Context c = context();
  FileHandle file = files_.open(c, {.source = "SMB", .direction = Direction::kOriginator});
  const std::string piece(60000, 'x');
  for (std::uint64_t i = 1; i < 40; ++i) {
    files_.data_at(c, *file, i * 100000, as_bytes(piece));
    EXPECT_LT(memory_.used(), (512u << 10) + 8192u);
  }
  files_.data_at(c, *file, UINT64_MAX - 3, as_bytes(piece));  // cannot be
  files_.close(c, file);
  EXPECT_EQ(row(0).seen_bytes, 39u * piece.size());
  EXPECT_GT(row(0).overflow_bytes, 0u);
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(FilesTest, ExtractsWithinLimits) {
  std::string folder = ::testing::TempDir() + "whodunit-files-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  plan_.extract_to = folder;
  plan_.extract_limit = 8;
  Context c = context();
  FileHandle file = files_.open(c, {.source = "HTTP", .direction = Direction::kResponder, .name = "../../etc/passwd"});
  files_.data(c, *file, as_bytes("01234"));
  files_.data(c, *file, as_bytes("56789"));
  files_.close(c, file);
  const Files r = row(0);
  EXPECT_EQ(r.extracted, "HTTP-" + r.fuid.to_string());
  EXPECT_EQ(r.extracted_cutoff, true);
  EXPECT_EQ(r.extracted_size, 8u);
  std::ifstream in(folder + "/" + std::string(r.extracted));
  std::stringstream content;
  content << in.rdbuf();
  EXPECT_EQ(content.str(), "01234567");
  std::filesystem::remove_all(folder);
}

TEST_F(FilesTest, ExtractionTotalIsShared) {
  std::string folder = ::testing::TempDir() + "whodunit-files-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  plan_.extract_to = folder;
  plan_.extract_total = 15;
  for (std::uint64_t i = 0; i < 2; ++i) {
    Context c = context();
    FileHandle file = files_.open(c, {.source = "HTTP", .direction = Direction::kResponder, .ordinal = i});
    files_.data(c, *file, as_bytes("0123456789"));
    files_.close(c, file);
  }
  EXPECT_EQ(row(0).extracted_size, 10u);
  EXPECT_EQ(row(1).extracted_size, 5u);
  EXPECT_EQ(row(1).extracted_cutoff, true);
  std::filesystem::remove_all(folder);
}

TEST_F(FilesTest, AnUnwritableFolderIsAWeirdNotACrash) {
  plan_.extract_to = "/nonexistent/folder";
  Context c = context();
  FileHandle file = files_.open(c, {.source = "HTTP", .direction = Direction::kResponder});
  files_.data(c, *file, as_bytes("x"));
  files_.close(c, file);
  EXPECT_EQ(row(0).extracted.data(), nullptr);
}

/// A small 32-bit image: DOS header, COFF header, optional header with 16 directories, two sections.
std::string executable() {
  std::string file(0x80, '\0');
  file[0] = 'M';
  file[1] = 'Z';
  file[0x3c] = '\x80';
  const auto le16 = [&](unsigned v) { file += {static_cast<char>(v & 0xff), static_cast<char>(v >> 8)}; };
  const auto le32 = [&](std::uint32_t v) {
    le16(v & 0xffff);
    le16(v >> 16);
  };
  file += "PE\0\0"sv;
  le16(0x14c);
  le16(2);
  le32(1'190'000'000);
  le32(0);
  le32(0);
  le16(224);
  le16(0x0102);  // executable, 32-bit
  const std::size_t optional = file.size();
  le16(0x10b);
  file.resize(optional + 40);
  le16(6);
  le16(1);
  file.resize(optional + 68);
  le16(3);
  le16(0x0140);  // address space layout randomisation, data execution prevention
  file.resize(optional + 92);
  le32(16);
  for (int i = 0; i < 16; ++i) {
    le32(0);
    le32(i == 1 ? 40 : 0);  // imports only
  }
  for (const auto name : {".text\0\0\0"sv, "longname"sv}) {
    file += name;
    file.resize(file.size() + 32);
  }
  return file;
}

TEST(Executables, HeadersAreRead) {
  const std::string file = executable();
  const auto pe = parse_pe(as_bytes(file));
  ASSERT_NE(pe, nullptr);
  EXPECT_EQ(pe->machine, "I386");
  EXPECT_EQ(pe->compiled, 1'190'000'000);
  EXPECT_EQ(pe->os, "Windows 7 or Server 2008 R2");
  EXPECT_EQ(pe->subsystem, "WINDOWS_CUI");
  EXPECT_TRUE(pe->is_exe);
  EXPECT_FALSE(pe->is_64bit);
  EXPECT_TRUE(pe->aslr);
  EXPECT_TRUE(pe->dep);
  EXPECT_FALSE(pe->code_integrity);
  EXPECT_TRUE(pe->seh);
  EXPECT_EQ(pe->imports, true);
  EXPECT_EQ(pe->exports, false);
  EXPECT_THAT(pe->sections, ::testing::ElementsAre(".text", "longname"));
  // Cut anywhere, it says less, never more.
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto part = parse_pe(as_bytes(std::string_view(file).substr(0, size)));
    if (part) {
      EXPECT_LE(part->sections.size(), 1u);
    }
  }
  EXPECT_EQ(parse_pe(as_bytes("MZ")), nullptr);
}

TEST_F(FilesTest, AnExecutableHasARowOfItsOwn) {
  Context c = context();
  FileHandle file = files_.open(c, {.source = "HTTP", .direction = Direction::kResponder});
  const std::string bytes = executable();
  files_.data(c, *file, as_bytes(std::string_view(bytes).substr(0, 50)));
  files_.data(c, *file, as_bytes(std::string_view(bytes).substr(50)));
  const record::Fuid fuid = file->fuid();
  files_.close(c, file);
  EXPECT_THAT(row(0).analyzers, ::testing::ElementsAre("PE"));
  const Pe pe = Pe::read(sink_.batch(Pe::schema), 0);
  EXPECT_EQ(pe.fuid, fuid);
  EXPECT_EQ(pe.machine, "I386");
  EXPECT_THAT(pe.section_names, ::testing::ElementsAre(".text", "longname"));
}

/// A signed response that says of serial number 0x1234 that it is revoked.
std::string ocsp_response() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* signer = X509_new();
  X509_set_pubkey(signer, key);
  X509_gmtime_adj(X509_getm_notBefore(signer), 0);
  X509_gmtime_adj(X509_getm_notAfter(signer), 3600);
  X509_sign(signer, key, EVP_sha256());
  ASN1_INTEGER* serial = ASN1_INTEGER_new();
  ASN1_INTEGER_set(serial, 0x1234);
  OCSP_CERTID* id =
      OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(signer), X509_get0_pubkey_bitstr(signer), serial);
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  ASN1_TIME* revoked = ASN1_TIME_set(nullptr, 1'000'000'000);
  ASN1_TIME* updated = ASN1_TIME_set(nullptr, 1'100'000'000);
  OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked, updated,
                         nullptr);
  OCSP_basic_sign(basic, signer, key, EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  const std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  OCSP_BASICRESP_free(basic);
  OCSP_CERTID_free(id);
  ASN1_TIME_free(revoked);
  ASN1_TIME_free(updated);
  ASN1_INTEGER_free(serial);
  X509_free(signer);
  EVP_PKEY_free(key);
  return out;
}

TEST_F(FilesTest, OcspResponsesAreReadWholeInAnyPieces) {
  const std::string bytes = ocsp_response();
  for (const bool known : {true, false}) {
    Context c = context();
    FileStart start{.source = "SSL", .direction = Direction::kResponder};
    if (known) start.mime_type = "application/ocsp-response";
    FileHandle file = files_.open(c, start);
    for (const char& b : bytes) files_.data(c, *file, as_bytes(std::string_view(&b, 1)));
    files_.close(c, file);
  }
  EXPECT_EQ(memory_.used(), 0u);
  // The type by content needs Zeek's mark at its place; here the signer's name decides whether it is there.
  ASSERT_GE(sink_.batch(Ocsp::schema).rows(), 1u);
  const Ocsp o = Ocsp::read(sink_.batch(Ocsp::schema), 0);
  EXPECT_EQ(o.hash_algorithm, "sha1");
  EXPECT_EQ(o.serial_number, "1234");
  EXPECT_EQ(o.status, "revoked");
  EXPECT_EQ(o.revoke_reason, "keyCompromise");
  ASSERT_TRUE(o.revoke_time);
  EXPECT_EQ(o.revoke_time->ns, 1'000'000'000'000'000'000);
  ASSERT_TRUE(o.this_update);
  EXPECT_EQ(o.this_update->ns, 1'100'000'000'000'000'000);
  EXPECT_FALSE(o.next_update);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(parse_ocsp(as_bytes(std::string_view(bytes).substr(0, size))).empty());
}

}  // namespace
}  // namespace whodunit::protocol
