struct ReadEverything;
impl policy::Action for ReadEverything {
    const EVENT: types::Event = types::Event::RecordRead;
    fn question(&self) -> ! {
        loop {}
    }
}
fn main() {}
