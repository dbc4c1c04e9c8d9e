"""The example studies: their study files, plans and data, written into a folder to start from."""

import shutil
from pathlib import Path

from evalkit.errors import UnknownNameError, did_you_mean

NAMES = ("michigan-training-grants", "sme-demo")


def write(name: str, folder: Path) -> list[Path]:
    """Write one example below `folder`: `pipelines/<name>/` and `sample_data/<name>/`.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    folder : Path
        Where to write; files that are there are replaced by the same bytes.

    Returns
    -------
    list of Path
        The files, study file first.

    Raises
    ------
    UnknownNameError
        No such example.
    """
    if name not in NAMES:
        raise UnknownNameError(f"unknown example '{name}'", hint=did_you_mean(name, NAMES))
    data = folder / "sample_data" / name
    if name == "sme-demo":
        from evalkit.examples.sme_demo import write_sme_demo

        written = write_sme_demo(data)
    else:
        from evalkit.examples.michigan import write_michigan

        written = write_michigan(data)
    return [*_study_files(name, folder / "pipelines" / name), *written]


def _study_files(name: str, folder: Path) -> list[Path]:
    """Copy study file and plan from where this package keeps them: inside a wheel, or beside a source tree."""
    here = Path(__file__).resolve().parent
    source = next(p for p in (here / "pipelines" / name, here.parents[1] / "pipelines" / name) if p.is_dir())
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file in ("study.toml", "plan.md"):
        target = folder / file
        if not (target.exists() and target.samefile(source / file)):
            shutil.copyfile(source / file, target)
        written.append(target)
    return written
