// E0382: use of moved value
fn twice(seen: identity::SignIn<identity::PasswordSeen>, now: types::Time) {
    let _ = seen.code("000000", None, now);
    let _ = seen.code("000001", None, now);
}
fn main() {}
