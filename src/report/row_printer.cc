#include "report/row_printer.h"

#include <algorithm>

#include "base/json.h"
#include "record/text.h"

namespace whodunit::report {
namespace {

constexpr std::size_t kRowsToMeasure = 1000;

/// Characters, as code points of UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// No byte of the traffic reaches the terminal as a control.
std::string for_terminal(std::string_view text) {
  std::string out;
  record::append_presentable(out, text, false);
  return out;
}

void append_csv(std::string& out, std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += cell;
    return;
  }
  out += '"';
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void RowPrinter::begin(std::span<const store::QueryColumn> columns) {
  columns_.assign(columns.begin(), columns.end());
  line_.clear();
  if (format_ == RowFormat::kCsv) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i != 0) line_ += ',';
      append_csv(line_, columns_[i].name);
    }
    line_ += "\r\n";
  } else if (format_ == RowFormat::kJson) {
    line_ = "[";
  }
  std::fwrite(line_.data(), 1, line_.size(), out_);
}

bool RowPrinter::row(store::QueryRow cells) {
  ++rows_;
  line_.clear();
  switch (format_) {
    case RowFormat::kCsv:
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i != 0) line_ += ',';
        if (cells[i]) append_csv(line_, *cells[i]);
      }
      line_ += "\r\n";
      break;
    case RowFormat::kJson: {
      line_ = rows_ == 1 ? "\n" : ",\n";
      base::JsonWriter json(line_);
      json.begin_object();
      for (std::size_t i = 0; i < cells.size(); ++i) {
        json.key(columns_[i].name);
        const bool finite = cells[i] && *cells[i] != "inf" && *cells[i] != "-inf" && *cells[i] != "nan";
        if (!cells[i] || (columns_[i].number && !finite))
          json.null();
        else if (columns_[i].literal)
          json.raw(*cells[i]);
        else
          json.string(*cells[i]);
      }
      json.end_object();
      break;
    }
    case RowFormat::kTable: {
      std::vector<std::string> shown;
      for (const auto& cell : cells) shown.push_back(cell ? for_terminal(*cell) : "NULL");
      if (measured_) {
        table_row(shown, false);
      } else {
        waiting_.push_back(std::move(shown));
        if (waiting_.size() >= kRowsToMeasure) measure_and_print();
      }
      return std::ferror(out_) == 0;
    }
  }
  std::fwrite(line_.data(), 1, line_.size(), out_);
  return std::ferror(out_) == 0;
}

void RowPrinter::measure_and_print() {
  std::vector<std::string> names;
  for (const store::QueryColumn& c : columns_) {
    names.push_back(for_terminal(c.name));
    widths_.push_back(width_of(names.back()));
  }
  for (const auto& row : waiting_)
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width_of(row[i]));
  table_row(names, true);
  for (const auto& row : waiting_) table_row(row, false);
  waiting_.clear();
  measured_ = true;
}

void RowPrinter::table_row(const std::vector<std::string>& cells, bool header) {
  line_.clear();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) line_ += "  ";
    const std::size_t width = width_of(cells[i]);
    const std::size_t pad = widths_[i] > width ? widths_[i] - width : 0;
    if (columns_[i].number) line_.append(pad, ' ');
    line_ += cells[i];
    if (!columns_[i].number && i + 1 < cells.size()) line_.append(pad, ' ');
  }
  line_ += '\n';
  if (header) {
    std::size_t total = 0;
    for (const std::size_t w : widths_) total += w + 2;
    line_.append(total > 2 ? total - 2 : 0, '-');
    line_ += '\n';
  }
  std::fwrite(line_.data(), 1, line_.size(), out_);
}

bool RowPrinter::finish() {
  if (format_ == RowFormat::kTable && !measured_) measure_and_print();
  if (format_ == RowFormat::kJson) std::fputs(rows_ == 0 ? "]\n" : "\n]\n", out_);
  return std::fflush(out_) == 0 && std::ferror(out_) == 0;
}

}  // namespace whodunit::report
