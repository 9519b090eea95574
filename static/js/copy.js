// Copies what a button's data-copy says ("@url" is this page's address).

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy === "@url" ? location.href : button.dataset.copy;
  await write(text);
  button.dataset.done = "";
  document.getElementById("live").textContent = button.dataset.said ?? "";
  setTimeout(() => delete button.dataset.done, 1600);
});

async function write(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http has no clipboard; a selection can still be copied.
  const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "hidden-text" });
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
