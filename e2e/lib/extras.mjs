// Two trace controllers have more recorded than the minimum.
import { DENIS, SOLENN } from "./cast.mjs";
import { Client } from "./client.mjs";

const EVERY = ["requests", "calls", "port"];

/** Denis asks for each, Solenn confirms; in force when this returns. */
export async function recordMore(demo, extras = EVERY) {
  const [denis, solenn] = [new Client(demo, { door: "desk" }), new Client(demo, { door: "desk" })];
  await denis.signIn(demo.person(DENIS));
  await solenn.signIn(demo.person(SOLENN));
  for (const extra of extras) {
    const page = await denis.get("/fr/retention");
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)[1];
    const form = { csrf, what: "extra", extra, recorded: "true", reason: "essai" };
    const asked = await denis.ask("POST", "/fr/retention", { form });
    if (asked.headers.location !== "/fr/retention") throw new Error(`${extra}: ${asked.status} ${asked.headers.location}`);
    const confirmed = await solenn.submit(await solenn.get("/fr/retention"), "/confirm");
    if (confirmed.headers.location !== "/fr/retention") throw new Error(`${extra}: ${confirmed.status}`);
  }
  denis.close();
  solenn.close();
}
