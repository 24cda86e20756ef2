//! Why the directory did not say.

/// Why the directory did not say. None of them says anything about anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No connection.
    #[error("it cannot be reached ({0})")]
    Unreachable(String),
    /// No TLS, or not by the authorities that were named.
    #[error("its certificate or its TLS is refused ({0})")]
    Tls(String),
    /// The service account is refused.
    #[error("it refuses the service account (code {code}: {said})")]
    ServiceAccount {
        /// LDAP's code.
        code: u32,
        /// What the server says.
        said: String,
    },
    /// It took too long.
    #[error("it did not answer in time")]
    Late,
    /// Too many ask at once.
    #[error("too many ask it at once")]
    Busy,
    /// It tells to ask others, which nobody here does.
    #[error("it refers to other servers, which are never asked")]
    Referral,
    /// More than is read.
    #[error("it has more {0} than are read")]
    TooMany(&'static str),
    /// A group or a base of the settings is not there, or the service account may not see it.
    #[error("{0} is not there, or may not be read")]
    NoGroup(String),
    /// Another code.
    #[error("it answers with code {code} ({said})")]
    Answered {
        /// LDAP's code.
        code: u32,
        /// What the server says.
        said: String,
    },
    /// Not an answer of LDAP, or not to what was asked.
    #[error("what it answers cannot be read")]
    Malformed,
}
