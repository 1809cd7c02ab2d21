#include "knowledge/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <algorithm>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace whodunit::knowledge {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }

base::Error file_error(const std::string& path, int code, std::string hint = "") {
  return {std::strerror(code), path, std::move(hint)};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kNoBreak = "\xc2\xa0";
  for (;;) {
    if (!text.empty() && is_blank(text.front())) {
      text.remove_prefix(1);
    } else if (text.substr(0, 2) == kNoBreak) {
      text.remove_prefix(2);
    } else {
      break;
    }
  }
  for (;;) {
    if (!text.empty() && is_blank(text.back())) {
      text.remove_suffix(1);
    } else if (text.size() >= 2 && text.substr(text.size() - 2) == kNoBreak) {
      text.remove_suffix(2);
    } else {
      break;
    }
  }
  return text;
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return false;
  for (std::size_t i = 0; i + part.size() <= text.size(); ++i) {
    if (equal_ignoring_case(text.substr(i, part.size()), part)) return true;
  }
  return false;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    const std::string_view piece = trimmed(text.substr(0, end));
    if (!piece.empty()) out.push_back(piece);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return out;
}

bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

bool is_hex(std::string_view text) {
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
  }
  return !text.empty();
}

Lines::Lines(std::string_view text) : rest_(text) {
  if (rest_.substr(0, 3) == "\xef\xbb\xbf") rest_.remove_prefix(3);
}

bool Lines::next(std::string_view& line) {
  if (rest_.empty()) return false;
  ++number_;
  std::size_t end = 0;
  while (end < rest_.size() && rest_[end] != '\n' && rest_[end] != '\r') ++end;
  line = rest_.substr(0, end);
  if (end == rest_.size()) {
    rest_ = {};
    return true;
  }
  const bool crlf = rest_[end] == '\r' && end + 1 < rest_.size() && rest_[end + 1] == '\n';
  rest_.remove_prefix(end + (crlf ? 2 : 1));
  return true;
}

Csv::Csv(std::string_view text, char separator) : text_(text), separator_(separator) {
  if (text_.substr(0, 3) == "\xef\xbb\xbf") at_ = 3;
}

bool Csv::next(std::vector<std::string>& fields) {
  fields.clear();
  if (at_ >= text_.size()) return false;
  record_line_ = line_;
  std::string field;
  bool quoted = false;      // inside quotes
  bool was_quoted = false;  // this field had them
  const auto finish_field = [&] {
    fields.emplace_back(was_quoted ? field : std::string(trimmed(field)));
    field.clear();
    was_quoted = false;
  };
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '\n') ++line_;
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (at_ < text_.size() && text_[at_] == '"') {
        field += '"';
        ++at_;
      } else {
        quoted = false;
      }
    } else if (c == '"' && trimmed(field).empty() && !was_quoted) {
      field.clear();
      quoted = was_quoted = true;
    } else if (c == separator_) {
      finish_field();
    } else if (c == '\n' || c == '\r') {
      if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') {
        ++at_;
        ++line_;
      }
      finish_field();
      return true;
    } else if (!(was_quoted && is_blank(c))) {
      field += c;
    }
  }
  finish_field();
  return true;
}

