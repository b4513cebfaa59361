"""The usual stack: a scikit-learn pipeline behind flask, for gunicorn to run.

``MODEL=FILE gunicorn benchmarks.serving.usual:app``
"""

from __future__ import annotations

import io
import os

import flask
import joblib
import pandas as pd

app = flask.Flask(__name__)
_model = joblib.load(os.environ["MODEL"])


@app.get("/ping")
def ping() -> flask.Response:
    """Say that the model is loaded."""
    return flask.Response(status=200)


@app.post("/invocations")
def invocations() -> flask.Response:
    """Answer rows of CSV without names, or records of JSON, with probabilities."""
    names = list(_model.feature_names_in_)
    if flask.request.mimetype == "text/csv":
        text = flask.request.get_data().decode()
        rows = pd.read_csv(io.StringIO(text), header=None, names=names)
        chances = _model.predict_proba(rows)[:, 1]
        return flask.Response("\n".join(map(str, chances)) + "\n", mimetype="text/csv")
    rows = pd.DataFrame(flask.request.get_json()["instances"])[names]
    found = [{"score": float(chance)} for chance in _model.predict_proba(rows)[:, 1]]
    return flask.jsonify({"predictions": found})
