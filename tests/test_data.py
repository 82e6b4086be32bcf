"""What `mlm.data` promises: data that are what their descriptor says, or an error that tells why not."""

import gzip
import json
import shutil
import subprocess
import sys

import frictionless
import numpy as np
import pytest
import statsmodels.formula.api as smf

from mlm import data, load

PACKAGE = json.loads((data.FOLDER / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES = {resource["name"]: resource for resource in PACKAGE["resources"]}
EVERY = pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the data folder that a test may damage."""
    copy = shutil.copytree(data.FOLDER, tmp_path / "data")
    monkeypatch.setattr(data, "FOLDER", copy)
    return copy


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, f"the test's own premise: {path.name} holds {old!r}"
    path.write_bytes(text.replace(old, new, 1).encode())


def refusal(name="radon"):
    """The message with which a data set is refused."""
    with pytest.raises(data.DataError) as caught:
        load(name)
    return str(caught.value)


# --- the descriptor and the files


def test_frictionless_finds_the_package_valid():
    report = frictionless.validate(str(data.FOLDER / "datapackage.json"))
    faults = [(task.place, error.message) for task in report.tasks for error in task.errors]
    assert report.valid, f"data/datapackage.json or a file breaks it: {faults[:5]}"


def test_frictionless_would_notice_a_changed_value(folder):
    replace(folder / "radon.csv", "AITKIN,1,2.2", "AITKIN,1,2.3")
    radon = frictionless.Package(str(folder / "datapackage.json")).get_resource("radon")
    types = [row[0] for row in radon.validate().flatten(["type"])]
    assert "hash-count" in types, f"the checksum of the descriptor was not checked: {types}"


@EVERY
def test_every_data_set_loads_with_the_rows_and_columns_of_its_descriptor(resource):
    frame = load(resource["name"])
    assert len(frame) == resource["rows"]
    assert list(frame.columns) == [field["name"] for field in resource["schema"]["fields"]]


@EVERY
def test_every_column_has_the_type_and_levels_of_its_descriptor(resource):
    frame = load(resource["name"])
    for field in resource["schema"]["fields"]:
        dtype = frame[field["name"]].dtype
        if field["type"] == "string":
            levels = field["constraints"].get("enum", list(dtype.categories))
            assert list(dtype.categories) == levels, f"{field['name']} has other levels, or another order"
            assert dtype.ordered == field.get("ordered", False), field["name"]
        else:
            assert dtype == {"integer": "int64", "number": "float64"}[field["type"]], field["name"]


@EVERY
def test_every_level_that_the_descriptor_lists_occurs(resource):
    frame = load(resource["name"])
    for field in resource["schema"]["fields"]:
        idle = set(field["constraints"].get("enum", [])) - set(frame[field["name"]])
        assert not idle, f"{field['name']} never takes {sorted(map(str, idle))}"


@EVERY
def test_every_data_set_is_described_in_full(resource):
    wanted = [
        "title",
        "description",
        "path",
        "rows",
        "bytes",
        "hash",
        "sources",
        "licenses",
        "transformation",
    ]
    missing = [key for key in wanted if not resource.get(key)]
    assert not missing, f"{resource['name']} lacks {missing}"
    unexplained = [field["name"] for field in resource["schema"]["fields"] if not field.get("description")]
    assert not unexplained, f"{resource['name']}: no description of {unexplained}"


@EVERY
def test_every_number_has_a_unit_or_says_that_there_is_none(resource):
    for field in resource["schema"]["fields"]:
        if field["type"] == "number" and not field.get("unit"):
            assert "unit" in field["description"], f"{resource['name']}.{field['name']} has no unit"


@EVERY
def test_every_file_is_modest_and_has_line_ends_of_unix(resource):
    raw = (data.FOLDER / resource["path"]).read_bytes()
    assert len(raw) < 1.5e6, f"data/{resource['path']} has {len(raw):,} bytes"
    plain = gzip.decompress(raw) if resource["path"].endswith(".gz") else raw
    assert b"\r" not in plain


@pytest.mark.parametrize("path", [r["path"] for r in RESOURCES.values() if r["path"].endswith(".gz")])
def test_a_compressed_file_stores_no_time_so_that_exporting_again_gives_the_same_bytes(path):
    assert (data.FOLDER / path).read_bytes()[4:8] == bytes(4)


def test_every_file_in_the_folder_is_described():
    stray = {path.name for path in data.FOLDER.glob("*.csv*")} - {r["path"] for r in RESOURCES.values()}
    assert not stray, f"datapackage.json does not describe {stray}"


def test_readme_is_in_sync_with_the_descriptor():
    written = (data.FOLDER / "README.md").read_text(encoding="utf-8")
    assert written == data.readme(), "data/README.md is out of date: run `make data`"


def test_sealing_again_changes_nothing(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    data.seal()
    changed = [path.name for path, held in before.items() if path.read_bytes() != held]
    assert not changed, f"{changed} are out of date: run `make data`"


def test_sealing_writes_the_new_checksum_of_a_file_that_was_exported_anew(folder):
    replace(folder / "radon.csv", "AITKIN,1,2.2", "AITKIN,1,2.3")
    data.seal()
    assert load("radon")["activity"][0] == 2.3


def test_sealing_refuses_a_file_that_breaks_its_schema(folder):
    before = (folder / "datapackage.json").read_bytes()
    replace(folder / "radon.csv", "AITKIN,1,2.2", "AITKIN,attic,2.2")
    with pytest.raises(data.DataError, match=r"radon\.csv .* line 2, column floor: expected an integer"):
        data.seal()
    assert (folder / "datapackage.json").read_bytes() == before


# --- loading


def test_a_fresh_frame_is_returned_each_time():
    mine = load("radon")
    mine["activity"] = -1.0
    assert (load("radon")["activity"] >= 0).all()


def test_loading_does_not_import_the_validator():
    code = "import sys; from mlm import load; load('radon'); print('frictionless' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_names_lists_every_data_set():
    assert data.names() == sorted(RESOURCES)


def test_a_card_gives_units_source_and_licence():
    card = data.card("radon")
    for part in ["pCi/L", "919 rows", "rstanarm", "GNU General Public License"]:
        assert part in card


# --- what a reader sees when something is wrong


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("radn", "radon"),
        ("Radon", "radon"),
        ("TeachingRatings", "teaching_ratings"),
        ("dyestuff3", "dyestuff2"),
    ],
)
def test_an_unknown_name_is_answered_with_near_matches(wrong, near):
    message = refusal(wrong)
    assert f"no data set {wrong!r}" in message
    assert repr(near) in message.split("Did you mean")[1].split("?")[0]


def test_an_unknown_name_without_near_matches_is_answered_with_all_names():
    message = refusal("xyzzy")
    assert "Did you mean" not in message
    assert all(name in message for name in RESOURCES)


def swap(old, new):
    """A damage: the first `old` becomes `new`."""
    return lambda raw: raw.replace(old.encode(), new.encode(), 1)


FIRST = "AITKIN,1,2.2,"
DAMAGES = {
    "a changed value": (
        swap(FIRST, "AITKIN,1,2.3,"),
        "a value was changed (`git diff -- data/radon.csv` shows",
    ),
    "an unknown level": (
        swap(FIRST, "AITKEN,1,2.2,"),
        "line 2, column county: expected one of AITKIN, ANOKA, … YELLOWMEDICINE (85 levels), found 'AITKEN'",
    ),
    "a word for a number": (
        swap(FIRST, "AITKIN,1,high,"),
        "column activity: expected a number, found 'high'",
    ),
    "an unknown code": (swap(FIRST, "AITKIN,2,2.2,"), "column floor: expected one of 0, 1, found '2'"),
    "a value out of range": (
        swap(FIRST, "AITKIN,1,-2.2,"),
        "column activity: expected at least 0, found '-2.2'",
    ),
    "an empty value": (swap(FIRST, "AITKIN,1,,"), "column activity: expected a value, found ''"),
    "a renamed column": (
        swap("floor,activity", "floor,radon"),
        "expected the columns county, floor, activity, log_uranium; found county, floor, radon, log_uranium",
    ),
    "a short line": (swap(FIRST, "AITKIN,1,"), "line 2: expected 4 values, found 3"),
    "a lost row": (lambda raw: raw.rsplit(b"\n", 2)[0] + b"\n", "expected 919 rows, found 918"),
    "other line ends": (
        lambda raw: raw.replace(b"\n", b"\r\n"),
        "its line ends were changed to those of Windows",
    ),
    "another encoding": (
        lambda raw: raw.decode().encode("utf-16"),
        "it cannot be read as a CSV file in UTF-8",
    ),
    "no content": (lambda raw: b"", "it is empty"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named_with_what_is_wrong_and_what_to_do(folder, damage, words):
    path = folder / "radon.csv"
    raw = path.read_bytes()
    path.write_bytes(damage(raw))
    assert path.read_bytes() != raw, "the test's own premise: the file is damaged"
    message = refusal()
    assert message.startswith("data/radon.csv is damaged: ")
    assert words in message
    assert "`git checkout -- data/radon.csv`" in message
    assert "`Rscript data/export.R`" in message


def test_a_missing_file_is_named_with_what_to_do(folder):
    (folder / "radon.csv").unlink()
    message = refusal()
    assert message.startswith("data/radon.csv is missing.")
    assert "`git checkout -- data/radon.csv`" in message


def test_a_truncated_compressed_file_is_damaged(folder):
    path = folder / "insteval.csv.gz"
    path.write_bytes(path.read_bytes()[:1000])
    assert "data/insteval.csv.gz is damaged: it cannot be read" in refusal("insteval")


def test_a_missing_descriptor_is_named(folder):
    (folder / "datapackage.json").unlink()
    assert "data/datapackage.json, the list of data sets, is missing." in refusal()


def test_a_broken_descriptor_is_named(folder):
    (folder / "datapackage.json").write_text("{", encoding="utf-8")
    assert "data/datapackage.json is not valid JSON" in refusal()


# --- facts that the chapters and the descriptions rely on


def test_radon_is_the_data_of_gelman_and_hill():
    radon = load("radon")
    assert (len(radon), radon["county"].nunique(), (radon["activity"] == 0).sum()) == (919, 85, 3)
    assert radon["county"].dtype.categories[[0, 1, 2, 84]].tolist() == [
        "AITKIN",
        "ANOKA",
        "BECKER",
        "YELLOWMEDICINE",
    ]
    assert radon["county"].value_counts()["LACQUIPARLE"] == 2


def test_radon_activity_has_one_decimal_as_the_survey_had():
    tenths = 10 * load("radon")["activity"]
    np.testing.assert_allclose(tenths, tenths.round(), atol=1e-9)


def test_uranium_is_a_property_of_the_county():
    assert (load("radon").groupby("county", observed=True)["log_uranium"].nunique() == 1).all()


def test_radon_refits_the_published_varying_intercept_model():
    radon = load("radon")
    radon["log_radon"] = np.log(radon["activity"].replace(0, 0.1))
    fit = smf.mixedlm("log_radon ~ floor", radon, groups="county").fit()
    found = [*fit.fe_params, *fit.bse_fe, np.sqrt(fit.cov_re.iloc[0, 0]), np.sqrt(fit.scale)]
    np.testing.assert_allclose(found, [1.462, -0.693, 0.052, 0.070, 0.328, 0.756], atol=0.001)


def test_adding_a_tenth_before_the_logarithm_is_not_the_published_analysis():
    radon = load("radon")
    radon["log_radon"] = np.log(radon["activity"] + 0.1)
    fit = smf.mixedlm("log_radon ~ floor", radon, groups="county").fit()
    assert fit.fe_params["floor"] == pytest.approx(-0.663, abs=0.001)


def test_what_is_known_of_a_professor_is_the_same_in_all_their_courses():
    ratings = load("teaching_ratings")
    assert ratings["prof"].nunique() == 94
    of_the_professor = ["minority", "age", "gender", "beauty", "native", "tenure"]
    assert (ratings.groupby("prof", observed=True)[of_the_professor].nunique() == 1).all(axis=None)


def test_sleepstudy_and_the_other_designs_are_complete():
    for name, cells in {"sleepstudy": ["subject", "days"], "penicillin": ["plate", "sample"]}.items():
        assert (load(name).groupby(cells, observed=False).size() == 1).all(), name
    assert (load("pastes").groupby("sample", observed=False).size() == 2).all()
    assert (load("dyestuff").groupby("batch", observed=False).size() == 5).all()
    assert (load("smoking").groupby("trial", observed=False)["arm"].nunique() == 2).all()


def test_a_cheese_retailer_is_one_chain_in_one_city():
    cheese = load("cheese")
    pairs = cheese[["retailer", "city", "chain"]].astype(str).drop_duplicates()
    assert len(pairs) == 88 == len(pairs[["city", "chain"]].drop_duplicates())
    assert all(row.retailer.startswith(f"{row.city} - {row.chain}") for row in pairs.itertuples())


def test_orange_juice_is_sold_in_whole_packages_of_the_size_that_the_brand_names():
    juice = load("orange_juice")
    assert (juice["ounces"] % juice["size"] == 0).all()
    assert (juice["brand"].astype(str).str.split().str[-1].astype(int) == juice["size"]).all()


def test_all_eleven_juices_are_there_in_every_week_of_a_shop():
    assert (load("orange_juice").groupby(["store", "week"], observed=True).size() == 11).all()


def test_every_shop_with_sales_is_described():
    sales, stores = load("orange_juice"), load("orange_juice_stores")
    assert sales["store"].dtype == stores["store"].dtype, "other levels: a merge would lose the category"
    assert set(sales["store"]) == set(stores["store"])


def test_miles_of_the_road_deaths_are_per_inhabitant():
    roads = load("fatalities")
    np.testing.assert_allclose(roads["miles"], 1e6 * roads["milestot"] / roads["pop"], rtol=1e-4)


def test_only_the_laws_of_california_in_1988_are_missing():
    missing = {name: load(name).isna() for name in RESOURCES}
    where = {name: mask.columns[mask.any()].tolist() for name, mask in missing.items() if mask.any(axis=None)}
    assert where == {"fatalities": ["jail", "service"]}
    rows = load("fatalities")[missing["fatalities"].any(axis=1)]
    assert rows[["state", "year"]].astype(str).to_numpy().tolist() == [["ca", "1988"]]


def test_ordered_categories_compare():
    assert (load("insteval")["student_age"] <= "4").any()
