// What all explorers share. Everything lives inside the function around this text, so explorers cannot clash.

function startExplorer(id, data, explore, tries = 50) {
    const root = document.getElementById(id);
    // JupyterLab may run the script before it shows the output
    if (!root) return tries && setTimeout(() => startExplorer(id, data, explore, tries - 1), 100);
    if (root.explorer) return;
    const find = (selector) => root.querySelector(selector);
    const byKey = (selector) => Object.fromEntries(
        [...root.querySelectorAll(selector)].map((node) => [node.dataset.key, node]));
    const sliders = byKey("input[type=range]");
    const picks = byKey("select");
    const buttons = byKey("button");
    const plot = find(".explorer-plot");
    const readout = find(".explorer-readout");
    const status = find(".explorer-status");
    let waiting;
    const parts = {
        root, plot, picks, buttons, legend: find(".explorer-legend"), table: find("table"),
        values: () => Object.fromEntries(Object.entries(sliders).map(([key, slider]) => [key, slider.valueAsNumber])),
        set(values) {
            for (const [key, value] of Object.entries(values)) sliders[key].value = value;
        },
        // paragraphs of nodes and text; shown at once, announced when the reader pauses
        say(...paragraphs) {
            readout.replaceChildren(...paragraphs.map((content) => {
                const paragraph = document.createElement("p");
                paragraph.append(...[content].flat());
                return paragraph;
            }));
            clearTimeout(waiting);
            waiting = setTimeout(() => { status.textContent = readout.innerText; }, 500);
        },
    };
    root.classList.add("explorer-ready");
    root.explorer = explore(parts, data);
    const show = () => {
        for (const slider of Object.values(sliders)) {
            const decimals = slider.step.split(".")[1] ?? "";
            slider.nextElementSibling.value = fixed(slider.valueAsNumber, decimals.length);
        }
        root.explorer.draw();
    };
    // an explorer's own listeners were added before these, so they run first
    for (const slider of Object.values(sliders)) slider.addEventListener("input", show);
    for (const pick of Object.values(picks)) pick.addEventListener("change", show);
    for (const button of Object.values(buttons)) {
        button.addEventListener("click", () => {
            if (button === buttons.reset) {
                for (const slider of Object.values(sliders)) slider.value = slider.defaultValue;
                root.explorer.reset();
            }
            show();
        });
    }
    new ResizeObserver(show).observe(plot);
    show();
}

function make(tag, attributes, parent, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
}

// A number with a true minus sign.
function fixed(value, decimals) {
    return value.toFixed(decimals).replace("-", "\u2212");
}

// A scale takes a value to a place on the screen; `back` takes the place to the value.
function linear([low, high], [from, to]) {
    const place = (value) => from + ((value - low) / (high - low)) * (to - from);
    place.back = (at) => low + ((at - from) / (to - from)) * (high - low);
    return place;
}

function log10([low, high], range) {
    const inner = linear([Math.log10(low), Math.log10(high)], range);
    const place = (value) => inner(Math.log10(value));
    place.back = (at) => 10 ** inner.back(at);
    return place;
}

// Axes with ticks, numbers, faint grid lines along x, and labels.
function drawAxes(parent, { x, y, xTicks, yTicks, xLabel, yLabel, box }) {
    for (const tick of yTicks) {
        make("line", { x1: box.left, x2: box.right, y1: y(tick), y2: y(tick), class: "grid" }, parent);
        make("text", { x: box.left - 8, y: y(tick) + 4, "text-anchor": "end" }, parent, String(tick).replace("-", "\u2212"));
    }
    make("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "axis" }, parent);
    for (const tick of xTicks) {
        make("line", { x1: x(tick), x2: x(tick), y1: box.bottom, y2: box.bottom + 5, class: "axis" }, parent);
        make("text", { x: x(tick), y: box.bottom + 20, "text-anchor": "middle" }, parent, String(tick));
    }
    make("text", { x: (box.left + box.right) / 2, y: box.bottom + 42, "text-anchor": "middle" }, parent, xLabel);
    make("text", { x: box.left - 34, y: 16 }, parent, yLabel);
}

// Rows of a table: the first cell of each names the row.
function fillTable(table, caption, heads, rows) {
    const cell = (tag, text, scope) => {
        const node = document.createElement(tag);
        node.textContent = text;
        if (scope) node.scope = scope;
        return node;
    };
    const line = (cells) => {
        const row = document.createElement("tr");
        row.append(...cells);
        return row;
    };
    const head = document.createElement("thead");
    head.append(line(heads.map((text) => cell("th", text, "col"))));
    const body = document.createElement("tbody");
    body.append(...rows.map(([name, ...rest]) =>
        line([cell("th", name, "row"), ...rest.map((text) => cell("td", text))])));
    table.replaceChildren(cell("caption", caption), head, body);
}
