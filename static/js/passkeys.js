// Says on the page that a passkey was not used; the library alone would tell the console.

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const strip = document.getElementById("passkey-failed").content.cloneNode(true).firstElementChild;
  strip.dataset.passkey = "";
  const place = document.querySelector("#main .card-body");
  place.querySelector("[data-passkey]")?.remove();
  place.querySelector("h1").after(strip);
});
