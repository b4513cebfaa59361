"""Steps, each a scikit-learn estimator; a pipeline compiles them into one encode plan."""

from __future__ import annotations

from fastml.preprocessing.correlation_pruner import CorrelationPruner
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.k_bins_discretizer import KBinsDiscretizer
from fastml.preprocessing.min_max_scaler import MinMaxScaler
from fastml.preprocessing.missing_row_dropper import MissingRowDropper
from fastml.preprocessing.one_hot_encoder import OneHotEncoder
from fastml.preprocessing.robust_scaler import RobustScaler
from fastml.preprocessing.simple_imputer import SimpleImputer
from fastml.preprocessing.standard_scaler import StandardScaler

__all__ = [
    "CorrelationPruner",
    "FeatureCrosser",
    "KBinsDiscretizer",
    "MinMaxScaler",
    "MissingRowDropper",
    "OneHotEncoder",
    "RobustScaler",
    "SimpleImputer",
    "StandardScaler",
]
