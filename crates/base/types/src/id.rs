//! Identifiers: 128 random bits, printed as 26 lower-case base32 characters, parsed strictly.

use data_encoding::{BASE32_NOPAD, Encoding};
use std::{fmt, str::FromStr, sync::LazyLock};

/// What is said of an identifier that is not one. It does not repeat the text: it may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier (26 characters, a to z and 2 to 7)")]
pub struct BadId;

static LOWER: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = BASE32_NOPAD.specification();
    spec.symbols.make_ascii_lowercase();
    // The specification is RFC 4648's with other letters; it cannot be refused.
    spec.encoding().unwrap_or(BASE32_NOPAD)
});

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes an identifier of 16 bytes that the caller drew at random.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&LOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                if text.len() != 26 {
                    return Err(BadId);
                }
                let bytes = LOWER.decode(text.as_bytes()).map_err(|_| BadId)?;
                Ok(Self(bytes.try_into().map_err(|_| BadId)?))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = BadId;
            fn try_from(bytes: &[u8]) -> Result<Self, BadId> {
                Ok(Self(bytes.try_into().map_err(|_| BadId)?))
            }
        }
    )*};
}

ids! {
    /// An establishment: one hospital of the group, with its own responsible person.
    EstablishmentId,
    /// An account of one establishment.
    AccountId,
    /// A patient as Poterne knows him; the SIS knows him by his [`crate::Ins`].
    PatientId,
    /// A signed-in session.
    SessionId,
    /// One traced act; also its idempotency key outside.
    TraceId,
    /// A supplier of equipment or of its upkeep.
    SupplierId,
    /// An equipment that suppliers' technicians may reach.
    EquipmentId,
    /// An intervention of a supplier on an equipment.
    InterventionId,
    /// A technician's session through a relay, and the lease it lives by.
    RelayId,
    /// A token of the JSON interfaces.
    TokenId,
    /// A search of traces that somebody keeps for himself.
    SearchId,
    /// A link by which somebody chooses what he signs in with.
    LinkId,
    /// A sign-in by SSH that waits for its holder's answer in his browser.
    SshApprovalId,
    /// The two sealed envelopes of a break-glass account, from the day they were drawn to the day they serve.
    EnvelopesId,
    /// A printed sheet of one-time codes, from the day it was drawn.
    SheetId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_canonical() {
        for bad in [
            "",
            "a",
            "aaaaaaaaaaaaaaaaaaaaaaaaab",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA",
            "../../../../../etc/passwd12",
            "aaaaaaaaaaaaaaaaaaaaaaaaa1",
        ] {
            assert_eq!(AccountId::from_str(bad), Err(BadId), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_bytes_agree(bytes: [u8; 16]) {
            let id = PatientId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<PatientId>(), Ok(id));
        }
    }
}
