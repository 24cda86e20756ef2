// One-time codes (RFC 6238: SHA-1, six digits, thirty seconds), as an authenticator application makes them.
import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const STEP_SECONDS = 30;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function fromBase32(text) {
  let bits = "";
  for (const letter of text.replace(/[=\s]/g, "").toUpperCase()) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new Error("not base32");
    bits += value.toString(2).padStart(5, "0");
  }
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

export function codeAt(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", fromBase32(secret)).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const now = () => Date.now() / 1000;
const used = new Map();

/**
 * The next code that an account may use. A code serves once, and the door accepts one step of drift each way: a second
 * sign-in within the step takes the code of the next one; a third waits.
 */
export async function nextCode(secret) {
  const step = Math.max((used.get(secret) ?? 0) + 1, Math.floor(now() / STEP_SECONDS));
  used.set(secret, step);
  const early = (step - 1) * STEP_SECONDS - now();
  if (early > 0) await sleep(early * 1000 + 200);
  return codeAt(secret, step);
}

/** Forgets what was used: for a demonstration started afresh with the same accounts. */
export function forgetCodes() {
  used.clear();
}
