// Fitted on the public rows: `whodunit knowledge evaluate TRIALS… --fit FILE`, its output between the marks.
#pragma once

#include <string_view>

namespace whodunit::attribution {

inline constexpr std::string_view kShippedWeights = R"(
infrastructure.exact_name 1.1102
infrastructure.exact_names 0.72445
infrastructure.registered 0.76144
infrastructure.registereds 0.5854
infrastructure.exact_address 3.8314
infrastructure.exact_addresses 5.328
infrastructure.net24 2.3861
infrastructure.net16 0.70067
infrastructure.recent_match 0.036755
infrastructure.label 0.72027
infrastructure.nearest_name 3.0024
infrastructure.name_rank 0.031168
infrastructure.nearest_report 3.7917
infrastructure.sequences 0.08937
infrastructure.traits 0.28975
infrastructure.suffix 0.20378
infrastructure.address_style 0.34382
infrastructure.shape 0.27445
infrastructure.size 3.2319e-07
infrastructure.activity 0.2928
infrastructure.activity_short 0.22135
unknown.always 4.7934
unknown.observables 0.50577
unknown.no_names 0.20668
unknown.best_exact_name -0.13827
unknown.best_registered -0.74307
unknown.best_address -0.93683
unknown.best_label 0.24681
unknown.best_nearest_name -0.73725
unknown.best_nearest_report 0.010143
unknown.best_sequences 0.035771
unknown.best_traits 0.10382
unknown.best_suffix -0.15437
unknown.undated 0.48655
unknown.hindsight 0.89652
unknown.staleness -0.3619
unknown.reports 0.17944
profile.technique_smoothing 4.9877
profile.technique_power 0.15719
profile.technique_saturation 2.708
profile.software_rarity 3.6447
profile.software_power -0.14228
profile.software_saturation 1.0416
profile.size 1.5728
profile.unknown -0.18694
profile.technique_imitation -4.6233
profile.software_imitation -5.9727
profile.technique_floor -2.7414
joint.infrastructure 0.74957
joint.techniques 0.93612
joint.software 1.4503
joint.size 0.12388
joint.offset 8.1408
joint.unknown 1.7322
victim.power -0.52339
victim.saturation 1.4599
victim.smoothing 0.59114
victim.base 0.49249
)";

}  // namespace whodunit::attribution
