// What a demonstration knows and its data folder must not tell: names, identifiers, passwords, secrets, keys, texts.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hospitalResources } from "./hospital.mjs";
import { Needles } from "./needles.mjs";

/** The demonstration's own memory (passwords, its authority, the technician's key) lies here; production has no such folder. */
export const MEMORY = "demo";
const MASTER = join("keys", "master.key");

/** What lies in the folder and is not sealed: that memory, and the key of all. */
export const skipped = (path) => path === MEMORY || path.startsWith(`${MEMORY}/`) || path === MASTER;

let hospital;

/** Needles for all of it; `folder`: where its data is seen. */
export function secretsOf(demo, folder = demo.folder) {
  const all = new Needles();
  for (const one of demo.ready.accounts) {
    all.text(`the login of ${one.role} ${one.login}`, one.login);
    all.text(`the password of ${one.login}`, one.password);
    all.text(`the second factor of ${one.login}`, one.totp_secret);
    all.bytes(`the second factor's bytes of ${one.login}`, base32(one.totp_secret));
  }
  for (const { login, ins } of demo.ready.patients) all.text(`the INS of ${login}`, ins);
  for (const [role, token] of Object.entries(demo.ready.tokens)) all.text(`the token of ${role}`, token);
  const pem = join(folder, demo.ready.ssh_key.slice(demo.folder.length));
  const key = readFileSync(pem, "utf8").split("\n").filter((line) => line && !line.startsWith("-----"));
  // The first lines of an OpenSSH key say the same for everybody; the private half, 32 bytes, comes in the second half.
  for (const line of key.slice(key.length >> 1).filter((one) => one.length > 40)) all.text("a line of the technician's private key", line);
  const raw = Buffer.from(key.join(""), "base64");
  const half = raw.lastIndexOf(Buffer.from([0, 0, 0, 64])) + 4;
  all.bytes("the technician's private key", raw.subarray(half, half + 32));
  all.bytes("the master key's file", readFileSync(join(folder, MASTER)).subarray(0, 24));
  addPeople(all);
  return all;
}

/** The hospital's people, with what its records say. */
function addPeople(all) {
  hospital ??= hospitalResources();
  const people = { names: 0, numbers: 0, texts: 0 };
  for (const resource of hospital) {
    if (resource.resourceType === "Patient") {
      const [{ family, given }] = resource.name;
      all.text("a patient's family name", family);
      all.text("a patient's names", `${given.join(" ")} ${family}`);
      people.names += 1;
      for (const { value } of resource.identifier ?? []) {
        all.text("a patient's number", value);
        people.numbers += 1;
      }
    }
    if (resource.resourceType === "Binary") {
      // The middle of a file: its beginning is that of every PDF.
      const file = Buffer.from(resource.data, "base64");
      const part = file.subarray(file.length >> 1, (file.length >> 1) + 48);
      if (new Set(part).size > 16) all.bytes("a part of a document", part);
    }
    for (const text of texts(resource)) {
      all.text(`a text of a ${resource.resourceType}`, text);
      people.texts += 1;
    }
  }
  assert.ok(people.names > 10 && people.numbers > 10 && people.texts > 20, `the hospital was read: ${JSON.stringify(people)}`);
}

/** Fails if the data folder of a demonstration tells any of it, after whatever was done there. */
export function assertTellsNothing(demo, folder) {
  if (!existsSync(join(folder, MASTER))) return;
  const { found, bytes } = secretsOf(demo, folder).inFolder(folder, skipped);
  assert.deepEqual(found, [], "the data folder tells what it must not");
  assert.ok(bytes > 0, "the data folder was read");
}

/** The longer texts of a result or a document: titles, conclusions. */
function texts(resource) {
  const found = [resource.description, resource.conclusion, ...(resource.note ?? []).map((note) => note.text)];
  for (const { attachment } of resource.content ?? []) found.push(attachment?.title);
  return found.filter((text) => typeof text === "string" && text.length >= 12);
}

function base32(text) {
  const bits = [...text.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  return Buffer.from(bits.join("").match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}
