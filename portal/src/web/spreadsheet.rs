//! CSV that table programs open without running anything: a cell that begins like a formula gets an apostrophe in front, as
//! OWASP's "CSV injection" advises.

/// One line with its end, each cell quoted where it has to be.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

/// A cell's text that no table program takes for a formula: some pass over white space and control characters in front of it.
pub fn inert(text: &str) -> String {
    let first = text
        .trim_start_matches(|c: char| c.is_whitespace() || c.is_control())
        .chars()
        .next();
    // Full-width forms count as their ASCII twins in some of them.
    let formula = matches!(
        first,
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    );
    if formula || text.starts_with(['\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn cell(text: &str) -> String {
    let text = inert(text);
    // RFC 4180 section 2, rules 5 to 7.
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn formulas_become_text_and_separators_are_quoted() {
        assert_eq!(
            line(["=1+1", "-2", "@x", "+49", "plain", "a,b", "say \"x\""]),
            "'=1+1,'-2,'@x,'+49,plain,\"a,b\",\"say \"\"x\"\"\"\r\n"
        );
        assert_eq!(line([" =1", "\u{a0}=1"]), "' =1,'\u{a0}=1\r\n");
        assert_eq!(line(["\t=1", "=\"x\",1"]), "'\t=1,\"'=\"\"x\"\",1\"\r\n");
    }
}
