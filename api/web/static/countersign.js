// Keeps the page up to date, counts down, and lets it be used by keys. Everything essential works without it.

const SOON = 60; // seconds left that are shown in red
const PAUSE = 200; // milliseconds that changes are gathered for
const RETRY = 3000; // milliseconds before a lost stream is opened again
const KINDS = ["requested", "decided", "escalated", "estimated", "settled"].map((kind) => `approval.${kind}`);

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

function tidy() {
  localTimes();
  countDown();
  watchForms();
}

function announce(text) {
  document.querySelector(".news").textContent = text;
}

// --- The queue: a row comes, changes or goes -----------------------------------------------------------

function count(list, by) {
  const shown = document.querySelector(`[data-count="${list.dataset.rows}"]`);
  const number = Number(shown.textContent) + by;
  shown.textContent = number;
  if (list.dataset.rows !== "mine") return;
  document.title = document.title.replace(/^(\(\d+\) )?/, number > 0 ? `(${number}) ` : "");
}

function rowFrom(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("li");
}

function takeRow(message) {
  if (message.identical.length > 0) return refreshSoon(); // they are one row, which counts them
  const old = document.getElementById(`row-${message.id}`);
  const list = document.querySelector(`[data-rows="${message.mine ? "mine" : "others"}"]`);
  if (!message.html) {
    if (old) removeRow(old);
    else refreshSoon(); // it waited on another page of the list: the numbers are that page's to say
    return;
  }
  const row = rowFrom(message.html);
  if (old && old.parentElement === list) {
    const focused = old.contains(document.activeElement);
    old.replaceWith(row);
    if (focused) row.querySelector("a").focus();
  } else if (!old && message.kind !== "approval.requested") {
    refreshSoon(); // likewise
  } else {
    if (old) removeRow(old);
    count(list, 1);
    // New ones come last: the longest waiting is first.
    if (Number(list.dataset.rest) === 0 && list.children.length < Number(list.dataset.most)) list.append(row);
    else list.dataset.rest = Number(list.dataset.rest) + 1;
    if (message.mine) announce(`New request: ${message.from}`);
  }
  tidy();
}

function removeRow(row) {
  const list = row.parentElement;
  const next = row.nextElementSibling || row.previousElementSibling;
  const focused = row.contains(document.activeElement);
  row.remove();
  count(list, -1);
  if (focused) (next ? next.querySelector("a") : document.getElementById("main")).focus();
  if (list.children.length === 0 && Number(list.dataset.rest) > 0) refreshSoon();
}

// --- The page of one request ---------------------------------------------------------------------------

let refreshing = false;
let again = false;

// Takes the parts marked data-part from a fresh copy of this page; what is being typed stays.
async function refresh() {
  const response = await fetch(location.href, { credentials: "same-origin" });
  if (response.redirected) return location.assign(response.url);
  if (!response.ok) return undefined;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (document.body.dataset.live === "queue") {
    const focused = document.activeElement.closest("li[id]")?.id;
    document.getElementById("main").replaceWith(fresh.getElementById("main"));
    if (focused) document.getElementById(focused)?.querySelector("a").focus();
  }
  for (const part of document.querySelectorAll("[data-part]")) {
    const replacement = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    const written = part.querySelector("textarea")?.value;
    const isInUse = written !== undefined || part.querySelector(":checked");
    if (!replacement || (isInUse && part.dataset.state === replacement.dataset.state)) continue;
    part.replaceWith(replacement);
    if (written && replacement.querySelector("textarea")) replacement.querySelector("textarea").value = written;
  }
  if (document.title !== fresh.title) announce(fresh.title);
  const state = document.querySelector(".outcome");
  if (state) announce(state.textContent);
  document.title = fresh.title;
  tidy();
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

// --- The stream ----------------------------------------------------------------------------------------

function showLine(live) {
  const line = document.querySelector(".line");
  line.hidden = false;
  line.classList.toggle("away", !live);
  line.textContent = live ? "live" : "reconnecting…";
}

function follow(which, seen) {
  const stream = new EventSource(`/live?seen=${encodeURIComponent(seen)}`);
  stream.onopen = () => showLine(true);
  stream.onerror = () => {
    showLine(false);
    if (stream.readyState !== EventSource.CLOSED) return; // it tries again by itself, from where it was
    // Not an event stream: signed out, or Kafka is away.
    setTimeout(() => { follow(which, seen); refreshSoon(); }, RETRY);
  };
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => {
      seen = event.lastEventId || seen;
      const message = { kind, ...JSON.parse(event.data) };
      if (which === "queue") takeRow(message);
      else if (message.id === which || message.identical.includes(which)) refreshSoon();
    });
  }
}

// --- Keys (WCAG 2.2, 2.1.4: they can be turned off) ----------------------------------------------------

const KEYS = "countersign keys";
const keysAreOn = () => localStorage.getItem(KEYS) !== "off";

function step(by) {
  const links = [...document.querySelectorAll(".requests:not(ol) .request > a")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
  links[next].closest(".request").scrollIntoView({ block: "nearest" });
}

const ACTIONS = {
  j: () => step(1),
  k: () => step(-1),
  c: () => document.getElementById("comment")?.focus(),
  u: () => location.assign("/"),
};

function watchKeys(dialog) {
  const box = dialog.querySelector(".keys-on");
  box.checked = keysAreOn();
  box.addEventListener("change", () => localStorage.setItem(KEYS, box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "?") {
      dialog.showModal();
    } else if (keysAreOn() && ACTIONS[event.key]) {
      event.preventDefault();
      ACTIONS[event.key]();
    }
  });
}

tidy();
setInterval(countDown, 1000);
const dialog = document.querySelector("dialog.keys");
if (dialog) watchKeys(dialog);
if (document.body.dataset.live) follow(document.body.dataset.live, document.body.dataset.seen);
