// While many guess, the password's form comes with a small calculation, done beside the page as soon as it opens. Whoever
// sends the form before its end waits for it. Where it is not done within the time that the page says, waiting was enough.

const form = document.querySelector("form[data-puzzle]");
const told = (name) => form.querySelector(`[data-when="${name}"]`);
const opened = performance.now();
const later = (seconds) =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, seconds * 1000 - (performance.now() - opened))));

const solve = ({ puzzle, bits, worker }) =>
  new Promise((resolve, reject) => {
    // The page's own script, named by the page: nothing else is taken.
    const own = (path) => {
      if (new URL(path, location.href).origin !== location.origin) throw new TypeError("not of this door");
      return path;
    };
    const policy = window.trustedTypes?.createPolicy("poterne-puzzle", { createScriptURL: own });
    const solver = new Worker(policy ? policy.createScriptURL(worker) : own(worker));
    solver.addEventListener("message", ({ data }) => (data ? resolve(data) : reject(new Error("not calculated"))));
    solver.addEventListener("error", reject);
    solver.postMessage({ puzzle, bits: Number(bits) });
  });

const show = (name) => {
  for (const one of form.querySelectorAll("[data-when]")) one.hidden = one.dataset.when !== name;
};

// A little more than the door asks for, so that it is never too early.
const waited = later(Number(form.dataset.wait) + 0.5);
const solved = solve(form.dataset).then((answer) => {
  form.elements.namedItem("answer").value = answer;
  show("done");
});
solved.catch(() => show("failed"));
const ready = Promise.race([solved.catch(() => waited), waited]);

show("working");
let sending = false;
form.addEventListener("submit", async (event) => {
  // A second press changes nothing: what is solved serves once.
  event.preventDefault();
  if (sending) return;
  sending = true;
  await ready;
  form.submit();
  // Whoever stopped it may press again.
  setTimeout(() => { sending = false; }, 3000);
});
// Shown again by "back", its puzzle has served.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
