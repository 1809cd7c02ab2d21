#include "report/json_logs.h"

#include "record/text.h"
#include "report/row_values.h"

namespace whodunit::report {
namespace {

using record::Batch;

void append_json_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
}

/// Zeek first makes the bytes presentable, then writes that as a JSON string.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  if (record::is_printable_ascii(text)) {
    if (text.find_first_of("\"\\") == std::string_view::npos)
      out += text;
    else
      append_json_escaped(out, text);
  } else {
    std::string presentable;
    record::append_presentable(presentable, text, true);
    append_json_escaped(out, presentable);
  }
  out += '"';
}

struct Json {
  static constexpr std::string_view kListBegin = "[", kListEnd = "]", kEmptyList = "";
  static void boolean(std::string& out, bool value) { out += value ? "true" : "false"; }
  static void real(std::string& out, double value) { record::append_double(out, value); }
  static void seconds(std::string& out, std::int64_t ns) { record::append_seconds(out, ns, 1); }
  static void address(std::string& out, const base::Address& address) {
    out += '"';
    record::append_address(out, address);
    out += '"';
  }
  static void text(std::string& out, std::string_view value) { append_string(out, value); }
  static void text_in_list(std::string& out, std::string_view value) { append_string(out, value); }
  static void id(std::string& out, std::uint64_t value, char prefix) {
    out += '"';
    record::append_uid(out, value, prefix);
    out += '"';
  }
};

}  // namespace

void append_json_row(std::string& out, const Batch& batch, std::size_t row) {
  const record::Head& head = batch.head(row);
  out += "{\"ts\":";
  record::append_seconds(out, head.ts.ns, 1);
  if (head.uid) {
    out += ",\"uid\":";
    Json::id(out, head.uid.value, 'C');
  }
  if (record::is_about_endpoints(head)) {
    out += ",\"id.orig_h\":";
    Json::address(out, head.id.orig_h);
    out += ",\"id.orig_p\":";
    record::append_number(out, std::uint64_t{head.id.orig_p.value});
    out += ",\"id.resp_h\":";
    Json::address(out, head.id.resp_h);
    out += ",\"id.resp_p\":";
    record::append_number(out, std::uint64_t{head.id.resp_p.value});
  }
  const auto fields = batch.schema().fields;
  for (std::size_t column = 0; column < fields.size(); ++column) {
    if (!batch.is_set(column, row)) continue;
    out += ",\"";
    out += fields[column].name;
    out += "\":";
    append_row_value<Json>(out, batch, column, row, fields[column].type);
  }
  out += '}';
}

void append_json_rows(std::string& out, const Batch& batch) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    append_json_row(out, batch, row);
    out += '\n';
  }
}

}  // namespace whodunit::report
