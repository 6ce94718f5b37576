//! From a text to checked policies, or to everything that is wrong with it at once.

use std::collections::HashMap;
use std::ops::Range;

use cedar_policy::pst::{self, Template};
use cedar_policy::{Effect, Policy, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use crate::SCHEMA;
use crate::fault::{PolicyErrors, PolicyFault, nearest};
use crate::heed::{self, Mark};
use crate::lint;
use crate::names::Mention;
use crate::scan::{self, Annotation, Statement};

/// The longest policy text that is looked at, in bytes.
pub const MAX_TEXT_LEN: usize = 1 << 20;

/// The `@order` of a policy that does not say.
pub(crate) const DEFAULT_ORDER: i64 = 1000;

const ANNOTATIONS: [&str; 6] = ["id", "title", "segment", "order", "mode", "description"];

/// A policy with everything its annotations say, before it is compiled.
pub(crate) struct Draft {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) segment: Option<String>,
    pub(crate) order: i64,
    pub(crate) monitor: bool,
    pub(crate) statement: Statement,
    pub(crate) policy: Policy,
    pub(crate) syntax: Template,
}

/// A text that passed every check.
pub(crate) struct Loaded {
    /// By `@order`, then by `@id`.
    pub(crate) drafts: Vec<Draft>,
    /// What is doubtful, in the order of the text.
    pub(crate) warnings: Vec<PolicyFault>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) unheeded: Vec<Mark>,
}

pub(crate) fn load(text: &str, segments: &[String]) -> Result<Loaded, PolicyErrors> {
    if text.len() > MAX_TEXT_LEN {
        let message = format!(
            "the text has {} bytes; at most {MAX_TEXT_LEN} are allowed",
            text.len()
        );
        return Err(PolicyErrors(vec![Places::new(text, &[]).fault(
            0..0,
            message,
            None,
        )]));
    }
    let statements = scan::statements(text).map_err(|deep| {
        let help = Some("split it into several policies".to_owned());
        PolicyErrors(vec![Places::new(text, &[]).fault(
            deep.at,
            deep.message,
            help,
        )])
    })?;
    let places = Places::new(text, &statements);
    let set: PolicySet = text.parse().map_err(|errors| places.every(&errors))?;

    let mut faults = Vec::new();
    let mut drafts = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        let cedar_id = cedar_policy::PolicyId::new(format!("policy{index}"));
        match set.policy(&cedar_id) {
            Some(policy) => drafts.extend(draft(&places, statement, policy, segments, &mut faults)),
            None => faults.push(places.fault(
                statement.span.clone(),
                "templates (`?principal`, `?resource`) are not supported".to_owned(),
                Some("write the entity itself".to_owned()),
            )),
        }
    }
    refuse_repeated_ids(&places, &drafts, &mut faults);

    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|error| places.internal(&format!("the schema cannot be read: {error}")))?;
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    faults.extend(
        result
            .validation_errors()
            .map(|error| places.diagnosed(error)),
    );
    if !faults.is_empty() {
        return Err(in_order(faults));
    }

    let mut warnings: Vec<_> = result
        .validation_warnings()
        .map(|warning| places.diagnosed(warning))
        .collect();
    drafts.sort_by(|one, other| (one.order, &one.id).cmp(&(other.order, &other.id)));
    let unheeded = heed::unheeded(&drafts);
    warnings.extend(lint::warnings(&places, &drafts, &unheeded));
    Ok(Loaded {
        mentions: lint::mentions(&places, &drafts),
        unheeded,
        drafts,
        warnings: in_order(warnings).0,
    })
}

fn in_order(mut faults: Vec<PolicyFault>) -> PolicyErrors {
    faults.sort_by_key(|fault| fault.offset);
    faults.dedup();
    PolicyErrors(faults)
}

