//! What changed between two versions of a text, by lines.

/// Unchanged lines that are shown around a change.
const AROUND: usize = 3;
/// The largest table that is computed; a larger change is shown as everything old gone and everything new come.
const TABLE_MAX: usize = 4_000_000;

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What has become of it.
    pub(super) change: Change,
    /// The line.
    pub(super) text: String,
}

/// What has become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is in both.
    Kept,
    /// It is in the older one only.
    Gone,
    /// It is in the newer one only.
    Come,
    /// Lines in both were left out here.
    Skipped,
}

impl Change {
    /// The mark in front of the line.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Kept => " ",
            Self::Gone => "-",
            Self::Come => "+",
            Self::Skipped => "…",
        }
    }

    /// Its class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Gone => "gone",
            Self::Come => "come",
            Self::Skipped => "skipped",
        }
    }
}

/// The changed lines with some around them; nothing when the texts are the same.
pub(super) fn lines(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old
        .iter()
        .zip(&new)
        .take_while(|(one, two)| one == two)
        .count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(one, two)| one == two)
        .count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut all: Vec<(Change, &str)> = old[..head]
        .iter()
        .map(|line| (Change::Kept, *line))
        .collect();
    all.extend(middle(&old[head..old_end], &new[head..new_end]));
    all.extend(old[old_end..].iter().map(|line| (Change::Kept, *line)));
    abridged(&all)
}

/// The longest common subsequence by its table.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Change, &'a str)> {
    let width = new.len() + 1;
    let gone = |line: &&'a str| (Change::Gone, *line);
    let come = |line: &&'a str| (Change::Come, *line);
    if (old.len() + 1).saturating_mul(width) > TABLE_MAX {
        return old.iter().map(gone).chain(new.iter().map(come)).collect();
    }
    // longest[i][j]: how many lines the rests from i and from j have in common.
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            lines.push((Change::Kept, old[i]));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            lines.push((Change::Gone, old[i]));
            i += 1;
        } else {
            lines.push((Change::Come, new[j]));
            j += 1;
        }
    }
    lines.extend(old[i..].iter().map(gone));
    lines.extend(new[j..].iter().map(come));
    lines
}

/// Leaves out what is far from every change.
fn abridged(all: &[(Change, &str)]) -> Vec<Line> {
    let changed: Vec<usize> = (0..all.len())
        .filter(|index| all[*index].0 != Change::Kept)
        .collect();
    let mut lines: Vec<Line> = Vec::new();
    let mut nearest = changed.iter().peekable();
    let mut last: Option<usize> = None;
    for (index, (change, text)) in all.iter().enumerate() {
        while let Some(next) = nearest.next_if(|next| **next <= index) {
            last = Some(*next);
        }
        let near = last.is_some_and(|last| index - last <= AROUND)
            || nearest.peek().is_some_and(|next| **next - index <= AROUND);
        if near {
            lines.push(Line {
                change: *change,
                text: (*text).to_owned(),
            });
        } else if !changed.is_empty()
            && lines
                .last()
                .is_none_or(|line| line.change != Change::Skipped)
        {
            lines.push(Line {
                change: Change::Skipped,
                text: String::new(),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> String {
        lines(old, new)
            .iter()
            .map(|line| format!("{}{}\n", line.change.mark(), line.text))
            .collect()
    }

    #[test]
    fn changed_lines_are_shown_with_their_surroundings() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
        assert_eq!(shown(old, new), "…\n b\n c\n d\n-e\n+E\n f\n g\n h\n+i\n");
        assert_eq!(shown("x\ny\nz", "y\nx\nz"), "-x\n y\n+x\n z\n");
        assert_eq!(shown("", "a"), "+a\n");
        assert_eq!(shown("a\n", ""), "-a\n");
    }

    #[test]
    fn the_same_text_differs_in_nothing() {
        assert_eq!(shown("a\nb", "a\nb"), "");
    }

    #[test]
    fn a_change_that_is_too_large_for_the_table_is_still_shown() {
        let text = |from: usize| -> String {
            (from..from + 3_000)
                .map(|number| format!("line {number}\n"))
                .collect()
        };
        let shown = lines(&text(0), &text(10_000));
        assert_eq!(shown.len(), 6_000);
    }
}
