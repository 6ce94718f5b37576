// Hostile strings. Each carries a tag of its own (`hx17`), so that a test can tell that it really reached a page, calls `pwned(17)`
// where it would run, and marks elements with `data-pwned` where it would become markup.

/** Script that would run from here, whatever the context. `#` is the number of the payload. */
const SCRIPT = [
  "<script>pwned(#)</script>",
  "<ScRiPt>pwned(#)</sCrIpT>",
  "<script/x>pwned(#)</script>",
  "<script\n>pwned(#)</script\n>",
  "<script\t>pwned(#)</script>",
  "<<script>pwned(#)//<</script>",
  "<script src=data:,pwned(#)></script>",
  "<script src=//127.0.0.1:9/#.js></script>",
  "<script type=module>pwned(#)</script>",
  "<script async src='data:text/javascript,pwned(#)'></script>",
  "<script>/*",
  "*/pwned(#)</script>",
  "</script><script>pwned(#)</script>",
  "</title><script>pwned(#)</script>",
  "</textarea><script>pwned(#)</script>",
  "</style><script>pwned(#)</script>",
  "</noscript><script>pwned(#)</script>",
  "</template><script>pwned(#)</script>",
  "</option></select><script>pwned(#)</script>",
  "</td></tr></table><script>pwned(#)</script>",
  "</code></pre><script>pwned(#)</script>",
  "--><script>pwned(#)</script>",
  "--!><script>pwned(#)</script>",
  "]]><script>pwned(#)</script>",
  "<!--><script>pwned(#)</script>-->",
  "<noscript><p title=\"</noscript><script>pwned(#)</script>\">",
  "<svg><script>pwned(#)</script></svg>",
  "<svg><script href=data:,pwned(#) />",
  "<math><mtext><script>pwned(#)</script>",
  "<xmp><script>pwned(#)</script>",
  "<plaintext><script>pwned(#)",
  "<iframe srcdoc='<script>parent.pwned(#)</script>' data-pwned>",
  "<object data='data:text/html,<script>pwned(#)</script>' data-pwned>",
  "<embed src='data:text/html,<script>pwned(#)</script>' data-pwned>",
  "%3Cscript%3Epwned(#)%3C/script%3E",
  "%253Cscript%253Epwned(#)%253C/script%253E",
  "&lt;script&gt;pwned(#)&lt;/script&gt;",
  "&#60;script&#62;pwned(#)&#60;/script&#62;",
  "&#x3c;script&#x3e;pwned(#)&#x3c;/script&#x3e;",
  "\\x3cscript\\x3epwned(#)\\x3c/script\\x3e",
  "\\u003cscript\\u003epwned(#)\\u003c/script\\u003e",
  "+ADw-script+AD4-pwned(#)+ADw-/script+AD4-",
  "\uff1cscript\uff1epwned(#)\uff1c/script\uff1e",
  "\u02c2script\u02c3pwned(#)\u02c2/script\u02c3",
  "\u2039script\u203apwned(#)\u2039/script\u203a",
  "<scr<script>ipt>pwned(#)</scr</script>ipt>",
  "<scr\u0000ipt>pwned(#)</scr\u0000ipt>",
  "<\u0000script>pwned(#)</script>",
  "<script\u00a0>pwned(#)</script>",
  "<script>pwned`#`</script>",
];

