#include "report/navigator.h"

#include <map>
#include <nlohmann/json.hpp>

namespace whodunit::report {

std::string navigator_layer(const Document& d) {
  struct Use {
    double confidence = 0;
    std::string comment;
    bool succeeded = false;
  };
  std::map<std::string, Use> uses;
  for (const Document& f : d.at("findings")) {
    for (const Document& t : f.at("techniques")) {
      Use& u = uses[t.get<std::string>()];
      u.confidence = std::max(u.confidence, f.at("confidence").get<double>());
      u.succeeded |= f.at("outcome").get<std::string>() == "succeeded";
      if (u.comment.size() < 2000)
        u.comment += (u.comment.empty() ? "" : "\n") + f.at("id").get<std::string>() + " " +
                     f.at("statement").get<std::string>();
    }
  }
  Document layer;
  layer["name"] = "Whodunit";
  layer["versions"] = {{"attack", "18"}, {"navigator", "5.1.0"}, {"layer", "4.5"}};
  layer["domain"] = "enterprise-attack";
  layer["description"] = "Techniques seen; the score is the confidence in per cent.";
  layer["techniques"] = Document::array();
  for (const auto& [id, u] : uses) {
    Document t;
    t["techniqueID"] = id;
    t["score"] = static_cast<int>(100 * u.confidence);
    t["color"] = u.succeeded ? "#b3162b" : "";
    t["comment"] = u.comment;
    t["enabled"] = true;
    layer["techniques"].push_back(t);
  }
  layer["gradient"] = {{"colors", {"#ffffff", "#ffb347", "#b3162b"}}, {"minValue", 0}, {"maxValue", 100}};
  return layer.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
}

}  // namespace whodunit::report
