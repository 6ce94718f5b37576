//! The facts one by one: their paths in `context`, and how to read each.

use std::fmt;

use crate::facts::Facts;

/// One attribute of `context`, or of a record in it.
pub(crate) struct FactPath {
    /// The record that holds it; empty for an attribute of `context` itself.
    pub(crate) record: &'static str,
    pub(crate) name: &'static str,
    pub(crate) read: fn(&Facts) -> Value<'_>,
}

impl fmt::Display for FactPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            "" => write!(out, "context.{}", self.name),
            record => write!(out, "context.{record}.{}", self.name),
        }
    }
}

/// The value of one fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Bool(bool),
    Long(i64),
    Text(&'a str),
    Set(&'a [String]),
    Absent,
}

impl Value<'_> {
    /// Appends an encoding in which no two different values, and no two different sequences of
    /// values of the same paths, look alike.
    pub(crate) fn encode(self, key: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => key.push(u8::from(value)),
            Self::Long(value) => {
                key.push(2);
                key.extend_from_slice(&value.to_le_bytes());
            }
            Self::Text(text) => encode_text(text, key),
            Self::Set(items) => {
                key.extend_from_slice(&items.len().to_le_bytes());
                items.iter().for_each(|item| encode_text(item, key));
            }
            Self::Absent => key.push(3),
        }
    }
}

/// Appends a text with its length in front.
pub(crate) fn encode_text(text: &str, key: &mut Vec<u8>) {
    key.extend_from_slice(&text.len().to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(out, "{value}"),
            Self::Long(value) => write!(out, "{value}"),
            Self::Text("") => out.write_str("\"\""),
            Self::Text(text) => out.write_str(text),
            Self::Set(items) => write!(out, "[{}]", items.join(", ")),
            Self::Absent => out.write_str("absent"),
        }
    }
}

const fn path(record: &'static str, name: &'static str, read: fn(&Facts) -> Value<'_>) -> FactPath {
    FactPath { record, name, read }
}

/// Every fact that the schema declares; records stand together.
pub(crate) const PATHS: &[FactPath] = &[
    path("", "method", |facts| Value::Text(&facts.method)),
    path("", "eap", |facts| Value::Bool(facts.eap())),
    path("", "chaining", |facts| Value::Text(&facts.chaining)),
    path("", "machine", |facts| Value::Text(&facts.machine)),
    path("", "second_factor", |facts| {
        Value::Bool(facts.second_factor)
    }),
    path("", "realm", |facts| Value::Text(&facts.realm)),
    path("", "outer_realm", |facts| Value::Text(&facts.outer_realm)),
    path("", "realm_mismatch", |facts| {
        Value::Bool(facts.realm_mismatch)
    }),
    path("identity", "kind", |facts| {
        Value::Text(facts.identity.kind.as_str())
    }),
    path("identity", "name", |facts| {
        Value::Text(&facts.identity.name)
    }),
    path("identity", "source", |facts| {
        Value::Text(&facts.identity.source)
    }),
    path("identity", "groups", |facts| {
        Value::Set(&facts.identity.groups)
    }),
    path("device", "known", |facts| Value::Bool(facts.device.known)),
    path("device", "id", |facts| Value::Text(&facts.device.id)),
    path("device", "name", |facts| Value::Text(&facts.device.name)),
    path("device", "owner", |facts| Value::Text(&facts.device.owner)),
    path("device", "labels", |facts| Value::Set(&facts.device.labels)),
    path("device", "enrolled", |facts| {
        Value::Bool(facts.device.enrolled)
    }),
    path("device", "blocked", |facts| {
        Value::Bool(facts.device.blocked)
    }),
    path("device", "quarantined", |facts| {
        Value::Bool(facts.device.quarantined)
    }),
    path("device", "mac", |facts| Value::Text(&facts.device.mac)),
    path("device", "random_mac", |facts| {
        Value::Bool(facts.device.random_mac)
    }),
    path("device", "psk", |facts| Value::Bool(facts.device.psk)),
    path("device", "in_two_places", |facts| {
        Value::Bool(facts.device.in_two_places)
    }),
    path("device", "downgraded", |facts| {
        Value::Bool(facts.device.downgraded)
    }),
    path("posture", "verdict", |facts| {
        Value::Text(facts.posture.verdict.as_str())
    }),
    path("posture", "failing", |facts| {
        Value::Set(&facts.posture.failing)
    }),
    path("posture", "excepted", |facts| {
        Value::Set(&facts.posture.excepted)
    }),
    path("posture", "binding", |facts| {
        Value::Long(facts.posture.binding.into())
    }),
    path("posture", "age_s", |facts| {
        facts.posture.age_s.map_or(Value::Absent, Value::Long)
    }),
    path("posture", "break_glass", |facts| {
        Value::Bool(facts.posture.break_glass)
    }),
    path("nas", "client", |facts| Value::Text(&facts.nas.client)),
    path("nas", "site", |facts| Value::Text(&facts.nas.site)),
    path("nas", "vendor", |facts| Value::Text(&facts.nas.vendor)),
    path("nas", "port", |facts| Value::Text(&facts.nas.port)),
    path("nas", "port_type", |facts| {
        Value::Text(&facts.nas.port_type)
    }),
    path("nas", "ssid", |facts| Value::Text(&facts.nas.ssid)),
    path("nas", "address", |facts| Value::Text(&facts.nas.address)),
    path("time", "unix_s", |facts| Value::Long(facts.time.unix_s)),
    path("time", "hour", |facts| Value::Long(facts.time.hour.into())),
    path("time", "minute", |facts| {
        Value::Long(facts.time.minute.into())
    }),
    path("time", "weekday", |facts| {
        Value::Long(facts.time.weekday.into())
    }),
];

/// The facts (indices into [`PATHS`]) that a path in a policy reads. A path that ends at a record
/// reads all of the record.
pub(crate) fn under(path: &[&str]) -> impl Iterator<Item = usize> {
    let (first, second) = (path.first().copied(), path.get(1).copied());
    PATHS.iter().enumerate().filter_map(move |(index, fact)| {
        let reads = match (first, fact.record) {
            (None, _) => true,
            (Some(first), "") => first == fact.name,
            (Some(first), record) => first == record && second.is_none_or(|name| name == fact.name),
        };
        reads.then_some(index)
    })
}
