//! The suppliers' pages beyond their entrance's: plain data in, HTML out. Nothing here reads a clock, a file or a
//! service.

mod home;
mod intervention;
mod list;
mod means;
pub mod paths;
mod request;
mod ssh;
mod turn;
pub(crate) mod words;

pub use home::{Home, HomeView};
pub use intervention::{InterventionPage, InterventionView};
pub use list::{List, ListView};
pub use means::{IssuedToken, MeansDone, MeansPage, MeansView, MeansWrong, TOKEN_SCOPES, TokenForm};
pub use request::{Field, Request, RequestForm, RequestView, TargetChoice, TechnicianChoice};
pub use ssh::{SshDone, SshPage, SshView};
pub use turn::{Reader, Turn};
pub use words::Badge;

use types::Role;
use web::{assets::Icon, i18n::Text, layout::NavItem};

/// Where somebody may go from any page, by his role.
pub fn nav(role: Role, t: Text) -> Vec<NavItem> {
    let mut places = vec![NavItem::new("/", t.suppliers_nav_home(), Icon::DoorOpen)];
    if matches!(role, Role::Technician | Role::SupplierManager) {
        places.push(NavItem::new("/interventions/new", t.suppliers_nav_request(), Icon::Calendar));
        places.push(NavItem::new("/interventions", t.suppliers_nav_interventions(), Icon::Document));
    }
    places.push(NavItem::new("/means", t.suppliers_nav_means(), Icon::Key));
    places
}
