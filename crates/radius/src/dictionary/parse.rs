//! Reading dictionary text.

use super::{
    DataType, Dictionary, DictionaryAttribute, DictionaryError, Encryption, Loader, Vendor,
};

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;
/// How many files one dictionary may include in all.
const MAX_INCLUDES: usize = 1_000;
/// The longest name of an attribute, a value or a vendor, in octets.
const MAX_NAME: usize = 128;

/// Adds the definitions of one text to a dictionary.
pub(super) fn extend(
    dictionary: &mut Dictionary,
    name: &str,
    text: &str,
    loader: &mut Loader<'_>,
) -> Result<(), DictionaryError> {
    Reader {
        dictionary,
        loader,
        includes: 0,
    }
    .file(name, text, 0)
}

struct Reader<'a, 'l> {
    dictionary: &'a mut Dictionary,
    loader: &'a mut Loader<'l>,
    includes: usize,
}

/// Where the reader is inside one file.
struct Place<'a> {
    file: &'a str,
    line: usize,
    /// The vendor of BEGIN-VENDOR, and the line it stands on.
    vendor: Option<(u32, usize)>,
    /// How many BEGIN-TLV or BEGIN-STRUCT are open: nested attributes are passed over.
    nested: usize,
}

impl Place<'_> {
    fn error(&self, message: impl Into<String>) -> DictionaryError {
        DictionaryError {
            file: self.file.to_owned(),
            line: self.line,
            message: message.into(),
        }
    }
}

impl Reader<'_, '_> {
    fn file(&mut self, file: &str, text: &str, depth: usize) -> Result<(), DictionaryError> {
        let mut place = Place {
            file,
            line: 0,
            vendor: None,
            nested: 0,
        };
        for (number, line) in (1..).zip(text.lines()) {
            place.line = number;
            let content = line.split('#').next().unwrap_or_default();
            let words = content.split_whitespace().collect::<Vec<_>>();
            let Some((keyword, rest)) = words.split_first() else {
                continue;
            };
            self.line(&mut place, keyword, rest, depth)?;
        }
        if let Some((_, line)) = place.vendor {
            place.line = line;
            return Err(place.error("this BEGIN-VENDOR is never closed: add END-VENDOR"));
        }
        Ok(())
    }

