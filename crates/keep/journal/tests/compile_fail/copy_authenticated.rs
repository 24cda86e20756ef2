// E0599: clone
fn twice(who: identity::Authenticated) -> identity::Authenticated {
    who.clone()
}
fn main() {}
