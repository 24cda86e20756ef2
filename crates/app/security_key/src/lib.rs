//! A security key of software, for tests: what OpenSSH's `ssh-keygen` and `ssh` load as `SecurityKeyProvider` (its
//! interface `sk-api.h`, version 10). Its private keys lie in the handles that it gives: it protects nothing.
//!
//! It says of its holder what it is asked to say.

mod keys;
mod sk_api;
