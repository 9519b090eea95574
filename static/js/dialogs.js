// Dialogs: those in the page open by data-dialog="id", those the server sends by arriving in
// #dialog-content. The browser itself keeps the focus inside and gives it back.

const fetched = document.getElementById("dialog");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog) {
      event.preventDefault();
      dialog.showModal();
    }
    return;
  }
  const dialog = event.target.closest("dialog.dialog");
  const onVeil = event.target === dialog && !inside(dialog, event);
  if (dialog && (event.target.closest("[data-dialog-close]") || onVeil)) {
    event.preventDefault();
    dialog.close();
  }
});

function inside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "dialog-content" && !fetched.open) fetched.showModal();
});
document.addEventListener("dialog:close", () => fetched?.close()); // HX-Trigger: dialog:close
