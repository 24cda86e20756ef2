// A small disk that can be filled: a file system in memory, in a mount namespace of its own.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Demo, temporaryFolder } from "./demo.mjs";

export const DISK_MEGABYTES = 96;

const permitted = spawnSync("unshare", ["-m", "true"]).status === 0;
/** For `test`: why these tests are skipped, if they are. */
export const skip = permitted ? false : "NOT TESTED: a full disk needs root (unshare -m)";
if (skip) console.error(skip);

/** A process that holds a mount namespace in which `folder` is a small disk. */
async function smallDisk(folder) {
  const script = `mount -t tmpfs -o size=${DISK_MEGABYTES}m none "$1" && echo mounted && exec sleep 600`;
  const child = spawn("unshare", ["-m", "sh", "-c", script, "sh", folder], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  await new Promise((done, failed) => {
    child.stdout.once("data", done);
    child.once("exit", () => failed(new Error("no small disk could be mounted")));
  });
  return child;
}

/** Writes until nothing more fits. */
export function fill(path) {
  const file = openSync(path, "w");
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 4)) {
    const block = Buffer.alloc(size, 1);
    try {
      for (;;) if (writeSync(file, block) === 0) break;
    } catch (error) {
      if (error.code !== "ENOSPC") throw error;
    }
  }
  closeSync(file);
}

/** A demonstration whose data are on such a disk; `outside` is where the disk is seen from here. */
export async function demoOnSmallDisk(context) {
  const folder = temporaryFolder("disk");
  const disk = await smallDisk(folder);
  const root = `/proc/${disk.pid}/root`;
  const wrap = ["nsenter", "--target", String(disk.pid), "--mount", "--"];
  const demo = await Demo.start({ data: join(folder, "data"), wrap, root });
  context.after(async () => {
    if (demo.alive) await demo.kill9();
    disk.kill("SIGKILL");
  });
  return { demo, outside: join(root, folder) };
}
