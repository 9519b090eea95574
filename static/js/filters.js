// Filter forms: addresses without empty parameters, and how many entries a pasted list has.

document.addEventListener("formdata", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  const columns = [...event.target.querySelectorAll("[name=columns]")];
  if (columns.every((box) => box.checked === ("usual" in box.dataset))) event.formData.delete("columns");
});

function count(area) {
  const entries = new Set(area.value.split(/[\n\r\t,;]+/).map((part) => part.trim()).filter(Boolean)).size;
  const field = area.closest(".field");
  let badge = field.querySelector(".list-count");
  if (!badge) {
    badge = Object.assign(document.createElement("span"), { className: "count-badge list-count" });
    field.querySelector(".field-label").append(badge);
  }
  badge.hidden = entries < 2;
  badge.textContent = entries;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-filters] textarea")) count(event.target);
});

// In a one-line list Enter applies; Shift+Enter starts a new line.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || !event.target.matches("[data-filters] textarea")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

function start(root) {
  for (const area of root.querySelectorAll("[data-filters] textarea")) if (area.value) count(area);
}
document.addEventListener("htmx:load", (event) => start(event.detail.elt));
start(document);
