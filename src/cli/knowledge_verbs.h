// The parts of `whodunit knowledge`, each in its own file.
#pragma once

namespace CLI {
class App;
}

namespace whodunit::cli {

/// `knowledge import`, `show`, `diff` (knowledge.cc). Each part adds its subcommands to the `knowledge` verb.
void add_knowledge_tables(CLI::App& knowledge, int& exit_code);

/// `knowledge attribute`: the answer to given evidence. `knowledge evaluate`: measured on trials.
void add_knowledge_attribute(CLI::App& knowledge, int& exit_code);
void add_knowledge_evaluate(CLI::App& knowledge, int& exit_code);

}  // namespace whodunit::cli
