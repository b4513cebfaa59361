"""A commented project file to fill in."""

from __future__ import annotations

import os
from pathlib import Path

from fastml._typing import PathLike
from fastml.atomic import atomic_path
from fastml.errors import ConfigError
from fastml.preprocessing import CorrelationPruner
from fastml.workflow.toml import toml_value

__all__ = ["template", "write_template"]

_TEMPLATE = """\
# Everything that a run depends on: fastml run {path}
# Only target and source are needed. What is commented out is an example, and does nothing; where
# it says "the default", the line says what is done without it.

[problem]
# question = "Which customers will leave next month?"
# task = "binary"              # binary | multiclass | regression; default: found from the target
target = {target}
# positive = "yes"             # the class whose probability a binary model predicts; default: the
#                              # one that reads as a yes, else the second in order
# weight = "rows_like_this"    # a column that says how much each row counts
# threshold = {{ recall = 0.8 }} # from which probability on to act, chosen on the validation rows:
#                              # the most precise that finds this share; or {{ precision = 0.9 }},
#                              # {{ f_beta = 2 }}, "f1", "accuracy", "profit", a probability;
#                              # default: "profit" where there is a [problem.value], else 0.5

# [problem.value]              # what a decision is worth, in money
# true_positive = 120.0        # a kept customer, less the offer
# false_positive = -20.0       # an offer given for nothing

[success]                      # all must hold on the test rows
# roc_auc = {{ min = 0.80 }}
# latency_ms = {{ max = 5 }}
beats_baseline = true          # better than the best rule without ML, and worth more

[data]
source = {source}              # a file, folder, pattern or URI; a path counts from this file
# validation = "later.parquet" # rows to choose on, and test: rows to judge on, of their own;
#                              # default: parts of the source, by [split]
# null_values = ["n/a"]        # what else stands for a missing value in text files
# delimiter = ";"              # between columns of a text file; default: found from the rows
# decimal = ","                # the decimal point of numbers; default: "."
# encoding = "latin-1"         # of text files; default: UTF-8, or what a byte order mark tells
# timestamp_formats = ["%d.%m.%Y"]  # of dates, beside 2024-12-31, which is always read
# quote = false                # where quotes have no meaning; default: '"'

[features]
# drop = ["phone_number"]      # never learn from these
# keep = ["customer_segment"]  # learn from these, whatever is found out about them
# categorical = ["shop"]       # whole numbers that are names; codes, months, hours are found
# numeric = ["risk_class"]     # not names, but numbers in the order of their size
# impute = "mean"              # the default | median | most_frequent; for missing numbers
# missing_indicator = true     # and learn from their being missing
# drop_missing_rows = true     # instead: train on complete rows alone
# scale = "standard"           # the default | minmax | robust
# max_categories = 100         # of a column, the rarest are one; default: every category
# most_correlated = 0.9        # of two columns that go together more closely, one is left out;
#                              # default: {most_correlated:g}

[split]
train = 0.7
validation = 0.2
test = 0.1
seed = 7
# method = "time"              # random | stratified | time | group; default: stratified for
#                              # classes, random for numbers
# column = "signed_up"         # what time and group go by
# ledger = "looks.jsonl"       # where looks at the test rows are counted; default: test-looks.jsonl

[learner]
kind = "linear"                # linear | xgboost (boosted trees: pip install 'fastml[xgboost]')
# compare = "xgboost"          # train this kind, too, and show it beside: same rows, same report
# solver = "auto"              # the default | sgd | lbfgs
# epochs = 10                  # the default; of sgd
# bins = 32                    # cut numbers into bins, so that a line bends; or {{ age = 10 }}
# crosses = [["shop", "month"]]  # weights for combinations of columns; a number is binned first
# rounds = 500                 # of xgboost: the most trees; the validation rows say when to stop
# max_depth = 6                # of xgboost: the most splits on the way to a leaf
# tune = {{ l1 = [0, 1e-4, 1e-3] }}  # what to try and take the best of; true: penalties l2
# folds = 5                    # the search is judged by folds; default: on the validation rows
# bootstrap = 200              # replicates that tell how sure each coefficient is
# time_budget = 600            # seconds after which training ends: no two such runs are the same
# l2 = 0.001                   # how strongly coefficients are kept small; default: a little
# calibration = "platt"        # platt | isotonic | temperature: probabilities are corrected on the
#                              # validation rows; default: they stay as they are

# [tune]                       # a search over settings: pip install 'fastml[tune]', docs/tuning.md
# trials = 100                 # default: 50; scored on the validation rows
# time_budget = 600            # seconds after which no trial begins
# [tune.space]                 # a list is a choice, low and high are a range; false is none
# imputer.strategy = ["mean", "median"]
# encoder.max_categories = [20, 100, false]
# learner.l2 = {{ low = 1e-8, high = 1e-2, log = true }}
"""


def template(path: PathLike, *, source: str | None = None, target: str | None = None) -> str:
    """Return the text of a project file, with what is known filled in."""
    return _TEMPLATE.format(
        path=path,
        source=toml_value(source or "data/table.parquet"),
        most_correlated=CorrelationPruner().threshold,
        target=toml_value(target or "the column to predict"),
    )


def write_template(path: PathLike, *, source: str | None = None, target: str | None = None) -> None:
    """Write a project file to fill in; a relative `source` counts from the working folder.

    Raises
    ------
    ConfigError
        If there is a file already.
    """
    path = Path(path)
    if path.exists():
        raise ConfigError(f"{path} is there already; name another file, or move it away")
    if source is not None and "://" not in source and not Path(source).is_absolute():
        source = os.path.relpath(source, path.parent)  # what is in the file counts from the file
    with atomic_path(path) as file:
        file.write_text(template(path, source=source, target=target), encoding="utf-8")
