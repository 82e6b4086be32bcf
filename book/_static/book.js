// What scrolls sideways must be reachable by keyboard: give it a tab stop while it does.
(function () {
  const wide = ".bd-article :is(div.math, pre, .cell_output .output, .table-scroll, .pst-scrollable-table-container)";
  function update() {
    for (const box of document.querySelectorAll(wide)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  window.addEventListener("load", () => {
    update();
    // formulas get their width when they are set
    window.MathJax?.startup?.promise?.then(update);
  });
  window.addEventListener("resize", update);
  // what was folded away had no width; the event does not bubble
  document.addEventListener("toggle", update, true);
})();

// Excerpts on the search page come from the text, not from the buttons, contents and links around it.
// A formula would be read there as TeX: a short one gives its signs, a long one dots.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const SIGNS = {
    alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", varepsilon: "ε", eta: "η", theta: "θ", lambda: "λ",
    mu: "μ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", omega: "ω", Lambda: "Λ", Sigma: "Σ",
    sum: "Σ", sqrt: "√", times: "×", cdot: "·", sim: "~", to: "→", infty: "∞", mid: "|", top: "′", dots: "…", log: "log", ln: "ln", det: "det",
  };
  const ACCENTS = { bar: "\u0304", hat: "\u0302", widehat: "\u0302", tilde: "\u0303" };
  function signs(tex) {
    if (/frac|begin/.test(tex)) return "…";
    return tex
      .replace(/\\(bar|hat|widehat|tilde)\s*\{?\s*(\\[a-z]+|\w)\}?/gi, (_, accent, letter) => letter + ACCENTS[accent])
      .replace(/\\([a-z]+)/gi, (_, name) => SIGNS[name] ?? "")
      .replace(/\\[ ,;]/g, " ")
      .replace(/\\.|[{}]|\^(?=′)/g, "");
  }
  const read = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const text = page.querySelector(".bd-article");
    for (const formula of page.querySelectorAll("span.math")) formula.textContent = signs(formula.textContent);
    for (const formula of page.querySelectorAll("div.math")) formula.textContent = "…";
    if (text) page.querySelector("[role=main]").replaceChildren(text);
    return read(page.documentElement.outerHTML, anchor);
  };
});
