// E0624: private
fn mint() {
    let _ = policy::Authorized::<policy::SeePeople>::mint;
}
fn main() {}
