//! TOML to [`Check`]: every fault with file, field and remedy, all of them at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::fault::CheckFault;
use super::{Check, FixtureRow, OUTCOME_COLUMN, PLATFORMS, Severity, discovery, text};

/// The longest query that is sent; osquery stores each in its own database.
const MAX_QUERY: usize = 32 * 1024;
/// The most files that one directory may hold.
const MAX_FILES: usize = 1_000;
/// The largest file.
const MAX_FILE: u64 = 256 * 1024;

/// The checks of every `*.toml` in `directory`, sorted by name.
pub(super) fn directory(directory: &Path) -> Result<Vec<Check>, Vec<CheckFault>> {
    let place = directory.display().to_string();
    let whole = |problem: String, fix: &str| {
        vec![CheckFault {
            file: place.clone(),
            field: String::new(),
            problem,
            fix: fix.to_owned(),
        }]
    };
    let entries = std::fs::read_dir(directory)
        .map_err(|error| whole(format!("cannot be listed ({error})"), "name a directory"))?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .take(MAX_FILES + 1)
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(whole(
            "has no *.toml file".to_owned(),
            "put one file per check there",
        ));
    }
    if paths.len() > MAX_FILES {
        return Err(whole(
            format!("has more than {MAX_FILES} files"),
            "keep fewer checks",
        ));
    }
    let mut faults = Vec::new();
    let mut checks = BTreeMap::new();
    for path in paths {
        let file = path.display().to_string();
        let reader = Reader { file: &file };
        let large = std::fs::metadata(&path).is_ok_and(|facts| facts.len() > MAX_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) if !large => text,
            Ok(_) => {
                faults.push(reader.fault("", "is too large", "keep a check below 256 KiB"));
                continue;
            }
            Err(error) => {
                faults.push(reader.fault(
                    "",
                    format!("cannot be read ({error})"),
                    "make it readable UTF-8",
                ));
                continue;
            }
        };
        match check(&file, &text) {
            Ok(check) => {
                let name = check.name.clone();
                if checks.insert(name.clone(), check).is_some() {
                    let problem = format!("`{name}` is the name of another file's check too");
                    faults.push(reader.fault("name", problem, "give each check its own name"));
                }
            }
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        Ok(checks.into_values().collect())
    } else {
        Err(faults)
    }
}

/// Reads one file.
pub(super) fn check(file: &str, text: &str) -> Result<Check, Vec<CheckFault>> {
    let reader = Reader { file };
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let problem = format!(
                "is not TOML: {}",
                error.to_string().trim().replace('\n', " ")
            );
            return Err(vec![reader.fault("", problem, "correct the syntax")]);
        }
    };
    let mut faults = Vec::new();
    for field in table.keys() {
        if !FIELDS.contains(&field.as_str()) {
            let fix = format!("use only {}", FIELDS.join(", "));
            faults.push(reader.fault(field, "is not a field of a check", fix));
        }
    }
    let name = reader.text(&table, "name", &mut faults);
    if !name.is_empty() && !is_name(&name) {
        let fix = "use lower-case letters, digits and hyphens, at most 64";
        faults.push(reader.fault("name", "has other characters or is too long", fix));
    }
    let title = reader.text(&table, "title", &mut faults);
    let resolution = reader.text(&table, "resolution", &mut faults);
    let platforms = reader.list(&table, "platforms", true, &mut faults);
    for platform in &platforms {
        if !PLATFORMS.contains(&platform.as_str()) {
            let fix = format!("use {}", PLATFORMS.join(", "));
            faults.push(reader.fault("platforms", format!("holds `{platform}`"), fix));
        }
    }
    let severity = match reader.text(&table, "severity", &mut faults).as_str() {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" => Severity::Low,
        "" => Severity::Low,
        other => {
            let fix = "use critical, high, medium or low";
            faults.push(reader.fault("severity", format!("is `{other}`"), fix));
            Severity::Low
        }
    };
    let tables = reader.list(&table, "tables", true, &mut faults);
    let evidence = reader.list(&table, "evidence", false, &mut faults);
    for (field, names) in [("tables", &tables), ("evidence", &evidence)] {
        for name in names.iter().filter(|name| !is_table(name)) {
            let fix = "use osquery table names: lower-case letters, digits and underscores";
            faults.push(reader.fault(field, format!("holds `{name}`"), fix));
        }
    }
    for name in evidence.iter().filter(|name| !tables.contains(name)) {
        let fix = "name it in `tables` too, so that discovery looks for it";
        faults.push(reader.fault(
            "evidence",
            format!("holds `{name}`, which `tables` lacks"),
            fix,
        ));
    }
    let parameters = reader.parameters(&table, &mut faults);
    let template = reader.text(&table, "query", &mut faults);
    let query = reader.query(&template, &parameters, &evidence, &mut faults);
    let help = text::help(&reader, &table, &mut faults);
    let texts = text::texts(&reader, &table, &mut faults);
    let (passing, failing) = reader.fixtures(&table, &tables, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    let discovery = discovery(&tables);
    Ok(Check {
        name,
        title,
        platforms,
        severity,
        query,
        discovery,
        tables,
        evidence,
        resolution,
        help,
        texts,
        parameters,
        passing,
        failing,
    })
}

