// E0451: private
fn forge(action: policy::PurgeSessions, trace: types::TraceId, expires: types::Time) {
    let _ = journal::Traced { action, trace, expires, body: unreachable!() };
}
fn main() {}
