"""A report written again in another process: another day, folder, time zone, locale and hash seed; for tests only."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
DAYS_LATER = 400
SURROUNDINGS = {"TZ": "Pacific/Apia", "LC_ALL": "C", "PYTHONHASHSEED": "5", "SOURCE_DATE_EPOCH": "1"}
CLOCK = f"""
import datetime, sys, time
import docx, matplotlib.figure, matplotlib.backends.backend_svg, pandas, PIL.Image, pyarrow.parquet, scipy.stats
import typst, xlsxwriter  # compiled modules must have seen the true class
later = {DAYS_LATER} * 86_400
now, now_ns, gmtime, localtime, day = time.time, time.time_ns, time.gmtime, time.localtime, datetime.datetime
time.time = lambda: now() + later
time.time_ns = lambda: now_ns() + later * 10**9
time.gmtime = lambda seconds=None: gmtime(time.time() if seconds is None else seconds)
time.localtime = lambda seconds=None: localtime(time.time() if seconds is None else seconds)
class Later(day):
    now = classmethod(lambda own, tz=None: day.fromtimestamp(time.time(), tz))
    today = utcnow = now
for module in list(sys.modules.values()):
    if vars(module).get("datetime") is day:
        module.datetime = Later
assert abs((datetime.datetime.now() - day.now()).days - {DAYS_LATER}) <= 1
sys.path.insert(0, sys.argv[1])
"""


def write_again(script: str, folder: Path) -> None:
    """Run a script that writes into the folder `sys.argv[2]`, with a clock that is more than a year ahead."""
    paths = [str(TESTS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, **SURROUNDINGS, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", CLOCK + script, str(TESTS), str(folder)]
    subprocess.run(command, check=True, cwd=folder.parent, env=environment)