/** Elements whose handlers or addresses would run. */
const ELEMENTS = [
  "<img src=x onerror=pwned(#) data-pwned>",
  "<IMG SRC=x ONERROR=pwned(#) data-pwned>",
  "<img/src=x/onerror=pwned(#)/data-pwned>",
  "<img src=x onerror='pwned(#)' data-pwned",
  "<img src=`x` onerror=pwned(#) data-pwned>",
  "<img\nsrc=x\nonerror=pwned(#)\ndata-pwned>",
  "<img src=x:x onerror\u000b=pwned(#) data-pwned>",
  "<img src='x' onerror=&#112;wned(#) data-pwned>",
  "<img src=x onload=pwned(#) onerror=pwned(#) srcset=x data-pwned>",
  "<image src=x onerror=pwned(#) data-pwned>",
  "<svg onload=pwned(#) data-pwned>",
  "<svg/onload=pwned(#) data-pwned>",
  "<svg><animate onbegin=pwned(#) attributeName=x dur=1s data-pwned>",
  "<svg><set onbegin=pwned(#) attributename=x dur=1s data-pwned>",
  "<svg><a xlink:href='javascript:pwned(#)' data-pwned><text y=9>hx#</text></a>",
  "<svg><use href='data:image/svg+xml,<svg id=x onload=pwned(#)/>#x' data-pwned>",
  "<svg><foreignObject><img src=x onerror=pwned(#) data-pwned>",
  "<math href='javascript:pwned(#)' data-pwned>hx#</math>",
  "<math><mi xlink:href='javascript:pwned(#)' data-pwned>hx#",
  "<body onload=pwned(#) data-pwned>",
  "<body onpageshow=pwned(#) data-pwned>",
  "<body onfocus=pwned(#) data-pwned>",
  "<body onscroll=pwned(#) data-pwned><br><br><input autofocus>",
  "<html onmouseover=pwned(#) data-pwned>",
  "<input autofocus onfocus=pwned(#) data-pwned>",
  "<select autofocus onfocus=pwned(#) data-pwned>",
  "<textarea autofocus onfocus=pwned(#) data-pwned>",
  "<button autofocus onfocus=pwned(#) data-pwned>hx#</button>",
  "<keygen autofocus onfocus=pwned(#) data-pwned>",
  "<details open ontoggle=pwned(#) data-pwned>hx#",
  "<dialog open onclose=pwned(#) data-pwned>hx#</dialog>",
  "<div popover id=x onbeforetoggle=pwned(#) data-pwned>hx#</div>",
  "<marquee onstart=pwned(#) data-pwned>hx#</marquee>",
  "<video src=x onerror=pwned(#) data-pwned></video>",
  "<video><source src=x onerror=pwned(#) data-pwned></video>",
  "<audio src=x onerror=pwned(#) data-pwned></audio>",
  "<object data=x onerror=pwned(#) data-pwned></object>",
  "<iframe src='javascript:parent.pwned(#)' data-pwned></iframe>",
  "<iframe onload=pwned(#) data-pwned></iframe>",
  "<frameset onload=pwned(#) data-pwned>",
  "<embed src='javascript:pwned(#)' data-pwned>",
  "<a href='javascript:pwned(#)' data-pwned>hx#</a>",
  "<a href='JaVaScRiPt:pwned(#)' data-pwned>hx#</a>",
  "<a href='java\tscript:pwned(#)' data-pwned>hx#</a>",
  "<a href='&#106;avascript:pwned(#)' data-pwned>hx#</a>",
  "<a href='\u0001javascript:pwned(#)' data-pwned>hx#</a>",
  "<a href='vbscript:pwned(#)' data-pwned>hx#</a>",
  "<a href='data:text/html,<script>pwned(#)</script>' data-pwned>hx#</a>",
  "<a href=//example.invalid/# target=_blank data-pwned>hx#</a>",
  "<form action='javascript:pwned(#)' data-pwned><button>hx#</button></form>",
  "<form action=//example.invalid/ data-pwned><input name=hx#>",
  "<button formaction='javascript:pwned(#)' data-pwned>hx#</button>",
  "<isindex action=javascript:pwned(#) type=image data-pwned>",
  "<base href='javascript:pwned(#)//' data-pwned>",
  "<base href=//example.invalid/ data-pwned>",
  "<meta http-equiv=refresh content='0;url=javascript:pwned(#)' data-pwned>",
  "<meta http-equiv=refresh content='0;url=//example.invalid/#' data-pwned>",
  "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\" data-pwned>",
  "<meta charset=utf-7 data-pwned>",
  "<link rel=stylesheet href='data:text/css,*{display:none}' data-pwned>",
  "<link rel=import href='data:text/html,<script>pwned(#)</script>' data-pwned>",
  "<link rel=preload as=script href=data:,pwned(#) onload=pwned(#) data-pwned>",
  "<style data-pwned>@import 'data:text/css,*{color:red}';</style>",
  "<style onload=pwned(#) data-pwned></style>",
  "<style data-pwned>*{display:none!important}</style>",
  "<div style='position:fixed;inset:0;background:red' data-pwned>hx#</div>",
  "<div style='background:url(javascript:pwned(#))' data-pwned>hx#</div>",
  "<div style=width:expression(pwned(#)) data-pwned>hx#</div>",
  "<p onmouseover=pwned(#) data-pwned>hx#</p>",
  "<p onpointerenter=pwned(#) style=position:fixed;inset:0 data-pwned>hx#</p>",
  "<x onclick=pwned(#) data-pwned>hx#</x>",
  "<x contenteditable onblur=pwned(#) autofocus data-pwned>hx#</x>",
  "<x onanimationstart=pwned(#) style=animation-name:x data-pwned>hx#</x>",
  "<x ontransitionend=pwned(#) data-pwned>hx#</x>",
  "<table background='javascript:pwned(#)' data-pwned><tr><td>hx#</table>",
  "<template shadowrootmode=open data-pwned><img src=x onerror=pwned(#)></template>",
  "<portal src='javascript:pwned(#)' data-pwned>",
  "<label for=x data-pwned>hx#</label>",
  "<h1 data-pwned>hx#</h1>",
  "<b data-pwned>hx#</b>",
];

