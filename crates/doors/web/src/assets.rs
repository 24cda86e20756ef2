//! Style sheet, fonts, scripts and icons, compiled in. Their names hold the hash of their content, so that browsers
//! keep them for a year and never show a stale one.

use axum::{Router, http::header, routing::get};
use std::fmt;

/// A file served under `/assets/`.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its path on every door.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

mod files {
    use super::Asset;
    include!(concat!(env!("OUT_DIR"), "/assets.rs"));
}
mod icons {
    include!(concat!(env!("OUT_DIR"), "/icons.rs"));
}

pub use files::*;
pub use icons::Icon;

/// How long a browser keeps a file whose name changes with its content.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// Serves every file, `GET` and `HEAD`. An unknown name falls to the door's own "not found".
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ALL.iter().fold(Router::new(), |router, asset| {
        let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, CACHE_CONTROL)];
        router.route(asset.path, get(move || async move { (headers, asset.bytes) }))
    })
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.svg())
    }
}

// The drawings are ours, fixed at build.
impl askama::filters::HtmlSafe for Icon {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use axum::{body::Body, http::Request};
    use std::{collections::HashSet, path::Path};
    use tower::ServiceExt;

    #[tokio::test]
    async fn every_file_is_served_for_a_year_and_no_other() {
        assert!(ALL.len() >= 8, "{}", ALL.len());
        for asset in ALL {
            let request = Request::get(asset.path).body(Body::empty()).unwrap();
            let answer = routes::<()>().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 200, "{}", asset.path);
            assert_eq!(answer.headers()["cache-control"], CACHE_CONTROL);
            assert_eq!(answer.headers()["content-type"], asset.content_type);
        }
        for unknown in ["/assets/", "/assets/poterne.css", "/assets/../Cargo.toml", "/assets/x.0.css"] {
            let request = Request::get(unknown).body(Body::empty()).unwrap();
            assert_eq!(routes::<()>().oneshot(request).await.unwrap().status(), 404, "{unknown}");
        }
    }

    #[test]
    fn the_style_sheet_names_files_that_exist_and_nothing_outside() {
        let sheet = ALL.iter().find(|asset| asset.path == POTERNE_CSS).unwrap();
        let sheet = str::from_utf8(sheet.bytes).unwrap();
        let paths: HashSet<&str> = ALL.iter().map(|asset| asset.path).collect();
        let urls: Vec<&str> = sheet.split("url(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(urls.len() >= 6);
        for url in urls {
            assert!(paths.contains(url), "{url}");
        }
        assert!(!sheet.contains("http:") && !sheet.contains("https:") && !sheet.contains("@import"));
    }

    #[test]
    fn icons_hold_no_style_and_take_the_color_around() {
        for icon in Icon::ALL {
            let svg = icon.svg();
            assert!(svg.contains("currentColor") && svg.contains("aria-hidden=\"true\""), "{icon:?}");
            for foreign in ["style", "<script", "http", "href", "id=\""] {
                assert!(!svg.contains(foreign), "{icon:?} holds {foreign}");
            }
        }
    }

    #[test]
    fn fonts_are_those_whose_hash_was_kept() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/fonts");
        let list = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        let mut count = 0;
        for line in list.lines() {
            let (hash, name) = line.split_once("  ").unwrap();
            let bytes = std::fs::read(folder.join(name)).unwrap();
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
            assert_eq!(data_encoding::HEXLOWER.encode(digest.as_ref()), hash, "{name}");
            count += usize::from(name.ends_with(".woff2"));
        }
        let kept = std::fs::read_dir(&folder).unwrap();
        let kept = kept.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "woff2"));
        assert_eq!(kept.count(), count, "each font is in SHA256SUMS");
    }
}
