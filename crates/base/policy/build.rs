//! Validates the policies at build, with the very code that does it at start.

#[path = "src/check.rs"]
mod check;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Asked when it runs: one build folder may serve several checkouts.
    let folder = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../../policies");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=src/check.rs");
    let schema = std::fs::read_to_string(folder.join("poterne.cedarschema"))?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "cedar") {
            names.push(path);
        }
    }
    names.sort();
    let mut texts = Vec::new();
    for path in &names {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("?").to_owned();
        texts.push((name, std::fs::read_to_string(path)?));
    }
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    if let Err(wrong) = check::checked(&schema, &files) {
        for line in wrong {
            println!("cargo::error={}", line.replace('\n', " "));
        }
    }
    let list: String = names
        .iter()
        .zip(&texts)
        .map(|(path, (name, _))| format!("({name:?}, include_str!({:?})),\n", path.display().to_string()))
        .collect();
    let out = std::path::Path::new(&std::env::var("OUT_DIR")?).join("policies.rs");
    std::fs::write(out, format!("pub(crate) const FILES: &[(&str, &str)] = &[\n{list}];\n"))?;
    Ok(())
}
