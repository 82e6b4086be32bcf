// One entry of each matrix: the same numbers as implied_covariance in covariance.py.
function impliedCovariance(groups, times, { sigma_alpha: sa, sigma_beta: sb, rho, sigma_y: sy }) {
    const rows = times.map((_, i) => i);
    const size = times.length;
    const all = [...Array(groups * size).keys()];
    const block = rows.map((i) => rows.map((k) =>
        sa ** 2 + (times[i] + times[k]) * rho * sa * sb + times[i] * times[k] * sb ** 2));
    const matrix = (entry) => all.map((i) => all.map((k) => entry(i, k)));
    const ZGZ = matrix((i, k) => (Math.floor(i / size) === Math.floor(k / size) ? block[i % size][k % size] : 0));
    const R = matrix((i, k) => (i === k ? sy ** 2 : 0));
    const V = matrix((i, k) => ZGZ[i][k] + R[i][k]);
    const correlation = matrix((i, k) => (i === k ? 1 : V[i][k] / Math.sqrt(V[i][i] * V[k][k])));
    return { V, correlation, ZGZ, R };
}

const MODELS = {
    "varying intercept and slope": null,  // where the sliders start
    "varying intercept only": { sigma_alpha: 1, sigma_beta: 0, sigma_y: 1 },
    "a strong group effect": { sigma_alpha: 2, sigma_beta: 0, sigma_y: 0.5 },
    "ρ below 0: lines that meet": { sigma_alpha: 1.5, sigma_beta: 0.6, rho: -0.9, sigma_y: 0.7 },
    "no group effects: complete pooling": { sigma_alpha: 0, sigma_beta: 0, sigma_y: 1 },
};
const VIEWS = {
    V: { pick: "V: covariances", title: "Covariance matrix V" },
    correlation: { pick: "V: correlations", title: "Correlation matrix of the observations" },
    ZGZ: { pick: "ZGZ′: from groups", title: "Matrix ZGZ′, what the groups add to V" },
    R: { pick: "R: from observations", title: "Matrix R, what single observations add to V" },
};

