//! The handlers, by the part of the address that they serve.

pub(crate) mod home;

/// A request to the suppliers' door.
pub(crate) type Visit = entrance::Visit<crate::SuppliersState>;
/// A request to the suppliers' door with a session.
pub(crate) type Member = entrance::Member<crate::SuppliersState>;