/// Reads the annotations of one policy. All of its faults are found, not only the first.
fn draft(
    places: &Places<'_>,
    statement: &Statement,
    policy: &Policy,
    segments: &[String],
    faults: &mut Vec<PolicyFault>,
) -> Option<Draft> {
    let notes = Notes {
        places,
        statement,
        policy,
    };
    notes.refuse_unknown(faults);

    let id = notes
        .value("id")
        .map_or_else(|| places.default_id(statement), str::to_owned);
    if id.is_empty() || id.len() > 128 || id.chars().any(char::is_control) {
        let message = "an @id has 1 to 128 printable characters".to_owned();
        faults.push(notes.fault("id", message, None));
    }
    let segment = notes.value("segment").map(str::to_owned);
    match &segment {
        Some(name) if !segments.contains(name) => {
            let creation = creation(name);
            let help = nearest(name, segments.iter().map(String::as_str)).map_or_else(
                || {
                    let all = segments.join(", ");
                    format!("segments are: {all}; create it with: {creation}")
                },
                |near| format!("did you mean `{near}`? Otherwise create it with: {creation}"),
            );
            let message = format!("there is no segment `{name}`");
            faults.push(notes.fault("segment", message, Some(help)));
        }
        None if policy.effect() == Effect::Permit => {
            let message = "a permit has to name a segment".to_owned();
            let help = Some("write @segment(\"…\") in front of it".to_owned());
            faults.push(places.fault(statement.effect.clone(), message, help));
        }
        _ => {}
    }
    let order = match notes.value("order").map(|text| (text, text.parse::<i64>())) {
        None => DEFAULT_ORDER,
        Some((_, Ok(order))) => order,
        Some((text, Err(_))) => {
            let message = format!("@order is a whole number, not `{text}`");
            faults.push(notes.fault("order", message, Some("write @order(\"100\")".to_owned())));
            DEFAULT_ORDER
        }
    };
    let monitor = match notes.value("mode") {
        None | Some("enforce") => false,
        Some("monitor") => true,
        Some(other) => {
            let message = format!("there is no mode `{other}`");
            let help = "write @mode(\"enforce\") or @mode(\"monitor\")".to_owned();
            faults.push(notes.fault("mode", message, Some(help)));
            false
        }
    };
    let syntax = match policy.to_pst() {
        Ok(pst::Policy::Static(syntax)) => Some(syntax.body().clone()),
        Ok(pst::Policy::Linked(_)) => None,
        Err(error) => {
            faults.push(places.fault(statement.span.clone(), error.to_string(), None));
            None
        }
    };
    Some(Draft {
        id,
        title: notes.value("title").map(str::to_owned),
        effect: policy.effect(),
        segment,
        order,
        monitor,
        statement: statement.clone(),
        policy: policy.clone(),
        syntax: syntax?,
    })
}

/// The command that creates a segment; a name that a shell would take apart is left out.
fn creation(name: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    let shown = if name.chars().all(plain) && name.starts_with(char::is_alphanumeric) {
        name
    } else {
        "NAME"
    };
    format!("nac segment set {shown} --vlan N")
}

fn refuse_repeated_ids(places: &Places<'_>, drafts: &[Draft], faults: &mut Vec<PolicyFault>) {
    let mut first_with: HashMap<&str, &Draft> = HashMap::new();
    for draft in drafts {
        if let Some(first) = first_with.insert(&draft.id, draft) {
            let line = places.line_and_column(first.statement.span.start).0;
            let message = format!(
                "the @id `{}` is taken by the policy in line {line}",
                draft.id
            );
            let at = annotation(places.text, &draft.statement, "id")
                .map_or_else(|| draft.statement.span.clone(), |note| note.value.clone());
            faults.push(places.fault(at, message, Some("every @id is used once".to_owned())));
        }
    }
}

/// The annotations of one policy.
struct Notes<'a> {
    places: &'a Places<'a>,
    statement: &'a Statement,
    policy: &'a Policy,
}

