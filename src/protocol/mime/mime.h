// MIME messages (RFC 2045, RFC 2046) as mail carries them, read line by line: headers, and every leaf part as a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/files/files.h"
#include "protocol/parser.h"

namespace whodunit::protocol::mime {

class Reader {
 public:
  /// `source` is a literal ("SMTP"), `first_ordinal` the number of files of this source before it on the connection.
  Reader(std::string_view source, Direction direction, std::uint64_t first_ordinal)
      : source_(source), direction_(direction), ordinal_(first_ordinal) {}
  virtual ~Reader() = default;

  /// The next line, without its end.
  void line(Context& context, std::string_view line);
  /// Bytes were lost.
  void gap(Context& context, std::uint64_t bytes);
  /// The message is over.
  void finish(Context& context);
  std::uint64_t files() const { return ordinal_; }

 protected:
  /// A header of the message itself, unfolded; `name` in capitals.
  virtual void header(Context& context, const std::string& name, std::string_view value) = 0;
  /// A part begins that will be a file.
  virtual void file(record::Fuid) {}

 private:
  enum class Encoding : std::uint8_t { kNone, kBase64, kQuotedPrintable };
  void end_header(Context& context);
  void begin_body();
  void body(Context& context, std::string_view line);
  void give(Context& context, std::string_view bytes);
  void bad_base64(Context& context, std::string_view why);
  void end_part(Context& context);
  bool boundary(Context& context, std::string_view line);

  std::string_view source_;
  Direction direction_;
  std::uint64_t ordinal_;
  std::uint64_t entities_ = 1;  ///< begun so far, the mail itself being the first
  std::vector<std::string> boundaries_;
  std::string header_;    // so far, unfolded
  std::string name_;      // of the part's file
  std::string boundary_;  // that the part's type names
  std::string left_;      // of base64: characters that make no four yet
  FileHandle handle_;
  Encoding encoding_ = Encoding::kNone;
  bool padded_ = false, told_ = false;  // base64: its padding has come; an anomaly was told
  bool in_headers_ = true, top_ = true, multipart_ = false, message_ = false, pending_end_ = false, dead_ = false;
};

/// `value; name="text"`: the parameter's text, without quotes (RFC 2045 5.1; RFC 2231 as far as charset''text).
std::string parameter(std::string_view value, std::string_view name);

}  // namespace whodunit::protocol::mime
