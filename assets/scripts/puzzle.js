// While many guess, the password's form comes with a small calculation, done beside the page as soon as it opens. Whoever
// sends the form before its end waits for it; where it cannot be done, the page says how long to wait instead.

const form = document.querySelector("form[data-puzzle]");
const told = (name) => form.querySelector(`[data-when="${name}"]`);

const solve = ({ puzzle, bits, worker }) =>
  new Promise((resolve, reject) => {
    // The page's own script, named by the page: nothing else is taken.
    const own = (path) => {
      if (new URL(path, location.href).origin !== location.origin) throw new TypeError("not of this door");
      return path;
    };
    const policy = window.trustedTypes?.createPolicy("poterne-puzzle", { createScriptURL: own });
    const solver = new Worker(policy ? policy.createScriptURL(worker) : own(worker));
    solver.addEventListener("message", ({ data }) => resolve(data));
    solver.addEventListener("error", reject);
    solver.postMessage({ puzzle, bits: Number(bits) });
  });

const answered = solve(form.dataset).then(
  (answer) => {
    form.elements.namedItem("answer").value = answer;
    form.dataset.solved = "";
    told("working").hidden = true;
    told("done").hidden = false;
  },
  () => {
    told("working").hidden = true;
    told("failed").hidden = false;
    form.dataset.solved = "";
  },
);

told("working").hidden = false;
form.addEventListener("submit", async (event) => {
  if ("solved" in form.dataset) return;
  event.preventDefault();
  await answered;
  form.requestSubmit();
});
