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
