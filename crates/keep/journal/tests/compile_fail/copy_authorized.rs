// E0599: clone
fn twice(yes: policy::Authorized<policy::SeePeople>) -> policy::Authorized<policy::SeePeople> {
    yes.clone()
}
fn main() {}