/** Out of an attribute, a string, a comment. */
const BREAKOUTS = [
  "\"><img src=x onerror=pwned(#) data-pwned>",
  "'><img src=x onerror=pwned(#) data-pwned>",
  "`><img src=x onerror=pwned(#) data-pwned>",
  "\" onmouseover=pwned(#) data-pwned x=\"",
  "' onmouseover=pwned(#) data-pwned x='",
  "\" autofocus onfocus=pwned(#) data-pwned x=\"",
  "' autofocus onfocus=pwned(#) data-pwned x='",
  "\" style=\"position:fixed;inset:0\" data-pwned x=\"",
  "x onerror=pwned(#) data-pwned",
  "\"/><svg/onload=pwned(#) data-pwned>",
  "'/><svg/onload=pwned(#) data-pwned>",
  "\\\"><img src=x onerror=pwned(#) data-pwned>",
  "\\'><img src=x onerror=pwned(#) data-pwned>",
  "&quot;&gt;&lt;img src=x onerror=pwned(#) data-pwned&gt;",
  "\"><!--",
  "--><img src=x onerror=pwned(#) data-pwned>",
  "';pwned(#);//",
  "\";pwned(#);//",
  "\\';pwned(#);//",
  "`;pwned(#);//",
  "${pwned(#)}",
  "'-pwned(#)-'",
  "\"-pwned(#)-\"",
  "\u2028pwned(#)//",
  "\u2029pwned(#)//",
  "javascript:pwned(#)",
  "JAVASCRIPT:pwned(#)//",
  "javascript://%0apwned(#)",
  "data:text/html,<script>pwned(#)</script>",
  "data:text/html;base64,PHNjcmlwdD5wd25lZCgwKTwvc2NyaXB0Pg==#hx#",
];

/** Template languages, ours and others'. */
const TEMPLATES = [
  "{{ 7*7 }}hx#", "{{7*'7'}}hx#", "{% if true %}hx#{% endif %}", "{{ self }}hx#", "{# hx# #}", "{{ \"<b data-pwned>\"|safe }}hx#",
  "{{constructor.constructor('pwned(#)')()}}", "${7*7}hx#", "${{7*7}}hx#", "#{7*7}hx#", "<%= 7*7 %>hx#", "<?php echo 7*7; ?>hx#",
  "@(7*7)hx#", "[[7*7]]hx#", "{{> hx#}}", "{{{hx#}}}", "%{7*7}hx#", "*{7*7}hx#", "~{hx#}", "{ $hx# }", "{ -brand }hx#", "$(id)hx#", "`id`hx#",
  "%s%s%s%n hx#", "{0} {} {:?} hx#",
];

/** What a spreadsheet would compute. */
const FORMULAS = [
  "=1+1+\"hx#\"", "+1+1 hx#", "-1+1 hx#", "@SUM(1,1) hx#", "=cmd|'/C calc'!A0 hx#", "+cmd|'/C calc'!A0 hx#", "-cmd|'/C calc'!A0 hx#",
  "@cmd|'/C calc'!A0 hx#", "=HYPERLINK(\"https://example.invalid/\",\"hx#\")", "=IMPORTXML(\"https://example.invalid/hx#\",\"//a\")",
  "=WEBSERVICE(\"https://example.invalid/hx#\")", "=DDE(\"cmd\";\"/C calc\";\"hx#\")", "\t=1+1 hx#", "\r=1+1 hx#", "\n=1+1 hx#", " =1+1 hx#",
  "\u00a0=1+1 hx#", "\uff1d1+1 hx#", "\uff0b1 hx#", "\uff0d1 hx#", "\uff20SUM(1) hx#", "\",=1+1,\"hx#", "\"\n=1+1 hx#", "'=1+1 hx#", ";=1+1 hx#",
  ",=1+1 hx#", "|=1+1 hx#", "%0A=1+1 hx#",
];

/** Letters that hide, turn or pile up. */
const LETTERS = [
  "\u202ehx#\u202c", "\u202dhx#", "\u202ahx#", "\u202bhx#", "\u2066hx#\u2069", "\u2067hx#", "\u2068hx#", "\u200ehx#", "\u200fhx#", "\u061chx#",
  "admin\u202egnp.hx#", "hx#\u202e\u202e\u202e\u202e\u202e\u202e\u202e\u202e", "hx#\u2067\u2067\u2067\u2067\u2067\u2067\u2067",
  "h\u200bx\u200b#\u200b hx#", "hx#\u200c\u200d\u2060\ufeff", "\ufeffhx#", "hx#\u00ad\u00ad\u00ad", "hx#\u034f", "hx#\u3164\u115f\u1160", "hx#\u180e",
  "hx#\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030d\u030e\u030f\u0310\u0311", "\u0430dmin hx#",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467} hx#", "\u{e0041}\u{e0042} hx#", "hx#\ufdfd\ufdfd\ufdfd", "\u0639\u0631\u0628\u064a hx#", "\ufffe\uffff hx#",
  "hx#\u{10ffff}", "\u{1d5ca}\u{1d5cb} hx#", "\u0130\u0131\u00df hx#",
];

