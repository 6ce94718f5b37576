//! Lists of devices: filtered, sorted, in pages. Every order has an index, and so has a search for a MAC address.

use uuid::Uuid;

use super::{Device, DeviceRow, DeviceState, IdentifierRow, devices};
use crate::{
    Store, StoreError, mac_normalise, now_us,
    sql::{Db, group_len, json, sql, values, words},
    user::{escape_like, user_key},
};

words! {
    /// How devices are sorted.
    pub enum DeviceSort {
        /// By the time at which they were added.
        Added = "added",
        /// By name.
        Name = "name",
        /// By owner; those of nobody first.
        Owner = "owner",
        /// By the time of their last change.
        Changed = "changed",
        /// By the moment at which their time is over; those without one last.
        Expires = "expires",
    }
}

/// Which devices to list.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// A MAC address in any usual form, an id, part of the name or of the owner, or the beginning of an identifier; in any case.
    pub search: Option<String>,
    /// Exactly this owner, in any case.
    pub owner: Option<String>,
    /// A label it has.
    pub label: Option<String>,
    /// What it is, exactly.
    pub device_type: Option<String>,
    /// Its state now.
    pub state: Option<DeviceState>,
    /// The order; by default the oldest first.
    pub sort: Option<DeviceSort>,
    /// The order is turned round.
    pub descending: bool,
    /// Continue behind this device, which the last page ended with: [`Device::cursor`].
    pub after: Option<String>,
    /// At most so many; 0 means 1,000.
    pub limit: u32,
}

/// Stands for "never" where devices are sorted by their end; the index of the migration says the same.
const NEVER: i64 = i64::MAX;

impl Device {
    /// Where this device stands in a list of this order: [`DeviceFilter::after`].
    pub fn cursor(&self, sort: DeviceSort) -> String {
        let key = match sort {
            DeviceSort::Added => String::new(),
            DeviceSort::Name => user_key(&self.name),
            DeviceSort::Owner => self.owner.as_deref().map(user_key).unwrap_or_default(),
            DeviceSort::Changed => self.updated_us.to_string(),
            DeviceSort::Expires => self.expires_us.unwrap_or(NEVER).to_string(),
        };
        format!("{}.{key}", self.id)
    }
}

/// What a search text is taken for. The statement of each uses what an index finds, as far as there is one.
enum Search {
    All,
    Mac(String),
    Id(Uuid),
    Text {
        part: String,
        start: String,
        mac_start: String,
    },
}

impl Search {
    fn read(text: Option<&str>) -> Self {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Self::All;
        };
        if let Some(mac) = mac_normalise(text) {
            return Self::Mac(mac);
        }
        if let Ok(id) = text.parse() {
            return Self::Id(id);
        }
        let start = user_key(text);
        Self::Text {
            part: format!("%{}%", escape_like(&start)),
            mac_start: mac_start(&start).unwrap_or_else(|| start.clone()),
            start,
        }
    }

    /// Values are $4 to $6; what an alternative does not use it mentions all the same, because it is bound.
    fn sql(&self) -> &'static str {
        match self {
            Self::All => "($4 IS NULL AND $5 IS NULL AND $6 IS NULL)",
            Self::Mac(_) => {
                "($5 IS NULL AND $6 IS NULL AND id IN \
                 (SELECT device_id FROM device_identifier WHERE kind = 'mac' AND value = $4))"
            }
            Self::Id(_) => "($4 IS NOT NULL AND $5 IS NULL AND $6 IS NULL AND id = $3)",
            Self::Text { .. } => {
                "(name_key LIKE $4 ESCAPE '\\' OR owner_key LIKE $4 ESCAPE '\\' \
                 OR id IN (SELECT device_id FROM device_identifier WHERE kind = 'mac' \
                 AND value >= $6 AND value < $6 || '~') \
                 OR id IN (SELECT device_id FROM device_identifier \
                 WHERE kind IN ('hardware-serial', 'hardware-uuid', 'asserted-id', 'spki') \
                 AND value >= $5 AND value < $5 || '~'))"
            }
        }
    }

    fn values(&self) -> [Option<&str>; 3] {
        match self {
            Self::All => [None; 3],
            Self::Mac(mac) => [Some(mac), None, None],
            Self::Id(_) => [Some("id"), None, None],
            Self::Text {
                part,
                start,
                mac_start,
            } => [Some(part), Some(start), Some(mac_start)],
        }
    }
}

/// The beginning of a MAC address in any usual form as `aa:bb:c`: at least four digits.
fn mac_start(text: &str) -> Option<String> {
    let plain = |character: char| character.is_ascii_hexdigit() || ":-.".contains(character);
    if !text.chars().all(plain) {
        return None;
    }
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    if !(4..12).contains(&digits.len()) {
        return None;
    }
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(pairs.join(":"))
}

/// A place in a list: the key that it is sorted by, and the id.
#[derive(Default)]
struct Place {
    id: Uuid,
    text: Option<String>,
    number: Option<i64>,
}

impl Place {
    fn read(cursor: Option<&str>, sort: DeviceSort) -> Result<Option<Self>, StoreError> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let wrong = || StoreError::Invalid {
            what: "this is no place in this list: begin with its first page".to_owned(),
        };
        let (id, key) = cursor.split_once('.').ok_or_else(wrong)?;
        let id = id.parse().map_err(|_| wrong())?;
        Ok(Some(match sort {
            DeviceSort::Added => Self {
                id,
                ..Self::default()
            },
            DeviceSort::Name | DeviceSort::Owner => Self {
                id,
                text: Some(user_key(key)),
                number: None,
            },
            DeviceSort::Changed | DeviceSort::Expires => Self {
                id,
                text: None,
                number: Some(key.parse().map_err(|_| wrong())?),
            },
        }))
    }
}

