// Looks for texts and bytes in every file of a folder, in each form in which they could lie there.
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** What is shorter is found everywhere by chance. */
export const NEEDLE_BYTES_MIN = 6;

/** Base64 of bytes wherever they begin among others: the characters that depend on nothing else. */
function base64Forms(bytes) {
  const forms = [];
  for (let before = 0; before < 3; before += 1) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64").replace(/=+$/, "");
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    forms.push(text.slice(Math.ceil((before * 8) / 6), whole));
  }
  return forms.flatMap((form) => [form, form.replace(/\+/g, "-").replace(/\//g, "_")]);
}

/** The forms of some bytes: as they are, in hexadecimal, in base64. */
export function formsOfBytes(bytes) {
  const hex = bytes.toString("hex");
  return [bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase()), ...base64Forms(bytes).map((form) => Buffer.from(form))];
}

/** The forms of a text: its cases, with and without accents, encoded as files, addresses and programs do. */
export function formsOfText(text) {
  const plain = text.normalize("NFD").replace(/\p{M}/gu, "");
  const spellings = [text, text.normalize("NFD"), plain].flatMap((one) => [one, one.toLowerCase(), one.toUpperCase()]);
  const forms = [];
  for (const spelling of new Set(spellings)) {
    const wide = Buffer.from(spelling, "utf16le");
    const escaped = JSON.stringify(spelling).slice(1, -1).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    const address = encodeURIComponent(spelling);
    forms.push(...formsOfBytes(Buffer.from(spelling)), wide, Buffer.from(wide).swap16(), Buffer.from(spelling, "latin1"));
    forms.push(...base64Forms(wide).map((form) => Buffer.from(form)));
    forms.push(Buffer.from(escaped), Buffer.from(address), Buffer.from(address.replace(/%20/g, "+")));
  }
  return forms;
}

/** Needles for a search: each with its name (never shown: the needle itself is what must not be told) and its forms. */
export class Needles {
  constructor() {
    /** By the first four bytes: the forms that begin so. */
    this.byStart = new Map();
    this.starts = new Uint8Array(65536);
    this.count = 0;
  }

  #add(name, forms) {
    const seen = new Set();
    for (const form of forms) {
      const key = form.toString("latin1");
      if (form.length < NEEDLE_BYTES_MIN || seen.has(key)) continue;
      seen.add(key);
      const start = form.readUInt32LE(0);
      if (!this.byStart.has(start)) this.byStart.set(start, []);
      this.byStart.get(start).push({ name, form });
      this.starts[form.readUInt16LE(0)] = 1;
    }
    this.count += 1;
  }

  text(name, text) {
    if (Buffer.byteLength(text) >= NEEDLE_BYTES_MIN) this.#add(name, formsOfText(text));
  }

  bytes(name, bytes) {
    if (bytes.length < NEEDLE_BYTES_MIN) throw new Error(`${name} is too short to be looked for`);
    this.#add(name, formsOfBytes(bytes));
  }

  /** The names found in some bytes, each with where it was first. */
  in(bytes) {
    const found = new Map();
    for (let at = 0; at + NEEDLE_BYTES_MIN <= bytes.length; at += 1) {
      if (this.starts[bytes[at] | (bytes[at + 1] << 8)] === 0) continue;
      for (const { name, form } of this.byStart.get(bytes.readUInt32LE(at)) ?? []) {
        if (!found.has(name) && bytes.subarray(at, at + form.length).equals(form)) found.set(name, at);
      }
    }
    return found;
  }

  /** The same in every file of a folder, names of files included; `skip` says which to leave out, by relative path. */
  inFolder(folder, skip = () => false) {
    const found = [];
    let bytes = 0;
    for (const item of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      const path = relative(folder, join(item.parentPath, item.name));
      if (skip(path)) continue;
      for (const name of this.in(Buffer.from(path)).keys()) found.push(`${name} in the name of ${path}`);
      if (!item.isFile()) continue;
      let content;
      try {
        content = readFileSync(join(folder, path));
      } catch (error) {
        // Gone meanwhile: what it held lies elsewhere now, or nowhere.
        if (error.code === "ENOENT") continue;
        throw error;
      }
      bytes += content.length;
      for (const [name, at] of this.in(content)) found.push(`${name} in ${path}, byte ${at}`);
    }
    return { found, bytes };
  }
}
