// details.menu closes when something else is clicked, focused, or Escape is pressed; countdowns tick.

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

document.addEventListener("click", (event) => closeMenus(event.target));
document.addEventListener("focusin", (event) => closeMenus(event.target));
listen("keydown", "details.menu[open]", (event, menu) => {
  if (event.key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

function tick() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Math.max(0, Number(element.dataset.countdown) - Math.floor(Date.now() / 1000));
    const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    element.dir = "ltr";
    element.textContent = pageDigits(parts.map((part) => String(part).padStart(2, "0")).join(":"));
  }
}

tick();
setInterval(tick, 1000);
