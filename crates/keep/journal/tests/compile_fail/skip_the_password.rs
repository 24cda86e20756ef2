// E0599: code
fn skip(started: identity::SignIn<identity::Started>) {
    let _ = started.code();
}
fn main() {}
