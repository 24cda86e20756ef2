fn twice(who: identity::Authenticated) -> (identity::Authenticated, identity::Authenticated) {
    (who.clone(), who)
}
fn main() {}
