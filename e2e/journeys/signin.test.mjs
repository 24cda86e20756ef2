// Signing in and out: keyboard alone, without JavaScript, with mistakes, from another site; and what remains afterwards.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, INES, MARCEL, THOMAS, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { record, resultsOf } from "../lib/pages.mjs";
import { nextCode } from "../lib/totp.mjs";

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

/** Presses Tab until what has the focus matches; returns how many times. */
async function tabTo(page, matches, limit = 40) {
  for (let presses = 1; presses <= limit; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((css) => document.activeElement?.matches(css) ?? false, matches)) return presses;
  }
  throw new Error(`${matches} cannot be reached with Tab on ${page.url()}`);
}

/** What has the focus can be told from the rest by the eye. */
async function assertFocusSeen(page) {
  const outline = await page.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return { outline: style.outlineStyle, width: Number.parseFloat(style.outlineWidth), shadow: style.boxShadow };
  });
  assert.ok((outline.outline !== "none" && outline.width >= 1) || outline.shadow !== "none", JSON.stringify(outline));
}

for (const language of ["fr", "en"]) {
  test(`with the keyboard alone, in ${language}`, async () => {
    const visitor = await Visitor.open(browser, demo, { language });
    const { page } = visitor;
    const account = demo.person(YANN);
    await visitor.go("/");
    await page.keyboard.press("Tab");
    assert.match(await page.evaluate(() => document.activeElement.textContent), visitor.says("layout.skip"));
    await assertFocusSeen(page);
    await tabTo(page, 'input[autocomplete="username"]');
    await assertFocusSeen(page);
    await page.keyboard.type(account.login);
    await tabTo(page, 'input[type="password"]', 3);
    await page.keyboard.type(account.password);
    await page.keyboard.press("Enter");
    await visitor.codeField().waitFor();
    const focused = await page.evaluate(() => document.activeElement?.matches('input[autocomplete="one-time-code"]'));
    if (!focused) await tabTo(page, 'input[autocomplete="one-time-code"]');
    await page.keyboard.type(await nextCode(account.totp_secret));
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => !url.pathname.includes("/session"));
    await tabTo(page, 'main a[href*="/records/"]');
    await assertFocusSeen(page);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/records\//);
    await tabTo(page, 'form[action$="/session/end"] button');
    await page.keyboard.press("Enter");
    await visitor.assertHeading("entrance.signed_out.title");
    visitor.assertQuiet();
    await visitor.close();
  });
}

test("without JavaScript", async () => {
  const visitor = await Visitor.open(browser, demo, { javaScript: false, viewport: PHONE });
  const { page } = visitor;
  await visitor.signIn(demo.person(MARCEL));
  await visitor.link("portal.home.own_results").click();
  await visitor.laboratoryResult().click();
  await page.getByRole("table").first().waitFor();
  await visitor.go("/");
  await visitor.link("portal.home.own_documents").click();
  await page.locator('main table a[href*="/documents/"]').first().click();
  const response = await visitor.answerTo(/\/content$/, () => visitor.link("portal.document.open").first().click());
  assert.equal(response.status(), 200);
  await visitor.go("/session");
  await visitor.button("layout.sign_out").first().click();
  await visitor.assertHeading("entrance.signed_out.title");
  visitor.assertQuiet();
  await visitor.close();
});

test("after signing out, going back shows nothing personal", async () => {
  const visitor = await Visitor.open(browser, demo, { language: "fr" });
  const { page } = visitor;
  await visitor.signIn(demo.person(CAMILLE));
  await visitor.link("portal.home.own_results").click();
  await visitor.laboratoryResult().click();
  await page.getByRole("table").first().waitFor();
  const cookie = await visitor.cookieHeader();
  const result = new URL(page.url()).pathname;
  await visitor.button("layout.sign_out").first().click();
  await visitor.assertHeading("entrance.signed_out.title");
  assert.equal(await visitor.cookieHeader(), "", "the cookie is taken back");
  for (let i = 0; i < 3; i++) {
    await page.goBack();
    const text = await page.locator("body").innerText();
    assert.doesNotMatch(text, /durand/i, page.url());
    assert.equal(await page.getByRole("table").count(), 0, page.url());
  }
  // A copy of the cookie opens nothing either.
  const thief = new Client(demo);
  assert.notEqual((await thief.get(result, { headers: { cookie } })).status, 200);
  thief.close();
  await visitor.close();
});

