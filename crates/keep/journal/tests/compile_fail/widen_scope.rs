fn main() {
    let _ = policy::Scope::new(None, Default::default());
}
