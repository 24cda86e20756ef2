fn twice(yes: policy::Authorized<policy::SeePeople>) -> [policy::Authorized<policy::SeePeople>; 2] {
    [yes.clone(), yes]
}
fn main() {}
