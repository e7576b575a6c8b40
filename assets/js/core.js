// Helpers shared by the files below; all of them end up in one closure.

/** Listens on the whole page, so that what htmx swaps in later is heard too. */
function listen(type, selector, handler) {
  document.addEventListener(type, (event) => {
    const element = event.target instanceof Element ? event.target.closest(selector) : null;
    if (element) handler(event, element);
  });
}

/** Lets screen readers say `text`. */
function announce(text) {
  const region = document.querySelector("[data-announce]");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

/** `text` in the digits of the page. */
function pageDigits(text) {
  const page = document.documentElement;
  if (page.lang !== "fa" || page.dataset.digits === "latin") return String(text);
  return String(text).replace(/[0-9]/g, (digit) => String.fromCharCode(1776 + Number(digit)));
}

function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

// A message that stands in the page from the start is not announced by itself.
const message = document.querySelector("#flash");
if (message && message.textContent.trim()) announce(message.textContent.trim());
