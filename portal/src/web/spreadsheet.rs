//! CSV that table programs open without running anything: a cell that begins like a formula gets an apostrophe in front, as
//! OWASP's "CSV injection" advises.

/// One line with its end, each cell quoted where it has to be.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
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
        assert_eq!(line(["\t=1", "=\"x\",1"]), "'\t=1,\"'=\"\"x\"\",1\"\r\n");
    }
}
