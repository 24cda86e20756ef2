//! Prepares the files of `assets/`: names with the hash of their content, style sheet rewritten to these names,
//! icons made into one typed set.

use std::{fmt::Write, fs, io, path::Path};

/// A file served under `/assets/`.
#[derive(Debug)]
pub struct Served {
    /// `poterne.css`.
    pub name: String,
    /// `/assets/poterne.0123456789abcdef.css`.
    pub path: String,
    /// What the answer says it is.
    pub content_type: &'static str,
    /// Where the build finds the bytes.
    pub source: String,
}

/// 64-bit FNV-1a: names a version for caches. It protects nothing; the bytes are compiled in.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// What a file's extension says it is; none for what is not served (licences, lists of hashes).
pub fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}

/// `name.ext` with the hash of `bytes` before its extension.
pub fn hashed_path(name: &str, bytes: &[u8]) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("/assets/{stem}.{:016x}.{extension}", fingerprint(bytes))
}

/// Every served file. Fonts come first: the style sheet names them by their hash. The rewritten sheet goes to `out`.
pub fn served(assets: &Path, out: &Path) -> io::Result<Vec<Served>> {
    let mut files = Vec::new();
    for folder in ["fonts", "images", "scripts"] {
        for name in names(&assets.join(folder))? {
            let Some(content_type) = content_type(&name) else { continue };
            let source = assets.join(folder).join(&name);
            let path = hashed_path(&name, &fs::read(&source)?);
            files.push(Served { name, path, content_type, source: source.display().to_string() });
        }
    }
    let mut sheet = fs::read_to_string(assets.join("poterne.css"))?;
    for file in &files {
        sheet = sheet.replace(&format!("url(\"fonts/{}\")", file.name), &format!("url(\"{}\")", file.path));
    }
    if sheet.contains("url(\"fonts/") {
        return Err(io::Error::other("assets/poterne.css names a font that assets/fonts does not hold"));
    }
    let source = out.join("poterne.css");
    fs::write(&source, &sheet)?;
    files.push(Served {
        name: "poterne.css".to_owned(),
        path: hashed_path("poterne.css", sheet.as_bytes()),
        content_type: "text/css; charset=utf-8",
        source: source.display().to_string(),
    });
    Ok(files)
}

/// The Rust that embeds them, and a constant with the path of each.
pub fn generate(files: &[Served]) -> String {
    let mut rust = String::from("/// Every served file.\npub static ALL: &[Asset] = &[\n");
    for Served { path, content_type, source, .. } in files {
        let _ = writeln!(
            rust,
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, bytes: include_bytes!({source:?}) }},"
        );
    }
    rust.push_str("];\n");
    for Served { name, path, .. } in files {
        let constant = name.to_ascii_uppercase().replace(['.', '-'], "_");
        let _ = writeln!(rust, "/// Where `{name}` is served.\npub const {constant}: &str = {path:?};");
    }
    rust
}

/// The typed set of icons: one variant for each `assets/icons/*.svg`, made inert for screen readers (a word always
/// stands beside).
pub fn icons(assets: &Path) -> io::Result<String> {
    let mut variants = String::new();
    let mut arms = String::new();
    let mut all = String::new();
    for name in names(&assets.join("icons"))? {
        let Some(stem) = name.strip_suffix(".svg") else { continue };
        let source = fs::read_to_string(assets.join("icons").join(&name))?;
        let Some(body) = source.trim().strip_prefix("<svg ") else {
            return Err(io::Error::other(format!("assets/icons/{name} does not begin with an svg element")));
        };
        // Inline in HTML the namespace is implied.
        let body = body.replace("xmlns=\"http://www.w3.org/2000/svg\" ", "").replace('\n', "");
        let svg = format!("<svg class=\"icon icon-{stem}\" aria-hidden=\"true\" focusable=\"false\" {body}");
        let variant: String = stem.split('-').map(capital).collect();
        let _ = writeln!(variants, "    /// `{name}`.\n    {variant},");
        let _ = writeln!(arms, "            Icon::{variant} => {svg:?},");
        let _ = write!(all, "Icon::{variant}, ");
    }
    Ok(format!(
        "/// The motif and the icons, drawn in the color of the text around them.\n\
         #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\npub enum Icon {{\n{variants}}}\n\n\
         impl Icon {{\n    /// Every one.\n    pub const ALL: &'static [Icon] = &[{all}];\n\n    \
         /// The inline drawing.\n    pub const fn svg(self) -> &'static str {{\n        match self {{\n{arms}        \
         }}\n    }}\n}}\n"
    ))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Names of the files of a folder, in order, so that two builds agree.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
