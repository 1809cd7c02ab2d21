// Evidence in a file: what `whodunit knowledge attribute --evidence` reads and `whodunit evidence add` writes
// (docs/attribution.md, "A file of evidence").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attribution/attribution.h"

namespace whodunit::attribution {

struct EvidenceFile {
  CaseFacts facts;
  std::vector<std::string> warnings;  ///< keys that mean nothing here, values that cannot be read: left out
};

/// An object as INTERFACE.md describes it. An error where it is no such object, or a value has the wrong type.
base::Result<EvidenceFile> read_evidence(std::string_view text, const std::string& where);
base::Result<EvidenceFile> load_evidence(const std::string& path);

/// Adds an item to the "manual" list of the file, which is made where there is none; other keys stay. An item that is
/// there already, word for word, is not added twice (false).
base::Result<bool> add_manual(const std::string& path, const ManualFact& item);
/// The items of such a file; none where there is no file.
base::Result<std::vector<ManualFact>> load_manual(const std::string& path);
/// Where a case keeps what analysts added to it: "NAME.case.evidence.json" beside it.
std::string manual_path(const std::string& case_path);

/// "B2": reliability and credibility. Nothing where it is no grade.
std::optional<Grade> parse_grade(std::string_view text);

}  // namespace whodunit::attribution
