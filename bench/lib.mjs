// What the benchmarks share: the release build, medians, and one line per figure with its aim and their ratio.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const TARGET = resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");

/** Builds the release binary unless POTERNE_BIN names one, and makes the journeys' library use it. `more`: what else. */
export function useReleaseBuild(more = []) {
  if (!process.env.POTERNE_BIN) {
    console.error("== building Poterne in release mode");
    const what = ["--bin", "poterne", "-p", "demo", "--example", "bundle", ...more];
    const words = ["build", "--release", "--locked", "-p", "poterne", ...what];
    execFileSync("cargo", words, { cwd: ROOT, stdio: ["ignore", 2, 2] });
    process.env.POTERNE_BIN = join(TARGET, "release/poterne");
  }
  if (!existsSync(process.env.POTERNE_BIN)) throw new Error(`${process.env.POTERNE_BIN} is not there`);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spread(values) {
  return `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
}

/** Prints a figure against its aim; returns whether it is met. */
export function report(name, value, unit, aim) {
  const ratio = value / aim;
  console.log(
    `${name}: ${value.toFixed(2)} ${unit}, aim ${aim} ${unit}, ratio ${ratio.toFixed(2)}${ratio <= 1 ? "" : "  (missed)"}`,
  );
  return ratio <= 1;
}

/** CPU that a process has used, in seconds (its threads together, user and system). */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
