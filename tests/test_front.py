"""The front matter: a glossary in three vocabularies whose names exist, and a citation that agrees."""

import inspect
import json
import re
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import yaml

import mlm
from mlm.exercises.notebooks import minutes

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "book" / "glossary.md").read_text(encoding="utf8")


def read_entries(page: str) -> dict[str, str]:
    """First name of each entry -> its text, aliases included."""
    body = page.split(":::{glossary}\n:sorted:\n")[1].split("\n:::")[0]
    blocks = re.split(r"\n(?=\S)", body)
    entries, names = {}, []
    for block in filter(str.strip, blocks):
        name, _, text = block.strip("\n").partition("\n")
        names.append(name)
        if text.strip():
            entries[names[0]] = block
            names = []
    return entries


ENTRIES = read_entries(GLOSSARY)


@pytest.fixture(scope="module")
def fit():
    radon = mlm.load("radon")
    return smf.mixedlm("activity ~ floor", radon, groups="county").fit(reml=False, method="powell")


@pytest.fixture(scope="module")
def libraries():
    """By the names that the entries use; PyMC takes seconds to import, so not before it is asked for."""
    import arviz as az
    import pymc as pm

    return {"az": az, "np": np, "pd": pd, "pm": pm, "smf": smf, "mlm": mlm}


def test_the_glossary_was_read():
    assert len(ENTRIES) >= 57, f"only {len(ENTRIES)} entries: has the form of the page changed?"


@pytest.mark.parametrize("term", ENTRIES)
@pytest.mark.parametrize("tradition", ["Gelman & Hill", "Mixed models", "Bayesian"])
def test_every_entry_says_what_each_tradition_calls_it(term, tradition):
    labels = " ".join(re.findall(r"- \*\*(.+?):\*\*", ENTRIES[term])).lower()
    assert tradition.lower() in labels, f"glossary, {term!r}: no line for {tradition}"


def test_every_entry_stands_in_one_theme():
    themes = GLOSSARY.split("## By theme")[1].split("\n## ")[0]
    listed = re.findall(r"\{term\}`([^`<]+)`", themes)
    assert sorted(listed) == sorted(ENTRIES), (
        f"under 'By theme', missing: {sorted(ENTRIES.keys() - set(listed))}; "
        f"not an entry, or listed twice: {sorted(set(listed) - ENTRIES.keys()) or 'see the list'}"
    )


def test_entries_are_in_alphabetical_order():
    assert list(ENTRIES) == sorted(ENTRIES, key=str.lower)


@pytest.mark.parametrize("term", ENTRIES)
def test_names_in_code_exist(term, fit, libraries):
    text = re.sub(r"\{[\w:]+\}`[^`]*`", "", ENTRIES[term])  # links and citations are not code
    code = " ".join(re.findall(r"`([^`]+)`", text))
    code = re.sub(r'"[^"]*"', '""', code)  # what stands inside strings is no name
    for owner, name in re.findall(r"\b(fit|az|np|pd|pm|smf|mlm)\.(\w+)", code):
        known = hasattr(fit if owner == "fit" else libraries[owner], name)
        assert known, f"glossary, {term!r}: {owner}.{name} does not exist in the version installed"


@pytest.mark.parametrize("term", [term for term in ENTRIES if "pm.sample(" in ENTRIES[term]])
def test_settings_of_the_sampler_exist(term, libraries):
    for setting in re.findall(r"pm\.sample\((\w+)=", ENTRIES[term]):
        known = inspect.signature(libraries["pm"].sample).parameters
        assert setting in known, f"glossary, {term!r}: pm.sample() has no setting {setting!r}"


def test_the_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    assert citation["cff-version"] == "1.2.0" and citation["message"]
    assert citation["version"] == project["version"]
    assert citation["title"] == config["title"]
    assert [author["name"] for author in citation["authors"]] == [config["author"]]
    assert citation["repository-code"] == config["repository"]["url"]
    assert citation["url"] == config["html"]["baseurl"]


CHAPTERS = sorted({*(ROOT / "book").glob("[0-9][0-9]-*.md")} - {ROOT / "book" / "00-start.md"})


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_the_minutes_of_a_chapter_are_the_same_on_its_page_in_its_notebook_and_in_the_index(page):
    reading, practising = minutes(page)
    index = (ROOT / "book" / "index.md").read_text(encoding="utf8")
    label = re.search(r"^\((ch-[a-z-]+)\)=$", page.read_text(encoding="utf8"), re.MULTILINE)[1]
    row = next((line for line in index.splitlines() if f"{{ref}}`{label}`" in line and line[0] == "|"), "")
    assert row.endswith(f"| {reading} + {practising} |"), f"book/index.md: {row or label}"
    notebook = json.loads((ROOT / "exercises" / f"{page.stem}.ipynb").read_text(encoding="utf8"))
    opening = "".join(notebook["cells"][0]["source"])
    said = re.findall(r"\d+(?= minutes)|\bhours?\b", opening)
    assert said == [str(practising)], f"exercises/{page.stem}.ipynb: write {{minutes}} in its solution"


#: Where the course says where it is; bibliography, locks and tests name places of others.
ADDRESSED = [
    "*.md",
    "*.cff",
    "LICENSE",
    "*.yml",
    "*.ipynb",
    "*.py",
    ".binder/postBuild",
    ":!tests",
    ":!book/_ext",
]
PLACES = re.compile(
    r"https://github\.com/[\w.-]+/[\w.-]+?(?=\.git\b|[^\w.-]|\.?$)"
    r"|https://[\w-]+\.github\.io/[\w./-]*"
    r"|https://mybinder\.org/v2/gh/[\w.-]+/[\w.-]+/[\w.-]+",
    re.MULTILINE,
)


def test_the_public_address_is_the_one_of_the_configuration():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    url, branch = config["repository"]["url"], config["repository"]["branch"]
    binder = f"{config['launch_buttons']['binderhub_url']}/v2/gh/{url.split('github.com/')[1]}/{branch}"
    own = {url, binder, config["html"]["baseurl"]}
    listed = subprocess.run(
        ["git", "ls-files", "--", *ADDRESSED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    elsewhere = {
        f"{file}: {place}"
        for file in listed.stdout.splitlines()
        for place in PLACES.findall((ROOT / file).read_text(encoding="utf8"))
        if place not in own
    }
    assert not elsewhere, (
        "these should follow _config.yml (git grep -l OLD | xargs sed -i 's|OLD|NEW|g'):\n"
        + ("\n".join(sorted(elsewhere)))
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("git clone https://github.com/a/b.git", "https://github.com/a/b"),
        ("(https://github.com/a/b/issues).", "https://github.com/a/b"),
        ("see https://github.com/a/b, CC BY", "https://github.com/a/b"),
        ("(https://mybinder.org/v2/gh/a/b/main?urlpath=lab)", "https://mybinder.org/v2/gh/a/b/main"),
        ("url: https://a.github.io/b/", "https://a.github.io/b/"),
    ],
)
def test_an_address_is_found_in_each_form(text, found):
    assert PLACES.findall(text) == [found]
