// What scrolls sideways must be reachable by keyboard: give it a tab stop while it does.
(function () {
  const wide = ".bd-article :is(div.math, mjx-container[display], span.math.wide, pre, .cell_output .output, .table-scroll, .pst-scrollable-table-container)";
  // a formula in a line that is longer than the line
  function widen() {
    const formulas = [...document.querySelectorAll(".bd-article span.math")];
    const wider = formulas.map((formula) => {
      const line = formula.closest("p, li, td, th, dd, figcaption, div");
      return formula.firstElementChild?.getBoundingClientRect().width > line.clientWidth;
    });
    formulas.forEach((formula, i) => formula.classList.toggle("wide", wider[i]));
  }
  function update() {
    widen();
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

// Paper is white, whatever the screen shows.
(function () {
  const root = document.documentElement;
  let theme;
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = theme;
  });
})();
