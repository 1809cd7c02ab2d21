// What a case says of itself: its captures, how far its runs got, findings, incidents, assessments, documents.
#include <fmt/format.h>

#include "store/duckdb/case_store.h"
#include "store/duckdb/layout.h"

namespace whodunit::store::duckdb {

using base::Result;

namespace {

std::string text_at(const Rows& rows, std::size_t column, std::size_t row) {
  return rows.is_null(column, row) ? std::string() : std::string(rows.text(column, row));
}

std::vector<std::string> texts_at(const Rows& rows, std::size_t column, std::size_t row) {
  std::vector<std::string> out;
  if (rows.is_null(column, row)) return out;
  const auto [offset, length] = rows.list(column, row);
  for (std::size_t i = 0; i < length; ++i) out.emplace_back(rows.item_text(column, offset + i));
  return out;
}

}  // namespace

Result<std::vector<Capture>> CaseStore::captures() {
  auto rows = database_->query(
      "SELECT ordinal, name, path, sha256, format, link_types, packets, bytes, file_bytes, first, last, unread, "
      "reason, "
      "cut_off, nanoseconds FROM captures ORDER BY ordinal");
  if (!rows) return in_words(rows.error());
  std::vector<Capture> out;
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      Capture c;
      c.ordinal = static_cast<std::uint32_t>(rows->word(0, i));
      c.name = text_at(*rows, 1, i);
      c.path = text_at(*rows, 2, i);
      c.sha256 = text_at(*rows, 3, i);
      c.format = text_at(*rows, 4, i);
      if (!rows->is_null(5, i)) {
        const auto [offset, length] = rows->list(5, i);
        for (std::size_t k = 0; k < length; ++k)
          c.link_types.push_back(static_cast<std::uint32_t>(rows->item_word(5, offset + k)));
      }
      c.packets = rows->word(6, i);
      c.bytes = rows->word(7, i);
      c.file_bytes = rows->word(8, i);
      c.first = time_at(*rows, 9, i);
      c.last = time_at(*rows, 10, i);
      c.unread = rows->word(11, i);
      c.reason = text_at(*rows, 12, i);
      c.cut_off = rows->word(13, i) != 0;
      c.nanoseconds = rows->word(14, i) != 0;
      out.push_back(std::move(c));
    }
  }
  return out;
}

Result<std::vector<Progress>> CaseStore::progress() {
  auto rows = database_->query("SELECT packets, last, complete, problem FROM progress ORDER BY run");
  if (!rows) return in_words(rows.error());
  std::vector<Progress> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({rows->word(0, i), time_at(*rows, 1, i), rows->word(2, i) != 0, text_at(*rows, 3, i)});
  return out;
}

Result<std::vector<TableInfo>> CaseStore::tables() {
  auto rows = database_->query("SELECT name, version FROM case_tables ORDER BY name");
  if (!rows) return in_words(rows.error());
  std::vector<TableInfo> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({std::string(rows->text(0, i)), static_cast<std::uint16_t>(rows->word(1, i)), 0});
  for (TableInfo& info : out) {
    auto counted = database_->query("SELECT count(*)::UBIGINT FROM " + table(info.name));
    if (!counted) return in_words(counted.error());
    if (counted->next_chunk()) info.rows = counted->word(0, 0);
  }
  std::erase_if(out, [](const TableInfo& info) { return info.rows == 0; });
  return out;
}

