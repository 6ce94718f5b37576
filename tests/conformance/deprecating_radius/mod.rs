//! draft-ietf-radext-deprecating-radius: what CVE-2024-3596 (BLAST-RADIUS) changed.

mod section_5;
