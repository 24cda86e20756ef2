// E0277: `policy::Scope: Clone` is not satisfied
fn keep(yes: &policy::Authorized<policy::ReadRecord>) -> policy::Scope {
    policy::Scope::clone(yes.scope())
}
fn main() {}