    fn line(
        &mut self,
        place: &mut Place<'_>,
        keyword: &str,
        words: &[&str],
        depth: usize,
    ) -> Result<(), DictionaryError> {
        match (keyword.to_ascii_uppercase().as_str(), words) {
            ("BEGIN-TLV" | "BEGIN-STRUCT", _) => {
                place.nested = place.nested.saturating_add(1);
            }
            ("END-TLV" | "END-STRUCT", _) => place.nested = place.nested.saturating_sub(1),
            ("ATTRIBUTE" | "VALUE" | "MEMBER" | "STRUCT", _) if place.nested > 0 => {}
            ("ATTRIBUTE", [name, number, data_type, flags @ ..]) => {
                self.attribute(place, name, number, data_type, flags)?;
            }
            ("ATTRIBUTE", _) => {
                return Err(place.error("write: ATTRIBUTE name number type [flags]"));
            }
            ("VALUE", [attribute, name, number]) => self.value(place, attribute, name, number)?,
            ("VALUE", _) => return Err(place.error("write: VALUE attribute name number")),
            ("VENDOR", [name, number, options @ ..]) => {
                self.vendor(place, name, number, options)?;
            }
            ("VENDOR", _) => return Err(place.error("write: VENDOR name number")),
            ("BEGIN-VENDOR", [name, ..]) => self.begin_vendor(place, name)?,
            ("END-VENDOR", [name]) => self.end_vendor(place, name)?,
            ("BEGIN-VENDOR" | "END-VENDOR", _) => {
                return Err(place.error(format!("write: {keyword} name-of-the-vendor")));
            }
            ("$INCLUDE" | "$INCLUDE-", [path]) => self.include(place, keyword, path, depth)?,
            ("$INCLUDE" | "$INCLUDE-", _) => return Err(place.error("write: $INCLUDE path")),
            (
                "FLAGS" | "BEGIN-PROTOCOL" | "END-PROTOCOL" | "PROTOCOL" | "ALIAS" | "MEMBER"
                | "STRUCT" | "ENUM" | "DEFINE",
                _,
            ) => {
                self.note(
                    place,
                    format!("{keyword} is passed over: it is not used here"),
                );
            }
            _ => {
                return Err(place.error(format!(
                    "unknown keyword {keyword:.40?}: a line begins with ATTRIBUTE, VALUE, VENDOR, \
                     BEGIN-VENDOR, END-VENDOR or $INCLUDE, or is a comment after #"
                )));
            }
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        place: &Place<'_>,
        name: &str,
        number: &str,
        data_type: &str,
        flags: &[&str],
    ) -> Result<(), DictionaryError> {
        check_name(place, name)?;
        if number.contains('.') {
            self.note(
                place,
                format!("{name} is passed over: nested numbers are not used here"),
            );
            return Ok(());
        }
        let wide = parse_number(number).ok_or_else(|| {
            place.error(format!(
                "{number:.40?} is not a number: write the number of {name}"
            ))
        })?;
        let Some(number) = u8::try_from(wide).ok().filter(|number| *number != 0) else {
            self.note(
                place,
                format!("{name} is passed over: on the wire, numbers are 1 to 255"),
            );
            return Ok(());
        };
        // `octets[16]` and `string[32]` name a length as well; the type is what counts.
        let (data_type, known) =
            DataType::from_name(data_type.split('[').next().unwrap_or(data_type));
        if !known {
            self.note(
                place,
                format!("{name} has a type not used here and is kept as octets"),
            );
        }
        let vendor = place.vendor.map(|(vendor, _)| vendor);
        let mut attribute = DictionaryAttribute {
            name: name.to_owned(),
            vendor,
            number,
            data_type,
            tagged: false,
            encryption: Encryption::None,
            concatenated: false,
            secret: false,
            values: Vec::new(),
        };
        for flag in flags.iter().flat_map(|flags| flags.split(',')) {
            self.flag(place, &mut attribute, flag)?;
        }
        if attribute.tagged
            && !matches!(
                attribute.data_type,
                DataType::String | DataType::Integer | DataType::Octets
            )
        {
            return Err(place.error("has_tag fits string, octets and integer only"));
        }
        self.insert(place, attribute)
    }

    fn flag(
        &mut self,
        place: &Place<'_>,
        attribute: &mut DictionaryAttribute,
        flag: &str,
    ) -> Result<(), DictionaryError> {
        match flag.split_once('=').unwrap_or((flag, "")) {
            ("has_tag", "") => attribute.tagged = true,
            ("concat", "") => attribute.concatenated = true,
            ("secret", "") => attribute.secret = true,
            ("array" | "virtual" | "internal" | "", "") => {}
            ("encrypt", how) => {
                attribute.encryption = match how.to_ascii_lowercase().as_str() {
                    "1" | "user-password" => Encryption::UserPassword,
                    "2" | "tunnel-password" => Encryption::Salted,
                    "3" | "ascend-secret" => Encryption::Other,
                    _ => {
                        return Err(place.error(format!(
                            "unknown encryption {how:.40?}: encrypt is 1, 2 or 3"
                        )));
                    }
                };
            }
            // The oldest dictionaries name the vendor as a flag.
            (vendor, "") if self.dictionary.vendors.contains_key(vendor) => {
                attribute.vendor = self
                    .dictionary
                    .vendors
                    .get(vendor)
                    .map(|found| found.number);
            }
            _ => {
                let name = &attribute.name;
                self.note(
                    place,
                    format!("the flag {flag:.40?} of {name} is not used here"),
                );
            }
        }
        Ok(())
    }

    /// Adds a definition, or replaces the one of the same name and number.
    fn insert(
        &mut self,
        place: &Place<'_>,
        mut attribute: DictionaryAttribute,
    ) -> Result<(), DictionaryError> {
        let key = attribute.name.to_ascii_lowercase();
        let number = (attribute.vendor.unwrap_or(0), attribute.number);
        let Some(&index) = self.dictionary.names.get(&key) else {
            let index = self.dictionary.attributes.len();
            self.dictionary.names.insert(key, index);
            self.dictionary.numbers.insert(number, index);
            self.dictionary.attributes.push(attribute);
            return Ok(());
        };
        let Some(known) = self.dictionary.attributes.get_mut(index) else {
            return Ok(());
        };
        if (known.vendor, known.number) != (attribute.vendor, attribute.number) {
            return Err(place.error(format!(
                "{} is already number {}{}: give this attribute another name",
                known.name,
                known.number,
                known
                    .vendor
                    .map_or_else(String::new, |vendor| format!(" of vendor {vendor}")),
            )));
        }
        attribute.values = std::mem::take(&mut known.values);
        // What this server knows to be secret stays so, whatever a file says.
        attribute.secret |= known.secret;
        *known = attribute;
        self.dictionary.numbers.insert(number, index);
        Ok(())
    }

    fn value(
        &mut self,
        place: &Place<'_>,
        attribute: &str,
        name: &str,
        number: &str,
    ) -> Result<(), DictionaryError> {
        check_name(place, name)?;
        let found = self.dictionary.names.get(&attribute.to_ascii_lowercase());
        let Some(known) = found.and_then(|&index| self.dictionary.attributes.get_mut(index)) else {
            // Files name values of attributes that other files, or no file, define.
            self.note(
                place,
                format!("no attribute {attribute:.80}: this VALUE is passed over"),
            );
            return Ok(());
        };
        let Some(width) = known.data_type.number_width() else {
            self.note(
                place,
                format!("{attribute:.80} is no number: this VALUE is passed over"),
            );
            return Ok(());
        };
        let most = (0..width).fold(0, |most, _| most << 8 | 0xff);
        let number = parse_number(number)
            .filter(|number| *number <= most)
            .ok_or_else(|| {
                place.error(format!(
                    "{number:.40?} is not {}",
                    known.data_type.example()
                ))
            })?;
        match known
            .values
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some((_, value)) => *value = number,
            None => known.values.push((name.to_owned(), number)),
        }
        Ok(())
    }

