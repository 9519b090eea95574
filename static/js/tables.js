// A table that fits lets its head stick to the page; one that does not scrolls in its own box,
// which then has a keyboard stop and a limited height.

const watch = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(target.closest(".table-scroll") ?? target);
});

function fit(box) {
  const table = box.querySelector("table");
  if (!table) return;
  const fits = table.scrollWidth <= box.clientWidth + 1;
  box.toggleAttribute("data-fits", fits);
  box.classList.toggle("is-tall", !fits && table.offsetHeight > innerHeight);
  if (fits) box.removeAttribute("tabindex");
  else box.tabIndex = 0;
}

function start(root) {
  for (const box of root.querySelectorAll(".table-scroll")) {
    fit(box);
    watch.observe(box);
    // It may change alone: when cards become a table again, or a cell grows.
    const table = box.querySelector("table");
    if (table) watch.observe(table);
  }
}

document.addEventListener("htmx:load", (event) => start(event.detail.elt));
start(document);

// "Select all": rows' boxes follow the one in the head, the bulk bar follows the boxes.
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches("[data-select], [data-select-all]")) return;
  const scope = box.closest("[data-selection]");
  const boxes = [...scope.querySelectorAll("[data-select]")];
  if (box.matches("[data-select-all]")) for (const one of boxes) one.checked = box.checked;
  const chosen = boxes.filter((one) => one.checked);
  for (const one of boxes) one.closest("tr").setAttribute("aria-selected", String(one.checked));
  const all = scope.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  }
  const bar = scope.querySelector("[data-bulk]");
  if (bar) {
    bar.hidden = !chosen.length;
    for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = chosen.length;
  }
});
