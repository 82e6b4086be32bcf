"""What search engines and messengers are told: description, preview, public address, list of pages.

The public address stands in `_config.yml`: `html: {baseurl: …}`, or else GitHub's pages of the repository.
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from formulas import signs

PREVIEW = "_static/preview.png"
UNLISTED = {"index.html", "search.html", "genindex.html", "404.html"}
LONGEST = 200


def public_address(baseurl: str, repository: str) -> str:
    """Where the site is read, with a slash at the end.

    >>> public_address("", "https://github.com/ada/book")
    'https://ada.github.io/book/'
    >>> public_address("https://example.org/book", "")
    'https://example.org/book/'
    """
    if not baseurl:
        owner, name = urlsplit(repository).path.strip("/").split("/")[:2]
        baseurl = f"https://{owner}.github.io/{name}"
    return baseurl.rstrip("/") + "/"


def settle_address(app, config) -> None:
    """Sphinx writes the canonical address of each page when it knows the site's."""
    repository = (config.html_theme_options or {}).get("repository_url", "")
    if config.html_baseurl or repository:
        config.html_baseurl = public_address(config.html_baseurl, repository)


def description(page: BeautifulSoup) -> str:
    """The page's first paragraph, as many of its sentences as a preview shows."""
    first = next((p for p in page.select("article.bd-article section > p") if p.get_text(strip=True)), None)
    if first is None:
        return ""
    copy = BeautifulSoup(str(first), "html.parser")
    for formula in copy.select(".math"):
        formula.string = signs(formula.get_text())
    said = ""
    for sentence in re.split(r"(?<=[.?!])\s+", " ".join(copy.get_text().split())):
        if said and len(said) + len(sentence) >= LONGEST:
            break
        said = f"{said} {sentence}".strip()
    return said


def describe(page: BeautifulSoup, name: str, site: str, address: str) -> None:
    """Add what a search engine shows of the page, and what a messenger shows of a link to it."""
    said, heading = description(page), page.select_one("article.bd-article h1")
    if not said or heading is None or not address:
        return
    title = " ".join(text for text in heading.get_text().removesuffix("#").split())
    facts = [
        {"name": "description", "content": said},
        {"property": "og:type", "content": "article"},
        {"property": "og:site_name", "content": site},
        {"property": "og:title", "content": title},
        {"property": "og:description", "content": said},
        {"property": "og:url", "content": address + name},
        {"property": "og:image", "content": address + PREVIEW},
        {"property": "og:image:alt", "content": f"{site}: estimates of groups drawn towards their mean"},
        {"name": "twitter:card", "content": "summary_large_image"},
    ]
    for fact in facts:
        page.head.append(page.new_tag("meta", attrs=fact))
        page.head.append("\n")


def draw_preview(path: Path, title: str) -> None:
    """1200 by 630 points: the book's title over estimates that are drawn towards their mean."""
    import numpy as np
    from matplotlib.figure import Figure

    rng = np.random.default_rng(2006)
    size = np.sort(rng.uniform(0, 1, 60))
    raw = rng.normal(0, 1, 60) * (0.25 + 1.1 * (1 - size))
    drawn = raw * (0.15 + 0.75 * size)
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="#0b2a45")
    axes = figure.add_axes((0.05, 0.06, 0.9, 0.5))
    axes.set_axis_off()
    axes.axhline(0, color="#79b8f2", linestyle="--", linewidth=2)
    axes.vlines(size, raw, drawn, color="#79b8f2", linewidth=1.5, alpha=0.6)
    axes.plot(size, raw, "o", color="#ffab70", markersize=9, markerfacecolor="none", markeredgewidth=2)
    axes.plot(size, drawn, "o", color="#79b8f2", markersize=9)
    figure.text(0.05, 0.83, title, color="white", fontsize=52, fontweight="bold", va="center")
    figure.text(
        0.05, 0.67, "How much to believe the group, how much all groups", color="#d5e6f7", fontsize=27
    )
    figure.savefig(path, metadata={"Software": None})


NOT_FOUND = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="robots" content="noindex"/>
<title>There is no such page - {title}</title>
<link rel="icon" href="data:,"/>
<style>
:root {{ color-scheme: light dark; --ink: #1c2733; --link: #0b5a94; --paper: #fff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e4e9ee; --link: #79b8f2; --paper: #121417; }} }}
body {{ font: 1.1rem/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 38rem; margin: 12vh auto; padding: 0 1rem; }}
a {{ color: var(--link); }}
:is(input, button) {{ font: inherit; padding: .3rem .6rem; max-width: 100%; }}
:focus-visible {{ outline: 3px solid var(--link); outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>The address may be mistyped, or the page has moved within
<a href="{address}book/index.html">{title}</a>.</p>
<form action="{address}search.html" method="get" role="search">
<label for="words">Search the book</label>
<input id="words" name="q" type="search"/> <button type="submit">Search</button>
</form>
<p>All pages:</p>
<ul>
{pages}
</ul>
</main>
</body>
</html>
"""


def write_lists(site: Path, title: str, address: str, pages: dict[str, str]) -> None:
    """The map of the site, the word to robots, the page for what is not found (`pages`: title by name)."""
    listed = "\n".join(f"<url><loc>{escape(address + name)}</loc></url>" for name in pages)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    (site / "sitemap.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="{space}">\n{listed}\n</urlset>\n',
        encoding="utf8",
    )
    (site / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}sitemap.xml\n")
    links = "\n".join(
        f'<li><a href="{escape(address + name)}">{escape(t)}</a></li>' for name, t in pages.items()
    )
    text = NOT_FOUND.format(title=escape(title), address=escape(address), pages=links)
    (site / "404.html").write_text(text, encoding="utf8")


def finish(app, error) -> None:
    """Write what belongs to the whole site; the pages themselves are described when they are mended."""
    if error or app.builder.format != "html" or not app.config.html_baseurl:
        return
    site, title = Path(app.outdir), app.config.html_title or app.config.project
    titles = {name: node.astext() for name, node in app.env.titles.items()}
    pages = {f"{name}.html": titles[name] for name in sorted(titles) if (site / f"{name}.html").exists()}
    pages = {name: text for name, text in pages.items() if name not in UNLISTED}
    write_lists(site, title, app.config.html_baseurl, pages)
    draw_preview(site / PREVIEW, title)


def setup(app):
    app.connect("config-inited", settle_address)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
