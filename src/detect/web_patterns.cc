// Sources: the attack classes of the OWASP Core Rule Set and of the OWASP testing guide; the expressions are our own.
// Each takes the form of the attack, not the words that surround it in one tool.
#include "detect/web_patterns.h"

namespace whodunit::detect {

std::string_view to_string(WebAttack attack) {
  static constexpr std::string_view kNames[] = {"SQL injection",     "path traversal",
                                                "command injection", "cross-site scripting",
                                                "Log4Shell",         "template or expression injection",
                                                "web shell",         "unsafe deserialisation",
                                                "web scanner"};
  return kNames[static_cast<std::size_t>(attack)];
}

std::span<const WebPattern> web_patterns() {
  using enum WebAttack;
  static constexpr WebPattern kPatterns[] = {
      // SQL injection
      {kSqlInjection, 1.0, R"x(\bunion\b[\s/*()+!a-z0-9]+\bselect\b)x", "UNION SELECT"},
      {kSqlInjection, 1.0, R"x(['"]\s*\)*\s*(or|and|\|\||&&)\s*\(*\s*['"]?[\w.]+['"]?\s*(=|like|<|>)\s*['"]?[\w.]+)x",
       "a condition that is always true or false"},
      {kSqlInjection, 0.7, R"x((=|\s)-?\d+\s*\)*\s+(or|and)\s+\(*-?\d+\s*=\s*\(*\s*-?\d+)x", "a condition of numbers"},
      {kSqlInjection, 1.0,
       R"x(\b(select\b[^;]+\bfrom\s+(information_schema|mysql\.|pg_catalog|sysobjects|sys\.|all_tables|sqlite_master|dual\b)))x",
       "a look into the catalogue"},
      {kSqlInjection, 1.0, R"x(['");]\s*;?\s*(drop|truncate|alter)\s+(table|database)\b)x", "a statement appended"},
      {kSqlInjection, 1.0,
       R"x(\b(waitfor\s+delay\s*['"]|benchmark\s*\(\s*\d+|pg_sleep\s*\(|dbms_pipe\.receive_message|sleep\s*\(\s*\d+\s*\)))x",
       "a delay asked of the database"},
      {kSqlInjection, 1.0, R"x(\b(extractvalue|updatexml)\s*\(\s*[^,]+,\s*concat)x", "an error that tells"},
      {kSqlInjection, 1.0, R"x(\b(load_file\s*\(|into\s+(out|dump)file\b|xp_cmdshell|utl_http\.|sp_executesql))x",
       "a file or a command through the database"},
      {kSqlInjection, 0.6, R"x(['"]\s*(--|#|/\*)[^a-z0-9]*$)x", "a quote, then a comment"},
      {kSqlInjection, 0.7, R"x(\border\s+by\s+\d+\s*(--|#|/\*))x", "columns counted"},
      // path traversal and file inclusion
      {kTraversal, 1.0, R"x((\.\.[/\\]){3,})x", "three steps up"},
      {kTraversal, 1.0,
       R"x(\.\.[/\\][^?&]*(etc[/\\]passwd|etc[/\\]shadow|windows[/\\]win\.ini|boot\.ini|web\.xml|proc[/\\]self))x",
       "steps up to a file that every system has"},
      {kTraversal, 1.0, R"x((=|/|\\)(file:/{2,3}|php://(filter|input)|expect://|phar://|zip://)[^\s]{2,})x",
       "a wrapper where a name belongs"},
      {kTraversal, 0.9, R"x((=|//|/|\.\.)(/?etc/(passwd|shadow)|c:[/\\]+windows[/\\]))x", "a system file"},
      {kTraversal, 1.0, R"x((/|\\)\.(%2e|%%32%65|%c0%ae|%25%32%65)|%c0%af|%c1%9c|\.%2e/)x",
       "steps up, encoded twice or overlong"},
      // A path's parameter hides the step from a proxy, not from the server behind it (CVE-2020-5902; O. Tsai, Breaking
      // Parser Logic, Black Hat 2018).
      {kTraversal, 1.0, R"x(/\.\.;/)x", "a step up behind a parameter"},
      {kTraversal, 1.0, R"x(/(vpn|dana-na|api/v1/totp/user-backup-code)/([^?]*/)?\.\./)x",
       "a step out of a gateway's open folder"},
      // command injection
      {kCommandInjection, 1.0,
       R"x([;|&`\n]\s*(/usr)?(/bin/)?(cat|id|uname|wget|curl|nc|ncat|netcat|bash|sh|ping|nslookup|whoami|powershell|cmd(\.exe)?|ifconfig|python\d?|perl|php|tftp|busybox|chmod)\b[\s;|&`'"/<>-])x",
       "a command after a separator"},
      {kCommandInjection, 1.0, R"x(\$\(\s*(cat|id|uname|wget|curl|nc|bash|sh|ping|nslookup|whoami|sleep|echo)\b)x",
       "a command substitution"},
      {kCommandInjection, 1.0, R"x(\(\)\s*\{\s*[:_a-z][^}]{0,20};?\s*\}\s*;)x", "a function definition (Shellshock)"},
      {kCommandInjection, 1.0,
       R"x(\b(wget|curl|tftp|fetch)(\s|\$\{?ifs\}?|\+)+[^|;&]*(https?|ftp)://[^\s'";|&]+\s*(;|\||&&|-o|-O|\+))x",
       "a download by command"},
      {kCommandInjection, 1.0, R"x(/bin/(ba|da|z)?sh\b[\s+]*(-c|-i|\|))x", "a shell"},
      {kCommandInjection, 1.0, R"x(\b(cmd(\.exe)?\s*/c|powershell(\.exe)?\s+-(enc|e|nop|w|c|ep|exec)))x",
       "a Windows shell"},
      {kCommandInjection, 1.0, R"x(/cgi-bin/[^?]*(\.\.|%2e%2e|%%32)[^?]*/bin/(ba)?sh)x",
       "a shell through a script folder"},
      {kCommandInjection, 1.0, R"x((allow_url_include|auto_prepend_file|disable_functions)\s*=)x",
       "interpreter settings in a request"},
      {kCommandInjection, 1.0, R"x(\$\{?ifs\b|\$\{ifs%)x", "the shell's separator in place of spaces"},
      // Recorders and routers that run what they are asked (MVPower JAWS: CVE-2016-20016; Huawei HG532: CVE-2017-17215;
      // Hikvision: CVE-2021-36260).
      {kCommandInjection, 1.0, R"x((^|\n)/shell\?(cd|wget|cat|id|ls|busybox|/bin)\b)x", "a recorder's open shell"},
      {kCommandInjection, 1.0, R"x(<(newstatusurl|newdownloadurl|language|newntpserver1)>\s*(\$\(|`|;))x",
       "a command in a device's setting"},
      // OMI's agent without a password (CVE-2021-38647).
      {kCommandInjection, 1.0,
       R"x(\bexecute(shell)?command_input\b|scx_operatingsystem[^>]{0,80}execute(shell)?command)x",
       "a command for a management agent"},
      // ThinkPHP (CNVD-2018-24942).
      {kCommandInjection, 1.0, R"x(invokefunction&(amp;)?function=call_user_func_array)x",
       "a framework's function called by name"},
      {kCommandInjection, 1.0,
       R"x(\b(system|exec|shell_exec|passthru|popen|proc_open|eval|assert)\s*\(\s*(['"]|\$_|base64_decode|chr\())x",
       "code that runs commands"},
      // cross-site scripting
      {kScript, 1.0, R"x(<\s*script\b[^>]*>)x", "a script element"},
      {kScript, 1.0,
       R"x(<\s*(img|svg|iframe|body|video|audio|input|details|object|embed|marquee|a)\b[^>]*\bon[a-z]{3,20}\s*=)x",
       "an element with a handler"},
      {kScript, 0.8, R"x(\bjavascript\s*:\s*(alert|eval|prompt|confirm|document|window|fetch)\b)x",
       "a javascript: address"},
      {kScript, 1.0,
       R"x(\b(alert|prompt|confirm)\s*\(\s*(['"`/]?[\w.-]*['"`/]?|document\.(cookie|domain)|string\.fromcharcode[^)]*\)?)\s*\))x",
       "a call that shows a box"},
      {kScript, 1.0, R"x(document\.(cookie|write|location)\b[^&]*['"=+(])x", "the document's own objects"},
      {kScript, 0.6, R"x(['"]\s*/?>\s*<\s*[a-z/!])x", "an attribute left"},
      // Log4Shell and its disguises
      {kLog4Shell, 1.0, R"x(\$\{\s*(\$\{[^}]*\}|[a-z])+:[^}]*(ldaps?|rmi|dns|iiop|nis|corba|nds|https?)\s*:/?/?)x",
       "a JNDI look-up"},
      {kLog4Shell, 1.0, R"x(\$\{jndi:)x", "a JNDI look-up"},
      {kLog4Shell, 1.0, R"x(\$\{(\$\{)?(lower|upper|env|sys|date|::-|:)[^}]*:?-?[^}]{0,20}\}[^\s]*:(/|\$\{|\w)*//)x",
       "a JNDI look-up in disguise"},
      // expression and template injection
      {kTemplate, 1.0,
       R"x(\$\{[^}]*(freemarker\.template|java\.lang\.runtime|getruntime|processbuilder|class\.forname|@java|#_memberaccess|execute\()|\"freemarker\.template)x",
       "an expression that reaches the runtime"},
      {kTemplate, 1.0, R"x(freemarker\.template\.utility\.execute)x", "a template that runs commands"},
      {kTemplate, 1.0, R"x(%\{[^}]*(#_memberaccess|@ognl|multipart/form-data|#cmd|#context|com\.opensymphony))x",
       "OGNL"},
      {kTemplate, 1.0, R"x(class\.module\.classloader)x", "the class loader (Spring4Shell)"},
      {kTemplate, 1.0,
       R"x(\{\{[^}]*(__class__|__globals__|config\.|self\._|request\.application|constructor\.constructor|\d+\s*\*\s*\d+))x",
       "a template expression"},
      {kTemplate, 0.9, R"x((spring\.cloud\.function\.routing-expression|t\(java\.lang\.runtime\)))x",
       "a routing expression"},
      {kTemplate, 1.0, R"x(\bjava\.lang\.(runtime\b|processbuilder\b))x", "the Java runtime called by name"},
      {kTemplate, 1.0, R"x(@(org\.apache|java\.lang|com\.opensymphony)\.[a-z.]+@)x", "OGNL's static calls"},
      // Drupal (CVE-2018-7600), Joomla (CVE-2015-8562), vBulletin (CVE-2019-16759).
      {kTemplate, 1.0, R"x(\[(#|%23)(post_render|lazy_builder|pre_render|markup)\]|widgetconfig\[code\])x",
       "a render callback in a form"},
      // web shells
      {kUpload, 1.0, R"x(<\?(php|=)?[^?]*\b(eval|assert|system|exec|shell_exec|passthru|base64_decode)\s*\(\s*[\$@]?)x",
       "a script that runs what it is sent"},
      {kUpload, 1.0,
       R"x(<%[^%]*(runtime\.getruntime\(\)\.exec|processbuilder|createobject\(\s*['"]wscript\.shell|eval\s*\(?\s*request))x",
       "a script that runs what it is sent"},
      {kUpload, 1.0,
       R"x(/(c99|r57|wso|b374k|weevely|chopper|cmd|shell|webshell|backdoor)\d{0,2}\.(php\d?|phtml|aspx?|ashx|jspx?)\b)x",
       "a web shell's name"},
      // unsafe deserialisation
      {kDeserialisation, 1.0, R"x(\bro0abx)x", "a serialised Java object"},
      {kDeserialisation, 1.0, R"x(\xac\xed\x00\x05[sw])x", "a serialised Java object"},
      {kDeserialisation, 0.9, R"x(\b[oc]:\d{1,4}:\\?"[a-z_\\]{2,}\\?":\d{1,4}:\{)x", "a serialised PHP object"},
      {kDeserialisation, 1.0,
       R"x(java\.beans\.xmldecoder|<java\b[^>]*class=\\?"java\.beans|ysoserial|commonscollections\d|com\.sun\.rowset\.jdbcrowsetimpl)x",
       "a gadget chain"},
      {kDeserialisation, 1.0,
       R"x(<!entity\s+(%\s+)?\w+\s+(system|public)\s+['"](file|http|ftp|php|expect|jar|gopher))x",
       "an external entity"},
      // scanners that say who they are (user agent, or paths that only they ask for)
      {kScanner, 1.0,
       R"x(\b(sqlmap|nikto|nessus|openvas|acunetix|netsparker|w3af|havij|dirbuster|gobuster|wpscan|masscan|zgrab|nuclei|jaeles|whatweb|arachni|skipfish|fimap|commix|xsser|wfuzz|ffuf|feroxbuster|nmap scripting engine|zmeu|morfeus|muieblackcat|l9explore|qualys|burpsuite|appscan)\b)x",
       "a scanner's name"},
      {kScanner, 1.0,
       R"x(/(nice%20ports%2c|nice ports,)/tri|/\.git/config$|/\.env$|/phpunit/.*eval-stdin\.php|/hnap1\b|/boaform/|/gponform/|/setup\.cgi\?next_file|/solr/admin/info|/actuator/gateway|/_ignition/execute-solution|/manager/html$|/wls-wsat/)x",
       "a path that only attackers ask for"},
      // Exchange (CVE-2021-34473), Hikvision (CVE-2017-7921), DVRs (CVE-2018-9995), Cisco (CVE-2023-20198).
      {kScanner, 1.0,
       R"x(/autodiscover/autodiscover\.json[^\n]*@[^\n]*/(powershell|mapi/nspi|ews)|[?&]auth=ywrtaw46mtek|/device\.rsp\?opt=user&cmd=list|/sdk/weblanguage\b|/ctrlt/deviceupgrade_1|/webui_wsma_https?)x",
       "a path that only attackers ask for"},
  };
  return kPatterns;
}

}  // namespace whodunit::detect
