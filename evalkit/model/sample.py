"""Weights, pairs and reasons: which firms are compared with which."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model import store
from evalkit.model.panel import FIRM, Panel

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

KEPT = ""
PAIR_COLUMNS = ("treated", "control", "distance", "subclass", "order")
SET_COLUMNS = ("treated", "control", "weight", "until")


@dataclasses.dataclass(frozen=True, eq=False)
class MatchedSample:
    """A panel with a weight for each firm, and how it came about.

    Parameters
    ----------
    panel : Panel
        The firms.
    weight : (n_firms,) float64
        Weight of each firm in panel order, 0 when dropped. Treated firms that stay have weight 1 under "att".
    subclass : (n_firms,) int32
        Matched set or cell of each firm, -1 when none.
    distance : (n_firms,) float64
        Distance measure of each firm (propensity score), NaN when none.
    reason : (n_firms,) object
        Why a firm was dropped ("" when kept): "missing_covariate", "outside_caliper", "no_control_in_cell", ...
    pairs : pyarrow.Table
        Columns `treated`, `control` (row numbers in the panel, int64), `distance` (float64), `subclass` (int32),
        `order` (int32; 0 for the first control of a treated firm). Empty when the method makes no pairs.
    method, options : str, dict
        How it was made.
    estimand : str
        What is left: "att", or "att_matched" once treated firms were dropped.
    notes : tuple of str
        Caveats by key: "constant_covariate:sales_growth", ...
    sets : pyarrow.Table or None
        Where a firm may be a control of several treated firms and treated itself, so that one weight per firm does not
        say all: columns `treated`, `control` (row numbers in the panel, int64), `weight` (float64, sums to 1 for each
        treated firm) and `until` (int32, the last period in which the control counts). `weight`, `subclass` and
        `reason` of a firm with an award are then those that it has as a treated firm.
    seed : int
        What ties were broken with.
    """

    panel: Panel
    weight: NDArray[np.float64]
    subclass: NDArray[np.int32]
    distance: NDArray[np.float64]
    reason: NDArray[np.object_]
    pairs: "pa.Table"
    method: str
    options: dict[str, Any]
    estimand: str = "att"
    notes: tuple[str, ...] = ()
    sets: "pa.Table | None" = None
    seed: int = 0

    @property
    def n_treated(self) -> int:
        """Treated firms with positive weight."""
        return int(((self.panel.cohort > 0) & (self.weight > 0)).sum())

    @property
    def n_control(self) -> int:
        """Never-treated firms with positive weight; with matched sets, all firms in them that serve as controls."""
        return int((self.control_weight > 0).sum())

    @property
    def effective_controls(self) -> float:
        """Kish's effective number of those firms, (sum w)^2 / sum w^2."""
        w = self.control_weight
        total = float((w**2).sum())
        return float(w.sum() ** 2 / total) if total else 0.0

    @cached_property
    def control_weight(self) -> NDArray[np.float64]:
        """Weight of each firm as a control (n_firms,), over all matched sets where there are such."""
        if self.sets is None:
            return np.where(self.panel.cohort == 0, self.weight, 0.0)
        served = self.sets["control"].to_numpy()
        return np.bincount(served, self.sets["weight"].to_numpy(), self.panel.n_firms).astype(np.float64)

    @cached_property
    def dropped(self) -> "pd.DataFrame":
        """Return counts of dropped firms by reason and treatment."""
        import pandas as pd

        gone = self.reason != KEPT
        frame = pd.DataFrame({"reason": self.reason[gone].astype(str), "treated": self.panel.cohort[gone] > 0})
        return frame.groupby(["reason", "treated"]).size().rename("firms").reset_index()

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per firm: weight, subclass, distance, reason."""
        frame: pd.DataFrame = self._table().to_pandas()
        return frame

    def _table(self) -> "pa.Table":
        import pyarrow as pa

        return pa.table({
            FIRM: self.panel.firm, "weight": self.weight, "subclass": self.subclass,
            "distance": pa.array(self.distance, mask=np.isnan(self.distance)),
            "reason": pa.array(self.reason, pa.string()),
        })  # fmt: skip

    def _repr_html_(self) -> str:
        from html import escape

        counts = f"{self.n_treated:,} treated, {self.n_control:,} controls (effective {self.effective_controls:,.0f})"
        left = f"{int((self.reason != KEPT).sum()):,} firms dropped"
        return (
            f"<p><b>MatchedSample</b> ({escape(self.method)}): {counts}, {left}, estimand {escape(self.estimand)}</p>"
        )

    def save(self, folder: Path) -> None:
        """Write `sample.parquet`, `pairs.parquet`, `sets.parquet` and `sample.json`; the panel is saved by itself."""
        store.write_parquet(folder / "sample.parquet", self._table())
        store.write_parquet(folder / "pairs.parquet", self.pairs)
        if self.sets is not None:
            store.write_parquet(folder / "sets.parquet", self.sets)
        store.write_json(
            folder / "sample.json",
            {
                "method": self.method,
                "options": self.options,
                "estimand": self.estimand,
                "notes": self.notes,
                "seed": self.seed,
            },
        )

    @classmethod
    def load(cls, folder: Path, panel: Panel) -> "MatchedSample":
        """Read a sample of `panel` written by `save`."""
        import pyarrow.parquet as pq

        meta = store.read_json(folder / "sample.json")
        table = pq.read_table(folder / "sample.parquet", page_checksum_verification=True)
        sets = folder / "sets.parquet"
        return cls(
            panel=panel,
            weight=table["weight"].to_numpy(),
            subclass=table["subclass"].to_numpy(),
            distance=table["distance"].to_numpy(zero_copy_only=False).astype(float),
            reason=np.asarray(table["reason"].to_pylist(), dtype=object),
            pairs=pq.read_table(folder / "pairs.parquet", page_checksum_verification=True),
            method=meta["method"],
            options=meta["options"],
            estimand=meta["estimand"],
            notes=tuple(meta["notes"]),
            sets=pq.read_table(sets, page_checksum_verification=True) if sets.exists() else None,
            seed=meta["seed"],
        )
