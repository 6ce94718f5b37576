//! The dictionaries that are compiled in.

use std::sync::LazyLock;

use super::Dictionary;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../dictionaries/", $name)))),*]
    };
}

/// Later files may use what earlier ones define.
const FILES: &[(&str, &str)] = &files![
    "rfc2865.dictionary",
    "rfc2866.dictionary",
    "rfc2867.dictionary",
    "rfc2868.dictionary",
    "rfc2869.dictionary",
    "rfc3162.dictionary",
    "rfc3579.dictionary",
    "rfc3580.dictionary",
    "rfc4072.dictionary",
    "rfc4372.dictionary",
    "rfc4603.dictionary",
    "rfc4675.dictionary",
    "rfc4818.dictionary",
    "rfc4849.dictionary",
    "rfc5176.dictionary",
    "rfc5580.dictionary",
    "rfc5607.dictionary",
    "rfc6911.dictionary",
    "rfc7055.dictionary",
    "rfc7268.dictionary",
    "aerohive.dictionary",
    "airespace.dictionary",
    "aruba.dictionary",
    "cisco.dictionary",
    "extreme.dictionary",
    "fortinet.dictionary",
    "foundry.dictionary",
    "hp.dictionary",
    "huawei.dictionary",
    "juniper.dictionary",
    "meraki.dictionary",
    "microsoft.dictionary",
    "mikrotik.dictionary",
    "ruckus.dictionary",
    "ubiquiti.dictionary",
    "wispr.dictionary",
];

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let mut dictionary = Dictionary::default();
    for (name, text) in FILES {
        // The files are part of this program, and a test reads every one of them.
        let read = dictionary.extend(name, text);
        debug_assert!(read.is_ok(), "{read:?}");
    }
    dictionary
});

pub(super) fn dictionary() -> &'static Dictionary {
    &DICTIONARY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_file_is_read_without_a_remark() {
        let mut dictionary = Dictionary::default();
        for (name, text) in FILES {
            dictionary.extend(name, text).unwrap();
        }
        assert_eq!(dictionary.notes(), []);
        assert!(dictionary.attributes().count() > 300);
    }

    #[test]
    fn every_file_in_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dictionaries");
        let mut found = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".dictionary"))
            .collect::<Vec<_>>();
        found.sort();
        let mut embedded = FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        embedded.sort_unstable();
        assert_eq!(found, embedded);
    }

    #[test]
    fn no_number_has_two_names() {
        let dictionary = Dictionary::embedded();
        for attribute in dictionary.attributes() {
            let found = dictionary
                .by_number(attribute.vendor, attribute.number)
                .unwrap();
            assert_eq!(found.name, attribute.name);
        }
    }
}
