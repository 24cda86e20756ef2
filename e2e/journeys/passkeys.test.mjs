// A patient adds a passkey to her account on her phone, and comes in with it from then on: no password, no code, and
// nothing left behind once it is removed. The browser's own virtual authenticator signs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Authenticator } from "../lib/authenticator.mjs";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, ERWAN, NADIA } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";

let demo;
let browser;
let camille;
let device;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  camille = await Visitor.open(browser, demo, { door: "portal", viewport: PHONE });
  device = await Authenticator.on(camille.page);
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const usePasskey = (visitor) => visitor.button("entrance.passkey.sign_in").click();

/** Signed in: the frame offers to sign out. */
async function comesIn(visitor) {
  await usePasskey(visitor);
  await visitor.page.locator("#sign-out").waitFor({ state: "attached" });
}

async function signOut(visitor) {
  await visitor.go("/session");
  await visitor.page.locator('main button[form="sign-out"]').click();
  await visitor.assertHeading("entrance.signed_out.title");
}

async function add(visitor, label) {
  await visitor.go("/session");
  await visitor.page.getByLabel(visitor.says("entrance.passkey.label"), { exact: true }).fill(label);
  await visitor.button("entrance.passkey.add").click();
  await visitor.page.getByText(visitor.says("entrance.passkey.added")).waitFor();
}

test("without a passkey the button says so, and the password serves", async () => {
  await camille.go("/");
  await camille.assertAccessible();
  await usePasskey(camille);
  await camille.page.getByText(camille.says("entrance.passkey.failed")).waitFor();
  await camille.assertAccessible();
});

test("she adds one on her account's page, and comes in with it", async () => {
  await camille.signIn(demo.person(CAMILLE));
  await add(camille, "Mon téléphone");
  await camille.assertAccessible();
  const [kept] = await device.credentials();
  assert.equal(kept.isResidentCredential, true, "the browser finds it without a login");
  await signOut(camille);
  await camille.go("/");
  await comesIn(camille);
  await camille.go("/session");
  assert.match(await camille.page.getByRole("main").innerText(), /Mon téléphone/);
});

test("who proves again who he is goes on where he was, under a new session", async () => {
  const before = await camille.cookieHeader();
  await camille.go("/session/again?then=https://ailleurs.example/");
  await camille.assertHeading("entrance.again.title");
  await camille.assertAccessible();
  await usePasskey(camille);
  await camille.assertHeading("entrance.session.title");
  assert.ok(camille.page.url().startsWith(demo.ready.portal), "no other place can be named");
  const now = await camille.cookieHeader();
  assert.notEqual(now, before);
  const thief = new Client(demo);
  const answer = await thief.get("/fr/session", { headers: { cookie: before } });
  thief.close();
  assert.equal(answer.status, 401, "the one before is over");
});

test("a finger that is not hers opens nothing, nor does a passkey that she removed", async () => {
  await signOut(camille);
  await device.recognises(false);
  await camille.go("/");
  await usePasskey(camille);
  await camille.page.getByText(camille.says("entrance.passkey.failed")).waitFor();
  await device.recognises(true);
  await camille.go("/");
  await comesIn(camille);
  await camille.go("/session");
  await camille.button("entrance.passkey.remove").click();
  await camille.page.getByText(camille.says("entrance.passkey.removed")).waitFor();
  await signOut(camille);
  await camille.go("/");
  await usePasskey(camille);
  await camille.page.getByText(camille.says("entrance.problem.passkey")).waitFor();
  await camille.assertAccessible();
  camille.assertQuiet();
});

test("technicians and staff come in the same way", async () => {
  for (const [door, login] of [["suppliers", ERWAN], ["desk", NADIA]]) {
    const visitor = await Visitor.open(browser, demo, { door });
    await Authenticator.on(visitor.page);
    await visitor.signIn(demo.person(login));
    await add(visitor, "Poste du bureau");
    await signOut(visitor);
    await visitor.go("/");
    await comesIn(visitor);
    await visitor.close();
  }
});
