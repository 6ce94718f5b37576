//! Facts in Cedar's form.

use cedar_policy::{Context, Entities, Request, RestrictedExpression};

use crate::engine::Engine;
use crate::facts::Facts;
use crate::paths::{PATHS, Value};

impl Engine {
    /// Cedar's form of the facts, with only those facts in the context that are named.
    pub(crate) fn request(
        &self,
        facts: &Facts,
        reads: &[usize],
    ) -> Result<(Request, Entities), String> {
        let (principal, resource) = self.standings(facts);
        let principal_uid = principal.uid(&self.principals);
        let resource_uid = resource.uid(&self.resources);
        let entities = [
            self.principals.entity(&principal, &principal_uid),
            self.resources.entity(&resource, &resource_uid),
        ];
        let entities = Entities::from_entities(entities.into_iter().flatten(), None)
            .map_err(|error| error.to_string())?;
        let context = context(facts, reads)?;
        Request::new(
            principal_uid,
            self.action.clone(),
            resource_uid,
            context,
            None,
        )
        .map(|request| (request, entities))
        .map_err(|error| error.to_string())
    }
}

fn context(facts: &Facts, reads: &[usize]) -> Result<Context, String> {
    let mut attributes = Vec::new();
    let mut records: Vec<(&str, Vec<(String, RestrictedExpression)>)> = Vec::new();
    for fact in reads.iter().filter_map(|index| PATHS.get(*index)) {
        let value = expression((fact.read)(facts)).map(|value| (fact.name.to_owned(), value));
        if fact.record.is_empty() {
            attributes.extend(value);
            continue;
        }
        // A record is there even when the only attribute that is read of it is absent.
        match records.last_mut().filter(|(name, _)| *name == fact.record) {
            Some((_, fields)) => fields.extend(value),
            None => records.push((fact.record, value.into_iter().collect())),
        }
    }
    for (name, fields) in records {
        let record = RestrictedExpression::new_record(fields).map_err(|error| error.to_string())?;
        attributes.push((name.to_owned(), record));
    }
    Context::from_pairs(attributes).map_err(|error| error.to_string())
}

fn expression(value: Value<'_>) -> Option<RestrictedExpression> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    match value {
        Value::Bool(value) => Some(RestrictedExpression::new_bool(value)),
        Value::Long(value) => Some(RestrictedExpression::new_long(value)),
        Value::Text(value) => Some(text(value)),
        Value::Set(items) => Some(RestrictedExpression::new_set(
            items.iter().map(|item| text(item)),
        )),
        Value::Absent => None,
    }
}
