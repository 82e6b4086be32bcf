"""What stands in the way of a reader who sees nothing: by axe-core's rules, and in a table of ours."""

from html.parser import HTMLParser

from axe_playwright_python.sync_playwright import Axe

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Pages show thousands of words of code in a few colours, and axe-core takes long over the contrast of each.
# Of the words of one kind that look alike in one box the first stays; the others become text of the box,
# which is judged.
FEWER_WORDS = """() => {
    const alike = ["color", "backgroundColor", "backgroundImage", "fontSize", "fontWeight", "opacity",
        "visibility", "display", "position", "textShadow", "filter"];
    const merges = word => word.tagName === "SPAN" && !word.children.length
        && word.getAttributeNames().every(name => name === "class");
    const again = [];
    for (const box of document.querySelectorAll("pre, pre span")) {
        const seen = new Set();
        for (const word of [...box.children].filter(merges)) {
            const style = getComputedStyle(word);
            const look = [word.className, ...alike.map(name => style[name])].join();
            if (seen.has(look)) again.push(word);
            seen.add(look);
        }
    }
    // only now: after each change the styles of the whole page would be computed anew
    for (const word of again) word.replaceWith(...word.childNodes);
}"""


def start_axe(tab, part: str | None = None, *, colours: bool = True, only: str | None = None) -> None:
    """Let axe-core read a page, or one part of it; other tabs can be looked at meanwhile.

    Most of its time goes into the contrast of ``colours``.  ``only`` names a single rule.
    """
    tab.evaluate(FEWER_WORDS)
    tab.evaluate(Axe().axe_script)
    rules = {"runOnly": RULES, "rules": {"color-contrast": {"enabled": colours}}}
    tab.evaluate(
        "([part, options]) => { window.axeFound = axe.run(part ?? document, options); }",
        [
            part,
            {
                "resultTypes": ["violations"],
                **({"runOnly": {"type": "rule", "values": [only]}} if only else rules),
            },
        ],
    )


def axe_found(tab) -> list[str]:
    """Wait for what axe-core, once started, holds against a page."""
    found = tab.evaluate("async () => (await window.axeFound).violations")
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def violations(tab, part: str | None = None) -> list[str]:
    """What axe-core holds against a page, or against one part of it."""
    start_axe(tab, part)
    return axe_found(tab)


class Parts(HTMLParser):
    """A table as a screen reader meets it: its header cells (scope, text), and the box that scrolls."""

    def __init__(self, html: str):
        super().__init__()
        self.headers, self.scrollers, self.inside = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.inside.append(tag)
        if tag == "th":
            self.headers.append([dict(attributes).get("scope"), ""])
        if "overflow-x" in (dict(attributes).get("style") or ""):
            self.scrollers.append(dict(attributes))

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if "th" in self.inside:
            self.headers[-1][1] += data
