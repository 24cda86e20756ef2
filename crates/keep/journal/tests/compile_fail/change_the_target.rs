// E0594: cannot assign to data in a `&` reference
fn change(yes: &mut policy::Authorized<policy::ReadRecord>, patient: types::PatientId) {
    yes.action().patient = patient;
}
fn main() {}
