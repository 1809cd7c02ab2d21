#include "attribution/model/names.h"

#include <algorithm>
#include <array>

#include "base/hash.h"

namespace whodunit::attribution {
namespace {

// Second-level labels under which country registries let the public register names.
constexpr std::array<std::string_view, 33> kSecondLevel = {
    "ac",  "ad",   "asso", "co",   "com", "ed", "edu", "firm", "gen", "go",  "gob",
    "gop", "gouv", "gov",  "govt", "id",  "in", "inf", "info", "ltd", "me",  "mil",
    "my",  "ne",   "net",  "nic",  "nom", "or", "org", "plc",  "sch", "web", "gub"};

// Suffixes of providers under which anybody gets a name: the owner of the suffix is not the owner of the name.
constexpr std::string_view kProviders[] = {
    "000webhostapp.com",
    "1apps.com",
    "25u.com",
    "2waky.com",
    "3322.org",
    "3utilities.com",
    "8800.org",
    "8866.org",
    "9966.org",
    "accesscam.org",
    "acmetoy.com",
    "almostmy.com",
    "amazonaws.com",
    "appspot.com",
    "atwebpages.com",
    "authorizeddns.net",
    "awardspace.net",
    "azureedge.net",
    "azurewebsites.net",
    "b4a.run",
    "bigmoney.biz",
    "blogdns.com",
    "blogspot.com",
    "bounceme.net",
    "camdvr.org",
    "casacam.net",
    "changeip.org",
    "chickenkiller.com",
    "cleansite.us",
    "cloudapp.azure.com",
    "cloudapp.net",
    "cloudfront.net",
    "cloudns.asia",
    "cloudns.cc",
    "cloudns.cl",
    "cloudns.nz",
    "com.de",
    "compress.to",
    "cprapid.com",
    "crabdance.com",
    "dattolocal.net",
    "ddns.info",
    "ddns.me",
    "ddns.ms",
    "ddns.name",
    "ddns.net",
    "ddns.us",
    "ddnsfree.com",
    "ddnsgeek.com",
    "ddnsking.com",
    "dedyn.io",
    "deno.dev",
    "dnsabr.com",
    "dns-dns.com",
    "dns-stuff.com",
    "dns04.com",
    "dns05.com",
    "dnsalias.com",
    "dnsalias.net",
    "dnsalias.org",
    "dnsdojo.net",
    "dnsdynamic.net",
    "dnsrd.com",
    "dnset.com",
    "duckdns.org",
    "dumb1.com",
    "dyn-dns.net",
    "dynalias.com",
    "dynalias.net",
    "dynamic-dns.net",
    "dynamicdns.biz",
    "dyndns-ip.com",
    "dyndns.biz",
    "dyndns.info",
    "dyndns.org",
    "dyndns.tv",
    "dynserv.com",
    "dynssl.com",
    "dynu.com",
    "dynu.net",
    "edgesuite.net",
    "eicp.net",
    "epac.to",
    "esy.es",
    "eu.org",
    "ezua.com",
    "faqserv.com",
    "fartit.com",
    "firebaseapp.com",
    "fly.dev",
    "freeddns.com",
    "freeddns.org",
    "freehosting.com",
    "freetcp.com",
    "ftp.sh",
    "ftpserver.biz",
    "gettrials.com",
    "gicp.net",
    "giize.com",
    "github.io",
    "gitlab.io",
    "gleeze.com",
    "glitch.me",
    "gotdns.ch",
    "gotdns.com",
    "got-game.org",
    "h1n.ru",
    "herokuapp.com",
    "hol.es",
    "homeip.net",
    "homelinux.com",
    "homelinux.net",
    "homelinux.org",
    "homeunix.com",
    "homeunix.net",
    "hopto.me",
    "hopto.org",
    "hostedpi.com",
    "https443.net",
    "https443.org",
    "ignorelist.com",
    "ikwb.com",
    "infinityfreeapp.com",
    "instanthq.com",
    "isasecret.com",
    "it.com",
    "itemdb.com",
    "itsaol.com",
    "jetos.com",
    "jkub.com",
    "jumpingcrab.com",
    "justdied.com",
    "kozow.com",
    "lflink.com",
    "lflinkup.com",
    "lflinkup.net",
    "lflinkup.org",
    "linkpc.net",
    "loginto.me",
    "longmusic.com",
    "loseyourip.com",
    "mefound.com",
    "misecure.com",
    "moneyhome.biz",
    "mooo.com",
    "mrbasic.com",
    "mrbonus.com",
    "mrface.com",
    "mrslove.com",
    "my-wan.de",
    "my03.com",
    "myddns.com",
    "myddns.me",
    "mydad.info",
    "myftp.biz",
    "myftp.info",
    "myftp.name",
    "myftp.org",
    "mylftv.com",
    "mymom.info",
    "mynetav.net",
    "mynumber.org",
    "mypicture.info",
    "mypop3.net",
    "mypop3.org",
    "mypressonline.com",
    "mysecondarydns.com",
    "myvnc.com",
    "mywire.org",
    "myz.info",
    "netlify.app",
    "ngrok.io",
    "ngrok-free.app",
    "no-ip.biz",
    "no-ip.info",
    "no-ip.org",
    "ns01.biz",
    "ns01.info",
    "ns01.us",
    "ns02.biz",
    "ns02.info",
    "ns02.us",
    "ns1.name",
    "ns2.name",
    "ns3.name",
    "ocry.com",
    "onedumb.com",
    "onlinewebshop.net",
    "onmypc.biz",
    "onmypc.info",
    "onmypc.net",
    "onmypc.org",
    "onrender.com",
    "onthewifi.com",
    "ooguy.com",
    "organiccrap.com",
    "otzo.com",
    "ourhobby.com",
    "pages.dev",
    "pcanywhere.net",
    "plesk.page",
    "port25.biz",
    "proxydns.com",
    "publicvm.com",
    "qhigh.com",
    "qpoe.com",
    "r2.dev",
    "railway.app",
    "rebatesrule.net",
    "redirectme.net",
    "run.place",
    "scieron.com",
    "sellclassics.com",
    "sendsmtp.com",
    "serveblog.net",
    "servebeer.com",
    "servecounterstrike.com",
    "serveftp.com",
    "servegame.com",
    "servehalflife.com",
    "servehttp.com",
    "serveirc.com",
    "serveminecraft.net",
    "servemp3.com",
    "servep2p.com",
    "servepics.com",
    "servequake.com",
    "serveuser.com",
    "serveusers.com",
    "sexidude.com",
    "sexxxy.biz",
    "sixth.biz",
    "slyip.com",
    "slyip.net",
    "softether.net",
    "squirly.info",
    "ssl443.org",
    "ssmailer.com",
    "strangled.net",
    "sytes.net",
    "theworkpc.com",
    "tk-auth.com",
    "toh.info",
    "toythieves.com",
    "trickip.net",
    "trickip.org",
    "trycloudflare.com",
    "twilightparadox.com",
    "us.com",
    "us.org",
    "us.to",
    "vercel.app",
    "viewdns.net",
    "vizvaz.com",
    "vxiaoyu.com",
    "web.app",
    "web.core.windows.net",
    "webhop.info",
    "webhop.me",
    "webhop.net",
    "webhop.org",
    "weebly.com",
    "webredirect.org",
    "wikaba.com",
    "wixsite.com",
    "wordpress.com",
    "work.gd",
    "workers.dev",
    "wwwhost.biz",
    "x24hr.com",
    "xicp.net",
    "xxuz.com",
    "xxxy.biz",
    "xxxy.info",
    "yahoosites.com",
    "yolasite.com",
    "ygto.com",
    "youdontcare.com",
    "yourtrap.com",
    "zapto.org",
    "zyns.com",
    "zzux.com",
};

bool is_provider(std::string_view suffix) {
  // Sorted once: the table above is kept in an order that people can read.
  static const std::vector<std::string_view> sorted = [] {
    std::vector<std::string_view> v(std::begin(kProviders), std::end(kProviders));
    std::sort(v.begin(), v.end());
    return v;
  }();
  return std::binary_search(sorted.begin(), sorted.end(), suffix);
}

std::uint32_t bucket(std::uint64_t hash, std::uint32_t space) { return static_cast<std::uint32_t>(hash % space); }

}  // namespace

std::string canonical_name(std::string_view text) {
  while (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253 || text.find('.') == std::string_view::npos) return {};
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool good = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '-' ||
                      lower == '_' || lower == '.' || static_cast<unsigned char>(lower) >= 0x80;
    if (!good) return {};
    out.push_back(lower);
  }
  if (out.front() == '.' || out.find("..") != std::string::npos) return {};
  return out;
}

