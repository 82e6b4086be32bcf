"""Each repair that book/_ext/accessible_pages.py makes to the theme's pages."""

import accessible_pages as pages
import pytest
from bs4 import BeautifulSoup


@pytest.mark.parametrize(
    "fault, mended",
    [
        ('<script>const THEBE_JS_URL = "x"</script>\n', ""),
        ('<script src="_static/sphinx-thebe.js"></script>', ""),
        ('<script type="text/x-thebe-config">{}</script>', ""),
        ('<link href="_static/sphinx-thebe.css" rel="stylesheet"/>', ""),
        (
            "<head><script>const a = 1</script><script>const a = 1</script></head>",
            "<head><script>const a = 1</script></head>",
        ),
        ('<script defer="" src="_static/scripts/fontawesome.js?digest=1"></script>', ""),
        ('<script src="_static/searchtools.js"></script><script src="searchindex.js"></script>', ""),
        (
            '<div class="sidebar-primary-items__start"></div>',
            '<div aria-label="Book" class="sidebar-primary-items__start" role="region"></div>',
        ),
        (
            '<span class="search-button__kbd-shortcut"></span>',
            '<span aria-hidden="true" class="search-button__kbd-shortcut"></span>',
        ),
        (
            '<div class="citation-list" role="list"></div>',
            '<div class="citation-list"></div>',
        ),
        (
            '<div class="citation" role="doc-biblioentry"></div>',
            '<div class="citation"></div>',
        ),
        ('<summary aria-label="Toggle hidden content">Show</summary>', "<summary>Show</summary>"),
        (
            '<main class="bd-article"><table><thead><tr><th></th><th>mean</th></tr></thead>'
            "<tbody><tr><th>Ash</th><td>2</td></tr></tbody></table></main>",
            '<main class="bd-article"><table><thead><tr><td></td><th scope="col">mean</th></tr></thead>'
            '<tbody><tr><th scope="row">Ash</th><td>2</td></tr></tbody></table></main>',
        ),
        (
            '<div class="bd-article"><thead><th colspan="2">wide</th></thead></div>',
            '<div class="bd-article"><thead><th colspan="2" scope="colgroup">wide</th></thead></div>',
        ),
        (
            '<p class="bd-article"><table class="dataframe"><thead><tr><th></th><th>mean</th></tr>'
            "<tr><th>county</th><th></th></tr></thead></table></p>",
            '<p class="bd-article"><table class="dataframe"><thead><tr><th scope="col">county</th>'
            '<th scope="col">mean</th></tr></thead></table></p>',
        ),
        (
            '<a class="btn-download-notebook-button" href="x.ipynb" target="_blank">ipynb</a>',
            '<a class="btn-download-notebook-button" download="" href="x.ipynb">ipynb</a>',
        ),
        (
            '<button class="btn-download-pdf-button" title="Print to PDF"><i class="fas fa-file-pdf"></i>'
            '<span class="btn__text-container">.pdf</span></button>',
            '<button class="btn-download-pdf-button" title="Print or save as PDF">'
            '<i class="fas fa-print"></i><span class="btn__text-container">Print</span></button>',
        ),
    ],
)
def test_a_fault_is_mended(fault, mended):
    assert BeautifulSoup(pages.mend(fault), "html.parser") == BeautifulSoup(mended, "html.parser")


def test_what_has_no_fault_stays_as_it_is():
    html = "<html><head></head><body><pre>a  b\n\n\n  c</pre>\n<p>a &lt; b</p></body></html>"
    assert pages.mend(html) == html


def test_mending_twice_changes_nothing_more():
    html = "<head>\n<script>let a</script>\n\n<script>let a</script>\n\n</head><p>\n\n</p><th></th>"
    assert pages.mend(pages.mend(html)) == pages.mend(html)
