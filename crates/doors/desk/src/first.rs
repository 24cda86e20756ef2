//! The first administrator's enrolment, declared here and made by the node: it writes an account and pins a key.

use identity::WeakPassword;
use signin::Registration;
use std::{future::Future, pin::Pin};
use types::{ClientAddress, Secret};

/// A future of the traits that the node implements.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the page needs for `navigator.credentials.create`, and to show the second factor.
#[derive(Debug)]
pub struct EnrolOptions {
    /// What the passkey signs; good for this enrolment only.
    pub challenge: [u8; 32],
    /// The domain that the passkey is for.
    pub rp_id: String,
    /// The user's handle: tells nothing of him.
    pub user: [u8; 16],
    /// The second factor's secret, in base32, to be typed into an application.
    pub totp_secret: Secret<String>,
}

/// What the first administrator sends.
#[derive(Debug)]
pub struct EnrolForm {
    /// His login.
    pub login: String,
    /// His name.
    pub name: String,
    /// His password.
    pub password: Secret<String>,
    /// The second factor's secret, as the page showed it.
    pub totp_secret: Secret<String>,
    /// A code that it gives now.
    pub code: String,
    /// What his browser answered.
    pub passkey: Registration,
}

/// Why the enrolment was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolRefused {
    /// The link does not serve, or no more.
    #[error("the link does not serve")]
    Link,
    /// Login or name cannot be taken.
    #[error("the login or the name cannot be taken")]
    Account,
    /// The password is not taken from an administrator.
    #[error(transparent)]
    Password(#[from] WeakPassword),
    /// The code is not the secret's.
    #[error("the code does not fit")]
    Code,
    /// The passkey's answer does not fit.
    #[error("the passkey does not fit")]
    Passkey,
    /// Nothing was done.
    #[error("this is not possible at present")]
    Unavailable,
}

/// Enrols the first administrator by the link that `init` drew. It throttles and traces who tries.
pub trait FirstAdministrator: Send + Sync {
    /// Begins: a fresh challenge and a fresh secret. None when the link does not serve; as
    /// long for a wrong one as for a right one.
    fn begin<'a>(&'a self, token: &'a str, address: ClientAddress) -> BoxFuture<'a, Option<EnrolOptions>>;

    /// Creates the account and pins its key. The link serves no more.
    fn enrol<'a>(
        &'a self,
        token: &'a str,
        form: EnrolForm,
        address: ClientAddress,
    ) -> BoxFuture<'a, Result<(), EnrolRefused>>;
}