impl<'a> Notes<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        self.policy.annotation(name)
    }

    fn fault(&self, name: &str, message: String, help: Option<String>) -> PolicyFault {
        let at = annotation(self.places.text, self.statement, name)
            .map_or_else(|| self.statement.span.clone(), |note| note.value.clone());
        self.places.fault(at, message, help)
    }

    /// A misspelt `@mode("monitor")` would enforce what was meant to be watched, so that no
    /// annotation is ignored.
    fn refuse_unknown(&self, faults: &mut Vec<PolicyFault>) {
        for note in &self.statement.annotations {
            let name = self.places.text.get(note.name.clone()).unwrap_or_default();
            if !ANNOTATIONS.contains(&name) {
                let help = nearest(name, ANNOTATIONS).map_or_else(
                    || format!("annotations are: @{}", ANNOTATIONS.join(", @")),
                    |near| format!("did you mean @{near}?"),
                );
                let message = format!("there is no annotation @{name}");
                faults.push(self.places.fault(note.name.clone(), message, Some(help)));
            }
        }
    }
}

fn annotation<'a>(text: &str, statement: &'a Statement, name: &str) -> Option<&'a Annotation> {
    statement
        .annotations
        .iter()
        .find(|note| text.get(note.name.clone()) == Some(name))
}

/// Turns stretches of a text into faults.
pub(crate) struct Places<'a> {
    pub(crate) text: &'a str,
    statements: &'a [Statement],
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(text: &'a str, statements: &'a [Statement]) -> Self {
        let starts = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self {
            text,
            statements,
            lines: std::iter::once(0).chain(starts).collect(),
        }
    }

    pub(crate) fn fault(
        &self,
        at: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> PolicyFault {
        let (line, column) = self.line_and_column(at.start);
        PolicyFault {
            policy: self.policy_at(at.start),
            line,
            column,
            offset: at.start,
            length: at.len(),
            message,
            help,
        }
    }

    /// Line and column, in characters, both from 1.
    pub(crate) fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The id that a policy has when it does not name itself: its place in the text.
    fn default_id(&self, statement: &Statement) -> String {
        let before = |other: &Statement| other.span.start < statement.span.start;
        format!("policy-{}", self.statements.partition_point(before) + 1)
    }

    fn policy_at(&self, offset: usize) -> Option<String> {
        let index = self
            .statements
            .partition_point(|found| found.span.end <= offset);
        let statement = self
            .statements
            .get(index)
            .filter(|found| found.span.contains(&offset))?;
        let written = annotation(self.text, statement, "id")
            .and_then(|note| self.text.get(note.value.clone()))
            .map(|value| value.trim_matches('"').to_owned());
        Some(written.unwrap_or_else(|| self.default_id(statement)))
    }

    fn internal(&self, message: &str) -> PolicyErrors {
        PolicyErrors(vec![self.fault(0..0, message.to_owned(), None)])
    }

    /// A diagnostic and all of its companions.
    fn every(&self, first: &dyn Diagnostic) -> PolicyErrors {
        let mut faults = vec![self.diagnosed(first)];
        faults.extend(
            first
                .related()
                .into_iter()
                .flatten()
                .map(|other| self.diagnosed(other)),
        );
        in_order(faults)
    }

    fn diagnosed(&self, diagnostic: &dyn Diagnostic) -> PolicyFault {
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        let at = label.as_ref().map_or(0..0, |label| {
            label.offset()..label.offset().saturating_add(label.len())
        });
        let help = diagnostic
            .help()
            .map(|help| without_cedar_id(&help.to_string()));
        let hint = label.and_then(|label| label.label().map(str::to_owned));
        self.fault(at, without_cedar_id(&diagnostic.to_string()), help.or(hint))
    }
}

/// Cedar's "for policy `policy3`, …" counts from 0, and says what the fault says better.
fn without_cedar_id(said: &str) -> String {
    let rest = said
        .strip_prefix("for policy `policy")
        .map(|rest| rest.trim_start_matches(|char: char| char.is_ascii_digit()))
        .and_then(|rest| rest.strip_prefix('`'))
        .map(|rest| rest.trim_start_matches([',', ':', ' ']));
    rest.unwrap_or(said).to_owned()
}
