// Gives the questions that jupyterquiz draws what it leaves out. The texts come from the quiz on paper,
// where MathJax (or JupyterLab) has already set the formulas.

function startQuiz(rootId, questions, tries = 50) {
    const root = document.getElementById(rootId);
    // JupyterLab may run the script before it shows the output
    if (!root) return tries && setTimeout(() => startQuiz(rootId, questions, tries - 1), 100);
    if (root.querySelector(".quiz-live")) return;
    const live = document.createElement("ol");
    live.className = "quiz-live";
    root.append(live);
    questions.forEach((question, index) => {
        const item = document.createElement("li");
        live.append(item);
        Question.create(question, question.key, index, { shuffleAnswers: false, maxWidth: 0 }, item);
        dress(item, question, document.getElementById(question.paper));
    });
    root.classList.add("quiz-ready");
    typeset(root);
}

function dress(item, question, paper) {
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
        field.value = typed.trim().replace(",", ".").replace("\u2212", "-");
        if (field.value === "" || !Number.isFinite(Number(field.value))) {
            field.value = typed;
            feedback.className = "Feedback";
            feedback.textContent = "Please type a number, such as 0.25.";
            return;
        }
        const asked = document.activeElement;
        check_numeric(field, { keyCode: 13 });
        asked.focus({ preventScroll: true });
        explain();
    };
    button.addEventListener("click", check);
    field.addEventListener("keydown", (event) => event.key === "Enter" && check());
}

function copyInto(target, source) {
    target.replaceChildren(...[...source.childNodes].map((node) => node.cloneNode(true)));
}

function typeset(root) {
    const math = window.MathJax;
    if (math && math.typesetPromise) math.typesetPromise([root]);
}