Result<std::vector<Finding>> CaseStore::findings_where(const std::string& where,
                                                       const std::vector<Parameter>& parameters) {
  auto rows = database_->query(
      "SELECT id, detector, techniques, phase, outcome, severity, confidence, attacker_type, attacker, victim_type, "
      "victim, first, last, statement, json FROM findings WHERE " +
          where + " ORDER BY first, id",
      parameters);
  if (!rows) return in_words(rows.error());
  std::vector<Finding> out;
  std::map<std::string, std::size_t, std::less<>> by_id;
  while (rows->next_chunk()) {
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) {
      Finding f;
      f.id = text_at(*rows, 0, i);
      f.detector = text_at(*rows, 1, i);
      f.techniques = texts_at(*rows, 2, i);
      f.phase = text_at(*rows, 3, i);
      f.outcome = text_at(*rows, 4, i);
      f.severity = text_at(*rows, 5, i);
      f.confidence = rows->real(6, i);
      f.attacker_type = text_at(*rows, 7, i);
      f.attacker = text_at(*rows, 8, i);
      f.victim_type = text_at(*rows, 9, i);
      f.victim = text_at(*rows, 10, i);
      f.first = time_at(*rows, 11, i);
      f.last = time_at(*rows, 12, i);
      f.statement = text_at(*rows, 13, i);
      f.json = text_at(*rows, 14, i);
      by_id.emplace(f.id, out.size());
      out.push_back(std::move(f));
    }
  }
  auto evidence = database_->query(
      "SELECT finding, record, ts, uid, \"id.orig_h\", \"id.orig_p\", \"id.resp_h\", \"id.resp_p\", "
      "\"place.capture_first\", \"place.first\", \"place.capture_last\", \"place.last\" FROM evidence "
      "WHERE finding IN (SELECT id FROM findings WHERE " +
          where + ") ORDER BY finding, ordinal",
      parameters);
  if (!evidence) return in_words(evidence.error());
  while (evidence->next_chunk()) {
    for (std::size_t i = 0; i < evidence->chunk_rows(); ++i) {
      const auto owner = by_id.find(evidence->text(0, i));
      if (owner == by_id.end()) continue;
      Evidence e;
      e.record = text_at(*evidence, 1, i);
      e.ts = time_at(*evidence, 2, i);
      if (!evidence->is_null(3, i)) e.uid = record::Uid::parse(evidence->text(3, i));
      if (!evidence->is_null(4, i)) {
        e.id.orig_h = base::Address::parse(evidence->text(4, i)).value_or(base::Address{});
        e.id.orig_p.value = static_cast<std::uint16_t>(evidence->word(5, i));
        e.id.resp_h = base::Address::parse(evidence->text(6, i)).value_or(base::Address{});
        e.id.resp_p.value = static_cast<std::uint16_t>(evidence->word(7, i));
      }
      e.place.capture_first = static_cast<std::uint32_t>(evidence->word(8, i));
      e.place.first = evidence->word(9, i);
      e.place.capture_last = static_cast<std::uint32_t>(evidence->word(10, i));
      e.place.last = evidence->word(11, i);
      out[owner->second].evidence.push_back(std::move(e));
    }
  }
  return out;
}

Result<std::optional<Finding>> CaseStore::finding(std::string_view id) {
  auto found = findings_where("id = ?", {Parameter::of(id)});
  if (!found) return found.error();
  if (found->empty()) return std::optional<Finding>();
  return std::optional<Finding>(std::move(found->front()));
}

Result<std::vector<Incident>> CaseStore::incidents_where(const std::string& where,
                                                         const std::vector<Parameter>& parameters) {
  auto rows = database_->query("SELECT id, victim, phase, depth, first, last, findings, json FROM incidents WHERE " +
                                   where + " ORDER BY first, id",
                               parameters);
  if (!rows) return in_words(rows.error());
  std::vector<Incident> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({text_at(*rows, 0, i), text_at(*rows, 1, i), text_at(*rows, 2, i), text_at(*rows, 3, i),
                     time_at(*rows, 4, i), time_at(*rows, 5, i), text_at(*rows, 7, i), texts_at(*rows, 6, i)});
  return out;
}

Result<std::optional<Incident>> CaseStore::incident(std::string_view id) {
  auto found = incidents_where("id = ?", {Parameter::of(id)});
  if (!found) return found.error();
  if (found->empty()) return std::optional<Incident>();
  return std::optional<Incident>(std::move(found->front()));
}

Result<std::vector<Assessment>> CaseStore::assessments() {
  auto rows = database_->query(
      "SELECT subject, level, hypothesis, probability, confidence, json FROM assessments ORDER BY subject, rowid");
  if (!rows) return in_words(rows.error());
  std::vector<Assessment> out;
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i)
      out.push_back({text_at(*rows, 0, i), text_at(*rows, 1, i), text_at(*rows, 2, i), rows->real(3, i),
                     text_at(*rows, 4, i), text_at(*rows, 5, i)});
  return out;
}

Result<std::optional<std::string>> CaseStore::document(std::string_view name) {
  auto rows = database_->query("SELECT json FROM documents WHERE name = ?", {Parameter::of(name)});
  if (!rows) return in_words(rows.error());
  if (!rows->next_chunk()) return std::optional<std::string>();
  return std::optional<std::string>(text_at(*rows, 0, 0));
}

}  // namespace whodunit::store::duckdb
