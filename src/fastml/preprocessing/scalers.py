"""The scalers by the names that settings have for them."""

from __future__ import annotations

from collections.abc import Mapping

from fastml.preprocessing.min_max_scaler import MinMaxScaler
from fastml.preprocessing.robust_scaler import RobustScaler
from fastml.preprocessing.standard_scaler import StandardScaler

__all__ = ["SCALERS"]

SCALERS: Mapping[str, type[StandardScaler] | type[MinMaxScaler] | type[RobustScaler]] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "robust": RobustScaler,
}
