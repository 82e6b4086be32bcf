// Gives the questions that jupyterquiz draws what it leaves out. The texts come from the quiz on paper,
// where MathJax (or JupyterLab) has already set the formulas.

function startQuiz(rootId, questions, tries = 50) {
    const root = document.getElementById(rootId);
    // JupyterLab may run the script before it shows the output
    if (!root) return tries && setTimeout(() => startQuiz(rootId, questions, tries - 1), 100);
    if (root.querySelector(".quiz-live")) return;
    const live = document.createElement("ol");
    live.className = "quiz-live";
    const score = document.createElement("p");
    score.className = "quiz-score";
    score.setAttribute("role", "status");
    root.append(live, score);
    const firsts = new Map();
    const count = (key, right) => {
        if (firsts.has(key)) return;
        firsts.set(key, right);
        score.textContent = scoreLine([...firsts.values()], questions.length);
    };
    questions.forEach((question, index) => {
        const item = document.createElement("li");
        live.append(item);
        Question.create(question, question.key, index, { shuffleAnswers: false, maxWidth: 0 }, item);
        dress(item, question, document.getElementById(question.paper), count);
    });
    root.classList.add("quiz-ready");
    typeset(root);
}

// "First answers right: 2 of 3, 6 questions in all"
function scoreLine(answers, all) {
    const right = `First answers right: ${answers.filter(Boolean).length} of ${answers.length}`;
    return answers.length < all ? `${right}, ${all} questions in all.` : `${right}.`;
}

function dress(item, question, paper, count) {
    const [wrap] = item.children;
    wrap.style.maxWidth = "";
    const text = wrap.querySelector(`[id^="quizQn"]`);
    copyInto(text, paper.querySelector(".quiz-text"));
    const feedback = document.getElementById("fb" + question.key);
    feedback.setAttribute("role", "status");
    const whys = paper.querySelectorAll(".quiz-why");
    // the library writes the number of an explanation; put the explanation in its place
    const explain = () => {
        if (!/^\d+$/.test(feedback.textContent)) return;
        const why = whys[Number(feedback.textContent)];
        copyInto(feedback, why);
        const verdict = document.createElement("b");
        verdict.textContent = why.parentElement.querySelector("b").textContent + " ";
        feedback.prepend(verdict);
        count(question.key, feedback.classList.contains("correct"));
    };
    (question.type === "numeric" ? dressNumber : dressChoice)(wrap, question, paper, text, feedback, explain);
}

function dressChoice(wrap, question, paper, text, feedback, explain) {
    const answers = wrap.querySelector(".Answer");
    answers.setAttribute("role", "radiogroup");
    answers.setAttribute("aria-labelledby", text.id);
    const options = paper.querySelectorAll(".quiz-option");
    const radios = [...answers.querySelectorAll("input")];
    radios.forEach((radio) => radio.classList.remove("sr-only"));
    answers.querySelectorAll("label").forEach((label, i) => {
        copyInto(label.querySelector("span"), options[i]);
        label.addEventListener("click", explain);
    });
    // arrows only move: an answer is given by Space, Enter or a click
    answers.addEventListener("keydown", (event) => {
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        const here = radios.indexOf(event.target);
        if (step) radios[(here + step + radios.length) % radios.length].focus();
        else if (event.key === "Enter") radios[here].click();
        else return;
        event.preventDefault();
    });
}

function dressNumber(wrap, question, paper, text, feedback, explain) {
    // a copy without listeners: the library's empty the field on focus and refuse to paste
    const old = wrap.querySelector("input");
    const field = old.cloneNode();
    old.replaceWith(field);
    field.inputMode = "decimal";
    field.autocomplete = "off";
    const label = wrap.querySelector("label");
    label.htmlFor = field.id;
    label.textContent = "Your number";
    field.setAttribute("aria-describedby", text.id);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Check";
    field.after(button);
    const check = () => {
        const typed = field.value;
        const value = readNumber(typed);
        if (!Number.isFinite(value)) {
            feedback.className = "Feedback";
            feedback.textContent = "Please type a number, such as 0.25, 1/4 or 25%.";
            return;
        }
        const asked = document.activeElement;
        // the library reads the field: show it the number, and the reader what was typed
        field.value = meant(typed, value, question.answers);
        check_numeric(field, { keyCode: 13 });
        field.value = typed;
        asked.focus({ preventScroll: true });
        explain();
    };
    button.addEventListener("click", check);
    field.addEventListener("keydown", (event) => event.key === "Enter" && check());
}

// 0.25, 0,25, 1/4, 25% and 25 per cent are one number; not a number otherwise.
function readNumber(typed) {
    const plain = typed.trim().replace(/per\s?cent$/i, "%").replace(/\s*([/%])\s*/g, "$1")
        .replaceAll(",", ".").replaceAll("\u2212", "-").replace(/^([-+])\s+/, "$1");
    const [, top, bottom = "1", percent] = /^([^/%]+)(?:\/([^/%]+))?(%)?$/.exec(plain) ?? [];
    return Number(top) / Number(bottom) / (percent ? 100 : 1);
}

// Who types 0.66 may mean the known mistake 0.667, cut or rounded: then that mistake is the answer to explain.
// One digit could be cut from too many numbers, and a right number that is cut too short must not count as wrong.
function meant(typed, value, answers) {
    const inside = ({ range }) => range && range[0] <= value && value < range[1];
    const decimals = /^[^/%]*[.,](\d{2,})\s*$/.exec(typed)?.[1].length;
    if (!decimals || answers.some(inside)) return value;
    const unit = 10 ** -decimals;
    const shortened = answers.filter(({ about }) => {
        const left = Math.abs(about) - Math.abs(value);
        return about * value > 0 && left > -0.5001 * unit && left < unit;
    });
    return shortened.length === 1 && !shortened[0].correct ? shortened[0].about : value;
}

function copyInto(target, source) {
    target.replaceChildren(...[...source.childNodes].map((node) => node.cloneNode(true)));
}

function typeset(root) {
    const math = window.MathJax;
    if (math && math.typesetPromise) math.typesetPromise([root]);
}
