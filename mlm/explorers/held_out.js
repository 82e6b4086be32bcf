// How much to pool: the same numbers as pull in held_out.py.
function middleOf(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function pull({ slope, variance, yy, xy, xx, rows }, share) {
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const kept = (1 - share) * middleOf(variance);
    const vote = variance.map((v) => 1 / (kept + share * v));
    const weight = vote.map((v) => kept * v);
    const mu = sum(slope.map((b, j) => vote[j] * b)) / sum(vote);
    const estimate = slope.map((b, j) => weight[j] * b + (1 - weight[j]) * mu);
    const squares = estimate.map((b, j) => yy[j] - 2 * b * xy[j] + b ** 2 * xx[j]);
    return { mu, weight, estimate, error: Math.sqrt(sum(squares) / rows) };
}

const SHARES = Array.from({ length: 101 }, (_, i) => i / 100);

function explore(parts, data) {
    const { names, sizes } = data;
    const [low, high] = data.range;
    const canvas = make("svg", { role: "img", "aria-label": "Elasticities as they are pulled, and the error on held-out weeks, as the text below says" }, parts.plot);
    sizes.forEach((size, k) => parts.picks.size.add(new Option(String(size), k)));
    parts.picks.size.value = data.start;
    const curves = data.summaries.map((summary) => SHARES.map((share) => pull(summary, share).error));

    function compute() {
        const size = Number(parts.picks.size.value);
        const { share } = parts.values();
        const { chosen, ...summary } = data.summaries[size];
        const curve = curves[size];
        const best = curve.indexOf(Math.min(...curve)) / 100;
        return { size: sizes[size], share, chosen, curve, best, ...summary, ...pull(summary, share), atChosen: pull(summary, chosen).error };
    }

    function draw() {
        const now = compute();
        const width = Math.max(parts.plot.clientWidth, 280);
        const beside = width >= 560;
        const first = beside ? Math.round(0.6 * width) : width;
        canvas.replaceChildren();
        canvas.setAttribute("viewBox", `0 0 ${width} ${beside ? 360 : 682}`);
        drawSlopes(now, make("g", {}, canvas), { left: 40, right: first - 12, top: 42, bottom: 308 });
        const place = beside ? `translate(${first + 10} 0)` : "translate(0 372)";
        const right = (beside ? width - first - 10 : width) - 12;
        drawCurve(now, make("g", { transform: place }, canvas), { left: 46, right, top: 42, bottom: beside ? 308 : 248 });
        parts.say(pulledText(now), errorText(now));
        fillTable(parts.table, `Elasticities from ${now.size} weeks; common elasticity ${two(now.mu)}`,
            ["Retailer", "Alone", "Standard error", "Weight", "Pulled"],
            names.map((name, j) => [name, ...[now.slope[j], Math.sqrt(now.variance[j]), now.weight[j], now.estimate[j]].map(two)]));
    }

    function drawSlopes(now, layer, box) {
        const errors = now.variance.map(Math.sqrt);
        // the same axis for every size, so that more weeks are seen to move the points to the left
        const every = data.summaries.flatMap((summary) => summary.variance).map(Math.sqrt);
        const x = log10([Math.min(...every) * 0.9, Math.max(...every) * 1.1], [box.left, box.right]);
        const y = linear([low, high], [box.bottom, box.top]);
        const inside = (value) => y(Math.min(high, Math.max(low, value)));
        drawAxes(layer, {
            x, y, box, xTicks: [0.1, 0.3, 1, 3, 10, 30, 100].filter((t) => x(t) > box.left && x(t) < box.right), yTicks: [-8, -6, -4, -2, 0, 2],
            xLabel: "Standard error of its own (log scale)", yLabel: `Elasticity, from ${now.size} weeks`,
        });
        make("line", { x1: box.left, x2: box.right, y1: y(now.mu), y2: y(now.mu), class: "common" }, layer);
        now.slope.forEach((own, j) => make("line", { x1: x(errors[j]), x2: x(errors[j]), y1: inside(own), y2: inside(now.estimate[j]), class: "pull" }, layer));
        now.slope.forEach((own, j) => make("circle", { cx: x(errors[j]), cy: inside(own), r: 4, class: "raw" }, layer));
        now.estimate.forEach((drawn, j) => make("circle", { cx: x(errors[j]), cy: inside(drawn), r: 4, class: "partial" }, layer));
    }

    function drawCurve(now, layer, box) {
        // one scale for all sizes; what is off the scale lies on its upper edge
        const floor = Math.floor(50 * Math.min(...curves.flat())) / 50;
        const x = linear([0, 1], [box.left, box.right]);
        const y = linear([floor, floor + 0.08], [box.bottom, box.top]);
        const inside = (value) => y(Math.min(value, floor + 0.08));
        drawAxes(layer, {
            x, y, box, xTicks: [0, 0.25, 0.5, 0.75, 1], yTicks: [0, 1, 2, 3, 4].map((k) => (floor + 0.02 * k).toFixed(2)),
            xLabel: "Share pulled", yLabel: "Error on held-out weeks",
        });
        make("line", { x1: x(now.chosen), x2: x(now.chosen), y1: box.top, y2: box.bottom, class: "chosen-share" }, layer);
        make("path", { d: "M" + now.curve.map((error, i) => `${x(SHARES[i]).toFixed(2)} ${inside(error).toFixed(2)}`).join("L"), class: "curve error" }, layer);
        make("circle", { cx: x(now.share), cy: inside(now.error), r: 7, class: "peak reml" }, layer);
    }

    const mark = (inner, text) => `<span><svg width="22" height="14" aria-hidden="true">${inner}</svg> ${text}</span>`;
    parts.legend.innerHTML =
        mark('<circle cx="11" cy="7" r="4" class="raw"></circle>', "the retailer alone (beyond the scale: at its edge)") +
        mark('<circle cx="11" cy="7" r="4" class="partial"></circle>', "pulled; in the other plot, its error") +
        mark('<line x1="0" x2="22" y1="7" y2="7" class="common"></line>', "common elasticity") +
        mark('<line x1="11" x2="11" y1="0" y2="14" class="chosen-share"></line>', "what REML chooses from the training weeks");
    return { draw, compute, reset() { parts.picks.size.value = data.start; } };
}

function pulledText({ size, share, mu, slope, variance, estimate }) {
    const spread = share === 0 ? "any amount" : `a standard deviation of ${two(Math.sqrt(((1 - share) / share) * middleOf(variance)))}`;
    const count = (values) => values.filter((value) => value > 0).length;
    return `${size} weeks of each retailer. With a share of ${two(share)} elasticities may scatter by ${spread} around ${two(mu)}. ` +
        `They run from ${two(Math.min(...estimate))} to ${two(Math.max(...estimate))}, ${count(estimate)} of them positive; alone, from ${two(Math.min(...slope))} to ${two(Math.max(...slope))}, ${count(slope)} positive.`;
}

function errorText({ error, rows, curve, best, chosen, atChosen }) {
    return `Error on ${rows.toLocaleString("en")} held-out weeks: ${three(error)}. No pooling has ${three(curve[0])}, complete pooling ${three(curve[100])}; ` +
        `the best share is ${two(best)}, with ${three(curve[Math.round(100 * best)])}. REML, which has not seen these weeks, chooses ${two(chosen)}, with ${three(atChosen)}.`;
}

const two = (value) => fixed(value, 2);
const three = (value) => fixed(value, 3);