/** For terminals, logs, shells, databases and files. */
const MACHINES = [
  "\u001b[31mhx#\u001b[0m", "\u001b[2J\u001b[Hhx#", "\u001b]0;hx#\u0007", "\u001b]8;;https://example.invalid\u0007hx#\u001b]8;;\u0007", "\u001b[6n hx#",
  "\u001bP$q\"p\u001b\\ hx#", "\u009b31mhx#", "\u001b[?1049h hx#", "\u001b]52;c;aHg=\u0007 hx#", "hx#\u0008\u0008\u0008\u0008root", "hx#\u007f\u007f",
  "hx#\r\nSet-Cookie: pwned=1", "hx#\r\n\r\n<b data-pwned>", "hx#\nlevel=error msg=forged", "hx#\r", "\n\nhx#", "hx#%0d%0aLocation: //example.invalid",
  "hx#\u0085\u000b\u000c", "hx#\u0000root", "\u0000hx#", "hx#%00.png", "hx#\\0", "hx#\u0001\u0002\u0003\u0004\u0005\u0006\u000e\u000f\u001f",
  "' OR '1'='1' -- hx#", "\" OR 1=1 -- hx#", "'; DROP TABLE device; -- hx#", "hx#' UNION SELECT * FROM client --", "hx#%' ESCAPE '\\", "hx#_%_%",
  "1;SELECT pg_sleep(9) -- hx#", "../../../../etc/passwd hx#", "..\\..\\hx#", "/etc/passwd\u0000hx#", "file:///etc/passwd hx#", "//example.invalid/hx#",
  "http://169.254.169.254/hx#", "| id hx#", "; id hx#", "& id hx#", "$(id) hx#", "%n%n%n hx#", "()hx#:() { :; }; id", "{\"hx#\":{\"__proto__\":1}}",
  "__proto__hx#", "constructor hx#", "null hx#", "undefined hx#", "NaN hx#", "true hx#", "-0 hx#", "1e309 hx#", "9223372036854775808 hx#", "NIL hx#",
  "*)(uid=*hx#", "hx#,dc=example", "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;hx#</x>", "<![CDATA[hx#<b data-pwned>]]>",
];

/** As long as fits, without a place to break, and with marks that are cut in two. */
const LENGTHS = [
  `hx# ${"A".repeat(240)}`, `hx#${"\u{1f600}".repeat(60)}`, `hx#${"\u202e".repeat(80)}`, `hx#${"<b data-pwned>".repeat(17)}`, `hx#${"&amp;".repeat(48)}`,
  `hx#${"&".repeat(245)}`, `hx#${"\"".repeat(245)}`, `hx#${"\n".repeat(245)}`, `hx#${"\u0301".repeat(120)}`, `hx#${" ".repeat(240)}x`, `hx#${"W".repeat(245)}`,
  `${"A".repeat(236)}<img src=x hx#`, `hx#${"%41".repeat(80)}`, `hx#${"/..".repeat(80)}`, `hx#${"\u0639".repeat(120)}`,
];

const ALL = { SCRIPT, ELEMENTS, BREAKOUTS, TEMPLATES, FORMULAS, LETTERS, MACHINES, LENGTHS };

/** Every payload: `{ number, family, tag, text }`. */
export const payloads = Object.entries(ALL)
  .flatMap(([family, texts]) => texts.map((text) => ({ family, text })))
  .map(({ family, text }, number) => {
    const tag = `hx${number}z`;
    const own = text.replaceAll("hx#", tag).replaceAll("#", String(number));
    return { number, family: family.toLowerCase(), tag, text: own.includes(tag) ? own : `${tag}${own}` };
  });

/** Octets that are no text at all, for attributes and bodies. */
export const octets = [
  Buffer.from([0xff, 0xfe, 0xfd]), Buffer.from([0xc0, 0xaf]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf8, 0x88, 0x80, 0x80, 0x80]), Buffer.alloc(253, 0xff),
  Buffer.alloc(253, 0), Buffer.from([0xe2, 0x80]), Buffer.concat([Buffer.from("<img src=x onerror=pwned(0) data-pwned>"), Buffer.from([0xc3])]),
];
