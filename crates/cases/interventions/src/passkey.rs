//! Passkeys as this case needs them, until `identity` verifies them.

/// Who the passkeys are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The domain.
    pub id: String,
    /// The pages' origin.
    pub origin: String,
}

/// What an authenticator answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Which passkey.
    pub credential: Vec<u8>,
    /// What the browser says it asked.
    pub client_data_json: Vec<u8>,
    /// What the authenticator says of itself.
    pub authenticator_data: Vec<u8>,
    /// Over both.
    pub signature: Vec<u8>,
}
