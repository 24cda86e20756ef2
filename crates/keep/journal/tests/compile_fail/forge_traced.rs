// E0451: private
fn forge(real: journal::Traced<policy::PurgeSessions>, expires: types::Time) -> journal::Traced<policy::PurgeSessions> {
    journal::Traced { expires, ..real }
}
fn main() {}
