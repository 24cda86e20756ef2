//! What every response says to the browser, errors and assets included.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{self, HeaderName},
    },
    response::Response,
};

/// No inline script or style, nothing from elsewhere, nothing embedded, and no string ever becomes markup by script.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";
/// A document of the SIS shown by the browser's own viewer. `sandbox` would be stricter, but Chromium then refuses to
/// start its PDF viewer; the type is fixed and never sniffed, so no script of the document runs in our origin.
const VIEWED_CSP: &str =
    "default-src 'none'; object-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// A document to be saved: if a browser shows it all the same, it has no origin and no rights.
const SAVED_CSP: &str = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox";
/// Two years, this host only: its neighbors are not ours to decide for.
const HSTS: &str = "max-age=63072000";
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), \
    clipboard-read=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), \
    gyroscope=(), hid=(), identity-credentials-get=(), idle-detection=(), local-fonts=(), magnetometer=(), \
    microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-create=(self), \
    publickey-credentials-get=(self), screen-wake-lock=(), serial=(), storage-access=(), usb=(), web-share=(), \
    window-management=(), xr-spatial-tracking=()";

/// How a response may behave in the browser; a page unless [`document`] made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Page,
    Viewed,
    Saved,
}

/// Puts the strict headers on a response, over whatever a handler wrote; only `Cache-Control` is the handler's, and
/// is `no-store` unless he says otherwise.
pub fn put(response: &mut Response) {
    let kind = response.extensions().get::<Kind>().copied().unwrap_or_default();
    let csp = match kind {
        Kind::Page => PAGE_CSP,
        Kind::Viewed => VIEWED_CSP,
        Kind::Saved => SAVED_CSP,
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| drop(headers.insert(name, HeaderValue::from_static(value)));
    set(header::CONTENT_SECURITY_POLICY, csp);
    set(header::STRICT_TRANSPORT_SECURITY, HSTS);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and the origin check would have
    // nothing to compare. Nothing goes to another site either way.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("x-permitted-cross-domain-policies"), "none");
    if kind == Kind::Page {
        // The browser's PDF viewer loads parts of its own.
        set(HeaderName::from_static("cross-origin-embedder-policy"), "require-corp");
    }
    headers.remove(header::SERVER);
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Whether the browser shows a document or saves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// In the browser's viewer; for `application/pdf` only, anything else is saved.
    View,
    /// To a file.
    Save,
}

/// A response that carries a document of the SIS. `media_type` is what the SIS says; what is not a plain media type
/// becomes `application/octet-stream`, and only PDF is ever shown. `name` is cleaned: a file name must not be a path.
pub fn document(media_type: &str, name: &str, disposition: Disposition, body: Body) -> Response {
    let media_type = known_media_type(media_type);
    let kind = match disposition {
        Disposition::View if media_type == "application/pdf" => Kind::Viewed,
        _ => Kind::Saved,
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.extensions_mut().insert(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    content_disposition(response.headers_mut(), kind, name);
    response
}

/// The types a record holds; a closed list, because the browser acts on the type.
fn known_media_type(media_type: &str) -> &'static str {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    let known = ["application/pdf", "image/jpeg", "image/png", "image/tiff", "text/plain", "application/dicom"];
    known.into_iter().find(|known| known.eq_ignore_ascii_case(bare)).unwrap_or("application/octet-stream")
}

fn content_disposition(headers: &mut HeaderMap, kind: Kind, name: &str) {
    let verb = if kind == Kind::Viewed { "inline" } else { "attachment" };
    let clean = |c: char| if c.is_control() || "/\\:*?\"<>|;%".contains(c) { '_' } else { c };
    let name: String = name.trim().trim_start_matches('.').chars().take(100).map(clean).collect();
    let name = if name.is_empty() { "document".to_owned() } else { name };
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    // RFC 8187: the same name with its accents.
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let text = format!("{verb}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment")),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn said(response: &Response, name: &str) -> String {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_handler_cannot_loosen_them() {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("content-security-policy", "default-src *".parse().unwrap());
        response.headers_mut().insert("server", "x".parse().unwrap());
        put(&mut response);
        assert!(said(&response, "content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
        assert!(!said(&response, "content-security-policy").contains("unsafe"));
        assert_eq!(said(&response, "cache-control"), "no-store");
        assert_eq!(said(&response, "server"), "");
        let mut asset = Response::new(Body::empty());
        asset.headers_mut().insert("cache-control", "public, max-age=60".parse().unwrap());
        put(&mut asset);
        assert_eq!(said(&asset, "cache-control"), "public, max-age=60");
    }

    #[test]
    fn only_pdf_is_ever_shown() {
        for (media, disposition, media_said, verb, sandbox) in [
            ("application/pdf", Disposition::View, "application/pdf", "inline", false),
            ("application/PDF; charset=x", Disposition::View, "application/pdf", "inline", false),
            ("application/pdf", Disposition::Save, "application/pdf", "attachment", true),
            ("text/html", Disposition::View, "application/octet-stream", "attachment", true),
            ("image/svg+xml", Disposition::View, "application/octet-stream", "attachment", true),
            ("image/png", Disposition::View, "image/png", "attachment", true),
            ("x\r\ny", Disposition::View, "application/octet-stream", "attachment", true),
        ] {
            let mut response = document(media, "a.pdf", disposition, Body::empty());
            put(&mut response);
            assert_eq!(said(&response, "content-type"), media_said);
            assert!(said(&response, "content-disposition").starts_with(verb), "{media}");
            assert_eq!(said(&response, "content-security-policy").contains("sandbox"), sandbox, "{media}");
            assert!(said(&response, "content-security-policy").contains("frame-ancestors 'none'"));
        }
    }

    #[test]
    fn file_names_are_cleaned() {
        for (name, expected) in [
            ("Résultat.pdf", "inline; filename=\"R_sultat.pdf\"; filename*=UTF-8''R%C3%A9sultat.pdf"),
            ("../../x\"\r\n.pdf", "inline; filename=\"_.._x___.pdf\"; filename*=UTF-8''_.._x___.pdf"),
            ("", "inline; filename=\"document\"; filename*=UTF-8''document"),
        ] {
            let response = document("application/pdf", name, Disposition::View, Body::empty());
            assert_eq!(said(&response, "content-disposition"), expected);
        }
    }
}
