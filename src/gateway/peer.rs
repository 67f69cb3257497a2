//! What other nodes of the cluster are answered, at an address of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::ask;
use crate::front::Front;
use crate::mail;
use crate::problem::Problem;

/// Everything the peers' port serves.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/peer/v1/node", get(node))
        .merge(mail::routes())
        .merge(ask::routes())
        .fallback(async || Problem::not_found("peers ask nothing like this"))
        .with_state(front)
}

/// Which node this is, from its start to its end: who asks finds out that another one is gone. It is no secret.
async fn node(State(front): State<Arc<Front>>) -> Result<String, Problem> {
    let cluster = front.cluster.get().ok_or_else(|| Problem::not_found("this node is of no cluster yet"))?;
    Ok(cluster.node())
}
