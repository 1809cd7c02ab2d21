// The readers of single formats; read_feed chooses among them.
#pragma once

#include "knowledge/indicators/feed.h"

namespace whodunit::knowledge {

base::Result<void> read_json_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                                  Problems& problems);
void read_trail_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                     Problems& problems);
void read_plain_list(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                     Problems& problems);
void read_signature_base(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                         Problems& problems);
void read_csv_feed(std::string_view name, std::string_view text, const FeedOptions& options, Feed& feed,
                   Problems& problems);

inline void newest_date(Date& into, const Date& date) {
  if (date.known() && (!into.known() || into < date)) into = date;
}

/// What JSON holds, by its content.
FeedFormat detect_json_feed(std::string_view text);
/// The separator of a table, or 0: the one that most of the first lines share.
char table_separator(std::string_view text);
/// The kind that a column's name says; kCount where it says none. "value", "indicator", "ioc" give kCount and
/// `generic`.
IndicatorKind column_kind(std::string_view title, bool& generic);

}  // namespace whodunit::knowledge