NameParts take_apart(std::string_view name) {
  NameParts parts;
  // Starts of the last four labels, from the right.
  std::size_t starts[5];
  std::size_t n = 0;
  std::size_t at = name.size();
  while (n < 5) {
    const std::size_t dot = name.rfind('.', at - 1);
    if (dot == std::string_view::npos || at == 0) {
      starts[n++] = 0;
      break;
    }
    starts[n++] = dot + 1;
    at = dot;
    if (at == 0) break;
  }
  std::size_t suffix_labels = 1;
  if (n >= 2) {
    const std::string_view top = name.substr(starts[0]);
    const std::string_view second = name.substr(starts[1], starts[0] - starts[1] - 1);
    if (top.size() == 2 && std::find(kSecondLevel.begin(), kSecondLevel.end(), second) != kSecondLevel.end()) {
      suffix_labels = 2;
    }
    for (std::size_t k = std::min<std::size_t>(n, 4); k >= 2; --k) {
      if (is_provider(name.substr(starts[k - 1]))) {
        suffix_labels = k;
        parts.provider = true;
        break;
      }
    }
  }
  if (suffix_labels >= n) {  // the name is a suffix itself
    parts.suffix = name.substr(starts[n - 1]);
    parts.registered = name;
    parts.label = name.substr(0, name.find('.'));
    return parts;
  }
  parts.suffix = name.substr(starts[suffix_labels - 1]);
  const std::size_t label_start = starts[suffix_labels];
  parts.registered = name.substr(label_start);
  parts.label = name.substr(label_start, starts[suffix_labels - 1] - label_start - 1);
  if (label_start > 0) parts.below = name.substr(0, label_start - 1);
  return parts;
}

