// Copy and share buttons: [data-copy="text"], [data-share-url="https://…"]; "copied" comes from data-copied.

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Plain HTTP has no clipboard API: a shop that is tried out without TLS copies the old way.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copying was refused");
}

function showCopied(button) {
  const label = button.querySelector("[data-copy-text]") || button;
  const words = button.dataset.copied || "";
  if (!button.dataset.label) button.dataset.label = label.textContent;
  label.textContent = words;
  button.classList.add("btn--done");
  announce(words);
  setTimeout(() => {
    label.textContent = button.dataset.label;
    button.classList.remove("btn--done");
  }, 2000);
}

async function copyFrom(button, text) {
  const focused = document.activeElement;
  try {
    await copyText(text);
    showCopied(button);
  } catch (error) {
    window.prompt("", text);
  }
  if (focused instanceof HTMLElement) focused.focus();
}

listen("click", "[data-copy]", (event, button) => {
  event.preventDefault();
  copyFrom(button, button.dataset.copy);
});

listen("click", "[data-share-url]", async (event, button) => {
  event.preventDefault();
  const url = button.dataset.shareUrl;
  if (!navigator.share) {
    copyFrom(button, url);
    return;
  }
  try {
    await navigator.share({ url: url, title: button.dataset.shareTitle || "" });
  } catch (error) {
    if (error.name !== "AbortError") copyFrom(button, url);
  }
});