const FIELDS: [&str; 12] = [
    "name",
    "title",
    "platforms",
    "severity",
    "tables",
    "evidence",
    "query",
    "resolution",
    "parameters",
    "fixtures",
    "help",
    "text",
];

pub(super) struct Reader<'a> {
    file: &'a str,
}

impl Reader<'_> {
    pub(super) fn fault(
        &self,
        field: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> CheckFault {
        CheckFault {
            file: self.file.to_owned(),
            field: field.to_owned(),
            problem: problem.into(),
            fix: fix.into(),
        }
    }

    /// A text that must be there; empty after a fault.
    fn text(&self, table: &Table, field: &str, faults: &mut Vec<CheckFault>) -> String {
        match table.get(field) {
            Some(Value::String(text)) if !text.trim().is_empty() && !text.contains('\0') => {
                text.trim().to_owned()
            }
            Some(Value::String(_)) => {
                faults.push(self.fault(field, "is empty or holds NUL", "write a text"));
                String::new()
            }
            Some(_) => {
                faults.push(self.fault(field, "is not a text", "put it in quotes"));
                String::new()
            }
            None => {
                faults.push(self.fault(field, "is missing", format!("add `{field} = \"…\"`")));
                String::new()
            }
        }
    }

    fn list(
        &self,
        table: &Table,
        field: &str,
        required: bool,
        faults: &mut Vec<CheckFault>,
    ) -> Vec<String> {
        let texts: Option<Vec<String>> = match table.get(field) {
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect(),
            Some(_) => None,
            None if required => {
                faults.push(self.fault(field, "is missing", format!("add `{field} = [\"…\"]`")));
                return Vec::new();
            }
            None => return Vec::new(),
        };
        match texts {
            Some(texts) if required && texts.is_empty() => {
                faults.push(self.fault(field, "is empty", "name at least one"));
                Vec::new()
            }
            Some(texts) => texts,
            None => {
                faults.push(self.fault(field, "is not a list of texts", "write [\"a\", \"b\"]"));
                Vec::new()
            }
        }
    }

    /// Parameters as SQL: integers in digits, texts quoted, lists with commas. Nothing else can
    /// reach the query, so a value cannot change what the query means.
    fn parameters(&self, table: &Table, faults: &mut Vec<CheckFault>) -> BTreeMap<String, String> {
        let mut rendered = BTreeMap::new();
        let Some(value) = table.get("parameters") else {
            return rendered;
        };
        let Some(values) = value.as_table() else {
            faults.push(self.fault("parameters", "is not a table", "write [parameters]"));
            return rendered;
        };
        for (name, value) in values {
            let field = format!("parameters.{name}");
            if !is_table(name) {
                let fix = "use lower-case letters, digits and underscores";
                faults.push(self.fault(&field, "has other characters", fix));
            }
            match sql_literal(value) {
                Some(sql) => {
                    rendered.insert(name.clone(), sql);
                }
                None => {
                    let fix = "write an integer, a text, or a list of either that is not empty";
                    faults.push(self.fault(&field, "cannot be put into SQL", fix));
                }
            }
        }
        rendered
    }

    fn query(
        &self,
        template: &str,
        parameters: &BTreeMap<String, String>,
        evidence: &[String],
        faults: &mut Vec<CheckFault>,
    ) -> String {
        let mut used = BTreeSet::new();
        let mut query = String::with_capacity(template.len());
        let mut rest = template.trim_end_matches([';', ' ', '\n', '\r', '\t']);
        while let Some(start) = rest.find("{{") {
            let (before, after) = rest.split_at(start);
            query.push_str(before);
            let Some((name, tail)) = after[2..].split_once("}}") else {
                faults.push(self.fault("query", "opens `{{` and never closes it", "add `}}`"));
                return String::new();
            };
            let name = name.trim();
            match parameters.get(name) {
                Some(sql) => query.push_str(sql),
                None => {
                    let fix = format!("add `{name} = …` under [parameters]");
                    faults.push(self.fault("query", format!("uses unknown `{{{{{name}}}}}`"), fix));
                }
            }
            used.insert(name.to_owned());
            rest = tail;
        }
        query.push_str(rest);
        for name in parameters.keys().filter(|name| !used.contains(*name)) {
            let fix = format!("write {{{{{name}}}}} in the query or remove it");
            faults.push(self.fault(&format!("parameters.{name}"), "is not used", fix));
        }
        if template.is_empty() {
            return String::new();
        }
        if query.contains(';') {
            let fix = "ask one question; write no semicolon";
            faults.push(self.fault("query", "holds a semicolon", fix));
        }
        if query.len() > MAX_QUERY {
            faults.push(self.fault("query", "is too long", "keep it below 32 KiB"));
        }
        if evidence.is_empty() {
            return format!("{query};");
        }
        let exists: Vec<String> = evidence
            .iter()
            .map(|table| format!("EXISTS (SELECT 1 FROM {table})"))
            .collect();
        format!(
            "SELECT CASE WHEN NOT ({}) THEN 'unknown'\nWHEN EXISTS (\n{query}\n) THEN 'pass' \
             ELSE 'fail' END AS {OUTCOME_COLUMN};",
            exists.join(" OR ")
        )
    }

    fn fixtures(
        &self,
        table: &Table,
        tables: &[String],
        faults: &mut Vec<CheckFault>,
    ) -> (Vec<FixtureRow>, Vec<FixtureRow>) {
        let fixtures = table.get("fixtures").and_then(Value::as_table);
        let mut read = |side: &str| {
            let field = format!("fixtures.{side}");
            let Some(rows) = fixtures
                .and_then(|all| all.get(side))
                .and_then(Value::as_array)
            else {
                let fix =
                    format!("add [fixtures] with `{side} = [{{ table = {{ column = 1 }} }}]`");
                faults.push(self.fault(&field, "is missing or is not a list", fix));
                return Vec::new();
            };
            let mut found = Vec::new();
            for row in rows {
                match fixture(row) {
                    Some(row) if tables.contains(&row.table) => found.push(row),
                    Some(row) => {
                        let problem = format!("has a row of `{}`", row.table);
                        faults.push(self.fault(&field, problem, "name the table in `tables`"));
                    }
                    None => {
                        let fix = "write { table = { column = \"value\" } }";
                        faults.push(self.fault(&field, "has a row of another form", fix));
                    }
                }
            }
            found
        };
        (read("pass"), read("fail"))
    }
}

fn fixture(row: &Value) -> Option<FixtureRow> {
    let mut entries = row.as_table()?.iter();
    let (table, columns) = entries.next()?;
    if entries.next().is_some() {
        return None;
    }
    let mut values = serde_json::Map::new();
    for (column, value) in columns.as_table()? {
        let value = match value {
            Value::String(text) => Json::from(text.as_str()),
            Value::Integer(number) => Json::from(*number),
            _ => return None,
        };
        values.insert(column.clone(), value);
    }
    Some(FixtureRow {
        table: table.clone(),
        row: values,
    })
}

fn sql_literal(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::String(text) if !text.contains(['\0', ';']) => {
            Some(format!("'{}'", text.replace('\'', "''")))
        }
        Value::Array(values) if !values.is_empty() => {
            let literals: Option<Vec<String>> = values
                .iter()
                .map(|value| {
                    if value.is_array() {
                        None
                    } else {
                        sql_literal(value)
                    }
                })
                .collect();
            literals.map(|literals| literals.join(", "))
        }
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_table(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