function explore(parts, data) {
    const { groups, times } = data;
    const size = times.length;
    const count = groups * size;
    const models = { ...MODELS, "varying intercept and slope": data.start };
    const canvas = make("svg", { class: "heat", role: "group", "aria-label": "Heat map" }, parts.plot);
    const labels = make("g", { "aria-hidden": "true" }, canvas);
    const grid = make("g", { role: "grid" }, canvas);
    const lines = make("g", { "aria-hidden": "true" }, canvas);
    const ring = make("rect", { class: "ring", "aria-hidden": "true" }, canvas);
    let chosen = [1, 3];
    let pointed = null;  // the cell under the mouse, while there is one

    for (const name of Object.keys(models)) parts.picks.model.add(new Option(name));
    const own = new Option("your own setting");
    own.disabled = true;
    parts.picks.model.add(own);
    parts.picks.model.addEventListener("change", () => parts.set(models[parts.picks.model.value]));
    for (const [key, view] of Object.entries(VIEWS)) parts.picks.view.add(new Option(view.pick, key));

    const cells = [...Array(count).keys()].map((i) => {
        const row = make("g", { role: "row" }, grid);
        return [...Array(count).keys()].map((k) => {
            const cell = make("g", { role: "gridcell", class: "cell" }, row);
            make("rect", {}, cell);
            make("text", { "text-anchor": "middle" }, cell);
            cell.addEventListener("focus", () => choose(i, k));
            cell.addEventListener("click", () => { choose(i, k); cell.focus({ preventScroll: true }); });
            cell.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") point([i, k]); });
            return cell;
        });
    });
    grid.addEventListener("pointerleave", () => point(null));
    grid.addEventListener("keydown", (event) => {
        const [i, k] = chosen;
        const to = {
            ArrowUp: [i - 1, k], ArrowDown: [i + 1, k], ArrowLeft: [i, k - 1], ArrowRight: [i, k + 1],
            Home: [i, 0], End: [i, count - 1], PageUp: [i - size, k], PageDown: [i + size, k],
        }[event.key];
        if (!to) return;
        event.preventDefault();
        const [row, column] = to.map((at) => Math.min(count - 1, Math.max(0, at)));
        pointed = null;
        cells[row][column].focus();
    });
    const choose = (i, k) => { chosen = [i, k]; draw(); };
    const point = (at) => { pointed = at; draw(); };
    const where = (i) => ({ group: Math.floor(i / size) + 1, time: times[i % size] });

    function compute() {
        const values = parts.values();
        const [i, k] = pointed ?? chosen;
        return { ...values, groups, times, view: parts.picks.view.value, cell: [i, k], ...impliedCovariance(groups, times, values) };
    }

    function draw() {
        const now = compute();
        const match = Object.entries(models).find(([, values]) => same(values, now));
        parts.picks.model.value = match ? match[0] : own.value;
        drawCells(now);
        parts.legend.replaceChildren(shades(now));
        parts.say(entry(now), reading(now));
        const names = now.V.map((_, i) => `${where(i).group}: ${where(i).time}`);
        fillTable(parts.table, `${VIEWS[now.view].title}; a row and a column for each group: time`, ["Group: time", ...names],
            now[now.view].map((row, i) => [names[i], ...row.map(short)]));
    }

    // ρ says nothing where intercepts or slopes do not vary
    const same = (values, now) => Object.entries(values).every(([key, value]) =>
        Math.abs(value - now[key]) < 1e-9 || (key === "rho" && now.sigma_alpha * now.sigma_beta === 0));

    function drawCells(now) {
        const width = Math.min(Math.max(parts.plot.clientWidth, 280), 520);
        const left = 38;
        const side = (width - left - 2) / count;
        const top = 40;
        const matrix = now[now.view];
        const largest = Math.max(...matrix.flat().map(Math.abs));
        canvas.setAttribute("viewBox", `0 0 ${width} ${top + count * side + 2}`);
        canvas.style.maxWidth = `${width}px`;
        grid.setAttribute("aria-label", VIEWS[now.view].title);
        grid.setAttribute("font-size", side < 34 ? 11 : 13);
        cells.forEach((row, i) => row.forEach((cell, k) => {
            const value = matrix[i][k];
            const [box, text] = cell.children;
            const at = { x: left + k * side, y: top + i * side };
            put(box, { ...at, width: side, height: side, class: value < 0 ? "below" : "above" });
            box.style.setProperty("--share", largest ? Math.abs(value) / largest : 0);
            put(text, { x: at.x + side / 2, y: at.y + side / 2 + 4, class: value ? "" : "none" });
            text.textContent = value === 0 ? "0" : fixed(value + 1e-9 * Math.sign(value), side < 34 ? 1 : 2);
            const [r, c] = [where(i), where(k)];
            put(cell, {
                tabindex: i === chosen[0] && k === chosen[1] ? 0 : -1,
                "aria-label": `group ${r.group} time ${r.time} with group ${c.group} time ${c.time}: ${short(value)}`,
            });
        }));
        const [i, k] = now.cell;
        put(ring, { x: left + k * side, y: top + i * side, width: side, height: side });
        labels.replaceChildren();
        lines.replaceChildren();
        for (let g = 0; g <= groups; g++) {
            const at = g * size * side;
            const far = count * side;
            make("line", { x1: left + at, x2: left + at, y1: top, y2: top + far, class: "axis" }, lines);
            make("line", { y1: top + at, y2: top + at, x1: left, x2: left + far, class: "axis" }, lines);
            if (g === groups) break;
            const middle = at + (size * side) / 2;
            make("text", { x: left + middle, y: 14, "text-anchor": "middle" }, labels, `group ${g + 1}`);
            make("text", { "text-anchor": "middle", transform: `translate(12 ${top + middle}) rotate(-90)` }, labels, `group ${g + 1}`);
        }
        now.V.forEach((_, j) => {
            const bold = (own) => (own ? { class: "marked" } : {});
            const middle = (j + 0.5) * side;
            make("text", { x: left + middle, y: top - 7, "text-anchor": "middle", ...bold(j === k) }, labels, String(where(j).time));
            make("text", { x: left - 8, y: top + middle + 4, "text-anchor": "end", ...bold(j === i) }, labels, String(where(j).time));
        });
    }

    // The formula of the chosen entry, with its numbers.
    function entry(now) {
        const [i, k] = now.cell;
        const [r, c] = [where(i), where(k)];
        if (r.group !== c.group) {
            return `Group ${r.group} at time ${r.time} and group ${c.group} at time ${c.time}: ` +
                "different groups share no random effect, so their covariance is 0.";
        }
        const { sigma_alpha: sa, sigma_beta: sb, rho, sigma_y: sy } = now;
        const [t, s] = [r.time, c.time];
        const formula = [symbol("α"), `² + (${t}\u00a0+\u00a0${s})`, " ρ", symbol("α"), symbol("β"), ` + ${t}\u00a0×\u00a0${s} `, symbol("β"), "²"];
        const numbers = `${exact(sa ** 2)} + ${t + s}\u00a0×\u00a0${exact(rho * sa * sb, true)} + ${t * s}\u00a0×\u00a0${exact(sb ** 2)}`;
        if (i === k) {
            return [`Group ${r.group} at time ${t}, the variance of an observation: var = `, ...formula, " + ", symbol("y"), "² = ",
                `${numbers} + ${exact(sy ** 2)} = ${exact(now.V[i][i])}.`,
                ` Of this, ZGZ′ gives ${exact(now.ZGZ[i][i])} and R gives ${exact(sy ** 2)}.`];
        }
        return [`Group ${r.group} at times ${t} and ${s}, which share the group’s effects: cov = `, ...formula, ` = ${numbers} = ${exact(now.V[i][k])}.`,
            ` As a correlation: ${exact(now.V[i][k])} / √(${exact(now.V[i][i])} × ${exact(now.V[k][k])}) = ${fixed(now.correlation[i][k], 2)}.`,
            ["ZGZ", "R"].includes(now.view) ? " All of it comes from ZGZ′: R is 0 off the diagonal." : ""];
    }

    return { draw, compute, reset() { chosen = [1, 3]; parts.picks.view.value = "V"; } };
}

