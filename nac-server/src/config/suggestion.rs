//! Did you mean …?

/// The known word that is nearest to the one written, when it is near enough to be meant.
pub(crate) fn suggestion<'w>(written: &str, known: &[&'w str]) -> Option<&'w str> {
    let written = written.to_ascii_lowercase();
    let (distance, word) = known
        .iter()
        .map(|word| (edit_distance(&written, &word.to_ascii_lowercase()), *word))
        .min()?;
    (distance <= 1 + word.len() / 4).then_some(word)
}

/// Levenshtein's distance with transpositions of neighbours, over characters.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let width = right.len() + 1;
    let mut table = vec![0_usize; (left.len() + 1) * width];
    for row in 0..=left.len() {
        for column in 0..width {
            let at = |row: usize, column: usize| table[row * width + column];
            let cost = if row == 0 || column == 0 {
                row + column
            } else {
                let different = usize::from(left[row - 1] != right[column - 1]);
                let mut cost = (at(row - 1, column) + 1)
                    .min(at(row, column - 1) + 1)
                    .min(at(row - 1, column - 1) + different);
                if row > 1
                    && column > 1
                    && left[row - 1] == right[column - 2]
                    && left[row - 2] == right[column - 1]
                {
                    cost = cost.min(at(row - 2, column - 2) + 1);
                }
                cost
            };
            table[row * width + column] = cost;
        }
    }
    table[table.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_suggested_and_a_far_one_is_not() {
        let known = ["listen_auth", "listen_acct"];
        assert_eq!(suggestion("listen_aut", &known), Some("listen_auth"));
        assert_eq!(suggestion("lisetn_acct", &known), Some("listen_acct"));
        assert_eq!(suggestion("secret", &known), None);
        assert_eq!(edit_distance("ab", "ba"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
