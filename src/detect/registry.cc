#include "detect/detector.h"

namespace whodunit::detect {

// One line a detector.
std::unique_ptr<Detector> make_scan(const Environment&);
std::unique_ptr<Detector> make_brute_force(const Environment&);
std::unique_ptr<Detector> make_web_attack(const Environment&);
std::unique_ptr<Detector> make_indicator(const Environment&);
std::unique_ptr<Detector> make_icmp_tunnel(const Environment&);
std::unique_ptr<Detector> make_protocol_exploit(const Environment&);
std::unique_ptr<Detector> make_remote_procedure(const Environment&);
std::unique_ptr<Detector> make_beacon(const Environment&);
std::unique_ptr<Detector> make_dns_tunnel(const Environment&);
std::unique_ptr<Detector> make_certificate(const Environment&);
std::unique_ptr<Detector> make_dhcp_flood(const Environment&);
std::unique_ptr<Detector> make_generated_names(const Environment&);
std::unique_ptr<Detector> make_admin_share(const Environment&);
std::unique_ptr<Detector> make_login_guessing(const Environment&);
std::unique_ptr<Detector> make_stealer_upload(const Environment&);
std::unique_ptr<Detector> make_remote_login(const Environment&);
std::unique_ptr<Detector> make_control_channel(const Environment&);
std::unique_ptr<Detector> make_program_download(const Environment&);
std::unique_ptr<Detector> make_flood(const Environment&);
std::unique_ptr<Detector> make_address_spoofing(const Environment&);
std::unique_ptr<Detector> make_ticket_roasting(const Environment&);
std::unique_ptr<Detector> make_sensor_alert(const Environment&);
std::unique_ptr<Detector> make_directory_search(const Environment&);
std::unique_ptr<Detector> make_unanswered_calls(const Environment&);
std::unique_ptr<Detector> make_clear_shell(const Environment&);
std::unique_ptr<Detector> make_form_guessing(const Environment&);
std::unique_ptr<Detector> make_slow_requests(const Environment&);
std::unique_ptr<Detector> make_industrial_control(const Environment&);
std::unique_ptr<Detector> make_port_mismatch(const Environment&);
std::unique_ptr<Detector> make_rogue_configuration(const Environment&);

std::span<const Entry> detectors() {
  static constexpr Entry kEntries[] = {
      {"scan", make_scan},
      {"brute_force", make_brute_force},
      {"web_attack", make_web_attack},
      {"indicator", make_indicator},
      {"icmp_tunnel", make_icmp_tunnel},
      {"protocol_exploit", make_protocol_exploit},
      {"remote_procedure", make_remote_procedure},
      {"beacon", make_beacon},
      {"dns_tunnel", make_dns_tunnel},
      {"certificate", make_certificate},
      {"dhcp_flood", make_dhcp_flood},
      {"generated_names", make_generated_names},
      {"admin_share", make_admin_share},
      {"login_guessing", make_login_guessing},
      {"stealer_upload", make_stealer_upload},
      {"remote_login", make_remote_login},
      {"control_channel", make_control_channel},
      {"program_download", make_program_download},
      {"flood", make_flood},
      {"address_spoofing", make_address_spoofing},
      {"ticket_roasting", make_ticket_roasting},
      {"sensor_alert", make_sensor_alert},
      {"directory_search", make_directory_search},
      {"unanswered_calls", make_unanswered_calls},
      {"clear_shell", make_clear_shell},
      {"form_guessing", make_form_guessing},
      {"slow_requests", make_slow_requests},
      {"industrial_control", make_industrial_control},
      {"port_mismatch", make_port_mismatch},
      {"rogue_configuration", make_rogue_configuration},
  };
  return kEntries;
}

}  // namespace whodunit::detect
