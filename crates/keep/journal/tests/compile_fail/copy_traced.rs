// E0599: clone
fn twice(traced: journal::Traced<policy::PurgeSessions>) {
    let _ = traced.clone();
}
fn main() {}
