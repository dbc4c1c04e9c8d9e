"""What a method must offer: one verb each."""

from typing import Protocol

from evalkit.model.check import Case, CheckResult
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample


class Matcher(Protocol):
    """Chooses the firms that are compared."""

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the panel with weights, pairs and reasons."""


class Estimator(Protocol):
    """Estimates effects from a sample.

    One that uses `sample.sets` says so by a class variable `takes_sets = True`; others are not given such samples.
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Return all effects with their covariance."""


class Check(Protocol):
    """Answers one question about a case.

    A check whose answer needs no effects says `is_design = True` in its class: effects of a locked plan stay sealed
    while it fails.
    """

    def run(self, case: Case) -> CheckResult:
        """Return the answer with its verdict."""
