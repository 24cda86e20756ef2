// The pages' words, read from the project's own language files, so that a journey follows a sentence that is mended.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../locales");
const catalogues = new Map();

/** Enough of TOML for the language files: tables, and one string a line. */
function read(language) {
  const words = new Map();
  let prefix = "";
  for (const line of readFileSync(join(FOLDER, `${language}.toml`), "utf8").split("\n")) {
    const table = /^\s*\[([^\]]+)\]/.exec(line);
    if (table) prefix = `${table[1].trim()}.`;
    const pair = /^\s*([A-Za-z0-9_.-]+)\s*=\s*"((?:[^"\\]|\\.)*)"/.exec(line);
    if (pair) words.set(prefix + pair[1], JSON.parse(`"${pair[2]}"`));
  }
  return words;
}

/** What `key` (dotted, as in the file) says; throws when it says nothing. */
export function words(language, key) {
  if (!catalogues.has(language)) catalogues.set(language, read(language));
  const text = catalogues.get(language).get(key);
  if (text === undefined) throw new Error(`locales/${language}.toml says nothing for ${key}`);
  return text;
}

/** The same as a pattern that any values in its placeholders, and the page's typography, match. */
export function pattern(language, key) {
  const escaped = words(language, key)
    .split(/\{[^}]*\}/)
    .map((text) =>
      text
        .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
        .replace(/['’]/g, "['’]")
        .replace(/\s+/g, "\\s+"),
    )
    .join(".+");
  return new RegExp(escaped);
}
