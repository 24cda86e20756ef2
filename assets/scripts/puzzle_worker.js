// Looks for a number such that SHA-256 of "puzzle:number" begins with so many zero bits. The browser's own digest answers
// later each time: several are asked for at once.

const AT_ONCE = 128;

/** Whether a digest begins with so many zero bits, thirty-two at most. */
const begins = (digest, bits) => Math.clz32(new DataView(digest).getUint32(0)) >= bits;

async function solve(puzzle, bits) {
  const text = new TextEncoder();
  for (let first = 0; ; first += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, n) => String(first + n));
    const digests = await Promise.all(
      numbers.map((number) => crypto.subtle.digest("SHA-256", text.encode(`${puzzle}:${number}`))),
    );
    const found = digests.findIndex((digest) => begins(digest, bits));
    if (found >= 0) return numbers[found];
  }
}

// Nothing tells the page that it could not be calculated.
self.addEventListener("message", ({ data }) => {
  solve(data.puzzle, data.bits).then(
    (answer) => self.postMessage(answer),
    () => self.postMessage(""),
  );
});
