// The report's style sheet and script.
#pragma once

namespace whodunit::report {

inline constexpr const char* kStyle = R"css(
:root{--ink:#1b2430;--soft:#5b6b7c;--line:#dde3ea;--paper:#fff;--tint:#f5f7fa;--accent:#0b5cad;
--informational:#8795a5;--low:#3f7fbf;--medium:#c98a10;--high:#d4561e;--critical:#b3162b}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa9b9;--line:#2c3744;--paper:#131a22;--tint:#1a232d;--accent:#69aef2;
--informational:#8795a5;--low:#6aa6e0;--medium:#e0aa3e;--high:#f08a55;--critical:#f0657a}}
*{box-sizing:border-box}html{background:var(--tint)}
body{margin:0 auto;max-width:1080px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;padding:0 44px 56px}footer,li,p,header{overflow-wrap:anywhere}
header{padding:34px 0 16px;border-bottom:3px solid var(--accent);margin-bottom:8px}
header .brand{font-size:12px;letter-spacing:.14em;text-transform:uppercase;color:var(--accent);font-weight:700}
h1{font-size:26px;line-height:1.25;margin:6px 0 8px;font-weight:650}h2{font-size:19px;margin:34px 0 10px;padding-bottom:5px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:18px 0 6px}p{margin:6px 0 10px}.soft{color:var(--soft)}.small{font-size:13px}
.answers{display:grid;grid-template-columns:170px 1fr;gap:0;margin:14px 0;border:1px solid var(--line);border-radius:8px;overflow:hidden}
.answers>div{padding:10px 14px;border-top:1px solid var(--line)}.answers>div:nth-child(-n+2){border-top:0}
.answers>div:nth-child(odd){background:var(--tint);font-weight:600;color:var(--soft);font-size:13.5px}
.figure{margin:10px 0 18px;border:1px solid var(--line);border-radius:8px;padding:10px;overflow-x:auto}
.figure svg{display:block;width:100%;height:auto;min-width:640px}
table{border-collapse:collapse;width:100%;font-size:13.5px;margin:8px 0 14px}th{text-align:left;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);padding:5px 8px 5px 0}
td{border-bottom:1px solid var(--line);padding:6px 8px 6px 0;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.sev{display:inline-block;border-radius:4px;padding:1px 7px;font-size:12px;font-weight:650;color:#fff}
.informational{background:var(--informational)}.low{background:var(--low)}.medium{background:var(--medium)}.high{background:var(--high)}.critical{background:var(--critical)}
.finding{border:1px solid var(--line);border-left:5px solid var(--low);border-radius:6px;padding:10px 14px;margin:10px 0;break-inside:avoid}
.finding.b-informational{border-left-color:var(--informational)}.finding.b-medium{border-left-color:var(--medium)}.finding.b-high{border-left-color:var(--high)}.finding.b-critical{border-left-color:var(--critical)}
.finding .head{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}.finding .head .id{margin-left:auto;color:var(--soft);font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12.5px}
.finding .statement{font-weight:600;margin:5px 0;overflow-wrap:anywhere}
.nowrap{white-space:nowrap}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12.5px;overflow-wrap:anywhere}
.filter{display:inline-block;background:var(--tint);border:1px solid var(--line);border-radius:4px;padding:0 6px;cursor:copy}
.bars{margin:8px 0 4px}.bar{display:grid;grid-template-columns:230px 1fr 190px;gap:10px;align-items:center;font-size:13.5px;margin:3px 0}
.bar .track{background:var(--tint);border-radius:3px;height:14px;position:relative}.bar .fill{background:var(--accent);height:14px;border-radius:3px}
.bar .range{position:absolute;top:5px;height:4px;background:var(--ink);opacity:.35;border-radius:2px}
td.reading{width:28%}.reading .track{display:block;background:var(--tint);border-radius:3px;height:14px}.reading .fill{display:block;background:var(--accent);height:14px;border-radius:3px}
details{margin:6px 0;overflow-x:auto}summary{cursor:pointer;color:var(--accent);font-size:13.5px}
.facts{color:var(--soft);font-size:13px}.facts b{color:var(--ink);font-weight:600}
.tag{display:inline-block;border:1px solid var(--line);border-radius:10px;padding:0 8px;font-size:12px;color:var(--soft);margin-right:4px}
footer{margin-top:40px;border-top:1px solid var(--line);padding-top:12px;color:var(--soft);font-size:12.5px}
td.plus{color:#1f7a3d;font-weight:700}td.minus{color:var(--critical);font-weight:700}
@media(max-width:720px){body{padding:0 18px 40px}.answers{grid-template-columns:1fr}.answers>div:nth-child(2){border-top:1px solid var(--line)}.bar{grid-template-columns:1fr}}
@media print{:root{--ink:#000;--soft:#444;--line:#ccc;--paper:#fff;--tint:#f4f4f4;--accent:#0b5cad;--low:#3f7fbf;--medium:#c98a10;--high:#d4561e;--critical:#b3162b}
html{background:#fff}body{max-width:none;padding:0;font-size:11pt}.finding,.figure,.answers{break-inside:avoid}h2{break-after:avoid}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";

inline constexpr const char* kScript = R"js(
document.addEventListener("click",function(e){var f=e.target.closest(".filter");if(!f||!navigator.clipboard)return;
navigator.clipboard.writeText(f.textContent).then(function(){var t=f.title;f.title="copied";f.style.outline="2px solid currentColor";
setTimeout(function(){f.title=t;f.style.outline=""},700)})});
window.addEventListener("beforeprint",function(){document.querySelectorAll("details.print").forEach(function(d){d.open=true})});
)js";

}  // namespace whodunit::report
