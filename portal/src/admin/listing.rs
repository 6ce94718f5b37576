//! Lists: links that change one filter and keep the others, the next page, and exactly what is shown as CSV or JSON.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::guard::encode;
use crate::web::Failure;
use crate::web::spreadsheet::inert;

/// Rows of a page.
pub(crate) const PAGE: u32 = 50;
/// Rows of an export at most.
pub(crate) const EXPORT: u32 = 10_000;

/// The filters of a list as its URL has them, in the order of the form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    path: &'static str,
    pairs: Vec<(&'static str, String)>,
}

impl Query {
    /// The list at this path.
    pub(crate) fn new(path: &'static str) -> Self {
        Self {
            path,
            pairs: Vec::new(),
        }
    }

    /// With a filter; an empty one is none.
    #[must_use]
    pub(crate) fn with(mut self, key: &'static str, value: Option<impl ToString>) -> Self {
        self.pairs.retain(|(known, _)| *known != key);
        if let Some(value) = value
            .map(|value| value.to_string())
            .filter(|value| !value.is_empty())
        {
            self.pairs.push((key, value));
        }
        self
    }

    /// Whether any filter is set.
    pub(crate) fn is_filtered(&self) -> bool {
        self.pairs
            .iter()
            .any(|(key, _)| !["after", "before", "sort", "order", "format"].contains(key))
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        let pairs: Vec<String> = self
            .pairs
            .iter()
            .map(|(key, value)| format!("{key}={}", encode(value)))
            .collect();
        if pairs.is_empty() {
            self.path.to_owned()
        } else {
            format!("{}?{}", self.path, pairs.join("&"))
        }
    }

    /// The URL with one more filter.
    pub(crate) fn link(&self, key: &'static str, value: impl ToString) -> String {
        self.clone().with(key, Some(value)).url()
    }
}

/// The head of a column, as a page declares it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    label: &'static str,
    /// What the URL calls this order; empty where the list cannot be sorted by it.
    word: &'static str,
    descends: bool,
    number: bool,
}

impl Head {
    /// A column that the list cannot be sorted by.
    pub(crate) const fn plain(label: &'static str) -> Self {
        Self::sorts(label, "")
    }

    /// A column that the list is sorted by when the URL says `sort=WORD`.
    pub(crate) const fn sorts(label: &'static str, word: &'static str) -> Self {
        Self {
            label,
            word,
            descends: false,
            number: false,
        }
    }

    /// Its order begins with the largest or the newest.
    pub(crate) const fn descending(self) -> Self {
        Self {
            descends: true,
            ..self
        }
    }

    /// It holds numbers.
    pub(crate) const fn number(self) -> Self {
        Self {
            number: true,
            ..self
        }
    }
}

/// The head of a column, as `admin/heads.html` draws it.
pub(crate) struct Column {
    /// What it says.
    pub(crate) label: &'static str,
    /// Sorts by it, or turns the order round; empty where neither can be.
    pub(crate) link: String,
    /// For `aria-sort`; empty when the list is sorted by another one.
    pub(crate) sorted: &'static str,
    /// Whether it holds numbers.
    pub(crate) number: bool,
}

/// The heads of a list that is sorted by this word, or the other way round.
pub(crate) fn columns(query: &Query, heads: &[Head], by: &str, reverse: bool) -> Vec<Column> {
    heads
        .iter()
        .map(|head| {
            let current = head.word == by;
            Column {
                label: head.label,
                link: match head.word {
                    "" => String::new(),
                    word => query
                        .clone()
                        .with("order", (current && !reverse).then_some(REVERSE))
                        .link("sort", word),
                },
                sorted: match (current, head.descends != reverse) {
                    (false, _) => "",
                    (true, true) => "descending",
                    (true, false) => "ascending",
                },
                number: head.number,
            }
        })
        .collect()
}

/// What `order` says in the URL of a list that is turned round.
const REVERSE: &str = "reverse";

/// Whether the URL turns the list round.
pub(crate) fn is_reversed(order: &Option<String>) -> bool {
    order.as_deref() == Some(REVERSE)
}

/// The form in which a list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A page.
    #[default]
    Html,
    /// Comma-separated values, safe to open in a spreadsheet.
    Csv,
    /// A JSON array.
    Json,
}

impl Format {
    /// How many rows to read for it; one more than a page shows, to know whether there is another.
    pub(crate) const fn limit(self) -> u32 {
        match self {
            Self::Html => PAGE + 1,
            Self::Csv | Self::Json => EXPORT,
        }
    }
}

/// Cuts what was read to a page; gives whether there is more.
pub(crate) fn cut<T>(rows: &mut Vec<T>) -> bool {
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    more
}

/// Rows as a JSON download.
pub(crate) fn json<T: Serialize>(name: &str, rows: &[T]) -> Result<Response, Failure> {
    let body = serde_json::to_vec_pretty(rows).map_err(|error| {
        tracing::error!(%error, "an export cannot be written");
        Failure::Unavailable
    })?;
    Ok(download(name, "json", "application/json", body))
}

/// Rows as a CSV download.
pub(crate) fn csv(name: &str, header: &[&str], rows: &[Vec<String>]) -> Result<Response, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(header).and_then(|()| {
        rows.iter()
            .try_for_each(|row| writer.write_record(row.iter().map(|cell| inert(cell))))
    });
    let body = written
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
    match body {
        Ok(body) => Ok(download(name, "csv", "text/csv; charset=utf-8", body)),
        Err(error) => {
            tracing::error!(%error, "an export cannot be written");
            Err(Failure::Unavailable)
        }
    }
}

fn download(name: &str, ending: &str, content_type: &'static str, body: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"nac-{name}.{ending}\"");
    (
        [
            (header::CONTENT_TYPE, content_type.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        body,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_sorts_by_itself_and_then_the_other_way_round() {
        const HEADS: [Head; 3] = [
            Head::sorts("Name", "name"),
            Head::sorts("Since", "since").descending(),
            Head::plain("State"),
        ];
        let query = Query::new("/list").with("q", Some("x"));
        let columns = |by, reverse| columns(&query, &HEADS, by, reverse);
        let first = columns("name", false);
        assert_eq!(first[0].link, "/list?q=x&order=reverse&sort=name");
        assert_eq!(first[1].link, "/list?q=x&sort=since");
        assert_eq!(first[2].link, "");
        assert_eq!((first[0].sorted, first[1].sorted), ("ascending", ""));
        assert_eq!(columns("since", false)[1].sorted, "descending");
        assert_eq!(columns("since", true)[1].sorted, "ascending");
        assert_eq!(columns("since", true)[1].link, "/list?q=x&sort=since");
    }

    #[test]
    fn a_link_keeps_the_other_filters_and_encodes_what_it_carries() {
        let query = Query::new("/devices")
            .with("q", Some("a&b=c"))
            .with("label", None::<&str>)
            .with("status", Some("active"));
        assert_eq!(query.url(), "/devices?q=a%26b%3Dc&status=active");
        assert_eq!(
            query.link("status", "blocked"),
            "/devices?q=a%26b%3Dc&status=blocked"
        );
        assert!(query.is_filtered());
        assert_eq!(Query::new("/devices").url(), "/devices");
    }
}
