//! The suppliers' pages beyond their entrance's: plain data in, HTML out. Nothing here reads a clock, a file or a
//! service.

use types::Role;
use web::{assets::Icon, i18n::Text, layout::NavItem};

/// Where somebody may go from any page, by his role.
pub fn nav(_role: Role, t: Text) -> Vec<NavItem> {
    vec![NavItem::new("/", t.entrance_back_home(), Icon::DoorOpen)]
}
