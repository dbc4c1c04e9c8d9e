"""Whether effects are found on outcomes that the award cannot change, and what the others are worth then."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.errors import EstimationError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate
from evalkit.stats.calibration import SystematicError, change_spread
from evalkit.stats.multiplicity import adjust
from evalkit.stats.wald import wald

QUESTION = "Are there effects on outcomes that the award cannot change?"
NAME = "placebo_outcomes"
FEWEST = 5
"""Fewer negative controls say too little of how systematic error is spread."""
INFO = {
    "none_declared": "The study declares no outcome that the award cannot change.",
    "no_error": "No effect on a negative control has a standard error.",
}
PLAIN = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
EFFECT = {"effect": "estimate", "effect_low": "conf_low", "effect_high": "conf_high", "p_value_effect": "p_value"}
CALIBRATED = ("calibrated", "calibrated_low", "calibrated_high", "p_value_calibrated")
COUNTS = ("n_treated", "n_control")


@dataclasses.dataclass(frozen=True)
class Method:
    """Placebo outcomes: joint test that effects on outcomes which the award cannot change are zero.

    The study declares such outcomes (`negative_control = true`); they are in no family of results. The Wald test uses
    their joint covariance, and Holm's p-values say which of them are to blame. With five or more, a normal distribution
    of systematic error is fitted to their overall effects, and the effect on the primary outcome is told again with
    that error taken out and counted. Effects are then in standard deviations of each outcome's changes over one year
    among firms not yet supported, since outcomes have different units.

    Parameters
    ----------
    alpha : float
        Level of the test.

    Assumes
    -------
    Systematic errors of the negative controls and of the primary outcome are draws of one normal distribution on that
    scale; chance errors are taken as independent in the fit, though not in the test.

    Reference
    ---------
    Lipsitch, Tchetgen Tchetgen and Cohen (2010), Negative controls, Epidemiology 21(3); Schuemie, Ryan, DuMouchel,
    Suchard and Madigan (2014), Statistics in Medicine 33(2), section 2.3; Schuemie and others (2018), PNAS 115(11).
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Test the negative controls of every estimate."""
        controls = [o for o in case.sample.panel.outcomes if o.negative_control]
        if not controls:
            return _told("none_declared")
        main = primary(case.sample.panel)
        spread = {o.name: change_spread(firm_paths(case.sample, o)) for o in (main, *controls)}
        tests = [found for e in case.effects if (found := _test(e, main, controls, spread)) is not None]
        if not tests:
            return _told("no_error")
        worst = min(tests, key=lambda test: float(test.values["p_value"]))
        is_found = worst.values["p_value"] < self.alpha
        verdict: Verdict = "fail" if is_found else "pass"
        kind = f"{verdict}_calibrated" if "calibrated" in worst.values else verdict
        n_rejected = sum((row["p_value_holm"] or 1.0) < self.alpha for row in worst.rows)
        values = {"case": kind, "alpha": self.alpha, "n_rejected": n_rejected, **worst.values}
        rows = tuple(row for test in tests for row in test.rows)
        return CheckResult(NAME, QUESTION, verdict, _sentence(values, verdict), values, values["p_value"], rows)


@dataclasses.dataclass(frozen=True)
class _Test:
    """What is told of one estimate: of all its negative controls, and of each of them and the primary outcome."""

    values: dict[str, Any]
    rows: list[dict[str, Any]]


def _test(effects: Effects, main: Outcome, controls: list[Outcome], spread: dict[str, float]) -> _Test | None:
    """Test the negative controls of one estimate together and one by one; None where none has a standard error."""
    try:
        overall = aggregate(effects, "overall")
    except EstimationError:
        return None
    table, names = overall.table, [o.name for o in controls]
    has_error = (table["std_error"] > 0).to_numpy(dtype=bool, na_value=False)
    known = np.flatnonzero(table["outcome"].isin(names).to_numpy(dtype=bool) & has_error)
    if not len(known):
        return None
    own = overall.take(known)
    statistic, dof, p_value = wald(own.table["estimate"].to_numpy(dtype=np.float64), own.vcov)
    effect = overall.of(main.name)
    again = _calibrated(effect, own, main.name, spread) if _same_scale(effects, (main, *controls)) else {}
    rows = [_row(effects, r, p) for r, p in zip(own.table.to_dict("records"), adjust(own, "holm"), strict=True)]
    rows += [_row(effects, r, None) | again for r in effect.table.to_dict("records")]
    values = {
        "outcome": main.name, "method": effects.method, "controls": len(known), "untested": len(names) - len(known),
        "statistic": statistic, "dof": dof, "p_value": p_value, **{n: min(row[n] for row in rows) for n in COUNTS},
    }  # fmt: skip
    told = {name: rows[-1][key] for name, key in EFFECT.items()} if again else {}
    return _Test(values | told | again, rows)


def _same_scale(effects: Effects, outcomes: tuple[Outcome, ...]) -> bool:
    """Say whether effects are on the scales on which the outcomes' changes are measured."""
    scale = {o.name: o.transform for o in effects.outcomes}
    return all(scale.get(o.name) == o.transform for o in outcomes)


def _calibrated(effect: Effects, controls: Effects, name: str, spread: dict[str, float]) -> dict[str, float]:
    """Return the primary effect with the systematic error of the negative controls taken out; nothing where unknown."""
    unit = np.array([spread[outcome] for outcome in controls.table["outcome"]])
    scale = spread[name]
    has_error = (effect.table["std_error"] > 0).to_numpy(dtype=bool, na_value=False)
    if len(unit) < FEWEST or not (unit > 0).all() or not (scale > 0 and has_error.any()):
        return {}
    row = effect.table.iloc[0]
    own = controls.table[["estimate", "std_error"]].to_numpy(dtype=np.float64) / unit[:, None]
    found = SystematicError.of(own[:, 0], own[:, 1])
    estimate, error = float(row["estimate"]) / scale, float(row["std_error"]) / scale
    low, high = found.interval(estimate, error, effect.level)
    middle, p_value = estimate - found.mu, found.p_value(estimate, error)
    return dict(zip(CALIBRATED, (scale * middle, scale * low, scale * high, p_value), strict=True))


def _row(effects: Effects, record: dict[Any, Any], p_holm: float | None) -> dict[str, Any]:
    plain = {name: float(record[name]) if np.isfinite(record[name]) else None for name in PLAIN}
    return {
        "outcome": str(record["outcome"]), "method": effects.method, **plain,
        "p_value_holm": None if p_holm is None else float(p_holm), **dict.fromkeys(CALIBRATED),
        **{name: int(record[name]) for name in COUNTS},
    }  # fmt: skip


def _sentence(values: dict[str, Any], verdict: Verdict) -> str:
    verb = "differ" if verdict == "fail" else "do not differ"
    p_value = f"p = {values['p_value']:.3f}" if values["p_value"] >= 0.001 else "p < 0.001"
    text = (
        f"The effects on {values['controls']} outcomes that the award cannot change {verb} from zero together "
        f"({values['method']}, {p_value})"
    )
    if "calibrated" in values:
        text += (
            f"; by them, the effect on {values['outcome']} is not {values['effect']:.4g} but "
            f"{values['calibrated']:.4g} ({values['calibrated_low']:.4g} to {values['calibrated_high']:.4g})"
        )
    return f"{text}; {values['untested']} have no standard error." if values["untested"] else f"{text}."


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
