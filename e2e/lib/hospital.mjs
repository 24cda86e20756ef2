// The demonstration with the SIS written elsewhere behind it, and the wire between them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Demo } from "./demo.mjs";
import { bundleFor } from "./records.mjs";
import { Sis, Wire } from "./sis.mjs";

/** Starts the three; `end` stops them. */
export async function hospitalWithSis(options = {}) {
  const sis = await Sis.start();
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
    demo = await Demo.start({ ...options, flags: [...sis.flags(wire), ...(options.flags ?? [])] });
    // The door keeps no health data, so the SIS may be filled once the patients' numbers are known.
    const own = join(demo.folder, "sis-bundle.json");
    await sis.load(existsSync(own) ? JSON.parse(readFileSync(own, "utf8")) : bundleFor(demo.ready.patients));
  } catch (error) {
    await end();
    throw error;
  }
  return { sis, wire, demo, end };
}
