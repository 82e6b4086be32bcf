// Search by section: the search page finds places by their words or by another school's words for the same,
// and the page that is opened from there marks the words and scrolls to them.
(function () {
  "use strict";

  // Each line is one thing in the words of several schools; what is typed finds the others.
  const SYNONYMS = [
    ["varying slope", "random slope", "random coefficient"],
    ["varying intercept", "random intercept", "random effect"],
    ["multilevel model", "hierarchical linear model", "HLM", "mixed model", "mixed effects model", "LMM", "LME"],
    ["lme4", "lmer"],
    ["partial pooling", "shrinkage", "shrunk", "empirical Bayes"],
    ["conditional mode", "BLUP", "ranef", "EBLUP"],
    ["intraclass correlation", "ICC", "variance partition coefficient", "VPC"],
    ["REML", "restricted maximum likelihood", "residual maximum likelihood"],
    ["maximum likelihood", "MLE"],
    ["group-level predictor", "level-2 predictor", "contextual variable"],
    ["singular fit", "boundary fit", "isSingular"],
    ["MCMC", "sampler", "NUTS", "HMC"],
    ["R-hat", "rhat", "potential scale reduction"],
    ["effective sample size", "ESS"],
    ["likelihood-ratio test", "LRT"],
    ["standard deviation", "SD"],
    ["standard error", "SE"],
    ["generalised least squares", "generalized least squares", "GLS"],
    ["within effect", "fixed effects estimator", "demeaned"],
  ];
  const SMALL = new Set("a an and are as at by do does for how i in is it of on or that the this to what when which why with".split(" "));
  const LETTER = "[\\p{L}\\p{M}\\p{N}_]";
  const MOST = 40;

  const wordsOf = (text) => text.toLowerCase().match(new RegExp(LETTER + "+", "gu")) ?? [];

  /** The words in this order, each with any ending; a short one only with the plural's. */
  function pattern(phrase, flags = "giu") {
    const parts = wordsOf(phrase).map((word) =>
      word.length < 4 ? word + "s?" : word.replace(/(?<!s)s$/, "") + LETTER + "*");
    return new RegExp(`(?<!${LETTER})${parts.join("[^\\p{L}\\p{N}]{1,3}")}(?!${LETTER})`, flags);
  }

  /** What is typed as groups of phrases: a place must hold one phrase of each. */
  function groupsOf(query) {
    let rest = ` ${wordsOf(query).join(" ")} `;
    const groups = [];
    const known = SYNONYMS.flatMap((names) => names.map((name) => [name, names]));
    for (const [name, names] of known.sort((a, b) => b[0].length - a[0].length)) {
      const typed = pattern(name, "iu").exec(rest);
      if (!typed) continue;
      groups.push([typed[0], ...names.filter((other) => other !== name)]);
      rest = rest.replace(typed[0], " ");
    }
    const words = wordsOf(rest);
    const heavy = words.filter((word) => !SMALL.has(word));
    for (const word of heavy.length || groups.length ? heavy : words) groups.push([word]);
    return groups;
  }

  const count = (text, phrase) => (text.match(pattern(phrase)) ?? []).length;

  /** How well a place answers, and the phrases that it holds. */
  function judge([, chapter, title, text], groups, query) {
    let score = 0, met = 0;
    const held = [];
    for (const phrases of groups) {
      let best = 0;
      phrases.forEach((phrase, rank) => {
        const inText = count(text, phrase);
        const worth = 30 * count(title, phrase) + 2 * Math.min(inText, 6) + (count(chapter, phrase) ? 1 : 0);
        if (!worth) return;
        if (inText || count(title, phrase)) held.push(phrase);
        best = Math.max(best, worth * (rank ? 0.8 : 1));
      });
      if (best) met += 1;
      score += best;
    }
    if (groups.length > 1 && pattern(query, "iu").test(text)) { score += 15; held.unshift(query); }
    if (wordsOf(title).join(" ") === wordsOf(query).join(" ")) score += 40;
    return { score: held.length ? score : 0, met, held };
  }

  function find(places, query) {
    const groups = groupsOf(query);
    const judged = places.map((place) => ({ place, ...judge(place, groups, query) })).filter((found) => found.score);
    const most = Math.max(0, ...judged.map((found) => found.met));
    const best = judged.filter((found) => found.met === most).sort((a, b) => b.score - a.score);
    return { best, all: most === groups.length };
  }

  /** Text with its phrases marked, as nodes. */
  function marked(text, phrases) {
    const nodes = [];
    let from = 0;
    for (const hit of text.matchAll(new RegExp(phrases.map((phrase) => pattern(phrase).source).join("|"), "giu"))) {
      nodes.push(text.slice(from, hit.index), make("mark", {}, hit[0]));
      from = hit.index + hit[0].length;
    }
    return [...nodes, text.slice(from)];
  }

  function make(tag, attributes, ...children) {
    const node = Object.assign(document.createElement(tag), attributes);
    node.append(...children);
    return node;
  }

  function excerpt(text, phrases) {
    const at = phrases.map((phrase) => text.search(pattern(phrase))).find((place) => place >= 0) ?? 0;
    let from = Math.max(0, at - 100), to = Math.min(text.length, at + 180);
    if (from) from = text.indexOf(" ", from) + 1;
    if (to < text.length) to = text.lastIndexOf(" ", to);
    return marked((from ? "… " : "") + text.slice(from, to) + (to < text.length ? " …" : ""), phrases);
  }

  function show(places, query) {
    const { best, all } = find(places, query);
    const status = document.querySelector("#search-results .search-summary");
    const list = document.querySelector("#search-results ul.search");
    for (const { place: [address, chapter, title, text], held } of best.slice(0, MOST)) {
      const [page, anchor] = address.split("#");
      const words = held.map((phrase) => "highlight=" + encodeURIComponent(phrase)).join("&");
      list.append(make("li", {},
        make("a", { href: `${page}?${words}#${anchor}` }, title),
        ...(title === chapter ? [] : [make("span", { className: "where" }, chapter)]),
        make("p", { className: "context" }, ...excerpt(text, held))));
    }
    const shown = best.length > MOST ? `the best ${MOST} of ${best.length}` : `${best.length}`;
    status.textContent = !best.length
      ? "Nothing was found. The glossary lists the words of other schools."
      : `${shown} ${best.length === 1 ? "place" : "places"}, best first`
        + (all ? "." : "; none holds all of your words, these hold most.");
  }

  function startSearch() {
    const results = document.getElementById("search-results");
    const query = new URLSearchParams(location.search).get("q")?.trim();
    if (!results || !query) return;
    for (const field of document.querySelectorAll('input[name="q"]')) field.value = query;
    results.append(
      make("h2", {}, "Search results"),
      Object.assign(make("p", { className: "search-summary" }, "Searching …"), { role: "status" }),
      make("ul", { className: "search" }));
    window.bookSections = (places) => show(places, query);
    document.body.append(make("script", { src: "_static/sections.js" }));
  }

  /** The text of a place as one string, with the node in which each piece stands. */
  function piecesOf(roots) {
    const pieces = [];
    let text = "";
    for (const root of roots) {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, ({ parentElement: box }) =>
        box.closest("script, style, .math, mjx-container, .mlm-quiz, .mlm-explorer, .headerlink")
          || !(box.closest("details") || box.checkVisibility()) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
      while (walker.nextNode()) {
        pieces.push([walker.currentNode, text.length]);
        text += walker.currentNode.data;
      }
    }
    return { pieces, text };
  }

  function markIn(roots, phrase) {
    const { pieces, text } = piecesOf(roots);
    const marks = [];
    for (const hit of [...text.matchAll(pattern(phrase))].reverse()) {
      const end = hit.index + hit[0].length;
      for (const [node, start] of [...pieces].reverse()) {
        const from = Math.max(hit.index - start, 0), to = Math.min(end - start, node.data.length);
        if (from >= to) continue;
        const range = document.createRange();
        range.setStart(node, from);
        range.setEnd(node, to);
        const mark = make("mark", { className: "found" });
        range.surroundContents(mark);
        marks.unshift(mark);
      }
    }
    return marks;
  }

  /** Mark the words that were searched, and bring the first into sight. */
  function land() {
    const phrases = new URLSearchParams(location.search).getAll("highlight").filter((phrase) => wordsOf(phrase).length);
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!phrases.length || !place) return;
    const roots = [place];
    // a term, its other names, and the meaning that they share
    while (roots.at(-1).tagName === "DT" && roots.at(-1).nextElementSibling)
      roots.push(roots.at(-1).nextElementSibling);
    const marks = phrases.flatMap((phrase) => markIn(roots, phrase));
    if (!marks.length) return;
    const first = marks.reduce((a, b) => (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_PRECEDING ? b : a));
    for (let fold = first.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    let moved = false;
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"])
      addEventListener(kind, () => { moved = true; }, { once: true, passive: true });
    const goThere = () => moved || first.scrollIntoView({ block: "center", behavior: "instant" });
    goThere();
    // formulas change the height of what stands above when they are set
    addEventListener("load", () => {
      goThere();
      window.MathJax?.startup?.promise?.then(() => requestAnimationFrame(goThere));
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") document.querySelectorAll("mark.found").forEach((mark) => mark.replaceWith(...mark.childNodes));
    });
  }

  document.addEventListener("DOMContentLoaded", () => { startSearch(); land(); });
})();
