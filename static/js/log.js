// The log viewer: search shows the lines that hold the words, "next error" jumps.
// Levels need no script: the style sheet hides what is unticked.

function search(viewer) {
  const words = viewer.querySelector("[data-log-search]").value.toLowerCase();
  const lines = [...viewer.querySelectorAll(".log-line")];
  let found = 0;
  for (const line of lines) {
    const text = line.querySelector(".log-text");
    const plain = text.textContent;
    const holds = plain.toLowerCase().includes(words);
    line.hidden = !holds;
    found += holds;
    if (holds || text.firstElementChild) text.replaceChildren(...marked(plain, words));
  }
  const said = viewer.querySelector("[data-log-found]");
  said.textContent = said.dataset.words.replace("{n}", found).replace("{total}", lines.length);
}

function marked(text, words) {
  if (!words) return [text];
  const parts = [];
  let from = 0;
  const lower = text.toLowerCase();
  for (let at = lower.indexOf(words); at >= 0; at = lower.indexOf(words, from)) {
    parts.push(text.slice(from, at), Object.assign(document.createElement("mark"), { textContent: text.slice(at, at + words.length) }));
    from = at + words.length;
  }
  return [...parts, text.slice(from)];
}

let timer;
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-log-search]")) return;
  clearTimeout(timer);
  timer = setTimeout(search, 120, event.target.closest("[data-log]"));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-log-error]");
  if (!button) return;
  const box = button.closest("[data-log]").querySelector(".log");
  const errors = [...box.querySelectorAll('[data-level="error"]')].filter((line) => line.offsetParent);
  if (!errors.length) return;
  const top = box.getBoundingClientRect().top;
  const next = errors.find((line) => line.getBoundingClientRect().top > top + 40) ?? errors[0];
  box.scrollTop += next.getBoundingClientRect().top - top - 24;
});
