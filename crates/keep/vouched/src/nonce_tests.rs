#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use types::Door;
use vault::{Holder, MasterKey};

#[test]
fn a_nonce_is_good_for_one_thing_and_ten_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&folder.path().join("k")).unwrap();
    let keys = master.keys_for(Holder::Door(Door::Desk));
    let now = Time::from_micros(1_790_000_000_000_000);
    let nonce = draw(&keys, &[b"approve", b"one"], now).unwrap();
    assert!(is_good(&keys, &nonce, &[b"approve", b"one"], now + Duration::from_secs(599)));
    assert!(!is_good(&keys, &nonce, &[b"approve", b"one"], now + Duration::from_secs(600)));
    assert!(!is_good(&keys, &nonce, &[b"approve", b"two"], now));
    assert!(!is_good(&keys, &nonce, &[b"approveone"], now));
    for at in 0..32 {
        let mut other = nonce;
        other[at] ^= 1;
        assert!(!is_good(&keys, &other, &[b"approve", b"one"], now), "byte {at}");
    }
    assert_ne!(nonce, draw(&keys, &[b"approve", b"one"], now).unwrap());
}
