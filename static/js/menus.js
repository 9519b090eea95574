// Menus are <details>: this closes them on Esc, on a click elsewhere, and when another opens.

const openMenus = () => document.querySelectorAll("details.menu[open]");

function closeAll(except) {
  for (const menu of openMenus()) if (!menu.contains(except)) menu.open = false;
}

document.addEventListener("click", (event) => closeAll(event.target));

document.addEventListener("focusin", (event) => closeAll(event.target));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = [...openMenus()].at(-1);
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
  event.preventDefault(); // the dialog around it stays
});

// Arrows walk through the entries.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const menu = step && event.target.closest?.("details.menu[open]");
  if (!menu || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const entries = [...menu.querySelectorAll(".menu-item, .menu-item input")].filter((entry) => entry.tabIndex >= 0);
  if (!entries.length) return;
  event.preventDefault();
  entries[(entries.indexOf(event.target) + step + entries.length) % entries.length].focus();
});

// A fragment that asks again by itself comes back as open as it was.
const kept = new Set();
document.addEventListener("htmx:beforeSwap", (event) => {
  for (const menu of event.detail.target?.querySelectorAll?.("details[data-keep-open][open]") ?? []) kept.add(menu.id);
});
document.addEventListener("htmx:load", (event) => {
  for (const menu of event.detail.elt.querySelectorAll("details[data-keep-open]")) if (kept.delete(menu.id)) menu.open = true;
});
