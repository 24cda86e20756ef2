// E0624: private
fn mint() {
    let _ = identity::Authenticated::person;
}
fn main() {}
