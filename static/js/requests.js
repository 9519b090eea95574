// Around every request of htmx: a thin bar while one runs, old rows kept when the answer is not
// what was asked for, and the result said to those who listen.

const bar = document.getElementById("loading-bar");
const live = document.getElementById("live");
let running = 0;

function count(change) {
  running = Math.max(0, running + change);
  bar.toggleAttribute("data-busy", running > 0);
}

// What asks by itself (the tray, a total, a report in the making) is not shown as waiting.
const asksByItself = (event) =>
  event.detail.requestConfig?.triggeringEvent?.type === "load" || event.detail.elt?.matches?.("#tray, [data-live]");

document.addEventListener("htmx:beforeRequest", (event) => asksByItself(event) || count(1));
document.addEventListener("htmx:afterRequest", (event) => asksByItself(event) || count(-1));

// An error page or the sign-in page must not replace a list with nothing: swap only what holds
// the element asked for, or is a designed error.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt, target } = event.detail;
  if (new URL(xhr.responseURL || location.href).pathname.includes("/accounts/login")) {
    event.detail.shouldSwap = false;
    location.reload(); // the server leads through sign-in and back here
    return;
  }
  const wanted = elt.closest("[hx-select]")?.getAttribute("hx-select");
  const found = wanted && xhr.responseText.includes(`id="${wanted.slice(1)}"`);
  if (xhr.status < 400) {
    if (wanted && !found) event.detail.shouldSwap = false;
    return;
  }
  if (!found && !xhr.responseText.includes("state-error")) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  if (wanted && !found) {
    // The error stands where the rows stood; the form beside them keeps its values.
    event.detail.selectOverride = ".state-error";
    event.detail.swapOverride = "innerHTML";
    const rows = target.querySelector("[data-rows]");
    if (rows) event.detail.target = rows;
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const said = event.detail.elt?.querySelector?.("[data-announce]") ?? event.detail.elt?.closest?.("[data-announce]");
  if (said) live.textContent = said.dataset.announce;
});
