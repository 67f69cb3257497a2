//! What other nodes of the cluster are answered, at an address of its own.

use std::sync::Arc;

use axum::Router;

use crate::ask;
use crate::front::Front;
use crate::mail;
use crate::problem::Problem;

/// Everything the peers' port serves.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .merge(mail::routes())
        .merge(ask::routes())
        .fallback(async || Problem::not_found("peers ask nothing like this"))
        .with_state(front)
}
