// The controller of traces answers, in the page: who read this patient's file, from where; and takes the answer away.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Api } from "../lib/api.mjs";
import { DESKTOP, openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, DENIS, HELENE, YANN } from "../lib/cast.mjs";
import { Demo } from "../lib/demo.mjs";

let demo;
let browser;
let denis;
/** The patient whose file was read, and another. */
let patient;
let other;
before(async () => {
  demo = await Demo.start();
  browser = await openBrowser(demo);
  patient = await reads(CAMILLE);
  other = await reads(YANN);
  await professionalReads(patient);
  denis = await Visitor.open(browser, demo, { door: "desk" });
  await denis.signIn(demo.person(DENIS));
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Somebody reads his own record; gives the record's identifier. */
async function reads(login) {
  const visitor = await Visitor.open(browser, demo);
  await visitor.signIn(demo.person(login));
  await visitor.page.locator('a[href*="/records/"]').first().click();
  await visitor.page.getByRole("heading", { level: 1 }).waitFor();
  const id = /records\/([a-z0-9]{26})/.exec(visitor.page.url())[1];
  await visitor.close();
  return id;
}

/** A professional reads it too. */
async function professionalReads(id) {
  const visitor = await Visitor.open(browser, demo);
  await visitor.signIn(demo.person(HELENE));
  assert.equal((await visitor.go(`/records/${id}`)).status(), 200);
  await visitor.close();
}

const main = () => denis.page.getByRole("main");
const rows = () => denis.page.locator("table.traces tbody tr");

/** The search form, filled and sent. */
async function search(fields, visitor = denis) {
  await visitor.go("/traces");
  for (const [name, value] of Object.entries(fields)) {
    const field = visitor.page.locator(`#${name}`);
    if ((await field.evaluate((one) => one.localName)) === "select") await field.selectOption(value);
    else await field.fill(value);
  }
  await visitor.button("desk.traces.search").click();
  await visitor.page.waitForURL(/go=1/);
}

test("nothing is searched before somebody asks", async () => {
  await denis.go("/traces");
  await denis.assertHeading("desk.traces.title");
  assert.equal(await rows().count(), 0);
  await denis.assertAccessible();
});

test("who read this patient's file these thirty days, from where", async () => {
  await search({ patient, type: "record", period: "30d" });
  const authors = new Set();
  assert.ok((await rows().count()) > 0, "her own reading at least");
  for (const row of await rows().all()) {
    const text = await row.innerText();
    assert.ok(text.includes(patient), text);
    assert.ok(!text.includes(other), "nothing of another patient");
    assert.match(text, /127\.0\.0\.1|::1/, "from where");
    assert.match(text, denis.says("desk.traces.shown"));
    authors.add(/account:[a-z0-9]{26}/.exec(text)[0]);
    const exact = await row.locator("time").getAttribute("title");
    assert.match(exact, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, "the exact moment on demand");
  }
  assert.equal(authors.size, 2, "she herself, and her physician");
  // When, at a glance: the chart counts these very readings.
  const columns = denis.page.locator("svg.columns g");
  assert.ok((await columns.count()) >= 1);
  await denis.page.getByText(denis.says("desk.traces.figures")).click();
  const told = await denis.page.locator(".figures tbody tr td").allInnerTexts();
  assert.equal(told.map(Number).reduce((sum, one) => sum + one, 0), await rows().count());
  // The filter is in the address: the same address gives the same answer, in the other language too.
  const address = new URL(denis.page.url());
  for (const [name, value] of [["patient", patient], ["type", "record"], ["period", "30d"]]) {
    assert.equal(address.searchParams.get(name), value);
  }
  await denis.page.goto(address.href.replace("/fr/", "/en/"));
  assert.match(await main().innerText(), /Record read/);
  await denis.page.goto(address.href);
  await denis.assertAccessible();
});

/** The chart, its bars and its figures agree with what the search finds. */
async function chartAgrees() {
  const bar = denis.page.locator("table.bars tr").filter({ hasText: denis.says("event.session_sign_in") });
  await search({ type: "session.sign_in" });
  const signIns = await rows().count();
  await search({});
  assert.ok((await denis.page.locator("svg.columns g").count()) >= 1);
  assert.equal(Number(await bar.locator("td").innerText()), signIns, "the chart counts what the search finds");
  await bar.getByRole("link").click();
  await denis.page.waitForURL(/type=session\.sign_in/);
  assert.equal(await rows().count(), signIns);
  // The same in words, for whoever does not see the drawing.
  await denis.page.getByText(denis.says("desk.traces.figures")).click();
  const figures = denis.page.locator(".figures tbody tr");
  const told = await figures.locator("td").allInnerTexts();
  assert.equal(told.map(Number).reduce((sum, one) => sum + one, 0), signIns);
  await figures.first().getByRole("link").click();
  await denis.page.waitForURL(/since=/);
  assert.ok((await rows().count()) > 0);
}

test("a chart says how many, by day and by type, and its bars lead to them", async () => {
  // The demonstration's probes sign in by themselves, most of all at first: they agree once nobody comes between.
  for (let attempts = 15; ; attempts -= 1) {
    try {
      return await chartAgrees();
    } catch (error) {
      if (attempts === 0 || error.code !== "ERR_ASSERTION") throw error;
      await denis.page.waitForTimeout(2000);
    }
  }
});

test("what cannot be read is told beside its field, with a remedy, and nothing is searched", async () => {
  await search({ patient: "Durand", ip: "300.1.1.1", since: "2026-11-21T10:00", until: "2026-11-21T09:00" });
  for (const [field, key] of [["patient", "wrong_patient"], ["ip", "wrong_ip"]]) {
    assert.match(await denis.page.locator(`#${field}-wrong`).innerText(), denis.says(`desk.traces.${key}`));
    assert.equal(await denis.page.locator(`#${field}`).getAttribute("aria-invalid"), "true");
  }
  assert.equal(await denis.page.locator("#patient").inputValue(), "Durand", "what was typed stays");
  assert.equal(await rows().count(), 0);
  await denis.assertAccessible();
});

test("a search is kept under a name, found again in one click, and forgotten", async () => {
  await search({ patient, type: "record", period: "30d" });
  const found = await rows().count();
  const named = "Qui a lu le dossier d'une patiente";
  await denis.page.getByText(denis.says("desk.traces.save")).first().click();
  await denis.page.locator("#name").fill(named);
  await denis.button("desk.traces.save_do").click();
  await denis.page.getByRole("link", { name: named }).waitFor();
  await denis.go("/traces");
  await denis.assertAccessible();
  await denis.page.getByRole("link", { name: named }).click();
  await denis.page.waitForURL(/go=1/);
  assert.equal(await denis.page.locator("#patient").inputValue(), patient);
  assert.ok((await rows().count()) >= found, "the same question, asked again");
  await denis.page.getByRole("button", { name: named }).click();
  await denis.page.waitForURL((url) => url.pathname.endsWith("/traces") && url.search === "");
  assert.equal(await denis.page.getByRole("link", { name: named }).count(), 0);
});

test("nothing found is said, with what to do", async () => {
  await search({ period: "month" });
  await denis.page.getByText(denis.says("desk.traces.empty_hint")).waitFor();
  await denis.assertAccessible();
});

test("one trace has its page; its names lead to what else they did", async () => {
  await search({ patient, type: "record" });
  await rows().first().getByRole("rowheader").getByRole("link").click();
  await denis.page.waitForURL(/\/traces\/[^/]+\/\d+$/);
  const text = await main().innerText();
  for (const key of ["exact", "act_id", "origin", "index", "author", "ip"]) assert.match(text, denis.says(`desk.traces.${key}`));
  assert.ok(text.includes(patient));
  await denis.assertAccessible();
  await denis.page.getByRole("link", { name: patient }).click();
  await denis.page.waitForURL(new RegExp(`patient=${patient}`));
  assert.ok((await rows().count()) > 0);
});

test("pages follow each other, and lead back", async () => {
  const desk = new Api(demo, "desk", "trace_controller");
  for (let many = 0; many < 210; many += 1) await desk.must("GET", "/traces?type=proof.recorded&limit=1");
  await search({ type: "traces" });
  const first = await rows().allInnerTexts();
  assert.equal(first.length, 100);
  const addresses = [denis.page.url()];
  for (let turn = 0; turn < 2; turn += 1) {
    await denis.link("desk.traces.older").click();
    await denis.page.waitForURL((url) => url.href !== addresses.at(-1));
    addresses.push(denis.page.url());
  }
  await denis.link("desk.traces.newer").click();
  await denis.page.waitForURL(addresses[1]);
  await denis.link("desk.traces.newer").click();
  await denis.page.waitForURL((url) => !url.searchParams.has("before"));
});

test("the answer is taken away, and a spreadsheet's reader finds it whole", async () => {
  await search({ patient, type: "record", period: "30d" });
  const shown = await rows().count();
  await denis.page.getByText(denis.says("desk.traces.export")).first().click();
  const taken = async (key) => {
    const leaving = denis.page.waitForEvent("download");
    await denis.link(key).click();
    return (await leaving).path();
  };
  const read = "import csv, json, sys; print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))))";
  const csv = await taken("desk.traces.export_csv");
  const records = JSON.parse(execFileSync("python3", ["-c", read, csv], { encoding: "utf8" }));
  assert.equal(records.length, shown);
  for (const record of records) {
    assert.ok(record.patients.split(" ").includes(patient), JSON.stringify(record));
    assert.match(record.address, /^(127\.0\.0\.1|::1)$/);
  }
  const lines = readFileSync(await taken("desk.traces.export_jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ trace }) => trace), records.map(({ trace }) => trace));
  await search({ type: "traces.exported" });
  assert.equal(await rows().count(), 2, "each left a trace");
});

test("a search is itself traced, and for nobody else", async () => {
  const words = `mot-${Date.now()}`;
  await search({ q: words });
  assert.equal(await rows().count(), 1, "the search itself, traced before it was shown");
  assert.ok((await rows().first().innerText()).includes(words));
  for (const role of ["administrator", "security_officer", "dpo", "beneficiary"]) {
    const answer = await new Api(demo, "desk", role).ask("GET", "/traces");
    assert.ok([403, 404].includes(answer.status), `${role}: ${answer.status}`);
  }
});

for (const [name, viewport] of [["phone", PHONE], ["desktop", DESKTOP]]) {
  for (const dark of [false, true]) {
    test(`it reads well: ${name}, ${dark ? "dark" : "light"}`, async () => {
      const state = await denis.context.storageState();
      const visitor = await Visitor.open(browser, demo, { door: "desk", viewport, dark, state });
      for (const path of ["/traces", `/traces?go=1&patient=${patient}`, "/traces?go=1", "/traces?go=1&patient=x"]) {
        await visitor.go(path);
        await visitor.assertAccessible();
        if (process.env.POTERNE_PICTURES) {
          const file = `${process.env.POTERNE_PICTURES}/${name}-${dark ? "dark" : "light"}-${path.length}.png`;
          await visitor.page.screenshot({ path: file, fullPage: true });
        }
      }
      visitor.assertQuiet();
      await visitor.close();
    });
  }
}

test("the browser complained of nothing", () => denis.assertQuiet());
