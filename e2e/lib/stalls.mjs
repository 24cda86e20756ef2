// How long the machine itself kept everybody waiting: a bound on the door is not a bound on a busy disk.
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const EVERY_MS = 10;
const BYTES = Buffer.alloc(400, 0x50);

/** Writes a little to a folder's disk, again and again, until `most`, the longest wait in milliseconds, is asked for. */
export class Stalls {
  static async watch(folder) {
    const stalls = new Stalls();
    stalls.path = join(folder, "stalls");
    stalls.file = await open(stalls.path, "w");
    await stalls.#wait();
    stalls.longest = 0;
    stalls.over = stalls.#run();
    return stalls;
  }

  async #wait() {
    const began = performance.now();
    await this.file.write(BYTES, 0, BYTES.length, 0);
    await this.file.datasync();
    this.longest = Math.max(this.longest ?? 0, performance.now() - began);
  }

  async #run() {
    while (!this.done) {
      await this.#wait();
      await sleep(EVERY_MS);
    }
  }

  /** The longest wait; one that still lasts is waited for. */
  async most() {
    this.done = true;
    await this.over;
    await this.file.close();
    await rm(this.path, { force: true });
    return this.longest;
  }
}
