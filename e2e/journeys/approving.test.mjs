// A technician whose telephone is elsewhere: he leaves the code empty, and approves his sign-in by SSH in his browser; from
// another address it only tells him; what is not his he refuses.
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { approved } from "../lib/api.mjs";
import { openBrowser, Visitor } from "../lib/browser.mjs";
import { ERWAN } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";
import { Technician } from "../lib/ssh.mjs";
import { nextCode } from "../lib/totp.mjs";

const TARGET = "scanner-1";

let demo;
let browser;
let erwan;
let page;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  page = await Visitor.open(browser, demo, { door: "suppliers", javaScript: false });
  erwan = new Technician({ account: demo.person(ERWAN), key: demo.ready.ssh_key, relay: demo.ready.ssh });
  // The first question is left empty; the second waits until a person has something to answer.
  const lines = ["#!/bin/sh", 'if [ ! -e "$HERE/asked" ]; then : > "$HERE/asked"; echo; exit; fi'];
  lines.push('while [ ! -e "$HERE/answer" ]; do sleep 0.1; done', 'cat "$HERE/answer"', "");
  writeFileSync(erwan.askpass, lines.join("\n"));
  chmodSync(erwan.askpass, 0o700);
  process.env.HERE = erwan.folder;
  await approved(demo);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What is typed at the second question. */
const answers = (text) => writeFileSync(join(erwan.folder, "answer"), `${text}\n`);

/** Starts `ssh`, from an address of this computer; gives what the terminal shows once it waits. */
async function asks(address) {
  for (const file of ["asked", "answer"]) rmSync(join(erwan.folder, file), { force: true });
  const where = ["-b", address, "-p", erwan.port, `${erwan.at(TARGET)}@${erwan.host}`, "echo", "bonjour"];
  const child = await erwan.start("ssh", [...erwan.options(), ...where], { code: "" });
  child.stdin.end();
  let shown = "";
  child.stderr.on("data", (chunk) => (shown += chunk));
  for (let tries = 0; tries < 400 && !/code there: |give a code/.test(shown); tries += 1) await sleep(25);
  const [, words] = /code there: (\S+)/.exec(shown) ?? [];
  const [, address_shown] = /Open (\S+) from/.exec(shown) ?? [];
  return { child, shown, words, page: address_shown };
}

const read = () => page.page.getByRole("main").innerText();

async function seen(name) {
  if (!process.env.SHOTS) return;
  for (const width of [1280, 390]) {
    await page.page.setViewportSize({ width, height: 844 });
    await page.page.screenshot({ path: `${process.env.SHOTS}/${name}-${width}.png`, fullPage: true });
  }
}

test("from the same address: signed in, compared, approved, and he is in without a code", async () => {
  const { child, words, page: address } = await asks("127.0.0.1");
  assert.equal(address, `${demo.ready.suppliers}/ssh`, "the address that a terminal shows is the page's");
  await page.page.goto(address);
  await page.givePassword(erwan.account);
  await page.giveCode(erwan.account);
  await page.assertHeading("ssh.title");
  const text = await read();
  assert.ok(!text.includes(words), "the code is the terminal's to show");
  for (const part of [TARGET, "127.0.0.1"]) assert.ok(text.includes(part), `${part} is not on the page: ${text}`);
  await seen("ssh");
  await page.page.locator("#code").fill("AAA-AAA");
  await page.button("ssh.approve").click();
  assert.match(await read(), page.says("ssh.mistyped"));
  await page.page.locator("#code").fill(words.toLowerCase().replace("-", " "));
  await page.button("ssh.approve").click();
  await page.assertHeading("ssh.approved_title");
  await seen("ssh-approved");
  answers("");
  const ended = await child.ended;
  assert.deepEqual([ended.code, ended.stdout.toString()], [0, "bonjour\n"], ended.stderr);
  await page.go("/ssh");
  await page.assertHeading("ssh.none_title");
});

test("from another address the page says so, and cannot approve; the code is taken", async () => {
  const { child } = await asks("127.0.0.2");
  await page.go("/ssh");
  await page.assertHeading("ssh.elsewhere_title");
  const text = await read();
  assert.ok(text.includes("127.0.0.2") && page.says("ssh.from_new").test(text), text);
  assert.equal(await page.button("ssh.approve").count(), 0);
  await seen("ssh-elsewhere");
  answers(await nextCode(erwan.account.totp_secret));
  const ended = await child.ended;
  assert.deepEqual([ended.code, ended.stdout.toString()], [0, "bonjour\n"], ended.stderr);
});

test("what is not his he refuses: nobody comes in, and nobody is asked again", async () => {
  const { child } = await asks("127.0.0.3");
  await page.go("/ssh");
  await page.button("ssh.not_me").click();
  await page.assertHeading("ssh.refused_title");
  await seen("ssh-refused");
  answers("");
  const ended = await child.ended;
  assert.equal(ended.code, 255);
  assert.match(ended.stderr, /Permission denied/);
  const again = await asks("127.0.0.3");
  assert.match(again.shown, /please give a code/);
  answers("000000");
  assert.equal((await again.child.ended).code, 255);
  page.assertQuiet();
});
