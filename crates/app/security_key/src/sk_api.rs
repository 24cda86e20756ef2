//! OpenSSH's side. It passes pointers that it holds during the call, and frees with `free` what it is given.
#![allow(unsafe_code, reason = "the boundary with C: nothing else of this crate needs it")]

use crate::keys::{COUNTER, enroll, sign};
use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr::null_mut,
    slice,
};

/// What is asked for could not be done.
const FAILED: c_int = -1;
/// The interface's version, its major part above.
const VERSION: u32 = 0x000a_0000;

/// What an enrolment gives.
#[repr(C)]
pub struct Enrollment {
    flags: u8,
    public_key: *mut u8,
    public_key_len: usize,
    key_handle: *mut u8,
    key_handle_len: usize,
    /// What would vouch for the device: nothing does here.
    signature: *mut u8,
    signature_len: usize,
    attestation_cert: *mut u8,
    attestation_cert_len: usize,
    authdata: *mut u8,
    authdata_len: usize,
}

/// What a signature gives: the whole of an Ed25519 one is in its first part.
#[repr(C)]
pub struct Signed {
    flags: u8,
    counter: u32,
    sig_r: *mut u8,
    sig_r_len: usize,
    sig_s: *mut u8,
    sig_s_len: usize,
}

// SAFETY: C's own allocator, by its own signature; the standard library links it already.
unsafe extern "C" {
    fn calloc(count: usize, bytes: usize) -> *mut c_void;
}

/// A copy that OpenSSH frees; nothing of nothing.
fn given(bytes: &[u8]) -> (*mut u8, usize) {
    if bytes.is_empty() {
        return (null_mut(), 0);
    }
    // SAFETY: any count may be asked for; what comes back is null, or that many bytes.
    let place = unsafe { calloc(bytes.len(), 1) }.cast::<u8>();
    if place.is_null() {
        return (null_mut(), 0);
    }
    // SAFETY: `place` has room for these bytes, and nobody else has it yet.
    unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    (place, bytes.len())
}

/// The same for a structure, written at `to`.
///
/// # Safety
/// `to` must be valid for a write.
unsafe fn give<T>(value: T, to: *mut *mut T) -> c_int {
    // SAFETY: any count may be asked for; `calloc`'s memory is aligned for any type.
    let place = unsafe { calloc(1, size_of::<T>()) }.cast::<T>();
    if place.is_null() {
        return FAILED;
    }
    // SAFETY: `place` has room for a `T` and is ours until given; the caller vouches for `to`.
    unsafe {
        place.write(value);
        to.write(place);
    }
    0
}

/// # Safety
/// Null, or valid for that many bytes while `'a` lasts.
unsafe fn bytes<'a>(at: *const u8, count: usize) -> &'a [u8] {
    if at.is_null() {
        return &[];
    }
    // SAFETY: as the caller vouches.
    unsafe { slice::from_raw_parts(at, count) }
}

/// The interface's version.
// SAFETY: no other library of a process that loads this one has a function of that name.
#[unsafe(no_mangle)]
pub extern "C" fn sk_api_version() -> u32 {
    VERSION
}

/// Makes a key.
///
/// # Safety
/// As `sk-api.h` says: `response` is valid for a write.
// SAFETY: as for `sk_api_version`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_enroll(
    algorithm: u32,
    _challenge: *const u8,
    _challenge_len: usize,
    _application: *const c_char,
    flags: u8,
    _pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut Enrollment,
) -> c_int {
    let Some(enrolled) = enroll(algorithm) else { return FAILED };
    let ((public_key, public_key_len), (key_handle, key_handle_len)) =
        (given(&enrolled.public), given(&enrolled.handle));
    let enrollment = Enrollment {
        flags,
        public_key,
        public_key_len,
        key_handle,
        key_handle_len,
        signature: null_mut(),
        signature_len: 0,
        attestation_cert: null_mut(),
        attestation_cert_len: 0,
        authdata: null_mut(),
        authdata_len: 0,
    };
    // SAFETY: OpenSSH vouches for `response`.
    unsafe { give(enrollment, response) }
}

/// Signs.
///
/// # Safety
/// As `sk-api.h` says: `data` and `key_handle` are valid for their lengths, `application` ends with a zero, `response` is
/// valid for a write.
// SAFETY: as for `sk_api_version`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_sign(
    algorithm: u32,
    data: *const u8,
    data_len: usize,
    application: *const c_char,
    key_handle: *const u8,
    key_handle_len: usize,
    flags: u8,
    _pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut Signed,
) -> c_int {
    if application.is_null() {
        return FAILED;
    }
    // SAFETY: OpenSSH vouches for all three while this call lasts.
    let (data, handle, application) =
        unsafe { (bytes(data, data_len), bytes(key_handle, key_handle_len), CStr::from_ptr(application).to_bytes()) };
    let Some(signature) = sign(algorithm, handle, (application, data), flags) else { return FAILED };
    // An ECDSA signature is two numbers of 32 bytes.
    let (r, s) = if algorithm == 0 { signature.split_at(32) } else { (&signature[..], &[][..]) };
    let ((sig_r, sig_r_len), (sig_s, sig_s_len)) = (given(r), given(s));
    // SAFETY: OpenSSH vouches for `response`.
    unsafe { give(Signed { flags, counter: COUNTER, sig_r, sig_r_len, sig_s, sig_s_len }, response) }
}

/// It keeps no key.
///
/// # Safety
/// As `sk-api.h` says; nothing is read or written.
// SAFETY: as for `sk_api_version`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_load_resident_keys(
    _pin: *const c_char,
    _options: *mut *mut c_void,
    _keys: *mut *mut *mut c_void,
    _count: *mut usize,
) -> c_int {
    FAILED
}
