// When a person, not a machine, worked.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace whodunit::attribution {

struct WorkingHours {
  std::size_t actions = 0, hours = 0, days = 0;  ///< hours: different hours with an action
  double centre_utc = 0;                         ///< hour of the day around which work is centred
  double share = 0;          ///< of the actions that belong to the centre, the rest being spread evenly
  double kappa = 0;          ///< concentration
  double p_flat = 1;         ///< Rayleigh's test: probability of such a centre where there is none
  double offset = 0;         ///< hours from UTC at which this is an office day
  double offset_error = 12;  ///< standard error, hours
  double weekend_share = 0;  ///< Saturdays and Sundays, UTC
  bool automated = false;    ///< gaps repeat
  bool telling = false;      ///< enough, not flat, not a machine's
};

WorkingHours working_hours(std::vector<base::Time> times);

}  // namespace whodunit::attribution