    fn vendor(
        &mut self,
        place: &Place<'_>,
        name: &str,
        number: &str,
        options: &[&str],
    ) -> Result<(), DictionaryError> {
        check_name(place, name)?;
        let number = parse_number(number)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..1 << 24).contains(number))
            .ok_or_else(|| {
                place.error(format!(
                    "{number:.40?} is not a private enterprise number: look {name} up at IANA"
                ))
            })?;
        let usual_format = options
            .iter()
            .filter_map(|option| option.strip_prefix("format="))
            .all(|format| format == "1,1");
        if !usual_format {
            self.note(
                place,
                format!("attributes of {name} cannot be written: unusual format"),
            );
        }
        let vendor = Vendor {
            number,
            usual_format,
        };
        match self.dictionary.vendors.insert(name.to_owned(), vendor) {
            Some(known) if known.number != number => Err(place.error(format!(
                "{name} is already vendor {}: give this vendor another name",
                known.number
            ))),
            _ => Ok(()),
        }
    }

    fn begin_vendor(&self, place: &mut Place<'_>, name: &str) -> Result<(), DictionaryError> {
        if place.vendor.is_some() {
            return Err(place.error("a BEGIN-VENDOR inside another: add END-VENDOR before it"));
        }
        let vendor = self.dictionary.vendors.get(name).ok_or_else(|| {
            place.error(format!(
                "unknown vendor {name:.80}: add `VENDOR {name:.80} number` above"
            ))
        })?;
        place.vendor = Some((vendor.number, place.line));
        Ok(())
    }

    fn end_vendor(&self, place: &mut Place<'_>, name: &str) -> Result<(), DictionaryError> {
        let open = place.vendor.take().map(|(number, _)| number);
        let named = self
            .dictionary
            .vendors
            .get(name)
            .map(|vendor| vendor.number);
        if open.is_none() || open != named {
            return Err(place.error(format!("no BEGIN-VENDOR {name:.80} is open here")));
        }
        Ok(())
    }

    fn include(
        &mut self,
        place: &Place<'_>,
        keyword: &str,
        path: &str,
        depth: usize,
    ) -> Result<(), DictionaryError> {
        self.includes = self.includes.saturating_add(1);
        if depth >= MAX_DEPTH || self.includes > MAX_INCLUDES {
            return Err(place.error("too many files include each other: is there a circle?"));
        }
        match (self.loader)(place.file, path) {
            Ok((name, text)) => self.file(&name, &text, depth.saturating_add(1)),
            Err(_) if keyword == "$INCLUDE-" => Ok(()),
            Err(why) => Err(place.error(format!("cannot include {path:.200?}: {why}"))),
        }
    }

    fn note(&mut self, place: &Place<'_>, message: String) {
        // A hostile file must not fill the memory with remarks about itself.
        if self.dictionary.notes.len() < 1_000 {
            self.dictionary.notes.push(place.error(message));
        }
    }
}

fn check_name(place: &Place<'_>, name: &str) -> Result<(), DictionaryError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_./+(),'".contains(c);
    if name.len() > MAX_NAME || !name.chars().all(allowed) {
        return Err(place.error(format!(
            "{name:.40?} is no name: use letters, digits and - _ . / and at most {MAX_NAME} of them"
        )));
    }
    Ok(())
}

/// Reads a decimal, `0x` hexadecimal or `0o` octal number.
fn parse_number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok();
    }
    text.parse().ok()
}
