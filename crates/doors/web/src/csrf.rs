//! Requests that change something must start on the door's own pages.
//!
//! Two independent guards. The origin check (acting on every method but GET, HEAD and OPTIONS) believes what the
//! browser says of where a request was started; it also covers the sign-in form, where no session exists yet. The
//! token proves that the form was served to this very session.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderName, Method, header::ORIGIN};
use data_encoding::BASE64URL_NOPAD;
use std::{fmt, str::FromStr, sync::Arc};
use types::{Secret, SessionId};

/// The name of the form field that carries the token.
pub const TOKEN_FIELD: &str = "csrf";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Keeps this use of a door's key apart from any other.
const CONTEXT: &[u8] = b"poterne csrf token v1\0";

/// A door's own origin, `https://host` or `https://host:port`, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Arc<str>);

/// What is said of an origin that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin (https://, a host name, a port if not 443, nothing after)")]
pub struct BadOrigin;

impl Origin {
    /// The origin of a host; port 443 is not written.
    pub fn https(host: &str, port: u16) -> Result<Self, BadOrigin> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if host.is_empty() || host.len() > 253 || !host.bytes().all(legal) || port == 0 {
            return Err(BadOrigin);
        }
        let host = host.to_ascii_lowercase();
        Ok(Self(if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }.into()))
    }

    /// The domain that passkeys of these pages are for; an address is none.
    pub fn domain(&self) -> Option<&str> {
        let host = self.0.strip_prefix("https://")?.split(':').next()?;
        let is_name = host.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| !byte.is_ascii_digit()));
        is_name.then_some(host)
    }

    /// The text, without trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;
    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let host = text.strip_prefix("https://").ok_or(BadOrigin)?;
        match host.split_once(':') {
            None => Self::https(host, 443),
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                Self::https(host, port.parse().map_err(|_| BadOrigin)?)
            }
            Some(_) => Err(BadOrigin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is said of a request that another site may have started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request did not start on this door's pages")]
pub struct ForeignOrigin;

/// Refuses a request that may change something unless the browser says that it started here. A client that says
/// nothing is refused too: every browser since 2020 sends `Origin` with a POST.
pub fn check_origin(method: &Method, headers: &HeaderMap, own: &Origin) -> Result<(), ForeignOrigin> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return Ok(());
    }
    let origin = single(headers, &ORIGIN)?;
    match single(headers, &SEC_FETCH_SITE)? {
        // "null" is what a browser sends when it will not say; then its own verdict decides.
        Some(b"same-origin" | b"none") => match origin {
            None | Some(b"null") => Ok(()),
            Some(origin) => same(origin, own),
        },
        Some(_) => Err(ForeignOrigin),
        None => same(origin.ok_or(ForeignOrigin)?, own),
    }
}

fn same(origin: &[u8], own: &Origin) -> Result<(), ForeignOrigin> {
    if origin == own.as_str().as_bytes() { Ok(()) } else { Err(ForeignOrigin) }
}

fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, ForeignOrigin> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(ForeignOrigin) } else { Ok(first.map(|value| value.as_bytes())) }
}

/// What is said of a token that is not this session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form was not served to this session")]
pub struct BadToken;

/// The key under which a door makes its form tokens.
pub struct CsrfKey(hmac::Key);

impl CsrfKey {
    /// Takes a key that the vault derived for this door and this purpose.
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The token for the forms served to a session: base64url, 43 characters.
    pub fn token(&self, session: &SessionId) -> String {
        BASE64URL_NOPAD.encode(hmac::sign(&self.0, &message(session)).as_ref())
    }

    /// Checks in constant time what a form brought back.
    pub fn check(&self, session: &SessionId, token: &str) -> Result<(), BadToken> {
        if token.len() != 43 {
            return Err(BadToken);
        }
        let tag = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| BadToken)?;
        hmac::verify(&self.0, &message(session), &tag).map_err(|_| BadToken)
    }
}

impl fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKey(…)")
    }
}

fn message(session: &SessionId) -> Vec<u8> {
    [CONTEXT, session.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn origins_are_parsed_once() {
        for (text, expected) in [
            ("https://portail.example", Some("https://portail.example")),
            ("https://Portail.example:443", Some("https://portail.example")),
            ("https://localhost:8443", Some("https://localhost:8443")),
            ("http://portail.example", None),
            ("https://", None),
            ("https://a/b", None),
            ("https://a:0", None),
            ("https://a:+1", None),
            ("https://a:99999", None),
            ("https://a@b", None),
        ] {
            assert_eq!(Origin::from_str(text).ok().as_ref().map(Origin::as_str), expected, "{text}");
        }
    }

    #[test]
    fn passkeys_are_for_names() {
        for (text, domain) in [
            ("https://portail.example", Some("portail.example")),
            ("https://portail.example:8443", Some("portail.example")),
            ("https://localhost:8443", Some("localhost")),
            ("https://4.example", Some("4.example")),
            ("https://127.0.0.1:8443", None),
            ("https://192.0.2.1", None),
            ("https://[2001:db8::1]:8443", None),
        ] {
            assert_eq!(Origin::from_str(text).ok().as_ref().and_then(Origin::domain), domain, "{text}");
        }
    }

    #[test]
    fn only_our_own_pages_may_change_things() {
        let own: Origin = "https://p.example".parse().unwrap();
        let post = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            check_origin(&Method::POST, &headers, &own).is_ok()
        };
        for (pairs, expected) in [
            (&[][..], false),
            (&[("origin", "https://p.example")], true),
            (&[("origin", "https://p.example:444")], false),
            (&[("origin", "http://p.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "https://p.example"), ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://p.example")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://p.example")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")], false),
        ] {
            assert_eq!(post(pairs), expected, "{pairs:?}");
        }
        assert!(check_origin(&Method::GET, &HeaderMap::new(), &own).is_ok());
        assert!(check_origin(&Method::DELETE, &HeaderMap::new(), &own).is_err());
    }

    #[test]
    fn a_token_serves_one_session_of_one_door() {
        let key = CsrfKey::new(&Secret::new([7; 32]));
        let session = SessionId::from_bytes([1; 16]);
        let token = key.token(&session);
        assert_eq!(key.check(&session, &token), Ok(()));
        assert_eq!(key.check(&SessionId::from_bytes([2; 16]), &token), Err(BadToken));
        assert_eq!(CsrfKey::new(&Secret::new([8; 32])).check(&session, &token), Err(BadToken));
        let mut last = token.clone();
        last.pop();
        for bad in ["", "x", &last, &format!("{token}="), &"é".repeat(43), &"A".repeat(43)] {
            assert_eq!(key.check(&session, bad), Err(BadToken), "{bad}");
        }
    }
}
