// The little that htmx does not do: the wall's stream and its loss, sound, keys, the lock.
(() => {
  "use strict";
  const body = document.body;
  const SILENCE_MS = 5000; // the gateway says something every 2 s
  const LINES = 200;

  // ---- stream ----
  const wall = document.querySelector("[data-stream]");
  const ringing = document.getElementById("ringing"); // on every page but the wall
  const link = document.getElementById("link");
  const cut = document.getElementById("cut");
  let heard = Date.now();
  let itLocked = body.dataset.locked === "yes"; // the gateway has said so; a page that locks is a beat or five ahead of it
  let heardAt = ""; // the gateway's own clock, as it said it last: an order that comes late opens nothing
  let last = wall ? wall.dataset.after : "";
  let source = null;

  function connected(good) {
    if (link) {
      link.hidden = false;
      link.className = "link " + (good ? "good" : "lost");
      const text = good ? link.dataset.good : link.dataset.lost;
      if (link.textContent !== text) link.textContent = text;
    }
    if (cut) cut.hidden = good;
    if (!good) document.querySelectorAll("[data-camera]").forEach((figure) => { figure.hidden = true; });
    body.dataset.connected = good ? "yes" : "no";
  }

  function show(message) {
    const door = message.door && document.getElementById("door-" + message.door);
    if (door && message.tile) {
      const now = door.querySelector(".now");
      now.innerHTML = message.tile;
      for (const end of document.querySelectorAll("[data-ends]")) { // what another guard began can be ended here, too
        end.hidden = !document.querySelector('[data-source="' + end.dataset.ends + '"]');
      }
      const verdict = now.querySelector(".verdict");
      if (verdict && verdict.dataset.seq === String(message.seq)) verdict.classList.add("fresh");
    }
    const lines = document.getElementById("lines");
    if (message.line && lines && !lines.querySelector('[data-seq="' + message.seq + '"]')) {
      lines.insertAdjacentHTML("afterbegin", message.line);
      while (lines.children.length > LINES) lines.lastElementChild.remove();
    }
    document.dispatchEvent(new CustomEvent("news", { detail: message }));
  }

  function open() {
    if (source) source.close();
    const address = wall.dataset.stream;
    source = new EventSource(address + (address.includes("?") ? "&" : "?") + "after=" + encodeURIComponent(last));
    const alive = () => { heard = Date.now(); connected(true); };
    source.addEventListener("beat", (event) => {
      alive();
      const beat = JSON.parse(event.data);
      heardAt = String(beat.at);
      if (beat.locked) { itLocked = true; locked(); } else if (itLocked && !ringing) location.reload();
    });
    source.addEventListener("row", (event) => {
      alive();
      if (event.lastEventId) last = event.lastEventId;
      show(JSON.parse(event.data));
    });
    source.addEventListener("door", (event) => { alive(); show(JSON.parse(event.data)); });
    source.addEventListener("alarms", (event) => { alive(); ring(JSON.parse(event.data)); });
    source.addEventListener("picture", (event) => { alive(); picture(JSON.parse(event.data)); });
    // What is being written on another page is not thrown away for it.
    source.addEventListener("anew", () => { if (ringing) { last = ""; open(); } else location.reload(); });
    source.addEventListener("gone", () => {
      source.close();
      if (ringing) asleep = true; else location.assign("/sign-in"); // what is being written stays
    });
  }

  // A browser has few connections for all its pages: one that nobody looks at gives its own back; a wall keeps it.
  let asleep = Boolean(ringing) && document.hidden;
  if (ringing) document.addEventListener("visibilitychange", () => {
    asleep = document.hidden;
    if (asleep) { if (source) source.close(); } else { heard = Date.now(); open(); }
  });

  if (wall) {
    if (!asleep) open();
    let again = Date.now();
    setInterval(() => {
      if (asleep) return;
      if (Date.now() - heard <= SILENCE_MS - 1000) return;
      connected(false);
      // A browser gives up for good on some errors: ask anew, from the last one heard.
      if (Date.now() - again > 2000) { again = Date.now(); open(); }
    }, 500);
  }

  // ---- cameras: pictures come with the stream, so that none holds up another connection ----
  function picture(message) {
    const figure = document.querySelector('[data-camera="' + CSS.escape(message.camera) + '"]');
    if (!figure) return;
    if (message.jpeg) figure.querySelector("img").src = "data:image/jpeg;base64," + message.jpeg;
    figure.hidden = !message.jpeg; // an old picture would be taken for now
  }

  // ---- sound: made here, so that nothing has to be loaded; browsers allow it after the first key or touch ----
  // (or at once, where somebody has touched the page before this one).
  let audio = null;
  try {
    audio = new (window.AudioContext || window.webkitAudioContext)();
    const said = () => { const hint = document.getElementById("mute"); if (hint) hint.hidden = audio.state === "running"; };
    audio.addEventListener("statechange", said);
    said();
  } catch (error) { /* a browser without sound shows everything all the same */ }
  function allowSound() {
    if (audio && audio.state === "suspended") audio.resume();
  }
  addEventListener("pointerdown", allowSound);
  addEventListener("keydown", allowSound);
  function beep(times) {
    if (!audio || audio.state !== "running") return;
    for (let n = 0; n < times; n++) {
      const tone = audio.createOscillator(), gain = audio.createGain(), at = audio.currentTime + n * 0.35;
      tone.type = "square";
      tone.frequency.setValueAtTime(n % 2 ? 660 : 880, at);
      gain.gain.setValueAtTime(0.15, at);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.3);
      tone.connect(gain).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.3);
    }
    body.dataset.beeps = String(Number(body.dataset.beeps || 0) + 1);
  }

  // ---- alarms: what the guard is typing stays, the clock runs here, and it rings until somebody has heard ----
  const alarms = document.getElementById("alarms");
  let since = performance.now();
  function ring(html) {
    if (ringing) { // a line for each that this page does not show
      const page = document.createElement("template");
      page.innerHTML = html;
      const here = new Set([...document.querySelectorAll("#alarms [data-alarm]")].map((bar) => bar.dataset.alarm));
      const loud = [...page.content.querySelectorAll("[data-rings]:not(.silent)")]
        .filter((bar) => !here.has(bar.dataset.alarm)).map((bar) => bar.querySelector(".what"));
      ringing.hidden = !loud.length;
      for (const bar of page.content.querySelectorAll("[data-alarm]:not([data-rings])")) { // somebody has heard it
        document.querySelector(`#alarms [data-alarm="${CSS.escape(bar.dataset.alarm)}"]`)?.removeAttribute("data-rings");
      }
      ringing.firstElementChild.textContent = loud.map((what) => what.textContent.trim().replace(/\s+/g, " ")).join("  ");
    }
    if (!alarms || ringing) return;
    const kept = [...alarms.querySelectorAll("input[name=why], input[name=drill], select")].map((field) =>
      [field.closest("[data-alarm]").dataset.alarm, field.name, field.value, field.checked, field === document.activeElement]);
    const height = alarms.offsetHeight;
    alarms.innerHTML = html;
    if (alarms.offsetHeight !== height) moved = performance.now();
    since = performance.now();
    htmx.process(alarms);
    for (const [alarm, name, value, checked, focused] of kept) {
      const field = alarms.querySelector(`[data-alarm="${CSS.escape(alarm)}"] [name="${name}"]`);
      if (field) { if (value || name !== "outcome") field.value = value; field.checked = checked; if (focused) field.focus(); }
    }
    tick();
  }
  // A press that was meant for what stood here a moment ago opens nothing.
  let moved = -1000;
  addEventListener("click", (event) => {
    if (performance.now() - moved < 400 && event.isTrusted && event.detail > 0 && !event.target.closest("#alarms")) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
  function tick() {
    for (const left of document.querySelectorAll(".left")) {
      const ms = Number(left.dataset.left) - (performance.now() - since), s = Math.floor(Math.abs(ms) / 1000);
      left.textContent = (ms < 0 ? "+" : "") + Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
      left.classList.toggle("late", ms < 0);
    }
  }
  const rings = () => (alarms && alarms.querySelector("[data-rings]")) || (ringing && !ringing.hidden);
  setInterval(() => { if (rings()) beep(4); }, 3000);
  if (alarms) {
    tick();
    setInterval(tick, 500);
    if (alarms.dataset.page) {
      const fields = () => [...alarms.querySelectorAll("input[name=why], input[name=drill], select")];
      const key = (field) => field.closest("[data-alarm]").dataset.alarm + " " + field.name;
      const typed = JSON.parse(sessionStorage.getItem("typed") || "{}"); // what was written when another was answered
      sessionStorage.removeItem("typed");
      for (const field of fields()) if (key(field) in typed) [field.value, field.checked] = typed[key(field)];
      document.addEventListener("htmx:afterRequest", (event) => {
        if (event.detail.successful) setTimeout(() => {
          const answered = event.detail.elt.closest("[data-alarm]");
          const kept = fields().filter((field) => !answered || !answered.contains(field));
          sessionStorage.setItem("typed", JSON.stringify(
            Object.fromEntries(kept.map((field) => [key(field), [field.value, field.checked]]))));
          location.reload();
        }, 800);
      });
    }
  }
  document.addEventListener("news", (event) => { if (event.detail.kind === "alarm") beep(4); });

  // ---- keys: 1…9 a door, o opens it, / search. A scanner types, too, faster than anybody: that orders nothing. ----
  const BURST_MS = 60, ALONE_MS = 200;
  let pressed = -1000, meant = 0;
  addEventListener("keydown", (event) => {
    const writes = event.target.closest("input, select, textarea");
    // Behind a reason Enter would press the form's first button, which is not what was meant: it opens, or sends somebody.
    if (writes && event.key === "Enter" && event.target.closest(".acts, #alarms")) event.preventDefault();
    if (event.repeat) return;
    clearTimeout(meant);
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key.length > 1 && event.key !== "Enter") return;
    const burst = performance.now() - pressed < BURST_MS;
    pressed = performance.now();
    if (burst && !writes) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (/^[1-9]$/.test(event.key)) {
      const door = document.querySelectorAll(".door")[Number(event.key) - 1];
      if (door) { door.focus(); event.preventDefault(); }
    } else if (event.key === "o") {
      const button = document.activeElement.closest(".door")?.querySelector('button[value="open"]');
      if (button) { meant = setTimeout(() => button.click(), ALONE_MS); event.preventDefault(); }
    } else if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) { field.focus(); event.preventDefault(); }
    }
  });

  // ---- orders: none into a dead line, none that come late ----
  function say(text) {
    const toast = document.getElementById("toast"), shown = document.createElement("p");
    shown.className = "bad";
    shown.textContent = "✕ " + text;
    toast.replaceChildren(shown);
    setTimeout(() => shown.remove(), 10000);
  }
  const orders = (path) => path === "/orders";
  document.addEventListener("htmx:configRequest", (event) => {
    if (orders(event.detail.path) && heardAt) event.detail.headers["X-Heard"] = heardAt;
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!orders(event.detail.pathInfo.requestPath) || body.dataset.connected !== "no") return;
    event.preventDefault();
    say(body.dataset.unsent);
  });
  for (const lost of ["htmx:timeout", "htmx:sendError"]) document.addEventListener(lost, (event) => {
    connected(false);
    if (orders(event.detail.pathInfo?.requestPath)) say(body.dataset.unanswered);
  });
  // What leaves the page is asked for only where the gateway answers: the wall stays, and its alarms.
  for (const form of document.querySelectorAll("form[data-reach]")) form.addEventListener("submit", (event) => {
    const button = event.submitter || document.activeElement;
    if (!button || !form.contains(button) || !window.AbortController) return; // as without this script
    event.preventDefault();
    const verb = document.createElement("input");
    Object.assign(verb, { type: "hidden", name: button.name, value: button.value });
    const late = new AbortController(), timer = setTimeout(() => late.abort(), 3000);
    here(late.signal).then(
      () => { form.append(verb); form.submit(); verb.remove(); },
      () => say(body.dataset.unsent),
    ).finally(() => clearTimeout(timer));
  });

  // ---- what an order came to goes away by itself ----
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "toast") return;
    const shown = event.target.firstElementChild;
    setTimeout(() => shown && shown.remove(), 6000);
    document.querySelectorAll(".acts details[open]").forEach((menu) => menu.removeAttribute("open"));
  });
  // 409 and 422 carry words for the guard: show them where the answer would have been.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if ([400, 409, 413, 422].includes(event.detail.xhr.status)) event.detail.shouldSwap = true;
  });
  // ---- a face from the browser's camera: shown, taken, sent as if it were a file ----
  const camera = document.getElementById("camera");
  if (camera) camera.addEventListener("click", async () => {
    const view = document.getElementById("view");
    if (view.hidden) {
      try {
        view.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
      } catch (error) {
        camera.disabled = true;
        document.getElementById("no-camera").hidden = false;
        return;
      }
      view.hidden = false;
      await view.play();
      return;
    }
    const still = document.createElement("canvas");
    still.width = view.videoWidth;
    still.height = view.videoHeight;
    still.getContext("2d").drawImage(view, 0, 0);
    still.toBlob((blob) => {
      const files = new DataTransfer();
      files.items.add(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      document.getElementById("photo").files = files.files;
      view.srcObject.getTracks().forEach((track) => track.stop());
      document.getElementById("enrol").requestSubmit();
    }, "image/jpeg", 0.92);
  });

  // ---- masks and path over a clip: they lie on its picture, masks in full screen, too ----
  const over = document.querySelector("#clip > svg");
  if (over) {
    const video = over.parentElement.querySelector("video");
    const fit = () => over.setAttribute("viewBox", `0 0 ${video.videoWidth} ${video.videoHeight}`);
    video.addEventListener("loadedmetadata", fit);
    if (video.videoWidth) fit();
  }
  const whole = document.getElementById("whole");
  if (whole) {
    const clip = document.getElementById("clip"), video = clip.querySelector("video");
    whole.addEventListener("click", () => clip.requestFullscreen());
    document.addEventListener("fullscreenchange", () => {
      if (document.fullscreenElement === video) document.exitFullscreen(); // it would lie above them
    });
  }

  // ---- the lock: the gateway locks by itself; who moves here is here, and it is told ----
  function here(signal) {
    const csrf = document.querySelector('input[name="csrf"]')?.value || "";
    return fetch("/here", { method: "POST", headers: { "X-CSRF": csrf, "HX-Request": "true" }, signal });
  }
  function locked() {
    if (body.dataset.locked === "yes") return;
    if (ringing || !wall) { location.assign("/unlock"); return; }
    body.dataset.locked = "yes"; // the wall stays as it is: loaded anew it would have no sound until it is touched
    document.getElementById("locked").hidden = false;
    document.querySelectorAll(".acts, .drastic, #alarms form").forEach((form) => form.remove());
  }
  const after = Number(body.dataset.lockAfter || 0) * 1000;
  if (after && body.dataset.locked === "no") {
    let touched = Date.now(), told = Date.now();
    for (const kind of ["pointerdown", "keydown", "pointermove", "wheel"]) { // by hand: a page scrolls by itself, too
      addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
    }
    setInterval(() => {
      if (body.dataset.locked === "yes") return;
      if (touched > told && Date.now() - told > after / 4) {
        told = Date.now();
        here().catch(() => {});
      }
      if (Date.now() - touched < after) return;
      touched = Date.now();
      const csrf = document.querySelector('input[name="csrf"]')?.value || "";
      fetch("/lock", { method: "POST", headers: { "X-CSRF": csrf, "HX-Request": "true" } }).finally(locked);
    }, 5000);
  }
})();
