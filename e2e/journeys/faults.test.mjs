// The SIS fails, the door does not: the page says so in plain words within three seconds, the session lives, and all is
// well again when the SIS is. And identifiers that lead nowhere all lead to one and the same page.
// Runs alone: pages say in time that the SIS is slow.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { openBrowser, PHONE, Visitor } from "../lib/browser.mjs";
import { CAMILLE, MARCEL, YANN } from "../lib/cast.mjs";
import { Client } from "../lib/client.mjs";
import { Demo } from "../lib/demo.mjs";
import { hospitalWithSis } from "../lib/hospital.mjs";
import { documentsOf, record, resultsOf } from "../lib/pages.mjs";

const ANSWER_MS_MAX = 3000;

describe("a SIS that fails", () => {
  let hospital;
  let browser;
  before(async () => {
    hospital = await hospitalWithSis();
    browser = await openBrowser(hospital.demo);
  });
  after(async () => {
    await browser?.close();
    await hospital?.end();
  });
  afterEach(() => hospital.wire.set("open"));

  for (const [mode, login] of [
    ["down", CAMILLE],
    ["stalled", YANN],
  ]) {
    test(`${mode}: every page says so in time, and the session lives`, async () => {
      const { demo, wire } = hospital;
      const client = new Client(demo);
      await client.signIn(demo.person(login));
      const path = record(client, await client.home());
      const page = await client.get(path);
      const document = documentsOf(client, page)[0];
      const targets = [path, resultsOf(client, page)[0], document, `${document}/content`];
      wire.set(mode);
      for (const target of targets) {
        const answer = await client.get(target);
        console.log(
          `# ${mode}: ${target.replace(/[^/]*\d[^/]*/g, "…")} ${answer.status} in ${answer.ms.toFixed(0)} ms`,
        );
        assert.equal(answer.status, 503, target);
        assert.ok(answer.ms < ANSWER_MS_MAX, `${target} took ${answer.ms} ms`);
        // What is read, without the tags: random tokens in attributes may spell anything.
        const read = answer.text.replaceAll(/<[^>]*>/g, " ").replaceAll(demo.portal + target, "");
        assert.doesNotMatch(read, /fhir|reqwest|tcp|timed? ?out|\bECONN|https?:/i);
      }
      assert.equal((await client.get("/fr/session")).status, 200, "the session lives, and its page needs no SIS");
      wire.set("open");
      const began = Date.now();
      let status;
      do status = (await client.get(path)).status;
      while (status !== 200 && Date.now() - began < 5000);
      assert.equal(status, 200, "all is well again within five seconds");
      client.close();
    });
  }

  test("the page is plain, accessible, in both languages, and its retry works", async () => {
    const { demo, wire } = hospital;
    const visitor = await Visitor.open(browser, demo, { language: "fr", viewport: PHONE });
    await visitor.signIn(demo.person(MARCEL));
    wire.set("down");
    await visitor.link("portal.home.own_results").click();
    await visitor.assertHeading("error.sis_unavailable.title");
    await visitor.page.getByText(visitor.says("error.sis_unavailable.kept")).waitFor();
    await visitor.assertAccessible();
    await visitor.link("layout.other_language").click();
    visitor.language = "en";
    await visitor.assertHeading("error.sis_unavailable.title");
    wire.set("open");
    await visitor.link("error.retry").click();
    await visitor.page.locator('main table a[href*="/results/"]').first().waitFor();
    visitor.assertQuiet();
    await visitor.close();
  });

  test("signing in and out needs no SIS", async () => {
    const { demo, wire } = hospital;
    wire.set("down");
    const client = new Client(demo, { language: "en" });
    await client.signIn(demo.person("sophie.rousselin"));
    const left = await client.submit(await client.get("/en/session"), "/session/end");
    assert.ok([200, 303].includes(left.status));
    wire.set("open");
    client.close();
  });
});

test("identifiers of others, absent or malformed: one and the same 404", async () => {
  const demo = await Demo.start();
  const other = new Client(demo);
  await other.signIn(demo.person(MARCEL));
  const theirs = record(other, await other.home());
  const theirPage = await other.get(theirs);
  const client = new Client(demo);
  await client.signIn(demo.person(CAMILLE));
  const mine = record(client, await client.home());
  const myResult = resultsOf(client, await client.get(mine))[0]
    .split("/")
    .at(-1);
  const result = resultsOf(other, theirPage)[0].split("/").at(-1);
  const document = documentsOf(other, theirPage)[0].split("/").at(-1);
  const paths = [
    theirs,
    `${theirs}/results/${result}`,
    `${theirs}/results/${myResult}`,
    `${mine}/results/${result}`,
    `${mine}/documents/${document}`,
    `${mine}/documents/${document}/content`,
    `${mine}/documents/${myResult}`,
    `${mine}/results/nothing-bears-this-name`,
    `${mine}/results/%00`,
    `${mine}/results/..%2f..%2fPatient`,
    `${mine}/results/${"a".repeat(65)}`,
    `${mine}/results/${"a".repeat(4000)}`,
    `${mine}/results/a%7Cb,c`,
    `${mine}/results/%F0%9F%9A%AA`,
    `${mine}/results/%FF`,
    "/fr/records/nobody",
    "/fr/records/' OR 1=1 --".replaceAll(" ", "%20"),
    "/fr/records//results/x",
    "/fr/no-such-page",
  ];
  const page = (text) =>
    text
      .replaceAll(/<code>[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{2}<\/code>/g, "<code>REFERENCE</code>")
      // The print footer carries the time.
      .replaceAll(/(<div class="print-only"[\s\S]*?<\/div>)/g, "PRINTED")
      .replaceAll(/data-session-seconds(-max)?="\d+"/g, "");
  let first;
  for (const path of paths) {
    const answer = await client.get(path);
    assert.equal(answer.status, 404, path);
    first ??= page(answer.text);
    assert.equal(page(answer.text), first, path);
  }
  assert.equal((await client.get(`${mine}/results/${myResult}`)).status, 200, "and one's own still opens");
  client.close();
  other.close();
  await demo.stop();
});
