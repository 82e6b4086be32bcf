// Partial pooling of group means: the same numbers as partial_pooling in pooling.py.
function partialPooling(n, mean, sigmaAlpha, sigmaY) {
    const sum = (values) => values.reduce((total, value) => total + value, 0);
    const spread = n.map((size) => sigmaAlpha ** 2 + sigmaY ** 2 / size);
    const mu = sum(mean.map((m, j) => m / spread[j])) / sum(spread.map((v) => 1 / v));
    const weight = spread.map((v) => sigmaAlpha ** 2 / v);
    const estimate = mean.map((m, j) => weight[j] * m + (1 - weight[j]) * mu);
    const complete = sum(mean.map((m, j) => n[j] * m)) / sum(n);
    return { mu, weight, estimate, complete };
}

function explore(parts, data) {
    const { names, n, unit } = data;
    let mean = [...data.mean];
    const low = Math.floor(Math.min(...mean)) - 0.5;
    const high = Math.ceil(Math.max(...mean)) + 0.5;
    // counties of the same size would hide each other: spread them by the golden ratio
    const column = n.map((size, j) => size * 10 ** (0.14 * (((j * 0.618034) % 1) - 0.5)));
    const canvas = make("svg", { role: "group", "aria-label": "Plot of the counties" }, parts.plot);
    const back = make("g", { "aria-hidden": "true" }, canvas);
    const handle = make("g", {
        class: "handle", tabindex: 0, role: "slider", "aria-orientation": "vertical",
        "aria-valuemin": low, "aria-valuemax": high,
    }, canvas);
    const halo = make("circle", { r: 14, class: "halo" }, handle);
    let x, y;

    const compute = () => {
        const { sigma_alpha: sigmaAlpha, sigma_y: sigmaY } = parts.values();
        return { n, mean, sigmaAlpha, sigmaY, ...partialPooling(n, mean, sigmaAlpha, sigmaY) };
    };
    names.forEach((name, j) => parts.picks.county.add(new Option(`${name} (${houses(n[j])})`, j)));
    parts.picks.county.value = data.chosen;
    const chosen = () => Number(parts.picks.county.value);

    function draw() {
        const now = compute();
        const width = Math.max(parts.plot.clientWidth, 280);
        const height = Math.min(460, Math.max(320, 0.6 * width));
        const box = { left: 40, right: width - 26, top: 42, bottom: height - 52 };
        canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
        x = log10([0.8, 1.25 * Math.max(...n)], [box.left, box.right]);
        y = linear([low, high], [box.bottom, box.top]);
        back.replaceChildren();
        drawAxes(back, {
            x, y, box, xTicks: [1, 3, 10, 30, 100], yTicks: wholeNumbers(low, high),
            xLabel: "Houses measured in the county (log scale)", yLabel: `Mean of the county (${unit})`,
        });
        for (const [level, name] of [[now.complete, "complete"], [now.mu, "common"]]) {
            make("line", { x1: box.left, x2: box.right, y1: y(level), y2: y(level), class: name }, back);
        }
        const label = make("text", { x: box.right + 5, y: y(now.mu) + 4 }, back, "μ");
        make("tspan", { dy: 4, "font-size": "75%" }, label, "α");
        names.forEach((name, j) => drawCounty(j, now));
        place(now);
        parts.say(sentence(now));
        fillTable(parts.table, `Means and estimates in ${unit}`,
            ["County", "Houses", "Mean", "Weight", "Estimate"],
            names.map((name, j) => [name, n[j], ...[mean[j], now.weight[j], now.estimate[j]].map(two)]));
    }

    function drawCounty(j, now) {
        const at = x(column[j]);
        const mark = j === chosen() ? " chosen" : "";
        make("line", { x1: at, x2: at, y1: y(mean[j]), y2: y(now.estimate[j]), class: "pull" + mark }, back);
        make("circle", { cx: at, cy: y(mean[j]), r: 4.5, class: "raw" + mark }, back);
        make("circle", { cx: at, cy: y(now.estimate[j]), r: 4.5, class: "partial" + mark }, back);
    }

    function place(now) {
        const j = chosen();
        halo.setAttribute("cx", x(column[j]));
        halo.setAttribute("cy", y(mean[j]));
        handle.setAttribute("aria-label", `Mean of ${names[j]}`);
        handle.setAttribute("aria-valuenow", two(mean[j]));
        handle.setAttribute("aria-valuetext", `${two(mean[j])}, estimate ${two(now.estimate[j])}`);
    }

    function sentence(now) {
        const j = chosen();
        const own = now.weight[j];
        return `${names[j]}: ${houses(n[j])}, mean ${two(mean[j])}. Its own mean has weight ${two(own)}, ` +
            `the common mean of the counties (${two(now.mu)}) has ${two(1 - own)}. Partial-pooling estimate: ` +
            `${two(own)} × ${two(mean[j])} + ${two(1 - own)} × ${two(now.mu)} = ${two(now.estimate[j])} ${unit}.`;
    }

    function move(value) {
        mean[chosen()] = Math.min(high, Math.max(low, value));
        draw();
    }

    handle.addEventListener("keydown", (event) => {
        const step = { ArrowUp: 0.05, ArrowRight: 0.05, ArrowDown: -0.05, ArrowLeft: -0.05, PageUp: 0.5, PageDown: -0.5 }[event.key];
        if (event.key === "Home") move(low);
        else if (event.key === "End") move(high);
        else if (step) move(mean[chosen()] + step);
        else return;
        event.preventDefault();
    });

    const here = (event) => {
        const area = canvas.getBoundingClientRect();
        return [event.clientX - area.left, event.clientY - area.top];
    };
    const choose = (event) => {
        const [atX, atY] = here(event);
        const far = names.map((name, j) => Math.hypot(x(column[j]) - atX, y(mean[j]) - atY));
        const nearest = far.indexOf(Math.min(...far));
        if (far[nearest] > 24) return false;
        parts.picks.county.value = nearest;
        draw();
        return true;
    };
    // A finger first taps a county, then drags its ring: elsewhere it scrolls the page. A mouse does both in one go.
    let dragging = false;
    canvas.addEventListener("pointerdown", (event) => {
        const held = handle.contains(event.target);
        dragging = held || (event.pointerType === "mouse" && choose(event));
        if (dragging) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => dragging && move(y.back(here(event)[1])));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { dragging = false; });
    canvas.addEventListener("click", (event) => {
        if (event.pointerType !== "mouse" && !handle.contains(event.target)) choose(event);
    });

    parts.legend.innerHTML = legend();
    return { draw, compute, reset() { mean = [...data.mean]; } };
}

function legend() {
    const mark = (inner, text) => `<span><svg width="22" height="14" aria-hidden="true">${inner}</svg> ${text}</span>`;
    return mark('<circle cx="11" cy="7" r="4.5" class="raw"></circle>', "mean of the county (no pooling)") +
        mark('<circle cx="11" cy="7" r="4.5" class="partial"></circle>', "partial-pooling estimate") +
        mark('<line x1="0" x2="22" y1="7" y2="7" class="common"></line>', "common mean μ<sub>α</sub> of the counties, re-estimated") +
        mark('<line x1="0" x2="22" y1="7" y2="7" class="complete"></line>', "mean of all houses (complete pooling)");
}

const two = (value) => fixed(value, 2);
const houses = (count) => `${count} ${count === 1 ? "house" : "houses"}`;

function wholeNumbers(low, high) {
    const numbers = [];
    for (let k = Math.ceil(low); k <= high; k++) numbers.push(k);
    return numbers;
}
