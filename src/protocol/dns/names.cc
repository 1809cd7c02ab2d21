// Names of DNS's numbers as Zeek's logs write them (IANA "Domain Name System (DNS) Parameters").
#include <algorithm>
#include <iterator>

#include "protocol/dns/message.h"

namespace whodunit::protocol::dns {
namespace {

struct Named {
  std::uint16_t number;
  std::string_view name;
};

// In the order of their numbers.
constexpr Named kTypes[] = {
    {1, "A"},      {2, "NS"},      {3, "MD"},          {4, "MF"},         {5, "CNAME"},     {6, "SOA"},
    {7, "MB"},     {8, "MG"},      {9, "MR"},          {10, "NULL"},      {11, "WKS"},      {12, "PTR"},
    {13, "HINFO"}, {14, "MINFO"},  {15, "MX"},         {16, "TXT"},       {17, "RP"},       {18, "AFSDB"},
    {19, "X25"},   {20, "ISDN"},   {21, "RT"},         {22, "NSAP"},      {23, "NSAP-PTR"}, {24, "SIG"},
    {25, "KEY"},   {26, "PX"},     {27, "GPOS"},       {28, "AAAA"},      {29, "LOC"},      {30, "NXT"},
    {31, "EID"},   {32, "NIMLOC"}, {33, "SRV"},        {34, "ATMA"},      {35, "NAPTR"},    {36, "KX"},
    {37, "CERT"},  {38, "A6"},     {39, "DNAME"},      {40, "SINK"},      {41, "OPT"},      {42, "APL"},
    {43, "DS"},    {44, "SSHFP"},  {45, "IPSECKEY"},   {46, "RRSIG"},     {47, "NSEC"},     {48, "DNSKEY"},
    {49, "DHCID"}, {50, "NSEC3"},  {51, "NSEC3PARAM"}, {52, "TLSA"},      {53, "SMIMEA"},   {55, "HIP"},
    {56, "NINFO"}, {57, "RKEY"},   {58, "TALINK"},     {59, "CDS"},       {60, "CDNSKEY"},  {61, "OPENPGPKEY"},
    {62, "CSYNC"}, {63, "ZONEMD"}, {64, "SVCB"},       {65, "HTTPS"},     {99, "SPF"},      {100, "UINFO"},
    {101, "UID"},  {102, "GID"},   {103, "UNSPEC"},    {104, "NID"},      {105, "L32"},     {106, "L64"},
    {107, "LP"},   {108, "EUI48"}, {109, "EUI64"},     {249, "TKEY"},     {250, "TSIG"},    {251, "IXFR"},
    {252, "AXFR"}, {253, "MAILB"}, {254, "MAILA"},     {255, "*"},        {256, "URI"},     {257, "CAA"},
    {32768, "TA"}, {32769, "DLV"}, {65281, "WINS"},    {65282, "WINS-R"}, {65422, "XPF"},   {65521, "INTEGRITY"},
};

constexpr std::string_view kRcodes[] = {"NOERROR",       "FORMERR",       "SERVFAIL",      "NXDOMAIN",
                                        "NOTIMP",        "REFUSED",       "YXDOMAIN",      "YXRRSET",
                                        "NXRRSet",       "NOTAUTH",       "NOTZONE",       "unassigned-11",
                                        "unassigned-12", "unassigned-13", "unassigned-14", "unassigned-15"};

constexpr std::string_view kOpcodes[] = {
    "query",    "iquery",   "server-status", "opcode-3",  "notify",    "dynamic-update", "dso",       "opcode-7",
    "opcode-8", "opcode-9", "opcode-10",     "opcode-11", "opcode-12", "opcode-13",      "opcode-14", "opcode-15"};

// RFC 1002 4.2.1.1.
constexpr std::string_view kNetbiosOpcodes[] = {
    "netbios-query",     "netbios-opcode-1",     "netbios-opcode-2",  "netbios-opcode-3",
    "netbios-opcode-4",  "netbios-registration", "netbios-release",   "netbios-wack",
    "netbios-refresh",   "netbios-opcode-9",     "netbios-opcode-10", "netbios-opcode-11",
    "netbios-opcode-12", "netbios-opcode-13",    "netbios-opcode-14", "netbios-opcode-15"};

const Named* find_type(std::uint16_t type) {
  const auto* it = std::lower_bound(std::begin(kTypes), std::end(kTypes), type,
                                    [](const Named& entry, std::uint16_t number) { return entry.number < number; });
  return it != std::end(kTypes) && it->number == type ? it : nullptr;
}

}  // namespace

bool is_known_type(std::uint16_t type) { return find_type(type) != nullptr; }

std::string_view type_name(std::uint16_t type, std::string& scratch) {
  if (const Named* named = find_type(type)) return named->name;
  scratch = "query-" + std::to_string(type);
  return scratch;
}

std::string_view class_name(std::uint16_t klass, std::string& scratch) {
  switch (klass) {
    case 1:
      return "C_INTERNET";
    case 2:
      return "C_CSNET";
    case 3:
      return "C_CHAOS";
    case 4:
      return "C_HESIOD";
    case 254:
      return "C_NONE";
    case 255:
      return "C_ANY";
    default:
      scratch = "qclass-" + std::to_string(klass);
      return scratch;
  }
}

std::string_view rcode_name(std::uint8_t rcode) { return kRcodes[rcode & 0xf]; }

std::string_view opcode_name(std::uint8_t opcode, bool netbios) {
  return netbios ? kNetbiosOpcodes[opcode & 0xf] : kOpcodes[opcode & 0xf];
}

}  // namespace whodunit::protocol::dns
