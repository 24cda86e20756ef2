// One page of each kind within reach, and what is true of all of them for whoever sees, hears or touches them.
import assert from "node:assert/strict";
import { DESKTOP, PHONE } from "./browser.mjs";

/** Twice the text size on a small telephone. */
const NARROW = { width: 320, height: 640 };
/** In one language, each width once and each scheme once; the other language has the other pairs. */
const LOOKS = {
  fr: [
    [PHONE, "light"],
    [DESKTOP, "dark"],
  ],
  en: [
    [PHONE, "dark"],
    [DESKTOP, "light"],
  ],
};
const PLACES = /\/(records|results|documents|interventions|sessions|equipment|accounts|state|passkeys|channels)\/[^/]+(?=\/|$)/g;
const TRACE = /\/traces\/[^/]+\/\d+$/;
const NAMED = /\/(new|change)$/;

/** What kind of page an address leads to: the same one for each of a list. */
function kindOf(url) {
  const path = NAMED.test(url.pathname) ? url.pathname : url.pathname.replace(PLACES, "/$1/…").replace(TRACE, "/traces/…");
  // A search is one kind of page whatever is asked for: what was found, or what follows it.
  const asked = [...url.searchParams.keys()].filter((key) => !path.endsWith("/traces") || ["go", "before"].includes(key));
  return path + asked;
}

/** The addresses inside the door that the page's main part leads to, one of each kind. What is no page is left out. */
export async function kindsOfLinks(visitor) {
  const hrefs = await visitor.page
    .locator("main a[href]")
    .evaluateAll((links) => links.map((a) => a.getAttribute("href")));
  const kinds = new Map();
  for (const href of hrefs) {
    const url = new URL(href, visitor.page.url());
    if (url.origin !== visitor.origin || /\/(content|file|export)$|^\/api\//.test(url.pathname) || url.hash) continue;
    const kind = kindOf(url);
    if (!kinds.has(kind)) kinds.set(kind, url.pathname + url.search);
  }
  return kinds;
}

/** Visits the pages of `first` (below the language), and one page of each kind that they lead to. */
export async function everyPage(visitor, visit, first = [], pagesMax = 25) {
  const start = ["/", ...first, "/session", "/nothing-here"].map((path) => `/${visitor.language}${path}`);
  const seen = new Set(start.map((path) => kindOf(new URL(path, visitor.origin))));
  const queue = [...start];
  let visited = 0;
  while (queue.length > 0 && visited < pagesMax) {
    await visitor.page.goto(queue.shift());
    visited += 1;
    await visit();
    for (const [kind, path] of await kindsOfLinks(visitor)) {
      if (seen.has(kind)) continue;
      seen.add(kind);
      queue.push(path);
    }
  }
  assert.equal(queue.length, 0, `more pages than ${pagesMax}`);
  return visited;
}

/** What holds for any page: its language, one title, one main part. */
export async function assertWellMade(visitor) {
  const { page } = visitor;
  assert.equal(await page.locator("html").getAttribute("lang"), visitor.language);
  assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, `one title on ${page.url()}`);
  assert.equal(await page.getByRole("main").count(), 1);
  assert.ok((await page.title()).length > 0);
}

/** The page with all its parts unfolded, by each look of its language: nothing to complain of, nothing lost sideways. */
export async function assertForEverybody(visitor) {
  const { page } = visitor;
  await assertWellMade(visitor);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  for (const [viewport, colorScheme] of LOOKS[visitor.language]) {
    await page.setViewportSize(viewport);
    // Colors that are still on their way to others are nobody's.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await visitor.assertAccessible();
  }
  await page.setViewportSize(NARROW);
  await visitor.assertFits();
  await assertKeyboardReaches(visitor);
}

/** The Tab key alone comes to everything that can be used, and each thing shows that it is there. */
export async function assertKeyboardReaches(visitor) {
  const { page } = visitor;
  const controls = await page.evaluate(() => {
    const all = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    globalThis.expected = [...document.querySelectorAll(all)].filter(
      (one) => !one.disabled && one.type !== "hidden" && !one.closest("template, dialog:not([open])") && one.checkVisibility(),
    );
    globalThis.reached = new Set();
    globalThis.unseen = [];
    document.addEventListener("focusin", ({ target }) => {
      globalThis.reached.add(target);
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(target);
      const shown = (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
      if (!shown) globalThis.unseen.push(target.outerHTML.slice(0, 200));
    });
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    return globalThis.expected.length;
  });
  // A date and an hour are several stops: day, month, year, hours, minutes, calendar.
  const dates = await page.locator("input[type='datetime-local'], input[type='date']").count();
  for (let press = 0; press < controls + 3 + dates * 7; press += 1) await page.keyboard.press("Tab");
  const { missed, unseen } = await page.evaluate(() => {
    // Of the choices of one question, the Tab key comes to one; arrows lead to the others.
    const group = (one) => (one.type === "radio" ? `${one.name}` : undefined);
    const groups = new Set([...globalThis.reached].map(group).filter(Boolean));
    const missed = globalThis.expected.filter((one) => !globalThis.reached.has(one) && !groups.has(group(one)));
    return { missed: missed.map((one) => one.outerHTML.slice(0, 200)), unseen: globalThis.unseen };
  });
  assert.deepEqual(missed, [], `the keyboard does not come to these on ${page.url()}`);
  assert.deepEqual(unseen, [], `nothing shows where the keyboard is on ${page.url()}`);
}
