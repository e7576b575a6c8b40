// The approval queue by keyboard: j and k move, a approves, r opens the rejection. After an answer has
// replaced an item, the focus goes to the next one that still waits.

const WAITING_ITEM = "[data-queue-item]:not([data-done])";
let queueNext = [];

function currentItem() {
  return document.activeElement ? document.activeElement.closest("[data-queue-item]") : null;
}

function focusItem(item) {
  if (!item) return;
  if (!item.hasAttribute("tabindex")) item.tabIndex = -1;
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

function moveFocus(queue, step) {
  const items = Array.from(queue.querySelectorAll(WAITING_ITEM));
  const at = items.indexOf(currentItem());
  focusItem(items[at < 0 ? 0 : Math.min(Math.max(at + step, 0), items.length - 1)]);
}

function openRejection(item) {
  const details = item.querySelector("[data-reject]");
  if (!details) return;
  details.open = true;
  const field = details.querySelector("textarea, input:not([type=hidden]), select");
  if (field) field.focus();
}

document.addEventListener("keydown", (event) => {
  const queue = document.querySelector("[data-queue]");
  if (!queue || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  // By position and not by letter: on a Persian keyboard these keys type ت ن ش ق.
  const item = currentItem();
  if (event.code === "KeyJ") moveFocus(queue, 1);
  else if (event.code === "KeyK") moveFocus(queue, -1);
  else if (event.code === "KeyA" && item) {
    const button = item.querySelector("[data-approve]");
    if (button) button.click();
  } else if (event.code === "KeyR" && item) openRejection(item);
  else return;
  event.preventDefault();
});

listen("keydown", "[data-reject]", (event, details) => {
  if (event.key !== "Escape") return;
  details.open = false;
  focusItem(details.closest("[data-queue-item]"));
});

document.addEventListener("htmx:before:request", (event) => {
  const item = event.target instanceof Element ? event.target.closest("[data-queue-item]") : null;
  if (!item || !item.contains(document.activeElement)) return;
  const items = Array.from(document.querySelectorAll(WAITING_ITEM));
  const at = items.indexOf(item);
  queueNext = items.slice(at + 1).concat(items.slice(0, at).reverse());
});

document.addEventListener("htmx:after:swap", () => {
  if (queueNext.length === 0) return;
  const item = currentItem();
  if (item && !item.matches("[data-done]")) return;
  // htmx gives the focus back to what bears the same id: the result of what was decided.
  const lost = item || !document.activeElement || document.activeElement === document.body;
  const next = queueNext.find((other) => other.isConnected && other.matches(WAITING_ITEM));
  queueNext = [];
  if (lost) focusItem(next || document.querySelector(WAITING_ITEM) || document.querySelector("main"));
});
