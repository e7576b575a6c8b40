// Live changes. <main data-live="/events"> listens to server-sent events and passes them on to htmx as events
// of <body>: `live`, `live-payment`, `live-payment-12`. Where that fails, `live` and
// `live-missed` come every 15 seconds.

const POLL_EVERY_MS = 15000;
const RETRY_FROM_MS = 2000;
const RETRY_AT_MOST_MS = 60000;
const live = { url: "", source: null, poll: 0, retry: 0, wait: RETRY_FROM_MS, missed: false };

function tellPage(name, detail) {
  document.body.dispatchEvent(new CustomEvent(name, { detail: detail }));
}

function showLiveState(state) {
  for (const element of document.querySelectorAll("[data-live-state]")) {
    const text = element.querySelector("[data-live-text]");
    const words = element.dataset[state] || "";
    element.dataset.liveState = state;
    if (text && text.textContent !== words) text.textContent = words;
  }
}

function passOn(event) {
  let change;
  try {
    change = JSON.parse(event.data);
  } catch (error) {
    return;
  }
  // A notice comes with the change that it tells of.
  if (change.topic !== "notice") tellPage("live", change);
  tellPage("live-" + change.topic, change);
  tellPage("live-" + change.topic + "-" + change.id, change);
}

/** Something may have happened that was not heard. */
function tellOfMissed() {
  tellPage("live", {});
  tellPage("live-missed", {});
}

function startPolling() {
  showLiveState("polling");
  if (!live.poll) live.poll = setInterval(tellOfMissed, POLL_EVERY_MS);
}

function disconnect() {
  if (live.source) live.source.close();
  clearInterval(live.poll);
  clearTimeout(live.retry);
  live.source = null;
  live.poll = 0;
}

function connect() {
  if (!window.EventSource) {
    startPolling();
    return;
  }
  const source = new EventSource(live.url);
  live.source = source;
  source.addEventListener("open", () => {
    clearInterval(live.poll);
    live.poll = 0;
    live.wait = RETRY_FROM_MS;
    showLiveState("on");
    // What happened while nobody listened was not heard.
    if (live.missed) tellOfMissed();
    live.missed = false;
  });
  source.addEventListener("change", passOn);
  source.addEventListener("resync", tellOfMissed);
  source.addEventListener("error", () => {
    live.missed = true;
    source.close();
    startPolling();
    clearTimeout(live.retry);
    live.retry = setTimeout(connect, live.wait);
    live.wait = Math.min(live.wait * 2, RETRY_AT_MOST_MS);
  });
}

/** Starts, goes on or stops listening, as the page that is shown now asks for. */
function followPage() {
  const element = document.querySelector("[data-live]");
  const url = element ? element.dataset.live : "";
  if (url === live.url && (live.source || live.poll)) {
    if (live.source && live.source.readyState === 1) showLiveState("on");
    return;
  }
  disconnect();
  live.url = url;
  if (!url || document.hidden) return;
  showLiveState("waiting");
  connect();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    live.missed = true;
    disconnect();
  } else {
    followPage();
  }
});
// Leaving the connection open would keep the page out of the browser's back cache.
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", followPage);
document.addEventListener("htmx:after:swap", followPage);
