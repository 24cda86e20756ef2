// An account that is suspended at the desk, as a security officer does it on the page; and what of it holds.
import assert from "node:assert/strict";
import { PASCAL } from "./cast.mjs";
import { Client } from "./client.mjs";

/** A security officer at the desk. */
export async function officerOf(demo) {
  const officer = new Client(demo, { door: "desk" });
  await officer.signIn(demo.person(PASCAL));
  return officer;
}

/** The account's page at the desk. */
export async function accountOf(officer, login) {
  const list = await officer.get(`/fr/accounts?q=${login}`);
  const [path] = officer.links(list, /^\/fr\/accounts\/[a-z0-9]{26}$/);
  assert.ok(path, `no account of ${login}`);
  return path;
}

/** Suspends it; gives the page that follows. */
export async function suspend(officer, account) {
  const page = await officer.get(`${account}/state/suspended`);
  assert.equal(page.status, 200, page.text.slice(0, 300));
  return officer.follow(await officer.submit(page, `${account}/state/suspended`, { reason: "suspicion" }));
}

/** What is said when it could not be written down. */
export const LOCKED_HERE = /verrouillé ici/;

/** Whether somebody comes in. */
export async function comesIn(demo, login) {
  const visitor = new Client(demo);
  try {
    await visitor.signIn(demo.person(login));
    return await visitor.isSignedIn();
  } catch (error) {
    if (!/^sign-in of \S+ failed/.test(error.message)) throw error;
    return false;
  } finally {
    visitor.close();
  }
}
