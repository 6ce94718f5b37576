//! What operations take: bodies, paths and queries whose faults are told as problems, and pages of lists.

use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Problem;

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Body<T>(pub(crate) T);

/// The parameters of a path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// The parameters of a query.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

macro_rules! told_as_problem {
    ($($rejection:ty),+) => {$(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), rejection.body_text())
            }
        }
    )+};
}
told_as_problem!(BytesRejection, JsonRejection, PathRejection, QueryRejection);

/// Rows of a page unless the caller wants others.
const PAGE: u32 = 100;
/// Rows of a page at most.
const PAGE_MAX: u32 = 1_000;

/// Where a page begins and how long it is.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Paging {
    /// `next` of the page before.
    pub(crate) after: Option<String>,
    /// Rows of this page; 100 unless told otherwise, 1,000 at most.
    pub(crate) limit: Option<u32>,
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// For `?after=` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl Paging {
    /// How many rows to read: one more than wanted, which tells whether there is another page.
    pub(crate) fn limit(&self) -> u32 {
        self.size() + 1
    }

    fn size(&self) -> u32 {
        self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)
    }

    /// `after` as a value of the list's key.
    pub(crate) fn after<K: std::str::FromStr>(&self) -> Result<Option<K>, Problem> {
        self.after
            .as_deref()
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::from(crate::web::Failure::invalid(
                        "after",
                        "`after` is not what `next` of an earlier page said",
                    ))
                })
            })
            .transpose()
    }

    /// Cuts what was read to a page; `key` says where the next one begins.
    pub(crate) fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let size = self.size() as usize;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(key) } else { None };
        Page { items: rows, next }
    }
}

impl<T> Page<T> {
    /// A list that is always given whole.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}
