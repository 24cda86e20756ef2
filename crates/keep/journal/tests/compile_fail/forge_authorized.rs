fn main() {
    let _ = policy::Authorized::mint(policy::SeePeople {}, todo!(), types::Purpose::Care, todo!(), todo!());
}
