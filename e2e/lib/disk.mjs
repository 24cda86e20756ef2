// A small disk that can be filled: a file system in memory, in a mount namespace of its own.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { Demo, temporaryFolder } from "./demo.mjs";

export const DISK_MEGABYTES = 96;

const permitted = spawnSync("unshare", ["-m", "true"]).status === 0;
/** For `test`: why these tests are skipped, if they are. */
export const skip = permitted ? false : "NOT TESTED: a full disk needs root (unshare -m)";
if (skip) console.error(skip);

const tools = ["losetup", "mkfs.ext4", "e2fsck"].every((tool) => spawnSync("which", [tool]).status === 0);
/** The same, of those that need a file system of their own on a disk that can break. */
export const skipBreaking =
  skip || (tools && spawnSync("losetup", ["--find"]).status === 0) ? skip : "NOT TESTED: a disk that breaks needs ext4 and loop devices";
if (skipBreaking && !skip) console.error(skipBreaking);

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

/** An ext4 file system in a file, in a mount namespace of its own: it turns read-only at an error, as a server's disk does. */
export class BreakingDisk {
  static async make(context) {
    const disk = new BreakingDisk();
    const outer = temporaryFolder("breaking");
    disk.image = join(outer, "image");
    disk.folder = join(outer, "disk");
    mkdirSync(disk.folder);
    writeFileSync(disk.image, "");
    truncateSync(disk.image, 256 * 1024 * 1024);
    must(spawnSync("mkfs.ext4", ["-q", "-F", disk.image]));
    disk.holder = spawn("unshare", ["-m", "sh", "-c", "echo held && exec sleep 600"], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((done) => disk.holder.stdout.once("data", done));
    disk.wrap = ["nsenter", "--target", String(disk.holder.pid), "--mount", "--"];
    disk.root = `/proc/${disk.holder.pid}/root`;
    disk.mount();
    context.after(() => {
      disk.run("umount", "-l", disk.folder);
      disk.holder.kill("SIGKILL");
    });
    return disk;
  }

  run(...command) {
    return spawnSync(this.wrap[0], [...this.wrap.slice(1), ...command], { encoding: "utf8" });
  }

  mount() {
    must(this.run("mount", "-o", "loop,errors=remount-ro", this.image, this.folder));
  }

  /** What the kernel does when the disk answers with an error: the whole file system is read-only from now on. */
  break() {
    const device = must(this.run("findmnt", "-no", "SOURCE", this.folder)).stdout.trim();
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, "a test");
  }

  /** What an operator does then, with nobody writing any more. */
  repair() {
    must(this.run("umount", this.folder));
    const checked = spawnSync("e2fsck", ["-f", "-y", this.image], { encoding: "utf8" });
    if (checked.status > 1) throw new Error(`e2fsck: ${checked.status} ${checked.stdout}`);
    this.mount();
  }
}

function must(done) {
  if (done.status !== 0) throw new Error(`${done.stderr}`);
  return done;
}
