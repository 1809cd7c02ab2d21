#include "protocol/mime/mime.h"

#include <array>

#include "protocol/text/lines.h"

namespace whodunit::protocol::mime {
namespace {

constexpr std::size_t kMaxHeader = 16 << 10, kMaxDepth = 16;

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string parameter(std::string_view value, std::string_view name) {
  for (std::size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
    std::string_view rest = text::trim(value.substr(at + 1));
    if (!text::begins(rest, name)) continue;
    rest.remove_prefix(name.size());
    const bool extended = !rest.empty() && rest.front() == '*';
    if (extended) {
      rest.remove_prefix(1);
      while (!rest.empty() && (rest.front() == '0' || rest.front() == '*')) rest.remove_prefix(1);
    }
    rest = text::trim(rest);
    if (rest.empty() || rest.front() != '=') continue;
    rest = text::trim(rest.substr(1));
    std::string out;
    if (!rest.empty() && rest.front() == '"') {
      for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        out += rest[i];
      }
    } else {
      out = rest.substr(0, rest.find_first_of("; \t"));
    }
    if (extended) {  // RFC 2231 4
      const std::size_t quote = out.find("''");
      if (quote != std::string::npos) out.erase(0, quote + 2);
      std::string plain;
      for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == '%' && i + 2 < out.size() && hex_value(out[i + 1]) >= 0 && hex_value(out[i + 2]) >= 0) {
          plain += static_cast<char>(hex_value(out[i + 1]) * 16 + hex_value(out[i + 2]));
          i += 2;
        } else {
          plain += out[i];
        }
      }
      out = plain;
    }
    return out.substr(0, 512);
  }
  return {};
}

void Reader::line(Context& context, std::string_view line) {
  if (in_headers_) {
    if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {  // RFC 5322 2.2.3: folded
      if (header_.size() < kMaxHeader) header_ += line;
      return;
    }
    end_header(context);
    if (line.empty()) {
      begin_body();
      return;
    }
    if (!boundaries_.empty() && boundary(context, line)) return;
    header_ = line.substr(0, kMaxHeader);
    return;
  }
  if (boundary(context, line)) return;
  if (!multipart_) body(context, line);
}

void Reader::end_header(Context& context) {
  if (header_.empty()) return;
  const std::size_t colon = header_.find(':');
  if (colon != std::string::npos) {
    const std::string name = text::upper(text::trim(std::string_view(header_).substr(0, colon)));
    // White space behind a value stays: it is the value's.
    std::string_view value = std::string_view(header_).substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    if (top_) header(context, name, value);
    if (name == "CONTENT-TYPE") {
      multipart_ = text::begins(value, "multipart/");
      message_ = text::begins(value, "message/rfc822");
      boundary_ = parameter(value, "boundary");
      if (name_.empty()) name_ = parameter(value, "name");
    } else if (name == "CONTENT-TRANSFER-ENCODING") {
      encoding_ = text::begins(value, "base64")             ? Encoding::kBase64
                  : text::begins(value, "quoted-printable") ? Encoding::kQuotedPrintable
                                                            : Encoding::kNone;
    } else if (name == "CONTENT-DISPOSITION") {
      const std::string file = parameter(value, "filename");
      if (!file.empty()) name_ = file;
    }
  }
  header_.clear();
}

void Reader::begin_body() {
  in_headers_ = false;
  top_ = false;
  pending_end_ = false;
  left_.clear();
  if (multipart_ && !boundary_.empty() && boundaries_.size() < kMaxDepth) {
    boundaries_.push_back(boundary_);
  } else {
    multipart_ = false;
    if (message_) {  // its own headers follow
      in_headers_ = true;
      message_ = false;
      ++entities_;
    }
  }
  boundary_.clear();
}

// RFC 2046 5.1.1: two dashes and the boundary; two more at its end.
bool Reader::boundary(Context& context, std::string_view line) {
  if (line.size() < 2 || line[0] != '-' || line[1] != '-') return false;
  for (std::size_t i = boundaries_.size(); i-- > 0;) {
    const std::string& b = boundaries_[i];
    if (line.substr(2, b.size()) != b) continue;
    const std::string_view rest = line.substr(2 + b.size());
    const bool last = rest.substr(0, 2) == "--";
    if (!last && !text::trim(rest).empty()) continue;
    end_part(context);
    boundaries_.resize(last ? i : i + 1);
    encoding_ = Encoding::kNone;
    name_.clear();
    multipart_ = last;  // what follows the last boundary is no part
    message_ = false;
    in_headers_ = !last;
    if (!last) ++entities_;
    return true;
  }
  return false;
}

