// Forms: one sending at a time, chips that fill a field.

const RELEASE_AFTER_MS = 15000;

function holdForm(form, submitter) {
  form.dataset.sending = "1";
  form.setAttribute("aria-busy", "true");
  // After this event, so that the button's own name and value are still sent.
  setTimeout(() => {
    const buttons = submitter ? [submitter] : form.querySelectorAll("button:not([type=button])");
    for (const button of buttons) {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
    }
  }, 0);
}

function releaseForm(form) {
  if (!form.dataset.sending) return;
  delete form.dataset.sending;
  form.removeAttribute("aria-busy");
  for (const button of form.querySelectorAll("button[aria-busy]")) {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.sending) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  // What htmx or the upload sends is held and released by them.
  if (event.defaultPrevented || form.matches("[data-upload], [method=dialog]")) return;
  holdForm(form, event.submitter);
  // An answer that leaves the page in place, like a download, must not lock the form for good.
  setTimeout(() => releaseForm(form), RELEASE_AFTER_MS);
});

document.addEventListener("htmx:before:request", (event) => {
  if (event.target instanceof HTMLFormElement) holdForm(event.target, null);
});
document.addEventListener("htmx:finally:request", (event) => {
  if (event.target instanceof HTMLFormElement) releaseForm(event.target);
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) releaseForm(form);
});

listen("click", "[data-fill]", (event, chip) => {
  event.preventDefault();
  const field = document.querySelector(chip.dataset.fill);
  if (!field) return;
  field.value = chip.dataset.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
