#include "cli/verb.h"

namespace whodunit::cli {

// One line a verb.
void add_doctor(CLI::App& app, int& exit_code);
void add_evidence(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_intel(CLI::App& app, int& exit_code);
void add_knowledge(CLI::App& app, int& exit_code);
void add_investigate(CLI::App& app, int& exit_code);
void add_logs(CLI::App& app, int& exit_code);
void add_packets(CLI::App& app, int& exit_code);
void add_query(CLI::App& app, int& exit_code);
void add_findings(CLI::App& app, int& exit_code);
void add_incidents(CLI::App& app, int& exit_code);
void add_assess(CLI::App& app, int& exit_code);
void add_campaigns(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_reference(CLI::App& app, int& exit_code);

std::span<const Verb> verbs() {
  static constexpr Verb kVerbs[] = {
      {"investigate", add_investigate},
      {"logs", add_logs},
      {"explain", add_explain},
      {"packets", add_packets},
      {"query", add_query},
      {"evidence", add_evidence},
      {"intel", add_intel},
      {"knowledge", add_knowledge},
      {"findings", add_findings},
      {"incidents", add_incidents},
      {"assess", add_assess},
      {"campaigns", add_campaigns},
      {"report", add_report},
      {"reference", add_reference},
      {"doctor", add_doctor},
  };
  return kVerbs;
}

std::span<const VerbToCome> verbs_to_come() {
  static constexpr VerbToCome kVerbs[] = {
      {"services",
       "whodunit query CASE 'SELECT service, count(*) AS n, avg(time_to_first_byte) FROM conn GROUP BY ALL'"},
      {"claim", "whodunit findings CASE and whodunit incidents CASE show what was seen; the report, what could not be"},
      {"scan", "whodunit logs INPUT --hashes --extract-files DIR takes files out of captures, for a scanner of yours"},
      {"serve", "whodunit report CASE --format html -o FILE makes one page that opens offline"},
      {"watch", "tcpdump -i IFACE -w - | whodunit investigate - reads what a capture program writes"},
  };
  return kVerbs;
}

}  // namespace whodunit::cli
