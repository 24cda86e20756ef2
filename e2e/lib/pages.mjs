// Where things are on the portal's pages, found by the addresses they lead to.

const ID = "[A-Za-z0-9.-]{1,64}";
const RECORD = new RegExp(`^/(fr|en)/records/${ID}`);
const RESULT = new RegExp(`/records/${ID}/results/${ID}$`);
const DOCUMENT = new RegExp(`/records/${ID}/documents/${ID}$`);

/** The addresses of the records that a home page leads to, whatever part of them its links show. */
export function recordsOf(client, home) {
  return [...new Set(client.links(home, RECORD).map((href) => RECORD.exec(href)[0]))];
}

/** The first of them. */
export function record(client, home) {
  const [first] = recordsOf(client, home);
  if (!first) throw new Error(`the home page leads to no record:\n${home.text.slice(0, 1500)}`);
  return first;
}

/** The addresses of the results that a record's page leads to. */
export function resultsOf(client, page) {
  return client.links(page, RESULT);
}

/** The addresses of the documents that a record's page leads to. */
export function documentsOf(client, page) {
  return client.links(page, DOCUMENT);
}