void Reader::body(Context& context, std::string_view line) {
  switch (encoding_) {
    case Encoding::kBase64: {
      std::string out;
      for (const char c : line) {
        // RFC 2045 6.8: other characters are ignored, and may say that something is wrong.
        if (base64_value(c) < 0) {
          if (c == '=')
            padded_ = true;
          else
            bad_base64(context, "character " + std::to_string(int{c}) + " ignored by Base64 decoding");
          continue;
        }
        if (padded_) bad_base64(context, "extra base64 groups after '=' padding are ignored");
        left_ += c;
        if (left_.size() < 4) continue;
        const int v = base64_value(left_[0]) << 18 | base64_value(left_[1]) << 12 | base64_value(left_[2]) << 6 |
                      base64_value(left_[3]);
        out += static_cast<char>(v >> 16);
        out += static_cast<char>(v >> 8);
        out += static_cast<char>(v);
        left_.clear();
      }
      give(context, out);
      break;
    }
    case Encoding::kQuotedPrintable: {  // RFC 2045 6.7
      std::string out;
      if (pending_end_) out += "\r\n";
      pending_end_ = true;
      for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != '=') {
          out += line[i];
        } else if (i + 2 < line.size() && hex_value(line[i + 1]) >= 0 && hex_value(line[i + 2]) >= 0) {
          out += static_cast<char>(hex_value(line[i + 1]) * 16 + hex_value(line[i + 2]));
          i += 2;
        } else if (text::trim(line.substr(i + 1)).empty()) {
          pending_end_ = false;
          break;
        } else {
          out += line[i];
        }
      }
      give(context, out);
      break;
    }
    case Encoding::kNone:
      if (pending_end_) give(context, "\r\n");
      pending_end_ = true;
      give(context, line);
      break;
  }
}

void Reader::bad_base64(Context& context, std::string_view why) {
  if (!told_) context.weird("base64_illegal_encoding", why);
  told_ = true;
}

void Reader::give(Context& context, std::string_view bytes) {
  if (bytes.empty() || dead_ || !context.has_files()) return;
  if (!handle_) {
    FileStart start;
    start.source = source_;
    start.direction = direction_;
    start.ordinal = ordinal_++;
    start.depth = entities_;
    if (!name_.empty()) start.name = name_;
    handle_ = context.files().open(context, start);
    if (!handle_) {
      dead_ = true;
      return;
    }
    file(handle_->fuid());
  }
  context.files().data(context, *handle_, base::as_bytes(bytes));
}

void Reader::end_part(Context& context) {
  if (left_.size() >= 2) {  // base64's last, padded group
    std::string out;
    const int a = base64_value(left_[0]), b = base64_value(left_[1]);
    out += static_cast<char>(a << 2 | b >> 4);
    if (left_.size() == 3) out += static_cast<char>(b << 4 | base64_value(left_[2]) >> 2);
    give(context, out);
  }
  if (!left_.empty() && !padded_)
    bad_base64(context,
               "incomplete base64 group, padding with " + std::to_string((4 - left_.size()) * 6) + " bits of 0");
  left_.clear();
  padded_ = told_ = false;
  if (handle_) context.files().close(context, handle_);
  dead_ = false;
  pending_end_ = false;
}

void Reader::gap(Context& context, std::uint64_t bytes) {
  if (handle_) context.files().gap(context, *handle_, bytes);
}

void Reader::finish(Context& context) {
  end_header(context);
  // The line end before the closing dot is the text's own (RFC 5321 4.1.1.4); that before a boundary is the boundary's,
  // also where the boundary does not come any more (RFC 2046 5.1.1).
  if (pending_end_ && boundaries_.empty()) give(context, "\r\n");
  end_part(context);
}

}  // namespace whodunit::protocol::mime