test("a wrong password, an unknown login and a wrong code read the same", async () => {
  const visitor = await Visitor.open(browser, demo, { language: "fr", viewport: DESKTOP });
  const { page } = visitor;
  const account = demo.person(INES);
  const wrong = "une phrase qui n'est pas la bonne";
  const said = [];
  const steps = [];
  for (const [login, password, code] of [
    [account.login, wrong, await nextCode(account.totp_secret)],
    ["personne.inconnue", wrong, "123456"],
    [account.login, account.password, "000000"],
  ]) {
    // The pair (address, login) waits two seconds after its first failure.
    if (said.length === 2) await sleep(2500);
    await visitor.go("/");
    await visitor.givePassword({ login, password });
    await visitor.codeField().waitFor();
    steps.push(await page.locator("main").innerText());
    const answer = await visitor.answerTo(/\/session\/code$/, () => visitor.sendCode(code));
    assert.equal(answer.status(), 422);
    await page.getByText(visitor.says("entrance.problem.credentials")).waitFor();
    said.push((await page.locator("main").innerText()).replaceAll(login, "LOGIN"));
    await visitor.assertAccessible();
  }
  assert.deepEqual(said, Array(3).fill(said[0]));
  assert.deepEqual(steps, Array(3).fill(steps[0]), "the first step tells nothing");
  visitor.assertQuiet();
  await visitor.close();
});

test("failures make one wait, and never lock the account", async () => {
  const account = demo.person(THOMAS);
  const stranger = new Client(demo);
  let wait;
  for (let i = 0; i < 4 && !wait; i++) {
    const filled = { username: account.login, "current-password": "x".repeat(20) };
    const second = await stranger.submit(await stranger.get("/fr/"), "/fr/session", filled);
    assert.equal(second.status, 200);
    const answer = await stranger.submit(second, "/fr/session/code", { "one-time-code": "000000" });
    if (answer.status === 429) wait = answer;
    else assert.equal(answer.status, 422);
  }
  assert.ok(wait, "four failures in a row cost no wait");
  const seconds = Number(wait.headers["retry-after"]);
  assert.ok(seconds >= 1 && seconds <= 300, `Retry-After: ${wait.headers["retry-after"]}`);
  await sleep(seconds * 1000 + 100);
  await stranger.signIn(account);
  stranger.close();
});

test("forms sent from elsewhere are refused", async () => {
  const client = new Client(demo);
  const account = demo.person(CAMILLE);
  const welcome = await client.get("/fr/");
  const filled = { username: account.login, "current-password": account.password };
  const foreign = { origin: false, headers: { origin: "https://elsewhere.invalid", "sec-fetch-site": "cross-site" } };
  for (const options of [foreign, { origin: false }, { origin: false, headers: { origin: "null" } }]) {
    const answer = await client.submit(welcome, "/fr/session", filled, options);
    assert.ok(answer.status >= 400 && answer.status < 500, `${JSON.stringify(options)}: ${answer.status}`);
  }
  await client.signIn(account);
  const forged = await client.ask("POST", "/fr/session/end", { form: { csrf: "A".repeat(43) } });
  assert.ok(forged.status >= 400 && forged.status < 500, `a forged token: ${forged.status}`);
  assert.equal(await client.isSignedIn(), true, "and the session lives");
  client.close();
});

test("the headers are strict on every page", async () => {
  const client = new Client(demo);
  await client.signIn(demo.person(MARCEL));
  const home = await client.home();
  const path = record(client, home);
  const result = resultsOf(client, await client.get(path))[0];
  for (const page of ["/fr/", path, result, "/fr/session", "/fr/nothing-here"]) {
    const { headers } = await client.get(page);
    const policy = headers["content-security-policy"] ?? "";
    assert.match(policy, /default-src '(none|self)'/, page);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/, page);
    assert.match(policy, /frame-ancestors 'none'/, page);
    assert.match(headers["strict-transport-security"] ?? "", /max-age=\d{8}/, page);
    assert.equal(headers["x-content-type-options"], "nosniff", page);
    assert.equal(headers["cross-origin-opener-policy"], "same-origin", page);
    assert.equal(headers["cross-origin-resource-policy"], "same-origin", page);
    assert.ok(headers["referrer-policy"], page);
    assert.ok(headers["permissions-policy"], page);
    assert.match(headers["cache-control"] ?? "", /no-store/, page);
    assert.equal(headers.server, undefined, page);
  }
  for (const [name, value] of client.cookies) assert.match(name, /^__Host-/, `${name}=${value.slice(0, 4)}…`);
  client.close();
});
