"""A project file is read as it says, or refused with the key, what was found and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastml.errors import ConfigError
from fastml.evaluation.decision_value import DecisionValue
from fastml.linear_model import LogisticRegression
from fastml.preprocessing import SimpleImputer, StandardScaler
from fastml.workflow.project import parse_project, read_project, reading_options
from fastml.workflow.template import template, write_template

THREE_LINES = 'task = "binary"\ntarget = "churn"\nsource = "churn.parquet"\n'

WHOLE = """
[problem]
question = "Which customers will leave next month?"
task = "binary"
target = "churn"
positive = "yes"

[problem.value]
true_positive = 120.0
false_positive = -20

[success]
roc_auc = { min = 0.80 }
beats_baseline = true

[data]
source = "data/churn.parquet"

[features]
drop = ["phone_number"]
keep = ["segment"]

[split]
train = 0.6
validation = 0.2
test = 0.2
seed = 11
method = "time"
column = "signed_up"

[learner]
kind = "linear"
solver = "lbfgs"
l2 = 1
class_weight = { yes = 5, no = 1.0 }
"""


ODD = r"""
problem.target = "y"
data.source = "churn.parquet"
data.types = { "z.ip" = "string" }
data.quote = false
features.drop = ["x", "y\n"]
learner.l2 = 1e-30
learner.class_weight = { "a \"b\" c" = 5, "\u007f" = 1 }
"""


def test_every_key_is_read() -> None:
    project = parse_project(WHOLE, folder=Path("projects"))
    assert project.problem.question == "Which customers will leave next month?"
    assert (project.problem.target, project.problem.positive) == ("churn", "yes")
    assert project.problem.value == DecisionValue(120.0, -20.0)
    assert project.success == {"roc_auc": {"min": 0.8}, "beats_baseline": True}
    assert project.source == "projects/data/churn.parquet"
    assert project.features.drop == ("phone_number",)
    assert (project.split.train, project.split.seed, project.split.column) == (0.6, 11, "signed_up")
    assert project.learner.chosen("linear") == {
        "solver": "lbfgs",
        "l2": 1.0,
        "class_weight": {"yes": 5.0, "no": 1.0},
    }
    assert project.text == WHOLE


def test_three_lines_are_enough() -> None:
    project = parse_project(THREE_LINES)
    assert (project.problem.task, project.problem.target) == ("binary", "churn")
    assert project.data.source == "churn.parquet"
    assert (project.split.train, project.split.validation, project.split.test) == (0.7, 0.2, 0.1)
    assert project.learner.chosen("linear") == {}
    assert project.data.options() == {}


def test_dotted_keys_and_sections_say_the_same() -> None:
    dotted = (
        'problem.target = "y"\ndata.source = "x.csv"\ndata.null_values = ["n/a"]\n'
        'data.types.zip = "string"'
    )
    flat = 'target = "y"\nsource = "x.csv"\nnull_values = ["n/a"]\ntypes = { zip = "string" }'
    first, second = parse_project(dotted), parse_project(flat)
    assert (first.problem, first.data) == (second.problem, second.data)
    assert first.data.options() == {"null_values": ("n/a",), "types": {"zip": "string"}}


@pytest.mark.parametrize("source", ["s3://bucket/x.parquet", "/data/x.parquet"])
def test_addresses_that_do_not_depend_on_the_folder(source: str) -> None:
    project = parse_project(f'target = "y"\nsource = "{source}"', folder=Path("projects"))
    assert project.source == source


def test_another_seed() -> None:
    project = parse_project(THREE_LINES)
    assert project.with_seed(3).split.seed == 3
    assert project.with_seed(None) is project


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[problem]\ntraget = 'y'", r"\[problem\] 'traget' is not a known key; did you mean 'tar"),
        ("trian = 0.7", "'trian' is not a known key; did you mean 'train'"),
        ("[splitt]\ntrain = 0.7", "'splitt' is not a known key; did you mean 'split'"),
        ("[problem]\nsource = 'x'", r"\[problem\] 'source' is not a known key"),
        ("", r"\[problem\] target is missing"),
        ("target = 'y'", r"\[data\] source is missing"),
        ("target = 3", r"\[problem\] target: expected text, found 3 \(a whole number\)"),
        ("target = ' '", r"\[problem\] target: expected text"),
        ("problem = 'binary'", r"\[problem\]: expected a table, found 'binary' \(text\)"),
        ("this is not TOML", "the project file is not TOML: .*line 1"),
        ("target = 'y'\n[problem]\ntarget = 'z'", "'target' is given twice"),
        ("[monitor]\npolicy = 'alert'", r"\[monitor\] is not yet available"),
    ],
)
def test_mistakes_in_keys(lines: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_project(lines)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("task = 'bianry'", r"\[problem\] task: .* found 'bianry' .*did you mean 'binary'"),
        ("task = 'image'", "task = 'image' is not yet available"),
        ("[features]\nderive = { a = 'b' }", r"\[features\] derive is not yet available"),
        ("[features]\ndrop = 'a'", r'\[features\] drop: expected a list such as \["a", "b"\]'),
        ("[features]\ndrop = ['a', 3]", r"\[features\] drop, item 2: expected text, found 3"),
        ("[split]\ntrain = '0.7'", r"\[split\] train: expected a number above 0 and below 1"),
        (
            "[split]\ntrain = 70",
            r"\[split\] train: expected a number above 0 and below 1, found 70",
        ),
        ("[split]\ntrain = 0.9", r"\[split\] train, validation and test sum to 1\.2"),
        ("[split]\nseed = -1", r"\[split\] seed: expected a whole number of at least 0, found -1"),
        ("[split]\nseed = true", r"\[split\] seed: expected a whole number"),
        ("[split]\nmethod = 'time'", r"method = 'time' needs the column"),
        ("[split]\ncolumn = 'day'", r'\[split\] column is used by method = "time"'),
        ("[learner]\nkind = 'cnn'", "kind = 'cnn' is not yet available"),
        ("[learner]\nrounds = 9", r"\[learner\] rounds is for kind = 'xgboost'"),
        ("[learner]\nkind = 'xgboost'\nbins = 9", r"\[learner\] bins is for kind = 'linear'"),
        ("[learner]\ncompare = 'linear'", r"compare: 'linear' is the kind that is trained"),
        ("[learner]\nbins = 1", r"\[learner\] bins: expected a whole number of at least 2"),
        ("[learner]\nbins = { age = 300 }", r"\[learner\] bins.age: expected at most 256"),
        ("[learner]\nbins = ['age']", r"\[learner\] bins: expected a whole number"),
        ("[learner]\ncrosses = ['a', 'b']", r"\[learner\] crosses: expected lists of columns"),
        ("[learner]\ncrosses = [['a']]", "a cross is of two or three columns"),
        ("[learner]\ncrosses = [['a', 3]]", r"\[learner\] crosses, item 2: expected text"),
        (
            "[learner]\nbootstrap = 1",
            r"\[learner\] bootstrap: expected a whole number",
        ),
        ("[learner]\nepochs = 0", r"\[learner\] epochs: expected a whole number of at least 1"),
        ("[learner]\nl2 = inf", r"\[learner\] l2: expected a number of at least 0, found inf"),
        ("[learner]\nl2 = nan", r"\[learner\] l2: expected a number"),
        ("[learner]\nclass_weight = 'even'", r"class_weight: expected \"balanced\" or a weight"),
        ("[learner]\nclass_weight = { yes = 0 }", r"class_weight.yes: expected a number above 0"),
        ("[problem.value]\ntrue_positive = 1", r"\[problem\.value\] false_positive is missing"),
        ("[problem.value]\ntrue_positve = 1", r"\[problem\.value\] 'true_positve' .*did you mean"),
        ("success = 0.8", r"\[success\]: expected a table"),
        ("value = 3", "'value' is not a known key"),
        ("[problem.value]\ntrue_positive = -9\nfalse_positive = -1", "acting never pays"),
        ("task = 'regression'\npositive = 'yes'", "positive is for a binary task"),
        ("delimiter = ';;'", r"\[data\] delimiter: expected one character"),
        ("types = ['a']", "'types'|expected types such as"),
        ("task = ['binary']", r"task: .* found \['binary'\] \(a list\)"),
        (f"l2 = 1{400 * '0'}", r"l2: expected a number of at least 0, found 1000.*\.\.\."),
        (f"l2 = 1{5000 * '0'}", "the project file is not TOML"),
        (f"seed = 1{400 * '0'}", r"seed: expected at most 9,223,372,036,854,775,807, found 10"),
        ("a = " + 2000 * "[", "the project file is not TOML"),
        ("quote = true", r"\[data\] quote: expected one character, or false for none"),
        (
            "task = 'multiclass'\nvalue = { true_positive = 9, false_positive = -1 }",
            "'value' is not a known key",
        ),
        ("problem.task = 'multiclass'\nproblem.positive = 'a'", "positive is for a binary task"),
    ],
)
def test_mistakes_in_values(lines: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_project(f"problem.target = 'y'\ndata.source = 'x'\n{lines}")


def test_options_of_reading_are_written_as_in_a_project_file() -> None:
    pairs = ["null_values=['n/a', '-']", "delimiter=;", "skip_rows=2", 'types={zip = "string"}']
    assert reading_options(pairs) == {
        "null_values": ("n/a", "-"),
        "delimiter": ";",
        "skip_rows": 2,
        "types": {"zip": "string"},
    }


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("delimiter", "expected a key of .data. and its value"),
        ("source=x.csv", "expected a key of .data."),
        ("null_value=['x']", "did you mean 'null_values'"),
        ("null_values=x", "--read null_values: expected a list"),
    ],
)
def test_mistakes_in_options_of_reading(pair: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reading_options([pair])


def test_no_quotes_are_written_as_false() -> None:
    assert reading_options(["quote=false"]) == {"quote": None}
    assert parse_project(THREE_LINES + "quote = false").data.options() == {"quote": None}


def test_the_settings_in_effect_are_a_project_that_stands_alone(tmp_path: Path) -> None:
    project = parse_project(ODD, folder=tmp_path).with_seed(12)
    again = parse_project(project.settings, folder=Path("elsewhere"))
    assert again.data.source == str(tmp_path / "churn.parquet")
    assert again.ledger == project.ledger == tmp_path / "test-looks.jsonl"
    assert again.settings == project.settings
    assert again.success == project.criteria == {"beats_baseline": True}
    for section in ("problem", "features", "learner"):
        assert getattr(again, section) == getattr(project, section)
    assert again.split.seed == 12


def test_messages_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    file.write_text("[problem]\ntarget = 3")
    with pytest.raises(ConfigError, match=r"found 3 .* \(in .*project\.toml\)"):
        read_project(file)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no project file .*fastml init"):
        read_project(tmp_path / "nowhere.toml")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_project(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_project(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    file.write_bytes(b"\xef\xbb\xbf" + THREE_LINES.encode())
    assert read_project(file).problem.target == "churn"


def test_the_template_is_a_project(tmp_path: Path) -> None:
    project = parse_project(template("p.toml", source='a "b".csv', target="häufig"))
    assert (project.data.source, project.problem.target) == ('a "b".csv', "häufig")
    write_template(tmp_path / "p.toml")
    with pytest.raises(ConfigError, match="is there already"):
        write_template(tmp_path / "p.toml")


def test_what_the_template_shows_is_allowed() -> None:
    """Every commented setting can be taken in by removing its mark."""
    lines = template("p.toml").splitlines()
    taken = [line.removeprefix("# ") if "=" in line or "[" in line else line for line in lines]
    project = parse_project("\n".join(taken))
    assert project.learner.solver == "auto"
    assert project.split.column == "signed_up"
    assert (project.data.delimiter, project.data.decimal) == (";", ",")
    assert project.data.timestamp_formats == ("%d.%m.%Y",)


def test_what_the_template_calls_the_default_is_it() -> None:
    lines = template("p.toml").splitlines()
    stated = [line.removeprefix("# ") for line in lines if "# the default" in line]
    project = parse_project("\n".join(["target = 'y'", "source = 's'", *stated]))
    assert len(stated) == 4
    assert project.features.arguments()["imputer"].strategy == SimpleImputer().strategy
    assert isinstance(project.features.arguments()["scaler"], StandardScaler)
    default = LogisticRegression()
    assert project.learner.chosen("linear") == {"solver": default.solver, "epochs": default.epochs}
