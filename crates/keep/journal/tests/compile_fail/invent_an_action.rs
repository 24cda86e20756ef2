// E0603: private
struct ReadEverything;
impl policy::action::sealed::Sealed for ReadEverything {}
fn main() {}
