// The drawer: a row opens beside its list. Its id is in the address (?call=ID), so Back closes it
// and the link can be sent; the row's own link still leads to the full page.

const drawer = document.getElementById("drawer");
const body = document.getElementById("drawer-body");
const title = document.getElementById("drawer-title");
const page = document.getElementById("drawer-page");
const firstTitle = title.textContent;

let waiting; // the request under way
let last = new URL(location.href); // where we were before Back

const table = () => document.querySelector("table[data-drawer]");
const rows = () => [...document.querySelectorAll("table[data-drawer] [data-row]")];
const rowOf = (id) => rows().find((row) => row.dataset.row === id);

function address(id) {
  const url = new URL(location.href);
  const name = table()?.dataset.drawer;
  if (id) url.searchParams.set(name, id);
  else url.searchParams.delete(name);
  return url;
}

const current = () => table() && new URL(location.href).searchParams.get(table().dataset.drawer);

function open(id, { remember = true } = {}) {
  if (remember) {
    if (drawer.open) history.replaceState(history.state, "", address(id));
    else history.pushState({ drawer: id }, "", address(id));
    last = new URL(location.href);
  }
  show(id);
}

function show(id) {
  mark(id);
  const row = rowOf(id);
  row?.querySelector(".row-link")?.focus({ preventScroll: true });
  page.href = row?.querySelector(".row-link")?.href ?? table().dataset.drawerPath.replace("{id}", encodeURIComponent(id));
  page.hidden = !row;
  if (!drawer.open) drawer.showModal();
  title.textContent = firstTitle;
  title.focus({ preventScroll: true });
  steps(id);
  load(table().dataset.drawerPath.replace("{id}", encodeURIComponent(id)));
}

async function load(url) {
  waiting?.abort();
  waiting = new AbortController();
  body.replaceChildren(document.getElementById("drawer-waits").content.cloneNode(true));
  drawer.scrollTop = 0;
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "drawer-body" }, signal: waiting.signal });
    if (new URL(answer.url).pathname.includes("/accounts/login")) return location.reload();
    const html = await answer.text();
    const content = new DOMParser().parseFromString(html, "text/html");
    const whole = content.querySelector("main");
    body.replaceChildren(...(whole ?? content.body).childNodes);
    window.htmx.process(body);
    body.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: body } }));
    const named = body.querySelector("[data-drawer-title]");
    if (named) title.textContent = named.dataset.drawerTitle || named.textContent;
  } catch (error) {
    if (error.name !== "AbortError") body.textContent = drawer.dataset.failed;
  }
}

function mark(id) {
  for (const row of rows()) row.classList.toggle("is-open", row.dataset.row === id);
  rowOf(id)?.scrollIntoView({ block: "nearest" });
}

function steps(id) {
  const all = rows();
  const at = all.findIndex((row) => row.dataset.row === id);
  for (const button of drawer.querySelectorAll("[data-drawer-step]")) {
    button.disabled = !all[at + Number(button.dataset.drawerStep)] || at < 0;
  }
}

function step(by) {
  const all = rows();
  const next = all[all.findIndex((row) => row.dataset.row === current()) + by];
  if (next) open(next.dataset.row);
}

// Out by the way we came: Back where we pushed, else the address without the id.
function leave() {
  if (history.state?.drawer) history.back();
  else {
    history.replaceState(history.state, "", address(null));
    last = new URL(location.href);
    hide();
  }
}

function hide() {
  waiting?.abort();
  const row = document.querySelector("[data-row].is-open");
  if (drawer.open) drawer.close();
  body.replaceChildren();
  mark(null);
  row?.querySelector(".row-link")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-drawer-close]")) return leave();
  const button = event.target.closest("[data-drawer-step]");
  if (button) return step(Number(button.dataset.drawerStep));
  if (event.target === drawer) return behind(event);
  const row = event.target.closest("table[data-drawer] [data-row]");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
  const inner = event.target.closest("a, button, input, label, select, summary, audio");
  if ((inner && !inner.matches(".row-link")) || String(getSelection())) return;
  event.preventDefault();
  open(row.dataset.row);
});

// A click beside the drawer goes to the row that is seen there, else closes.
function behind({ clientX, clientY }) {
  if (clientX >= drawer.getBoundingClientRect().left) return;
  const row = rows().find((candidate) => {
    const box = candidate.getBoundingClientRect();
    return clientY >= box.top && clientY <= box.bottom && clientX >= box.left;
  });
  if (row) open(row.dataset.row);
  else leave();
}

drawer.addEventListener("cancel", (event) => {
  event.preventDefault();
  leave();
});

// keys.js says what was pressed.
document.addEventListener("row:step", (event) => {
  if (!drawer.open) return;
  event.preventDefault();
  step(event.detail);
});
document.addEventListener("row:page", (event) => {
  if (!drawer.open) return;
  event.preventDefault();
  if (!page.hidden) location.assign(page.href);
});

// Runs before htmx's own listener, which would fetch the whole list again: between an address with
// a drawer and the same address without one nothing needs fetching.
addEventListener("popstate", (event) => {
  const now = new URL(location.href);
  const name = table()?.dataset.drawer;
  const before = last;
  last = now;
  if (!name) return;
  const plain = (url) => {
    const copy = new URL(url);
    copy.searchParams.delete(name);
    copy.hash = "";
    return copy.href;
  };
  if (plain(now) !== plain(before)) return drawer.open ? hide() : undefined;
  event.stopImmediatePropagation();
  if (current()) show(current());
  else hide();
});
for (const name of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
  document.addEventListener(name, () => (last = new URL(location.href)));
}

document.addEventListener("htmx:historyRestore", () => {
  last = new URL(location.href);
  if (current()) show(current());
});
if (current()) addEventListener("DOMContentLoaded", () => show(current()), { once: true });
