"""Time and memory of a piece of work, each run a process of its own."""

import json
import os
import statistics
import subprocess
from dataclasses import dataclass
from typing import Any

MEASURE = """
import os, time, json
{imports}
def memory(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))
def used():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system
before, cpu, wall = memory("VmRSS"), used(), time.perf_counter()
{work}
print(json.dumps({{"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall, "whole_cpu_s": used(),
                  "peak_gib": (memory("VmHWM") - before) / 2**20, "answer": answer}}))
"""


@dataclass(frozen=True)
class Work:
    """What a package is asked.

    Parameters
    ----------
    imports : str
        Code that is not measured: what is loaded before.
    work : str
        Code that is measured; it sets `answer`, which is written as JSON.
    """

    imports: str
    work: str


def measure(python: str, work: Work, repeats: int, places: dict[str, object]) -> dict[str, Any]:
    """Return medians of CPU seconds, wall seconds, CPU seconds of the whole process and memory, and the first answer.

    Memory is the peak beyond that after the imports.
    """
    text = MEASURE.format(imports=work.imports.format(**places), work=work.work.format(**places))
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            [python, "-W", "ignore", "-c", text], check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    middle = {k: statistics.median(r[k] for r in runs) for k in ("cpu_s", "wall_s", "whole_cpu_s", "peak_gib")}
    return {**middle, "answer": runs[0]["answer"]}


def line(n_firms: int, name: str, row: dict[str, Any]) -> str:
    """Return a row as a line of print."""
    return (f"{n_firms:>9,} firms x 10  {name:<26} CPU {row['cpu_s']:7.2f} s (process {row['whole_cpu_s']:7.2f} s)  "
            f"wall {row['wall_s']:7.2f} s  peak {row['peak_gib']:5.2f} GiB")  # fmt: skip
