//! Support codes: eight characters that a person can read out on the telephone and that lead to a decision.
//!
//! The code is the moment in the decision's id (UUIDv7, milliseconds), its low 40 bits in Crockford's base 32. So it needs no
//! table, and finding the decision is a look at a range of ids. It says when, and nothing of who.

use uuid::Uuid;

use crate::{DecisionRecord, Store, StoreError, sql::sql};

/// Crockford's alphabet: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BITS: u32 = 40;
const LENGTH: u32 = BITS / 5;

/// The code of a decision's id, such as `8K3M-2Q7W`.
pub fn support_code(id: Uuid) -> String {
    let moment = (id.as_u128() >> 80) as u64;
    let mut code = String::with_capacity(9);
    for place in (0..LENGTH).rev() {
        let digit = (moment >> (place * 5)) & 31;
        code.push(char::from(ALPHABET[digit as usize]));
        if place == LENGTH / 2 {
            code.push('-');
        }
    }
    code
}

/// The moment of a code, in milliseconds since the Unix epoch: the latest one that is not after `now_ms`. `None` when this is
/// no code. Small letters, missing dashes and letters that look like digits are understood.
fn moment_of(code: &str, now_ms: u64) -> Option<u64> {
    let mut low = 0_u64;
    let mut digits = 0;
    for character in code.trim().chars().filter(|c| !matches!(c, '-' | ' ')) {
        let character = match character.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            other => other,
        };
        let digit = ALPHABET
            .iter()
            .position(|known| char::from(*known) == character)?;
        digits += 1;
        if digits > LENGTH {
            return None;
        }
        low = low << 5 | digit as u64;
    }
    if digits != LENGTH {
        return None;
    }
    let high = now_ms >> BITS << BITS;
    let moment = high | low;
    // A minute, because clocks differ.
    if moment > now_ms + 60_000 {
        return moment.checked_sub(1 << BITS);
    }
    Some(moment)
}

impl Store {
    /// The decisions that a support code means: as a rule one. `None` when the text is no code.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database fails.
    pub async fn decision_by_code(
        &self,
        code: &str,
    ) -> Result<Option<Vec<DecisionRecord>>, StoreError> {
        let now_ms = u64::try_from(crate::now_us() / 1_000).unwrap_or(0);
        let Some(moment) = moment_of(code, now_ms) else {
            return Ok(None);
        };
        let bound = |moment: u64| Uuid::from_u128(u128::from(moment) << 80);
        let rows: Vec<(String,)> = sql!(
            self.read(),
            fetch_all as (String,),
            "SELECT record FROM decision WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 100",
            bound(moment),
            bound(moment + 1)
        )?;
        let records = rows.iter().map(|(record,)| {
            serde_json::from_str(record).map_err(|error| StoreError::Corrupt {
                what: "a decision",
                why: error.to_string(),
            })
        });
        records.collect::<Result<Vec<_>, _>>().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_leads_back_to_the_moment_however_it_is_written() {
        let id = Uuid::now_v7();
        let moment = (id.as_u128() >> 80) as u64;
        let code = support_code(id);
        assert_eq!(code.len(), 9);
        for written in [
            code.clone(),
            code.to_lowercase(),
            code.replace('-', ""),
            format!(" {code} "),
        ] {
            assert_eq!(moment_of(&written, moment + 5), Some(moment), "{written}");
        }
        assert_eq!(
            moment_of(&code.replace('0', "O").replace('1', "l"), moment),
            Some(moment)
        );
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in [
            "",
            "8K3M",
            "8K3M-2Q7W-1",
            "8K3M-2Q7U",
            "aa:bb:cc:dd:ee:ff",
            "\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(moment_of(text, 1_790_000_000_000), None, "{text}");
        }
    }

    #[test]
    fn a_code_from_before_the_wrap_is_still_found_after_it() {
        let wrap = 2_u64 << BITS;
        let before = Uuid::from_u128(u128::from(wrap - 10) << 80);
        assert_eq!(
            moment_of(&support_code(before), wrap + 1_000),
            Some(wrap - 10)
        );
    }
}
