"""What a run chose on its validation rows, in words: the threshold, and the calibration."""

from __future__ import annotations

from collections.abc import Iterator

from fastml.reporting.numbers import amount, metric_value
from fastml.reporting.outcome import Outcome

__all__ = ["calibration_words", "threshold_words"]


def threshold_words(outcome: Outcome) -> str | None:
    """Say how the threshold was chosen and what it reaches; None where none was chosen."""
    chosen = outcome.threshold
    if chosen is None:
        return None
    how = f"chosen on the validation rows {chosen.rule}"
    if chosen.rule == "as stated":
        how = "as stated"
    elif not chosen.met:
        how += ", which is out of reach: it is where most is reached"
    reached = {"validation": chosen.reached}
    if outcome.judged_on != "validation":
        metrics = outcome.judged.metrics
        reached[outcome.judged_on] = {n: metrics[n] for n in chosen.reached if n in metrics}
    told = "; ".join(
        f"on {split} " + ", ".join(f"{name} {metric_value(name, v)}" for name, v in found.items())
        for split, found in reached.items()
    )
    return f"Threshold {amount(chosen.threshold)}, {how}: {told}."


def calibration_words(outcome: Outcome) -> Iterator[str]:
    """Say how probabilities were calibrated, and what that changed on each split, in lines."""
    if outcome.calibration is None:
        return
    yield f"Probabilities are calibrated: {outcome.calibration.words} of validation."
    for split in outcome.calibration.before:
        after = outcome.splits[split].metrics
        changes = ", ".join(
            f"{name} {metric_value(name, value)} to {metric_value(name, after[name])}"
            for name, value in outcome.calibration.metrics(split).items()
        )
        flattered = " (flattered: learned from these rows)" if split == "validation" else ""
        yield f"  {split}: {changes}{flattered}"
