// a[data-zoom]: opens the picture over the page. Wheel, buttons, + and − or two fingers zoom; dragging moves;
// Escape closes. Without this file the link opens the picture by itself.

const view = { scale: 1, x: 0, y: 0, pointers: new Map(), distance: 0 };

function viewer() {
  return document.querySelector("[data-viewer]");
}

function drawView() {
  const picture = viewer().querySelector("img");
  picture.style.transform = "translate(" + view.x + "px," + view.y + "px) scale(" + view.scale + ")";
}

function zoomBy(factor) {
  view.scale = Math.min(8, Math.max(1, view.scale * factor));
  if (view.scale === 1) {
    view.x = 0;
    view.y = 0;
  }
  drawView();
}

function openViewer(link) {
  const dialog = viewer();
  const picture = dialog.querySelector("img");
  const small = link.querySelector("img");
  picture.src = link.href;
  picture.alt = small ? small.alt : "";
  view.scale = 1;
  view.x = 0;
  view.y = 0;
  view.pointers.clear();
  drawView();
  dialog.showModal();
}

function fingerDistance() {
  const points = Array.from(view.pointers.values());
  return Math.hypot(points[0].x - points[1].x, points[0].y - points[1].y);
}

listen("click", "a[data-zoom]", (event, link) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || !viewer()) return;
  event.preventDefault();
  openViewer(link);
});
listen("click", "[data-viewer-in]", () => zoomBy(1.5));
listen("click", "[data-viewer-out]", () => zoomBy(1 / 1.5));
listen("click", "[data-viewer-close]", () => viewer().close());
listen("dblclick", ".viewer__stage", () => zoomBy(view.scale > 1 ? 0.01 : 2.5));
listen("keydown", "[data-viewer]", (event) => {
  if (event.key === "+" || event.key === "=") zoomBy(1.5);
  if (event.key === "-") zoomBy(1 / 1.5);
});

document.addEventListener("wheel", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest("[data-viewer]")) return;
  event.preventDefault();
  zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
}, { passive: false });

listen("pointerdown", ".viewer__stage", (event, stage) => {
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  view.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (view.pointers.size === 2) view.distance = fingerDistance();
});
listen("pointermove", ".viewer__stage", (event) => {
  const before = view.pointers.get(event.pointerId);
  if (!before) return;
  view.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (view.pointers.size === 2) {
    const distance = fingerDistance();
    zoomBy(distance / view.distance);
    view.distance = distance;
  } else if (view.scale > 1) {
    view.x += event.clientX - before.x;
    view.y += event.clientY - before.y;
    drawView();
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  listen(end, ".viewer__stage", (event) => view.pointers.delete(event.pointerId));
}
