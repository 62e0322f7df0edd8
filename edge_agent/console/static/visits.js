// The visitors' desk: where the next key goes, forms that empty themselves, printing.
(() => {
  "use strict";
  const scan = document.querySelector("[data-scan]");
  if (scan && matchMedia("(hover: hover)").matches) scan.focus(); // on a tablet that would raise its keyboard

  // The second click of a double one would send the emptied form, and its refusal stand where the short code was.
  let emptied = -1000;
  const blank = (form) => [...form.querySelectorAll("input:not([type=hidden])")].every((field) => !field.value || field.value === field.defaultValue);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.target.closest?.("form[data-empties]");
    if (form && blank(form) && performance.now() - emptied < 1000) event.preventDefault();
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form[data-empties]");
    if (!form || event.target !== form || !event.detail.successful) return;
    form.reset();
    emptied = performance.now();
    form.querySelectorAll("details[open]").forEach((more) => more.removeAttribute("open"));
    if (scan) scan.focus();
  });

  // What it came to is seen, however far down the form goes.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "said") event.target.scrollIntoView({ block: "nearest" });
  });

  // A card was put on the reader: the host is asked for next, unless the guard is writing something.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "desk" || !event.target.querySelector("[data-drafted]")) return;
    const at = document.activeElement;
    if (at === document.body || (at === scan && !scan.value)) document.getElementById("host")?.focus();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) print();
  });
})();
