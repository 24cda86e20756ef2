//! Why a message did not leave.

use crate::BadMessage;
use lettre::transport::smtp::Error;
use std::error::Error as _;

/// Why a message did not leave. None of them says to whom, nor repeats what the server said: servers repeat addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No connection, or it broke.
    #[error("the mail server cannot be reached ({0})")]
    Unreachable(String),
    /// TLS, but not by the authority that was named.
    #[error("its certificate or its TLS is refused ({0})")]
    Tls(String),
    /// It does not offer TLS: it was told nothing.
    #[error("it offers no TLS, so nothing was sent")]
    NoTls,
    /// It does not take the user and password.
    #[error("it refuses the user or the password")]
    Login,
    /// It took too long.
    #[error("it did not answer in time")]
    Late,
    /// It does not take this message; others may leave.
    #[error("it does not take the message (code {0})")]
    Refused(u16),
    /// Not SMTP.
    #[error("what it answers cannot be read")]
    Malformed,
    /// The message cannot be written.
    #[error(transparent)]
    Message(#[from] BadMessage),
}

impl MailError {
    /// Whether it is about this one message: the server serves others.
    pub fn is_of_the_message(&self) -> bool {
        matches!(self, MailError::Refused(_) | MailError::Message(_))
    }

    pub(crate) fn of_connection(error: &Error) -> Self {
        if error.is_timeout() {
            return MailError::Late;
        }
        if error.is_tls() || is_of_tls(error) {
            return MailError::Tls(cause(error));
        }
        if error.is_response() {
            return MailError::Malformed;
        }
        MailError::Unreachable(match error.status() {
            Some(code) => format!("it answers with code {code}"),
            None => cause(error),
        })
    }

    pub(crate) fn of_login(error: &Error) -> Self {
        // No mechanism that both know is a refusal too.
        if error.is_permanent() || error.is_client() { MailError::Login } else { Self::of_connection(error) }
    }

    pub(crate) fn of_message(error: &Error) -> Self {
        match error.status() {
            // It closes, or wants to know us better, whatever the message.
            Some(code) if !matches!(u16::from(code), 421 | 454 | 530 | 534 | 535 | 538) => {
                MailError::Refused(code.into())
            }
            _ => Self::of_connection(error),
        }
    }
}

/// What the system or rustls says, which knows no address of mail.
fn cause(error: &Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source.and_then(std::error::Error::source) {
        source = Some(inner);
    }
    source.map_or_else(|| "no connection".to_owned(), ToString::to_string)
}

/// What rustls refuses comes wrapped in an error of the connection.
fn is_of_tls(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(inner) = source {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        source = inner.source();
    }
    false
}
