//! `/{lang}/`: the sign-in page, or what to do now.

use crate::handlers::{Member, Visit};
use axum::response::Response;

pub(crate) async fn home(_member: Option<Member>, visit: Visit) -> Response {
    entrance::welcome(&visit)
}
