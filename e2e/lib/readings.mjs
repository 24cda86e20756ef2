// What the journal knows of readings, asked as a trace controller asks.
import { setTimeout as sleep } from "node:timers/promises";
import { Api } from "./api.mjs";

const PATIENCE = 60;

/** How many times an object of a record was read, by the address that leads to it. */
export async function readings(demo, path) {
  const object = path.split("/").at(-1);
  const controller = new Api(demo, "desk", "trace_controller");
  let [count, before] = [0, ""];
  // After a start the index may still be on its way.
  for (let tries = PATIENCE; ; ) {
    const answer = await controller.ask("GET", `/traces?type=record&limit=100&object=${object}${before}`);
    if (answer.status === 200) {
      count += answer.body.rows.length;
      if (!answer.body.next) return count;
      before = `&before=${encodeURIComponent(answer.body.next)}`;
      continue;
    }
    if (answer.status !== 503 || tries-- === 0) {
      throw new Error(`readings: ${answer.status} ${JSON.stringify(answer.body).slice(0, 300)}`);
    }
    await sleep(500);
  }
}
