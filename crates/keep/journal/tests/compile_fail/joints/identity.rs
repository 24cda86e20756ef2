fn joint(who: &identity::Authenticated) -> policy::Subject {
    policy::Subject::of(who)
}
fn main() {}
