// The same numbers as reml.py: samples, mean squares, estimates and profiles of balanced one-way data.
function uniform(seed, place) {  // mulberry32 (T. Ettinger, public domain)
    const a = (seed + (place + 1) * 0x6D2B79F5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

function normals(seed, count) {  // Box and Muller (1958)
    return Float64Array.from({ length: count }, (_, i) =>
        Math.sqrt(-2 * Math.log(1 - uniform(seed, 2 * i))) * Math.cos(2 * Math.PI * uniform(seed, 2 * i + 1)));
}

const average = (values) => values.reduce((total, value) => total + value, 0) / values.length;
const squares = (values, centre) => values.reduce((total, value) => total + (value - centre) ** 2, 0);

function oneWay(y) {
    const [groups, size] = [y.length, y[0].length];
    const means = y.map(average);
    const between = size * squares(means, average(means));
    const within = y.reduce((total, row, j) => total + squares(row, means[j]), 0);
    const [msb, msw] = [between / (groups - 1), within / (groups * (size - 1))];
    const uncut = (msb - msw) / size;
    const ml = Math.sqrt(Math.max(0, between / groups - msw) / size);
    return { groups, size, between, within, msb, msw, uncut, ml, reml: Math.sqrt(Math.max(0, uncut)) };
}

// Largest log-likelihood over sigma_y for a given sigma_alpha, up to a constant.
function profile({ groups, size, between, within }, sigmaAlpha, reml) {
    const shift = size * sigmaAlpha ** 2;
    const [inner, outer] = [groups * (size - 1), groups - (reml ? 1 : 0)];
    const loglik = (s) => -(inner * Math.log(s) + within / s + outer * Math.log(s + shift) + between / (s + shift)) / 2;
    const slope = (s) => within / s ** 2 - inner / s + between / (s + shift) ** 2 - outer / (s + shift);
    // it rises below `low`, falls above `high`; in between, every change from rising to falling is a candidate
    const low = within / (inner + outer) * 0.999;
    const high = (within + between) / inner * 1.001;
    const steps = 24;
    const at = (i) => low * (high / low) ** (i / steps);
    let best = -Infinity;
    for (let i = 0; i < steps; i++) {
        if (slope(at(i)) > 0 && slope(at(i + 1)) <= 0) best = Math.max(best, loglik(crossing(slope, at(i), at(i + 1))));
    }
    return best;
}

// Where a function changes its sign between a and b.
function crossing(f, a, b) {
    const sign = f(a) > 0;
    for (let i = 0; i < 50; i++) {
        const middle = (a + b) / 2;
        if (f(middle) > 0 === sign) a = middle; else b = middle;
    }
    return (a + b) / 2;
}

const FLOOR = -4;

function explore(parts, data) {
    const width = data.size + 1;  // a group's effect, then its errors
    const canvas = make("svg", { role: "img", "aria-label": "Two profiles, and the estimates of many samples, as the text below says" }, parts.plot);
    let normal, known, number = 0;
    parts.buttons.another.addEventListener("click", () => { number = (number + 1) % data.samples; });

    function sample(which, { groups, size, sigma_alpha: sigmaAlpha }) {
        normal ??= normals(data.seed, data.samples * data.groups * width);
        return Array.from({ length: groups }, (_, j) => {
            const start = (which * data.groups + j) * width;
            return Array.from(normal.subarray(start + 1, start + 1 + size), (error) => sigmaAlpha * normal[start] + error);
        });
    }

    function compute() {
        const values = parts.values();
        const key = JSON.stringify(values);
        if (known?.key !== key) {
            known = { key, all: Array.from({ length: data.samples }, (_, which) => oneWay(sample(which, values))) };
        }
        const now = known.all[number];
        // a scale that depends on the truth alone stays while J and n move; the widest estimate of all fits
        const end = Math.ceil(2 * 2.3 * Math.sqrt(values.sigma_alpha ** 2 + 0.6)) / 2;
        const methods = ["ml", "reml"].map((name) => ({
            name, title: name.toUpperCase(), estimate: now[name], all: known.all.map((each) => each[name]),
            curve: curve(now, name === "reml", now[name], end), ...spread(known.all.map((each) => each[name] ** 2)),
        }));
        return { ...values, number, now, end, methods, uncut: average(known.all.map((each) => each.uncut)), y: sample(number, values) };
    }

    // Points of a profile from its peak, at 0, down to the floor of the plot.
    function curve(now, reml, peak, end) {
        const top = profile(now, peak, reml);
        const height = (sigmaAlpha) => profile(now, sigmaAlpha, reml) - top;
        const from = height(0) > FLOOR ? 0 : crossing((at) => height(at) - FLOOR, 0, peak);
        const to = height(end) > FLOOR ? end : crossing((at) => height(at) - FLOOR, peak, end);
        return Array.from({ length: 121 }, (_, i) => from + ((to - from) * i) / 120).map((at) => [at, height(at)]);
    }

    function spread(variances) {
        const mean = average(variances);
        const error = Math.sqrt(squares(variances, mean) / (variances.length - 1) / variances.length);
        return { mean, error, zeros: variances.filter((value) => value === 0).length };
    }

    function draw() {
        const state = compute();
        const wide = Math.max(parts.plot.clientWidth, 280);
        const box = { left: 46, right: wide - 12, top: 42, bottom: Math.min(330, Math.max(250, 0.45 * wide)) };
        const rows = [box.bottom + 90, box.bottom + 144];
        const x = linear([0, state.end], [box.left, box.right]);
        const y = linear([FLOOR, 0], [box.bottom, box.top]);
        canvas.setAttribute("viewBox", `0 0 ${wide} ${rows[1] + 30}`);
        canvas.replaceChildren();
        const step = state.end > 3 || (wide < 500 && state.end > 2) ? 1 : 0.5;
        drawAxes(canvas, {
            x, y, box, xTicks: Array.from({ length: Math.floor(state.end / step) + 1 }, (_, i) => i * step), yTicks: [0, -1, -2, -3, -4],
            xLabel: "", yLabel: "Log-likelihood below its peak",
        });
        const name = make("text", { x: (box.left + box.right) / 2, y: box.bottom + 40, "text-anchor": "middle" }, canvas, "σ");
        make("tspan", { dy: 4, "font-size": "75%" }, name, "α");
        make("tspan", { dy: -4 }, name, ", in units of σ");
        make("tspan", { dy: 4, "font-size": "75%" }, name, "y");
        make("line", { x1: x(state.sigma_alpha), x2: x(state.sigma_alpha), y1: box.top - 10, y2: box.bottom, class: "complete" }, canvas);
        make("line", { x1: x(state.sigma_alpha), x2: x(state.sigma_alpha), y1: rows[0] - 24, y2: rows[1] + 24, class: "complete" }, canvas);
        state.methods.forEach((method, row) => {
            drawRow(method, rows[row], x, box);
            make("path", { d: "M" + method.curve.map(([at, height]) => `${x(at).toFixed(2)} ${y(height).toFixed(2)}`).join("L"), class: `curve ${method.name}` }, canvas);
        });
        for (const { name, estimate } of state.methods) make("circle", { cx: x(estimate), cy: y(0), r: 6, class: `peak ${name}` }, canvas);
        parts.say(sampleText(state), manyText(state, data.samples));
        fillTable(parts.table, `Estimates of the SD between groups; mean square between groups ${three(state.now.msb)}, within ${three(state.now.msw)}`,
            ["Method", "This sample", `Average variance of ${data.samples}`, "Standard error", "Estimates at 0"],
            state.methods.map(({ title, estimate, mean, error, zeros }) => [title, three(estimate), three(mean), three(error), zeros]));
    }

    // The estimates of all samples, spread by the golden ratio; a bar marks the root of their average variance.
    function drawRow(method, middle, x, box) {
        make("text", { x: 0, y: middle + 4 }, canvas, method.title);
        make("line", { x1: box.left, x2: box.right, y1: middle, y2: middle, class: "grid" }, canvas);
        const height = (which) => middle + 32 * (((which * 0.618034) % 1) - 0.5);
        method.all.forEach((estimate, which) => make("circle", { cx: x(estimate), cy: height(which), r: 2.5, class: `dot ${method.name}` }, canvas));
        make("circle", { cx: x(method.estimate), cy: height(number), r: 6, class: `peak ${method.name}` }, canvas);
        const root = x(Math.sqrt(method.mean));
        make("line", { x1: root, x2: root, y1: middle - 23, y2: middle + 23, class: "average" }, canvas);
    }

    const mark = (inner, text) => `<span><svg width="22" height="14" aria-hidden="true">${inner}</svg> ${text}</span>`;
    parts.legend.innerHTML =
        mark('<path d="M0 7H22" class="curve ml"></path><circle cx="11" cy="7" r="5" class="peak ml"></circle>', "ML, and its peak") +
        mark('<path d="M0 7H22" class="curve reml"></path><circle cx="11" cy="7" r="5" class="peak reml"></circle>', "REML, and its peak") +
        mark('<line x1="11" x2="11" y1="0" y2="14" class="complete"></line>', "true value") +
        mark('<circle cx="6" cy="4" r="2.5" class="dot ml"></circle><circle cx="15" cy="10" r="2.5" class="dot reml"></circle>', `estimates of ${data.samples} samples, this one larger`) +
        mark('<line x1="11" x2="11" y1="0" y2="14" class="average"></line>', "root of their average variance");
    return { draw, compute, reset() { number = 0; } };
}

function sampleText({ number, groups, size, now }) {
    const { between, msb, msw, ml, reml } = now;
    const byJ = three(between / groups);
    const share = (mean, variance, peak) => `(${mean}\u00a0−\u00a0${three(msw)})/${size} = ${three(variance)}, and its profile peaks at ${three(peak)}. `;
    const start = `Sample ${number + 1}, J = ${groups} groups of m = ${size}. The sum of squares between groups divided by J\u00a0−\u00a01 is ${three(msb)} (REML), ` +
        `divided by J it is ${byJ} (ML); the mean square within groups is ${three(msw)}. `;
    if (!reml) {
        return `${start}The groups’ means differ no more than the observations within groups explain: both profiles peak at the boundary, 0.`;
    }
    const forReml = ["REML estimates ", sigmaAlpha(), `² as ${share(three(msb), reml ** 2, reml)}`];
    if (!ml) return [start, ...forReml, `For ML, ${byJ} is less than ${three(msw)}, and its profile peaks at the boundary, 0.`];
    return [start, ...forReml, `ML estimates it as ${share(byJ, ml ** 2, ml)}Ratio of the two peaks: ${three(ml / reml)}.`];
}

function manyText({ sigma_alpha: truth, methods: [ml, reml], uncut }, samples) {
    const text = [`Over ${samples} samples the estimates of `, sigmaAlpha(), `² average ${three(ml.mean)} by ML and ${three(reml.mean)} by REML `,
        `(standard errors ${three(ml.error)} and ${three(reml.error)}); the truth is ${three(truth ** 2)}. `,
        ml.zeros ? `ML is 0 in ${ml.zeros} of them, REML in ${reml.zeros}.` : "None of them is 0."];
    if (reml.zeros) text.push(` The cut at 0 lifts both averages: without it REML’s would be ${three(uncut)}.`);
    return text;
}

function sigmaAlpha() {
    const node = document.createElement("span");
    const index = document.createElement("sub");
    index.textContent = "α";
    node.className = "symbol";
    node.append("σ", index);
    return node;
}

const three = (value) => fixed(value, 3);
