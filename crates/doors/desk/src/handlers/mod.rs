//! The handlers, by the part of the address that they serve.
pub(crate) mod home;
/// A request to the desk.
pub(crate) type Visit = entrance::Visit<crate::DeskState>;
/// A request to the desk with a session.
pub(crate) type Member = entrance::Member<crate::DeskState>;
