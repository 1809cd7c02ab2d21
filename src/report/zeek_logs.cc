#include "report/zeek_logs.h"

#include <cmath>

#include <fmt/format.h>

#include "record/text.h"
#include "report/row_values.h"

namespace whodunit::report {
namespace {

using record::Batch;
using record::FieldType;

constexpr std::string_view kUnset = "-";
constexpr std::string_view kEmpty = "(empty)";

std::string_view type_name(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return "bool";
    case FieldType::kCount:
      return "count";
    case FieldType::kInt:
      return "int";
    case FieldType::kDouble:
      return "double";
    case FieldType::kTime:
      return "time";
    case FieldType::kInterval:
      return "interval";
    case FieldType::kAddress:
      return "addr";
    case FieldType::kPort:
      return "port";
    case FieldType::kText:
    case FieldType::kUid:
    case FieldType::kFuid:
      return "string";
    case FieldType::kTexts:
      return "vector[string]";
    case FieldType::kIntervals:
      return "vector[interval]";
    case FieldType::kCounts:
      return "vector[count]";
  }
  return "string";
}

/// `in_list`: a comma is the separator of the list that the text stands in.
void append_text(std::string& out, std::string_view text, bool in_list) {
  if (text.empty()) {
    out += kEmpty;
    return;
  }
  if (text == kUnset) {
    out += "\\x2d";
    return;
  }
  if (text == kEmpty) {
    out += "\\x28empty)";
    return;
  }
  const std::string_view special = in_list ? std::string_view("\\\t,") : std::string_view("\\\t");
  while (true) {
    const std::size_t at = text.find_first_of(special);
    record::append_presentable(out, text.substr(0, at), false);
    if (at == std::string_view::npos) return;
    out += text[at] == '\\' ? "\\\\" : text[at] == '\t' ? "\\x09" : "\\x2c";
    text.remove_prefix(at + 1);
  }
}

struct Tsv {
  static constexpr std::string_view kListBegin = "", kListEnd = "", kEmptyList = kEmpty;
  static void boolean(std::string& out, bool value) { out += value ? 'T' : 'F'; }
  static void real(std::string& out, double value) {
    if (std::isfinite(value))
      record::append_double(out, value);
    else
      out += kUnset;
  }
  static void seconds(std::string& out, std::int64_t ns) { record::append_seconds(out, ns, 6); }
  static void address(std::string& out, const base::Address& address) { record::append_address(out, address); }
  static void text(std::string& out, std::string_view value) { append_text(out, value, false); }
  static void text_in_list(std::string& out, std::string_view value) { append_text(out, value, true); }
  static void id(std::string& out, std::uint64_t value, char prefix) { record::append_uid(out, value, prefix); }
};

void append_moment(std::string& out, std::string_view word, base::Time t) {
  const base::Civil c = base::to_civil(t);
  fmt::format_to(std::back_inserter(out), "#{}\t{:04}-{:02}-{:02}-{:02}-{:02}-{:02}\n", word, c.year, c.month, c.day,
                 c.hour, c.minute, c.second);
}

}  // namespace

void append_zeek_header(std::string& out, const record::Schema& schema, base::Time open) {
  out += "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t";
  out += schema.name;
  out += '\n';
  append_moment(out, "open", open);
  out += "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p";
  for (const record::Field& field : schema.fields) {
    out += '\t';
    out += field.name;
  }
  out += "\n#types\ttime\tstring\taddr\tport\taddr\tport";
  for (const record::Field& field : schema.fields) {
    out += '\t';
    out += type_name(field.type);
  }
  out += '\n';
}

void append_zeek_footer(std::string& out, base::Time close) { append_moment(out, "close", close); }

void append_zeek_rows(std::string& out, const Batch& batch) {
  const auto fields = batch.schema().fields;
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    const record::Head& head = batch.head(row);
    record::append_seconds(out, head.ts.ns, 6);
    out += '\t';
    if (head.uid)
      record::append_uid(out, head.uid.value, 'C');
    else
      out += kUnset;
    if (record::is_about_endpoints(head)) {
      out += '\t';
      record::append_address(out, head.id.orig_h);
      out += '\t';
      record::append_number(out, std::uint64_t{head.id.orig_p.value});
      out += '\t';
      record::append_address(out, head.id.resp_h);
      out += '\t';
      record::append_number(out, std::uint64_t{head.id.resp_p.value});
    } else {
      out += "\t-\t-\t-\t-";
    }
    for (std::size_t column = 0; column < fields.size(); ++column) {
      out += '\t';
      if (batch.is_set(column, row))
        append_row_value<Tsv>(out, batch, column, row, fields[column].type);
      else
        out += kUnset;
    }
    out += '\n';
  }
}

}  // namespace whodunit::report