// What the whole matrix says.
function reading(now) {
    const { times, V, correlation, sigma_alpha: sa, sigma_beta: sb, sigma_y: sy } = now;
    const last = times.length - 1;
    if (!sa && !sb) {
        return ["The whole matrix: no group effects, so V is ", symbol("y"), `² = ${exact(sy ** 2)} on the diagonal and 0 elsewhere. `,
            "This is the model of least squares, complete pooling."];
    }
    if (!sb) {
        return ["The whole matrix: every variance is ", symbol("α"), "² + ", symbol("y"), `² = ${exact(V[0][0])}, and any two observations of one group `,
            `have the correlation ${fixed(correlation[0][1], 2)}, the intraclass correlation. ρ plays no part, since the slopes do not vary.`];
    }
    const variances = times.map((time, i) => `${exact(V[i][i])} at time ${time}`).join(", ");
    return [`The whole matrix: the variance is ${variances}. Times ${times[0]} and ${times[1]} of one group have the correlation `,
        `${fixed(correlation[0][1], 2)}, times ${times[0]} and ${times[last]} have ${fixed(correlation[0][last], 2)}: `,
        `with slopes that vary, no single intraclass correlation serves all times. At time ${times[0]} the groups hold `,
        symbol("α"), "²/(", symbol("α"), "² + ", symbol("y"), `²) = ${fixed(sa ** 2 / (sa ** 2 + sy ** 2), 2)} of the variance.`,
        sa ? "" : " ρ plays no part, since the intercepts do not vary."];
}

function shades(now) {
    const matrix = now[now.view];
    const largest = Math.max(...matrix.flat());
    const line = document.createElement("div");
    const below = matrix.flat().some((value) => value < 0);
    line.append(largest ? `The larger a number, the deeper its blue (deepest: ${short(largest)})` : "All numbers are 0",
        below ? "; orange: below 0." : ".", " Times run from 0 to 3 within each group. Everything between groups is 0.");
    return line;
}

function symbol(letter) {
    const text = document.createElement("span");
    const index = document.createElement("sub");
    index.textContent = letter;
    text.className = "symbol";
    text.append("σ", index);
    return text;
}

const put = (node, attributes) => Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
const short = (value) => (value === 0 ? "0" : fixed(value, 2));
// At least two decimals, and as many more as the number has; sliders move by tenths, so three are enough.
const exact = (value, factor = false) => {
    const text = fixed(value, 3).replace(/0$/, "");
    return factor && value < 0 ? `(${text})` : text;
};
