// The meaning of a term: shown while the pointer or the focus is on its link, and at the first tap on a phone.
// It stays while the pointer is on it, and Escape closes it.
(function () {
  "use strict";
  let tip, link, closing;

  function open(on) {
    clearTimeout(closing);
    if (link === on) return;
    close();
    link = on;
    tip ??= document.querySelector("main").appendChild(Object.assign(document.createElement("div"), { id: "term-tip", role: "tooltip" }));
    tip.textContent = link.dataset.tip;
    tip.hidden = false;
    link.setAttribute("aria-describedby", "term-tip");
    place();
  }

  function place() {
    const word = link.getClientRects()[0], edge = 8;
    const wide = document.documentElement.clientWidth;
    tip.style.left = "0";
    const left = Math.min(Math.max(word.left, edge), wide - tip.offsetWidth - edge);
    const below = word.bottom + tip.offsetHeight + edge < innerHeight;
    const home = tip.offsetParent.getBoundingClientRect();
    tip.style.left = `${left - home.left}px`;
    tip.style.top = `${(below ? word.bottom : word.top - tip.offsetHeight) - home.top}px`;
  }

  function close() {
    clearTimeout(closing);
    if (!link) return;
    link.removeAttribute("aria-describedby");
    link = undefined;
    tip.hidden = true;
  }

  const termAt = (event) => event.target.closest?.("a[data-tip]");
  addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    if (termAt(event)) open(termAt(event));
    else if (event.target === tip) clearTimeout(closing);
    else if (link && document.activeElement !== link) {
      clearTimeout(closing);
      closing = setTimeout(close, 200);
    }
  });
  addEventListener("focusin", (event) => (termAt(event)?.matches(":focus-visible") ? open(termAt(event)) : close()));
  addEventListener("click", (event) => {
    const term = termAt(event);
    // the first tap shows, the second follows the link
    if (event.pointerType === "touch" && term && term !== link) {
      event.preventDefault();
      open(term);
    } else if (!term && event.target !== tip) close();
  });
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("resize", close);
})();
