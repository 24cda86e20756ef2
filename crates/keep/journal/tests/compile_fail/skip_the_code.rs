// E0599: open
fn skip(seen: identity::SignIn<identity::PasswordSeen>) {
    let _ = seen.open();
}
fn main() {}
