// Keys for people who live in the lists: / j k o ? and Enter. They can be switched off in "?".

const root = document.documentElement;
const typing = (element) => element.matches?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility?.() ?? true);
const linkOf = (row) => row?.querySelector(".row-link");
const focused = () => document.activeElement?.closest("[data-row]");

function say(name, detail) {
  return !document.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
}

function step(by) {
  if (say("row:step", by)) return;
  const all = rows();
  const at = all.indexOf(focused());
  const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
  linkOf(next)?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  o: () => say("row:page") || (linkOf(focused()) && location.assign(linkOf(focused()).href)),
  "/": () => {
    const search = document.getElementById("search");
    search?.focus();
    search?.select();
  },
  "?": () => document.getElementById("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (root.dataset.keys === "off" || typing(event.target)) return;
  const action = actions[event.key];
  if (!action || document.querySelector("dialog.dialog[open]")) return;
  event.preventDefault();
  action();
});

// Esc in the search box gives the page back.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.id === "search" && !event.target.value) event.target.blur();
});
