// Two hundred ways to say "go to another site" (W-04).

const HOSTS = ["example.invalid", "example.invalid%2f", "localhost.example.invalid", "localhost@example.invalid", "127.0.0.1:9", "[::1]", "0x7f000001", "example。invalid"];
const PREFIXES = [
  "//", "///", "////", "https://", "http://", "https:", "https:/", "https:///", "HTTPS://", "ftp://", "\\\\", "/\\", "\\/", "/\\/", "/\t/", "/\n/", "/\r/",
  "\t//", " //", "\u0000//", "/%09/", "/%5c", "%2f%2f", "/%2f", "/./\\", "/.//", "/..//", "/x/..//",
];
const OTHERS = [
  "javascript:pwned(1)", "JaVaScRiPt:pwned(1)", "java\tscript:pwned(1)", "\u0001javascript:pwned(1)", "data:text/html,<script>pwned(1)</script>",
  "vbscript:pwned(1)", "blob:x", "file:///etc/passwd", "mailto:x@example.invalid", "tel:1", "/ok\r\nLocation: https://example.invalid/",
  "/ok%0d%0aLocation:%20https://example.invalid/", "https://localhost:1/", "?next=//example.invalid", "#//example.invalid", ".", "..", "x", "", "\u2028//example.invalid",
];

export const foreignAddresses = [...PREFIXES.flatMap((prefix) => HOSTS.slice(0, 7).map((host) => `${prefix}${host}/`)), ...OTHERS];