std::vector<std::uint32_t> sequences_of(const NameParts& parts) {
  std::vector<std::uint32_t> out;
  const auto slide = [&out](std::string_view label, char mark) {
    std::string text;
    text.reserve(label.size() + 2);
    text.push_back(mark);
    text.append(label.substr(0, 63));
    text.push_back(mark);
    for (const std::size_t length : {std::size_t{3}, std::size_t{4}}) {
      for (std::size_t i = 0; i + length <= text.size(); ++i) {
        out.push_back(bucket(base::fast_hash(std::string_view(text).substr(i, length), length), kSequenceSpace));
      }
    }
  };
  slide(parts.label, '^');
  if (!parts.below.empty()) slide(parts.below, '/');
  return out;
}

std::vector<std::uint64_t> words_of(const NameParts& parts) {
  constexpr std::size_t kShortest = 4;
  std::vector<std::uint64_t> out;
  for (const std::string_view text : {parts.label, parts.below}) {
    std::size_t start = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      const char c = i < text.size() ? text[i] : '-';
      if (c != '-' && c != '.' && c != '_' && (c < '0' || c > '9')) continue;
      if (i - start >= kShortest) out.push_back(base::fast_hash(text.substr(start, i - start), 3));
      start = i + 1;
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::vector<std::uint32_t> traits_of(const NameParts& parts) {
  std::vector<std::uint32_t> out;
  out.reserve(kTraitKinds);
  const auto add = [&out](std::uint64_t kind, std::string_view value) {
    out.push_back(bucket(base::fast_hash(value, 1000 + kind), kTraitSpace));
  };
  std::size_t digits = 0, hyphens = 0, vowels = 0, letters = 0;
  bool digit_last = false;
  for (const char c : parts.label) {
    digit_last = c >= '0' && c <= '9';
    digits += digit_last;
    hyphens += c == '-';
    letters += c >= 'a' && c <= 'z';
    vowels += c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
  }
  add(0, parts.suffix);
  const std::size_t length = parts.label.size();
  add(1, std::string(1, static_cast<char>('a' + std::min<std::size_t>(length / 2, 14))));
  add(2, std::string{static_cast<char>('0' + std::min<std::size_t>(digits, 3)), digit_last ? 'e' : 'm',
                     digits == length ? 'o' : 'x'});
  add(3, std::string(1, static_cast<char>('0' + std::min<std::size_t>(hyphens, 3))));
  const std::size_t depth =
      parts.below.empty() ? 0 : 1 + static_cast<std::size_t>(std::count(parts.below.begin(), parts.below.end(), '.'));
  std::string first(parts.below.substr(0, parts.below.find('.')));
  if (first.size() > 4) first = std::to_string(std::min<std::size_t>(first.size(), 12));
  add(4, std::to_string(std::min<std::size_t>(depth, 4)) + first);
  const char sound = static_cast<char>('0' + (letters == 0 ? 9 : vowels * 8 / letters));
  add(5, std::string(1, sound));
  // Habits go together: what is bought where, and how it is built.
  std::string bought(parts.suffix);
  bought += {'|', static_cast<char>('0' + std::min<std::size_t>(hyphens, 2)), digits == 0 ? 'n' : 'd',
             parts.below.empty() ? 'a' : 'b'};
  add(6, bought);
  add(7, std::string{static_cast<char>('a' + std::min<std::size_t>(length / 3, 7)), sound,
                     static_cast<char>('0' + std::min<std::size_t>(hyphens, 2)), digits == 0 ? 'n' : 'd'});
  return out;
}

}  // namespace whodunit::attribution
