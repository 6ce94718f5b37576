//! The table of admin routes: what each needs, and which API operation does the same.

use axum::Router;
use axum::http::Method;
use axum::middleware;
use axum::routing::MethodRouter;

use super::{AdminState, guard};
use crate::access::Permission;

/// One route behind the sign-in.
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "tests walk the table by method and operation")
)]
pub(crate) struct Route {
    /// GET for a page, POST for an action.
    pub(crate) method: Method,
    /// Its path, with `{parameters}`.
    pub(crate) path: &'static str,
    /// What it needs.
    pub(crate) permission: Permission,
    /// The operation of the REST API that does the same; an action of the pages alone (signing out, say) has none and says why.
    pub(crate) operation: Operation,
    handler: MethodRouter<AdminState>,
}

/// How an action of the pages relates to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A page: it changes nothing.
    Page,
    /// The operation with this id does the same.
    Api(&'static str),
    /// It concerns the browser's session only, so there is nothing for a program to do.
    BrowserOnly(&'static str),
}

impl Route {
    /// A page.
    pub(crate) fn page(
        path: &'static str,
        permission: Permission,
        handler: MethodRouter<AdminState>,
    ) -> Self {
        Self {
            method: Method::GET,
            path,
            permission,
            operation: Operation::Page,
            handler,
        }
    }

    /// An action that the API operation `operation` can do as well.
    pub(crate) fn action(
        path: &'static str,
        permission: Permission,
        operation: &'static str,
        handler: MethodRouter<AdminState>,
    ) -> Self {
        Self {
            method: Method::POST,
            path,
            permission,
            operation: Operation::Api(operation),
            handler,
        }
    }

    /// An action on the browser's own session; `why` says why no program needs it.
    pub(crate) fn browser_action(
        path: &'static str,
        permission: Permission,
        why: &'static str,
        handler: MethodRouter<AdminState>,
    ) -> Self {
        Self {
            operation: Operation::BrowserOnly(why),
            ..Self::action(path, permission, "", handler)
        }
    }
}

/// Every route behind its guard.
pub(super) fn assemble(routes: Vec<Route>, state: &AdminState) -> Router {
    let mut router = Router::new();
    for route in routes {
        let guard =
            middleware::from_fn_with_state((state.clone(), route.permission), guard::let_in);
        router = router.route(route.path, route.handler.layer(guard));
    }
    router.with_state(state.clone())
}
