// What is written into a case: records, word of progress, and what was concluded.
#include <fmt/format.h>

#include "store/duckdb/case_store.h"
#include "store/duckdb/layout.h"
#include "store/duckdb/table_writer.h"

namespace whodunit::store::duckdb {

using base::Result;

namespace {

// Rows that all writers together may hold before they reach DuckDB's buffers, which have a limit: dozens of tables that
// each wait for a full load would hold more than the store's share.
constexpr std::uint64_t kRowsHeld = 24'576;
// A table is handed on before a commit once it has a load that is worth its own statement.
constexpr std::size_t kRowsWorthIt = 2048;

}  // namespace

Result<void> CaseStore::append(const record::Batch& batch) {
  auto may = writable();
  if (!may) return may;
  if (batch.empty()) return {};
  const record::Schema& schema = batch.schema();
  auto writer = writers_.find(schema.name);
  if (writer == writers_.end()) {
    auto there = ensure_table(schema);
    if (!there) return fail(there.error());
    auto opened = TableWriter::open(*database_, kCatalog, schema);
    if (!opened) return fail(opened.error());
    writer = writers_.emplace(std::string(schema.name), std::move(opened).value()).first;
  }
  auto appended = writer->second->append(batch);
  if (!appended) return fail(appended.error());
  uncommitted_rows_ += batch.rows();
  held_rows_ += batch.rows();
  if (held_rows_ < kRowsHeld) return {};
  return flush_large();
}

Result<void> CaseStore::flush_large() {
  held_rows_ = 0;
  for (auto& [name, writer] : writers_) {
    if (writer->rows_held() < kRowsWorthIt) {
      held_rows_ += writer->rows_held();
      continue;
    }
    auto flushed = writer->flush();
    if (!flushed) return fail(flushed.error());
  }
  return held_rows_ < kRowsHeld / 2 ? Result<void>{} : flush();
}

Result<void> CaseStore::flush() {
  for (auto& [name, writer] : writers_) {
    auto flushed = writer->flush();
    if (!flushed) return fail(flushed.error());
  }
  held_rows_ = 0;
  return {};
}

Result<void> CaseStore::commit(const Progress& progress, std::span<const Capture> captures) {
  auto may = writable();
  if (!may) return may;
  auto flushed = flush();
  if (!flushed) return flushed;
  auto deleted = database_->run(fmt::format(
      "DELETE FROM progress WHERE run = {}; DELETE FROM captures WHERE ordinal >= {}", run_, first_capture_));
  if (!deleted) return fail(deleted.error());
  {
    RowAppender rows(*database_, kCatalog, "progress");
    rows.small(run_).number(progress.packets).time(progress.last.ns).boolean(progress.complete).text(progress.problem);
    rows.end_row();
    auto closed = rows.close();
    if (!closed) return fail(closed.error());
  }
  RowAppender rows(*database_, kCatalog, "captures");
  for (const Capture& c : captures) {
    rows.small(c.ordinal).text(c.name).text(c.path).text(c.sha256).text(c.format).smalls(c.link_types);
    rows.number(c.packets).number(c.bytes).number(c.file_bytes).time(c.first.ns).time(c.last.ns).number(c.unread);
    rows.text(c.reason).boolean(c.cut_off).boolean(c.nanoseconds);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  auto saved = save_undo();
  if (!saved) return fail(saved.error());
  auto committed = database_->run("COMMIT");
  if (!committed) return fail(committed.error());
  uncommitted_rows_ = 0;
  auto begun = database_->run("BEGIN");
  if (!begun) return fail(begun.error());
  return {};
}

Result<void> CaseStore::forget_capture(std::uint32_t ordinal) {
  auto may = writable();
  if (!may) return may;
  for (const auto& [name, columns] : columns_) {
    if (columns.find("place.capture_first") == columns.end() || name == "evidence") continue;
    auto deleted =
        database_->run(fmt::format("DELETE FROM {0} WHERE \"place.first\" <> 0 AND \"place.capture_first\" <= {1} AND "
                                   "\"place.capture_last\" >= {1}",
                                   table(name), ordinal));
    if (!deleted) return fail(deleted.error());
  }
  auto deleted = database_->run(fmt::format("DELETE FROM captures WHERE ordinal = {}", ordinal));
  if (!deleted) return fail(deleted.error());
  return {};
}

Result<void> CaseStore::save_undo() {
  std::vector<std::uint64_t> blocks;
  auto rows =
      database_->query(fmt::format("SELECT block_id::UBIGINT FROM pragma_metadata_info({})", literal(kCatalog)));
  if (!rows) return rows.error();
  while (rows->next_chunk())
    for (std::size_t i = 0; i < rows->chunk_rows(); ++i) blocks.push_back(rows->word(0, i));
  return undo_.save(blocks, block_bytes_);
}

Result<void> CaseStore::insert_findings(std::span<const Finding> findings) {
  RowAppender rows(*database_, kCatalog, "findings");
  for (const Finding& f : findings) {
    rows.text(f.id).text(f.detector).texts(f.techniques).text(f.phase).text(f.outcome).text(f.severity);
    rows.real(f.confidence).text(f.attacker_type).text(f.attacker).text(f.victim_type).text(f.victim);
    rows.time(f.first.ns).time(f.last.ns).text(f.statement).text(f.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return closed;
  RowAppender evidence(*database_, kCatalog, "evidence");
  for (const Finding& f : findings) {
    std::uint32_t ordinal = 0;
    for (const Evidence& e : f.evidence) {
      evidence.text(f.id).small(ordinal++).text(e.record).time(e.ts.ns);
      if (e.uid)
        evidence.text(e.uid.to_string());
      else
        evidence.null();
      if (e.uid || e.id != record::Endpoints{}) {
        evidence.text(e.id.orig_h.to_string()).small(e.id.orig_p.value);
        evidence.text(e.id.resp_h.to_string()).small(e.id.resp_p.value);
      } else {
        evidence.null().null().null().null();
      }
      evidence.small(e.place.capture_first).number(e.place.first).small(e.place.capture_last).number(e.place.last);
      evidence.end_row();
    }
  }
  return evidence.close();
}

Result<void> CaseStore::put_findings(std::span<const Finding> findings) {
  auto may = writable();
  if (!may) return may;
  for (const Finding& f : findings) {
    for (const char* sql : {"DELETE FROM findings WHERE id = ?", "DELETE FROM evidence WHERE finding = ?"}) {
      auto deleted = database_->run(sql, {Parameter::of(f.id)});
      if (!deleted) return fail(deleted.error());
    }
  }
  auto inserted = insert_findings(findings);
  if (!inserted) return fail(inserted.error());
  return {};
}

Result<void> CaseStore::replace_findings(std::span<const Finding> findings) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM findings; DELETE FROM evidence");
  if (!deleted) return fail(deleted.error());
  auto inserted = insert_findings(findings);
  if (!inserted) return fail(inserted.error());
  return {};
}

Result<void> CaseStore::replace_incidents(std::span<const Incident> incidents) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM incidents");
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "incidents");
  for (const Incident& i : incidents) {
    rows.text(i.id).text(i.victim).text(i.phase).text(i.depth).time(i.first.ns).time(i.last.ns).texts(i.findings);
    rows.text(i.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

Result<void> CaseStore::replace_assessments(std::span<const Assessment> assessments) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM assessments");
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "assessments");
  for (const Assessment& a : assessments) {
    rows.text(a.subject).text(a.level).text(a.leading).real(a.probability).text(a.confidence).text(a.json);
    rows.end_row();
  }
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

Result<void> CaseStore::put_document(std::string_view name, std::string_view json) {
  auto may = writable();
  if (!may) return may;
  auto deleted = database_->run("DELETE FROM documents WHERE name = ?", {Parameter::of(name)});
  if (!deleted) return fail(deleted.error());
  RowAppender rows(*database_, kCatalog, "documents");
  rows.text(name).text(json);
  rows.end_row();
  auto closed = rows.close();
  if (!closed) return fail(closed.error());
  return {};
}

}  // namespace whodunit::store::duckdb
