// Keeps the page up to date and counts down. Everything essential works without it.
"use strict";

const SOON = 60; // seconds left that are shown in red
const PAUSE = 200; // milliseconds that changes are gathered for
const RETRY = 3000; // milliseconds before a lost stream is opened again

// --- Times ---------------------------------------------------------------------------------------------

function duration(seconds) {
  const parts = [
    [Math.floor(seconds / 86400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  while (parts.length > 1 && parts[0][0] === 0) parts.shift();
  return parts.slice(0, 2).map(([number, unit]) => number + unit).join(" ");
}

function countDown() {
  for (const time of document.querySelectorAll("time[data-until]")) {
    const seconds = Math.floor((Date.parse(time.dateTime) - Date.now()) / 1000);
    time.textContent = seconds > 0 ? duration(seconds) + " left" : "time is up";
    time.classList.toggle("soon", seconds < SOON);
  }
}

function localTimes() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    time.removeAttribute("data-local");
  }
}

// --- Forms ---------------------------------------------------------------------------------------------

function watchForms() {
  for (const form of document.querySelectorAll("form[data-once]:not([data-watched])")) {
    form.dataset.watched = "";
    form.addEventListener("submit", (event) => {
      const needed = event.submitter && event.submitter.dataset.needs;
      const field = needed && form.elements[needed];
      if (field && !field.value.trim()) {
        event.preventDefault();
        field.setCustomValidity("Say why, so that the requester knows what to do instead.");
        field.reportValidity();
        field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
        return;
      }
      // After the browser has put the pressed button's value into the request.
      setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
    });
  }
}

// --- Live parts ----------------------------------------------------------------------------------------

let refreshing = false;
let again = false;

// Takes the parts marked data-live from a fresh copy of this page; what is being typed stays.
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (response.redirected) return location.assign(response.url);
  if (!response.ok) return undefined;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const replacement = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!replacement || (part.querySelector("textarea") && replacement.querySelector("textarea"))) continue;
    const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    part.replaceWith(replacement);
    if (focused) replacement.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  if (document.title !== fresh.title) document.querySelector(".news").textContent = fresh.title;
  document.title = fresh.title;
  localTimes();
  countDown();
  watchForms();
  return undefined;
}

// One at a time, however fast events come; what comes during one is seen by the next.
function refreshSoon() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  setTimeout(async () => {
    again = false;
    try {
      await refresh();
    } catch {
      // The gateway is away: the line in the header says so, and the next event tries again.
    }
    refreshing = false;
    if (again) refreshSoon();
  }, PAUSE);
}

function showLine(live) {
  const line = document.querySelector(".line");
  line.hidden = false;
  line.classList.toggle("away", !live);
  line.textContent = live ? "live" : "reconnecting…";
}

function follow(which) {
  const stream = new EventSource("/api/stream");
  let opened = false;
  stream.onopen = () => {
    showLine(true);
    if (opened) refreshSoon();
    opened = true;
  };
  stream.onerror = () => {
    showLine(false);
    if (stream.readyState !== EventSource.CLOSED) return;
    // Not an event stream: signed out, or Kafka is away.
    setTimeout(() => { follow(which); refreshSoon(); }, RETRY);
  };
  for (const kind of ["approval.requested", "approval.decided", "approval.settled"]) {
    stream.addEventListener(kind, (event) => {
      if (which === "all" || JSON.parse(event.data).id === which) refreshSoon();
    });
  }
}

localTimes();
countDown();
setInterval(countDown, 1000);
watchForms();
if (document.body.dataset.follow) follow(document.body.dataset.follow);
