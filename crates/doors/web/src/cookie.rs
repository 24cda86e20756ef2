//! One session cookie per door, and the strictest reading of what comes back.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use std::sync::Arc;
use types::Door;

/// All `Cookie` headers of a request together; a browser sends a door one cookie.
const COOKIE_BYTES_MAX: usize = 4096;
/// A session token as text.
const VALUE_BYTES_MAX: usize = 256;

/// Why a request's cookies are not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCookie {
    /// More than a browser of ours would send.
    #[error("the cookies are too long")]
    TooLong,
    /// Two values for one name: somebody planted one of them.
    #[error("the session cookie comes twice")]
    Duplicated,
    /// Not a token that a door could have set.
    #[error("the session cookie is malformed")]
    Malformed,
}

/// The session cookie of one door.
///
/// `__Host-` makes the browser refuse it without `Secure`, with a `Domain` or another path, so that no neighbor on the
/// same domain can plant one. `SameSite=Strict`: no other site can start a request that carries it. The price is that
/// a link in a message opens the portal as if signed out; a sign-in through another site (OIDC) will need a separate
/// `Lax` transaction cookie for its return.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    name: Arc<str>,
}

impl SessionCookie {
    /// The cookie named `__Host-poterne-<door>`: doors of one host never read each other's.
    pub fn for_door(door: Door) -> Self {
        Self { name: format!("__Host-poterne-{door}").into() }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `Set-Cookie` value that gives `token` (base64url text) until the browser closes; the server ends sessions.
    pub fn set(&self, token: &str) -> Result<HeaderValue, BadCookie> {
        if !is_token(token) {
            return Err(BadCookie::Malformed);
        }
        let text = format!("{}={token}; Path=/; Secure; HttpOnly; SameSite=Strict", self.name);
        let mut value = HeaderValue::try_from(text).map_err(|_| BadCookie::Malformed)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The `Set-Cookie` value that takes it back.
    pub fn clear(&self) -> HeaderValue {
        let text = format!("{}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0", self.name);
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The token that a request carries, if any. Any doubt is a refusal: the caller then treats the request as
    /// signed out and clears the cookie.
    pub fn read<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h str>, BadCookie> {
        let mut found = None;
        let mut bytes = 0;
        // HTTP/2 may split the cookies over several headers.
        for header in headers.get_all(COOKIE) {
            bytes += header.len();
            if bytes > COOKIE_BYTES_MAX {
                return Err(BadCookie::TooLong);
            }
            for pair in header.as_bytes().split(|byte| *byte == b';') {
                let Some(value) = value_of(pair.trim_ascii(), self.name.as_bytes()) else { continue };
                let value = std::str::from_utf8(value).map_err(|_| BadCookie::Malformed)?;
                if !is_token(value) {
                    return Err(BadCookie::Malformed);
                }
                if found.replace(value).is_some() {
                    return Err(BadCookie::Duplicated);
                }
            }
        }
        Ok(found)
    }
}

/// The value, if the pair bears this name. Some browsers and proxies match `__Host-` without case: so do we, to see
/// a twin.
fn value_of<'p>(pair: &'p [u8], name: &[u8]) -> Option<&'p [u8]> {
    let (head, tail) = pair.split_at_checked(name.len())?;
    let value = tail.trim_ascii_start().strip_prefix(b"=")?;
    head.eq_ignore_ascii_case(name).then(|| value.trim_ascii_start())
}

fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= VALUE_BYTES_MAX && text.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn reads_strictly() {
        let cookie = SessionCookie::for_door(Door::Portal);
        let long = format!("other={}", "x".repeat(COOKIE_BYTES_MAX));
        for (headers, expected) in [
            (vec![], Ok(None)),
            (vec!["a=b; c=d"], Ok(None)),
            (vec!["__Host-poterne-portal=abc_-9"], Ok(Some("abc_-9"))),
            (vec!["a=b;__Host-poterne-portal=abc ; c"], Ok(Some("abc"))),
            (vec!["a=b", "__Host-poterne-portal=abc"], Ok(Some("abc"))),
            (vec!["__Host-poterne-desk=abc; __Host-poterne-portals=x; x__Host-poterne-portal=y"], Ok(None)),
            (vec!["__Host-poterne-portal=abc; __Host-poterne-portal=abc"], Err(BadCookie::Duplicated)),
            (vec!["__Host-poterne-portal=abc", "__HOST-poterne-portal=def"], Err(BadCookie::Duplicated)),
            (vec!["__Host-poterne-portal="], Err(BadCookie::Malformed)),
            (vec!["__Host-poterne-portal=\"abc\""], Err(BadCookie::Malformed)),
            (vec!["__Host-poterne-portal=a b"], Err(BadCookie::Malformed)),
            (vec!["__Host-poterne-portal = abc"], Ok(Some("abc"))),
            (vec!["__Host-poterne-portal"], Ok(None)),
            (vec![long.as_str()], Err(BadCookie::TooLong)),
        ] {
            let mut map = HeaderMap::new();
            for text in &headers {
                map.append(COOKIE, text.parse().unwrap());
            }
            assert_eq!(cookie.read(&map), expected, "{headers:?}");
        }
    }

    #[test]
    fn sets_and_clears_for_the_host_only() {
        let cookie = SessionCookie::for_door(Door::Portal);
        let set = cookie.set("abc").unwrap();
        assert_eq!(set, "__Host-poterne-portal=abc; Path=/; Secure; HttpOnly; SameSite=Strict");
        assert!(cookie.clear().to_str().unwrap().ends_with("Max-Age=0"));
        for bad in ["", "a;b", "a b", "é", &"x".repeat(257)] {
            assert_eq!(cookie.set(bad), Err(BadCookie::Malformed), "{bad}");
        }
    }
}
