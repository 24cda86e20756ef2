//! How to protect oneself: one's device, one's means, against false messages (acces-web GA6 to GA8).

use crate::{Door, Member, Visit, pages::Advice, shown};
use axum::response::Response;

/// For everybody, signed in or not.
pub(crate) async fn advice<D: Door>(member: Option<Member<D>>, visit: Visit<D>) -> Response {
    let chrome = visit.chrome(member.as_ref().map(|member| &member.who), Some("/advice"));
    let (origin, door) = (visit.entrance().origin().as_str(), visit.entrance().signin().door());
    shown(visit.lang, &Advice::new(chrome, origin.to_owned(), door))
}
