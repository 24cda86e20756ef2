// E0451: private
fn forge(real: policy::Authorized<policy::ReadRecord>, patient: types::PatientId) -> policy::Authorized<policy::ReadRecord> {
    policy::Authorized { action: policy::ReadRecord { patient }, ..real }
}
fn main() {}
