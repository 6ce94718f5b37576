//! Lists in pages: how many rows one has, and where the next one begins.

/// How many rows a page has; 0 means 100, and 10,000 is the most.
pub(crate) fn rows(limit: u32) -> i64 {
    match limit {
        0 => 100,
        limit => i64::from(limit.min(10_000)),
    }
}

/// The condition of the next page and the order of a list by the time of its rows' making, behind the row with the id $1.
pub(crate) fn by_id(newest_first: bool) -> (String, String) {
    let (beyond, direction) = if newest_first {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    (format!("id {beyond} $1"), format!("id {direction}"))
}

/// The same by the end of the rows' time; those without one come last.
pub(crate) fn by_end(table: &str, reverse: bool) -> (String, String) {
    let (beyond, direction) = if reverse { ("<", "DESC") } else { (">", "ASC") };
    const END: &str = "COALESCE(expires_us, 9223372036854775807)";
    (
        format!("({END}, id) {beyond} (SELECT {END}, id FROM {table} WHERE id = $1)"),
        format!("{END} {direction}, id {direction}"),
    )
}
