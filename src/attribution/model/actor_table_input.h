// What a table of actors is built from, whichever way it came in.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "attribution/model/actor_table.h"

namespace whodunit::attribution {

struct ActorTableInput {
  struct Group {
    std::string key, name, attack_id, country;
    bool state_sponsored = false;
    std::vector<std::string> aliases, techniques, software, victims, categories;
  };
  struct Campaign {
    std::string id;
    std::vector<std::string> groups, techniques, software;
  };
  struct Technique {
    std::string id, name;
    bool network_observable = false;
  };
  struct Software {
    std::string id, name;
    bool tool = false;
    std::vector<std::string> aliases;
  };
  struct Report {
    std::string id, actor;
    std::int32_t day = kNoDay, known_by = kNoDay;
    bool usable = true;
    std::vector<std::string> names, addresses;
  };
  std::vector<Group> groups;
  std::vector<Campaign> campaigns;
  std::vector<Technique> techniques;
  std::vector<Software> software;
  std::vector<Report> reports;
  /// Keys of two actors whom one source names together, so that reports of one may be of the other.
  std::vector<std::pair<std::string, std::string>> namesakes;
  std::vector<VictimRow> victim_rows;
  /// Names of ordinary crime: one list per report. They feed only the reference of what names look like.
  std::vector<std::vector<std::string>> background;
  std::string digest;

  std::shared_ptr<const ActorTable> build() &&;
};

}  // namespace whodunit::attribution
