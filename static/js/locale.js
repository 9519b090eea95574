// What the browser knows better than the server: how long ago it is by now, and the names of
// countries in the reader's language.

const language = document.documentElement.lang || "en";
const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });
const countries = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60]];

function refresh() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    const unit = units.find(([, size]) => Math.abs(seconds) >= size * 0.95);
    if (unit) time.textContent = relative.format(Math.round(seconds / unit[1]), unit[0]);
  }
}
setInterval(refresh, 30_000);

document.addEventListener("mouseover", (event) => {
  const phone = event.target.closest?.("[data-region]");
  if (phone?.dataset.region) phone.title = countries.of(phone.dataset.region);
});
