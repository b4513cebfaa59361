"""What lets a linear model bend: bins of numbers, and crosses of columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fastml.errors import ConfigError
from fastml.preprocessing.calendar import PARTS
from fastml.preprocessing.feature_crosser import FeatureCrosser
from fastml.preprocessing.k_bins_discretizer import check_bins

__all__ = ["Bending"]


@dataclass(frozen=True, slots=True)
class Bending:
    """Which numbers are cut into bins, and which columns are crossed.

    Parameters
    ----------
    bins : int, or mapping of column to int, optional
        Into how many bins: all numbers, or the columns named.
    crosser : FeatureCrosser
        Its crosses name columns, or parts of dates.
    """

    bins: int | Mapping[str, int] | None = None
    crosser: FeatureCrosser = field(default_factory=lambda: FeatureCrosser(()))

    @property
    def needs_quantiles(self) -> bool:
        """Whether edges of bins are to be decided."""
        return self.bins is not None or bool(self.crosser.crosses)

    def columns(self, names: Collection[str]) -> dict[str, list[str]]:
        """Return the columns that `bins` and `crosses` name, of a part of a date its date's.

        Parameters
        ----------
        names : collection of str
            The columns of the table.
        """
        parts = {f"{name}.{part}": name for name in names for part in PARTS}
        crossed = [str(name) for cross in self.crosser.crosses or () for name in cross]
        return {
            "bins": list(self.bins) if isinstance(self.bins, Mapping) else [],
            "crosses": [
                parts[name] if name in parts and name not in names else name for name in crossed
            ],
        }

    def check(self, apart: Mapping[str, str | None], drop: Collection[str]) -> None:
        """Check what can be said without a table.

        Parameters
        ----------
        apart : mapping of str to column
            What is never a feature: the target, and the weight if there is one.
        drop : collection of str

        Raises
        ------
        ConfigError
            If a number of bins is out of range, a cross is none, or one of these columns is named.
        """
        if isinstance(self.bins, Mapping):
            for name, n_bins in self.bins.items():
                check_bins(n_bins, f"bins of {name!r}")
        elif self.bins is not None:
            check_bins(self.bins, "bins")
        if self.crosser.crosses is None:
            raise ConfigError('the crosses are not named; say which: FeatureCrosser([["a", "b"]])')
        self.crosser.check_crosses()
        for setting, columns in self.columns(()).items():
            for what, column in apart.items():
                if column is not None and column in columns:
                    raise ConfigError(
                        f"the {what} {column!r} is in {setting}, but is never a feature; "
                        "take it out"
                    )
            if both := sorted(set(columns) & set(drop)):
                raise ConfigError(
                    f"column {both[0]!r} is both in drop and in {setting}; choose one"
                )
