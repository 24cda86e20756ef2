# Shared by ./run and ./test: sourced, never run.
# shellcheck shell=bash

say() { printf '\n== %s\n' "$*" >&2; }
note() { printf '   %s\n' "$*" >&2; }
die() {
  printf '\n%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Rust's own installer puts cargo there, and tells only login shells.
[ -d "${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}/bin" ] && PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

need_command() { # NAME WHY
  command -v "$1" >/dev/null 2>&1 || die "$1 is missing ($2). A Debian 12 with Rust, Node 20 and Python 3 has it."
}

# Installs the Debian packages of the list that are not there yet, and says which.
need_packages() {
  local package missing=() root_do=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  say "installing ${missing[*]} (Debian packages)"
  command -v apt-get >/dev/null 2>&1 || die "no apt-get here: install by hand what stands for ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "neither root nor sudo: run 'apt-get install ${missing[*]}' as root, then again"
    root_do=(sudo)
  fi
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y)
  "${root_do[@]}" "${get[@]}" update </dev/null >&2
  # The tests start the servers they need, on loopback; Debian is not to start them as services of the machine.
  local quiet=/usr/sbin/policy-rc.d code=0
  if [ -e "$quiet" ]; then
    quiet=""
  else
    printf '#!/bin/sh\nexit 101\n' | "${root_do[@]}" tee "$quiet" >/dev/null
    "${root_do[@]}" chmod 755 "$quiet"
  fi
  "${root_do[@]}" "${get[@]}" install --no-install-recommends "${missing[@]}" </dev/null >&2 || code=$?
  [ -z "$quiet" ] || "${root_do[@]}" rm -f "$quiet"
  return "$code"
}

# What cargo needs to build the C inside some crates (cryptography, SQLite).
need_compiler() {
  need_command cargo "builds Poterne: install Rust 1.95 or later with rustup"
  if ! printf '#include <stdlib.h>\nint main(void){return 0;}\n' | cc -x c -o /dev/null - 2>/dev/null; then
    need_packages gcc libc6-dev
  fi
}
