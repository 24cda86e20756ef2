// While many guess passwords, the sign-in asks for a small calculation: a browser makes it by itself, and whoever has no
// JavaScript waits on the page instead.
// Runs alone: a calculation has so many seconds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";

let demo;
let browser;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Tries so many logins from two addresses beside the browser's. */
async function flood(logins) {
  const guessers = ["127.0.0.2", "127.0.0.3"].map((from) => new Client(demo, { from }));
  for (let n = 0; n < logins; n++) {
    const guesser = guessers[n % 2];
    const values = { login: `personne.${n}`, password: "Bienvenue-2026" };
    const step = await guesser.submit(await guesser.get("/fr/"), "/session", values);
    assert.equal(step.status, 200, step.text);
    assert.equal((await guesser.submit(step, "/session/code", { code: "123456" })).status, 422);
  }
  for (const guesser of guessers) guesser.close();
}

test("in quiet times nothing is asked for, and then it is", async () => {
  const quiet = await Visitor.open(browser, demo, { language: "fr" });
  await quiet.go("/");
  assert.equal(await quiet.page.getByText(quiet.says("entrance.puzzle.text")).count(), 0);
  await quiet.close();
  await flood(20);
  const guesser = new Client(demo);
  const page = await guesser.get("/fr/");
  assert.match(page.text, /data-puzzle/);
  const answer = await guesser.submit(page, "/session", { login: "personne", password: "Bienvenue-2026" });
  assert.equal(answer.status, 428, "sent at once, with nothing solved");
  guesser.close();
});

for (const language of ["fr", "en"]) {
  test(`a browser calculates by itself, in ${language}`, async () => {
    const visitor = await Visitor.open(browser, demo, { language, viewport: PHONE });
    await visitor.go("/");
    await visitor.page.getByText(visitor.says("entrance.puzzle.text")).waitFor();
    await visitor.assertAccessible();
    const began = performance.now();
    // At once, before it is done: the form waits for it.
    await visitor.givePassword(demo.person(language === "fr" ? CAMILLE : YANN));
    await visitor.codeField().waitFor();
    assert.ok(performance.now() - began < 10_000);
    await visitor.giveCode(demo.person(language === "fr" ? CAMILLE : YANN));
    visitor.assertQuiet();
    await visitor.close();
  });
}

test("without JavaScript, whoever stays on the page as long as it says comes in", async () => {
  const visitor = await Visitor.open(browser, demo, { javaScript: false, viewport: PHONE });
  const account = demo.person(MARCEL);
  await visitor.go("/");
  const early = await visitor.answerTo(/\/session$/, () => visitor.givePassword(account));
  assert.equal(early.status(), 428);
  assert.equal(early.headers()["retry-after"], "15");
  await sleep(15_500);
  await visitor.givePassword({ login: account.login, password: account.password });
  await visitor.giveCode(account);
  await visitor.close();
});

test("where the calculation fails, the page says how long to stay, and sends the form then", async () => {
  const visitor = await Visitor.open(browser, demo, { language: "fr" });
  await visitor.page.route(/puzzle_worker/, (route) => route.abort());
  await visitor.go("/");
  await visitor.page.getByText(/Restez/).waitFor();
  const began = performance.now();
  await visitor.givePassword(demo.person(CAMILLE));
  await visitor.codeField().waitFor({ timeout: 30_000 });
  assert.ok(performance.now() - began > 10_000, "not before it may");
  await visitor.close();
});