impl Store {
    /// Devices as the filter wants them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] for a cursor that is none of this order; otherwise when the database fails.
    pub async fn device_list(&self, filter: &DeviceFilter) -> Result<Vec<Device>, StoreError> {
        let limit = match filter.limit {
            0 => 1_000,
            limit => i64::from(limit),
        };
        let label = filter.label.as_ref().map(json).transpose()?;
        let sort = filter.sort.unwrap_or(DeviceSort::Added);
        let place = Place::read(filter.after.as_deref(), sort)?;
        let search = Search::read(filter.search.as_deref());
        let text = statement(filter, sort, place.is_some(), &search);
        let place = place.unwrap_or_default();
        // One device is on the first page or on none, so that its id needs no place of its own.
        let id = match search {
            Search::Id(id) if filter.after.is_none() => id,
            _ => place.id,
        };
        let [search_1, search_2, search_3] = search.values();
        let rows: Vec<DeviceRow> = sql!(
            self.read(),
            fetch_all as DeviceRow,
            sqlx::AssertSqlSafe(text.clone()),
            place.text.as_deref(),
            place.number,
            id,
            search_1,
            search_2,
            search_3,
            filter.owner.as_deref().map(user_key),
            label.as_deref(),
            filter.device_type.as_deref(),
            now_us(),
            limit
        )?;
        let identifiers = self.identifiers_of(&rows).await?;
        Ok(devices(rows, identifiers))
    }

    /// The identifiers of these devices, in their order.
    async fn identifiers_of(&self, rows: &[DeviceRow]) -> Result<Vec<IdentifierRow>, StoreError> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let on = self.read();
        match on.db {
            Db::Sqlite(db) => {
                let mut identifiers = Vec::new();
                let mut left = ids.as_slice();
                while !left.is_empty() {
                    let (group, rest) = left.split_at(group_len(left.len()));
                    left = rest;
                    let text = format!(
                        "SELECT * FROM device_identifier WHERE device_id IN (VALUES {}) ORDER BY device_id, kind, value",
                        values(1, group.len())
                    );
                    let mut query =
                        sqlx::query_as::<sqlx::Sqlite, IdentifierRow>(sqlx::AssertSqlSafe(text));
                    for id in group {
                        query = query.bind(id);
                    }
                    let found = query.fetch_all(db).await;
                    identifiers.extend(found.map_err(|error| on.place.fault(error))?);
                }
                Ok(identifiers)
            }
            Db::Postgres(db) => sqlx::query_as::<sqlx::Postgres, IdentifierRow>(
                "SELECT * FROM device_identifier WHERE device_id = ANY($1) ORDER BY device_id, kind, value",
            )
            .bind(ids)
            .fetch_all(db)
            .await
            .map_err(|error| on.place.fault(error)),
        }
    }
}

/// All its text comes from literals: each part is chosen so that an index serves it.
fn statement(filter: &DeviceFilter, sort: DeviceSort, placed: bool, search: &Search) -> String {
    let (key, number) = match sort {
        DeviceSort::Added => (None, "$1"),
        DeviceSort::Name => (Some("name_key"), "$1"),
        DeviceSort::Owner => (Some("COALESCE(owner_key, '')"), "$1"),
        DeviceSort::Changed => (Some("updated_us"), "$2"),
        DeviceSort::Expires => (Some("COALESCE(expires_us, 9223372036854775807)"), "$2"),
    };
    let (direction, beyond) = match filter.descending {
        false => ("ASC", ">"),
        true => ("DESC", "<"),
    };
    let position = match key {
        _ if !placed => String::from("($1 IS NULL AND $2 IS NULL AND $3 IS NOT NULL)"),
        None => format!("($1 IS NULL AND $2 IS NULL AND id {beyond} $3)"),
        Some(key) => {
            let other = if number == "$1" { "$2" } else { "$1" };
            format!("({other} IS NULL AND ({key}, id) {beyond} ({number}, $3))")
        }
    };
    let order = match key {
        None => format!("id {direction}"),
        Some(key) => format!("{key} {direction}, id {direction}"),
    };
    let owner = match filter.owner {
        Some(_) => "owner_key = $7",
        None => "$7 IS NULL",
    };
    let state = match filter.state {
        None => "$10 IS NOT NULL",
        Some(DeviceState::Lost) => "($10 IS NOT NULL AND lost_us IS NOT NULL)",
        Some(DeviceState::Blocked) => {
            "($10 IS NOT NULL AND lost_us IS NULL AND status = 'blocked')"
        }
        Some(DeviceState::Expired) => {
            "(lost_us IS NULL AND status = 'active' AND COALESCE(expires_us, 9223372036854775807) <= $10)"
        }
        Some(DeviceState::Active) => {
            "(lost_us IS NULL AND status = 'active' AND COALESCE(expires_us, 9223372036854775807) > $10)"
        }
    };
    let search = search.sql();
    format!(
        "SELECT * FROM device WHERE {position} AND {search} AND {owner} \
         AND ($8 IS NULL OR REPLACE(labels, $8, '') <> labels) \
         AND ($9 IS NULL OR device_type = $9) AND {state} ORDER BY {order} LIMIT $11"
    )
}

#[cfg(test)]
mod tests {
    use super::mac_start;

    #[test]
    fn the_beginning_of_an_address_is_understood_in_every_form() {
        for text in ["02:aa:b", "02-aa-b", "02aab", "02aa.b"] {
            assert_eq!(mac_start(text).as_deref(), Some("02:aa:b"), "{text}");
        }
        for text in ["02a", "laptop", "02aabbccddee"] {
            assert_eq!(mac_start(text), None, "{text}");
        }
    }
}
