// E0451: private
fn forge(real: identity::Authenticated) -> identity::Authenticated {
    identity::Authenticated { role: Some(types::Role::Administrator), ..real }
}
fn main() {}
