//! Codecs without I/O: bytes and values in, bytes and values out.
//!
//! Terminal recordings (asciicast v3) and screens. Nothing here reads a clock, a file or a socket.
