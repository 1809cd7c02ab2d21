// The case as an Atom feed (RFC 4287): an entry per incident and finding, for readers and dashboards that take feeds.
#pragma once

#include <string>

#include "report/document.h"

namespace whodunit::report {

/// The newest first. Times are those of the traffic; ids are made of the case's captures and the findings' ids, so that
/// the same case gives the same feed.
std::string atom_feed(const Document& d);

}  // namespace whodunit::report
