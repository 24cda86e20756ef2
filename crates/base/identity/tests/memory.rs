//! Hashing passwords leaves no memory behind, whichever threads hashed. A program of its own: nothing else allocates here.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use identity::hash_password;
use types::Secret;

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn hashing_gives_its_memory_back() {
    let hash = || hash_password(&Secret::new("un mot de passe long".into()), &[1; 16]).unwrap();
    let before = resident_kib();
    let (go, end) = (std::sync::Barrier::new(5), std::sync::Barrier::new(5));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    hash();
                }
                go.wait();
                // The threads still live: what they would keep, they keep.
                end.wait();
            });
        }
        go.wait();
        let grown = resident_kib().saturating_sub(before);
        end.wait();
        assert!(grown < 8 * 1024, "{grown} KiB remain");
    });
}