std::string refanged(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kForms[] = {
      {"[.]", "."}, {"(.)", "."},     {"{.}", "."},  {"[dot]", "."}, {"(dot)", "."},
      {"[:]", ":"}, {"[://]", "://"}, {"[at]", "@"}, {"[@]", "@"},   {"\\.", "."},
  };
  std::string out;
  out.reserve(text.size());
  if (equal_ignoring_case(text.substr(0, 4), "hxxp")) {
    out += "http";
    text.remove_prefix(4);
  }
  while (!text.empty()) {
    bool replaced = false;
    if (text[0] == '[' || text[0] == '(' || text[0] == '{' || text[0] == '\\') {
      for (const auto& [from, to] : kForms) {
        if (text.size() >= from.size() && equal_ignoring_case(text.substr(0, from.size()), from)) {
          out += to;
          text.remove_prefix(from.size());
          replaced = true;
          break;
        }
      }
    }
    if (!replaced) {
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

// RFC 3492 6.3, with the parameters of its section 5.
std::optional<std::string> punycode_label(std::string_view label) {
  if (std::all_of(label.begin(), label.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return std::string(label);
  std::vector<std::uint32_t> points;
  for (std::size_t i = 0; i < label.size();) {
    const auto byte = static_cast<std::uint8_t>(label[i]);
    std::uint32_t point = byte;
    std::size_t length = 1;
    if (byte >= 0x80) {
      length = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 0;
      if (length == 0 || i + length > label.size()) return std::nullopt;
      point = byte & (0xff >> (length + 1));
      for (std::size_t k = 1; k < length; ++k) {
        const auto next = static_cast<std::uint8_t>(label[i + k]);
        if ((next & 0xc0) != 0x80) return std::nullopt;
        point = point << 6 | (next & 0x3f);
      }
      // RFC 3629 3: no longer than needed, no halves of pairs, nothing above the last code point.
      constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
      if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
      // Capital Latin-1, Greek and Cyrillic letters, whose small forms stand 32 further on: what feeds contain.
      if ((point >= 0xc0 && point <= 0xde && point != 0xd7) || (point >= 0x391 && point <= 0x3a9) ||
          (point >= 0x410 && point <= 0x42f)) {
        point += 32;
      }
    }
    points.push_back(point);
    i += length;
  }
  if (points.size() > 63) return std::nullopt;
  std::string out = "xn--";
  std::size_t basic = 0;
  for (const std::uint32_t p : points) {
    if (p < 0x80) {
      out += static_cast<char>(p);
      ++basic;
    }
  }
  if (basic > 0) out += '-';
  std::uint32_t n = 128, delta = 0, bias = 72;
  std::size_t handled = basic;
  while (handled < points.size()) {
    std::uint32_t m = 0x10ffff;
    for (const std::uint32_t p : points) {
      if (p >= n && p < m) m = p;
    }
    delta += (m - n) * static_cast<std::uint32_t>(handled + 1);
    n = m;
    for (const std::uint32_t p : points) {
      if (p < n) ++delta;
      if (p != n) continue;
      std::uint32_t q = delta;
      for (std::uint32_t k = 36;; k += 36) {
        const std::uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        if (q < t) break;
        const std::uint32_t digit = t + (q - t) % (36 - t);
        out += static_cast<char>(digit < 26 ? 'a' + digit : '0' + (digit - 26));
        q = (q - t) / (36 - t);
      }
      out += static_cast<char>(q < 26 ? 'a' + q : '0' + (q - 26));
      std::uint32_t d = handled == basic ? delta / 700 : delta / 2;
      d += d / static_cast<std::uint32_t>(handled + 1);
      std::uint32_t k = 0;
      for (; d > 455; k += 36) d /= 35;
      bias = k + 36 * d / (d + 38);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  return out;
}

std::optional<std::string> normalised_domain(std::string_view text) {
  if (text.size() > 1024) return std::nullopt;
  std::string name = text.find_first_of("[({\\") == std::string_view::npos ? std::string(text) : refanged(text);
  bool ascii = true;
  for (char& c : name) {
    c = lower(c);
    if (static_cast<std::uint8_t>(c) >= 0x80) ascii = false;
  }
  if (!name.empty() && name.back() == '.') name.pop_back();
  if (!ascii) {
    std::string converted;
    std::string_view rest = name;
    for (;;) {
      const std::size_t dot = rest.find('.');
      const auto label = punycode_label(rest.substr(0, dot));
      if (!label) return std::nullopt;
      converted += *label;
      if (dot == std::string_view::npos) break;
      converted += '.';
      rest.remove_prefix(dot + 1);
    }
    name = std::move(converted);
  }
  if (name.empty() || name.size() > 253) return std::nullopt;
  std::size_t labels = 0, start = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != '.') {
      const char c = name[i];
      if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) return std::nullopt;
      continue;
    }
    if (i == start || i - start > 63) return std::nullopt;
    ++labels;
    if (i == name.size() && all_digits(std::string_view(name).substr(start))) return std::nullopt;
    start = i + 1;
  }
  if (labels < 2) return std::nullopt;
  return name;
}

base::Result<std::string> unpacked(std::string data, std::string_view where, std::size_t limit) {
  if (data.size() < 2 || static_cast<std::uint8_t>(data[0]) != 0x1f || static_cast<std::uint8_t>(data[1]) != 0x8b) {
    return data;
  }
  std::string out;
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
    return base::Error{"no memory to unpack gzip", std::string(where), ""};
  stream.next_in = reinterpret_cast<Bytef*>(data.data());
  std::size_t left = data.size();
  std::string buffer(std::size_t{1} << 18, '\0');
  int status = Z_OK;
  bool too_large = false;
  do {
    if (stream.avail_in == 0) {
      const std::size_t now = left < (std::size_t{1} << 30) ? left : std::size_t{1} << 30;
      stream.avail_in = static_cast<uInt>(now);
      left -= now;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t got = buffer.size() - stream.avail_out;
    if (out.size() + got > limit) {
      too_large = true;
      break;
    }
    out.append(buffer, 0, got);
    if (status == Z_STREAM_END && (stream.avail_in > 0 || left > 0)) {
      // Another member, or padding that is none.
      if (stream.avail_in > 0 && *stream.next_in != 0x1f) break;
      inflateReset(&stream);
      status = Z_OK;
    } else if (status == Z_BUF_ERROR && (stream.avail_in > 0 || left > 0)) {
      status = Z_OK;
    }
  } while (status == Z_OK && (stream.avail_in > 0 || left > 0 || stream.avail_out == 0));
  inflateEnd(&stream);
  if (too_large)
    return base::Error{"larger than " + std::to_string(limit >> 20) + " MiB when unpacked", std::string(where), ""};
  if (status != Z_STREAM_END)
    return base::Error{"broken gzip data after " + std::to_string(out.size()) + " bytes", std::string(where),
                       "get the file again"};
  return out;
}

base::Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error(path, errno);
  struct stat status {};
  if (::fstat(file, &status) != 0 || S_ISDIR(status.st_mode)) {
    const int code = S_ISDIR(status.st_mode) ? EISDIR : errno;
    ::close(file);
    return file_error(path, code);
  }
  std::string data;
  if (status.st_size > 0) {
    if (static_cast<std::uint64_t>(status.st_size) > limit) {
      ::close(file);
      return base::Error{"larger than " + std::to_string(limit >> 20) + " MiB", path, ""};
    }
    data.reserve(static_cast<std::size_t>(status.st_size));
  }
  char buffer[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int code = errno;
      ::close(file);
      return file_error(path, code);
    }
    if (got == 0) break;
    if (data.size() + static_cast<std::size_t>(got) > limit) {
      ::close(file);
      return base::Error{"larger than " + std::to_string(limit >> 20) + " MiB", path, ""};
    }
    data.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(file);
  return unpacked(std::move(data), path, limit);
}

base::Result<void> write_file(const std::string& path, std::string_view content, bool flush) {
  const std::string temporary = path + ".new." + std::to_string(::getpid());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return file_error(path, errno, "give a folder that can be written to");
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t wrote = ::write(file, content.data() + done, content.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      const int code = errno;
      ::close(file);
      ::unlink(temporary.c_str());
      return file_error(path, code);
    }
    done += static_cast<std::size_t>(wrote);
  }
  const bool good = !flush || ::fsync(file) == 0;
  const int code = errno;
  if (::close(file) != 0 || !good || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int why = good ? errno : code;
    ::unlink(temporary.c_str());
    return file_error(path, why);
  }
  return {};
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace whodunit::knowledge
