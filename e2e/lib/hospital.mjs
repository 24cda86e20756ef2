// The demonstration with the SIS written elsewhere behind it, and the wire between them. That SIS holds the hospital
// that the demonstration's own would: the accounts find their patients in it by national identity.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BINARY, Demo, temporaryFolder } from "./demo.mjs";
import { Sis, Wire } from "./sis.mjs";

const SEED = 1;
const BUNDLE_BYTES_MAX = 64 * 1024 * 1024;

/** The day in this machine's time zone, as the demonstration reads it. */
function today() {
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

/** The hospital of a seed as a file that holds a FHIR transaction. */
function bundleFile(seed) {
  const example = join(dirname(BINARY), "examples/bundle");
  if (!existsSync(example)) throw new Error(`${example} is not there: cargo build -p demo --example bundle`);
  const file = join(temporaryFolder("bundle"), "bundle.json");
  writeFileSync(file, execFileSync(example, [String(seed), today()], { maxBuffer: BUNDLE_BYTES_MAX }));
  return file;
}

/** The people, results and documents of the hospital that the demonstration begins with: FHIR resources. */
export function hospitalResources(seed = SEED) {
  return JSON.parse(readFileSync(bundleFile(seed), "utf8")).entry.map(({ resource }) => resource);
}

/** Starts the three; `end` stops them, `resources` is what the SIS holds. */
export async function hospitalWithSis(options = {}) {
  const bundle = bundleFile(SEED);
  const sis = await Sis.start({ bundle });
  const wire = await Wire.to(sis.url);
  let demo;
  const end = async () => {
    wire.set("open");
    try {
      if (demo?.alive) await demo.stop();
    } finally {
      wire.close();
      await sis.stop();
    }
  };
  try {
    const flags = [...sis.flags(wire), "--seed", String(SEED), ...(options.flags ?? [])];
    demo = await Demo.start({ ...options, flags });
  } catch (error) {
    await end();
    throw error;
  }
  const resources = JSON.parse(readFileSync(bundle, "utf8")).entry.map(({ resource }) => resource);
  return { sis, wire, demo, end, resources };
}
