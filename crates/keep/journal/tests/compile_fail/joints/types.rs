fn joint(who: &identity::Authenticated) -> types::Time {
    who.expires()
}
fn main() {}
