//! The page kit: TLS, limits, headers, cookies, form tokens, languages, layout, error pages, health.

pub mod announced;
pub mod assets;
pub mod cookie;
pub mod csrf;
mod events;
pub mod guard;
pub mod headers;
pub mod health;
pub mod i18n;
pub mod layout;
mod lent;
pub mod limits;
pub mod reference;
pub mod rehearsed;
pub mod serve;
mod stall;
mod tls;
pub mod when;
