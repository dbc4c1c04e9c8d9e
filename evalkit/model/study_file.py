"""Read a study file (TOML, format 1) and report all its problems at once."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from evalkit.errors import EvalkitError, StudyError, UnknownNameError, did_you_mean, raise_all
from evalkit.model.study import Study

MAX_BYTES = 1 << 20
MethodProblems = Callable[[str, str, Mapping[str, Any], str], list[EvalkitError]]


def read_study(path: Path, method_problems: MethodProblems) -> Study:
    """Read and validate a study file.

    Parameters
    ----------
    path : Path
        The TOML file.
    method_problems : callable
        `methods.problems`; handed in because methods stand on a higher floor than the model.

    Raises
    ------
    StudyError, ManyErrors
        Everything that is wrong, each with section, key and nearest known name.
    """
    return study_from(_toml(path), method_problems)


def study_from(data: dict[str, Any], method_problems: MethodProblems) -> Study:
    """Validate a study given as a dictionary."""
    errors, study = list[EvalkitError](), None
    if isinstance(data.get("format"), int) and data["format"] != 1:
        raise StudyError("this version reads format 1 only", where="format", code="E_FORMAT_VERSION")
    try:
        study = Study.model_validate(data)
    except ValidationError as failure:
        errors = [_problem(dict(e)) for e in failure.errors()]
    for kind, section in (("matching", "match"), ("estimation", "estimate"), ("checks", "check")):
        entries = data.get(section, [])
        for i, entry in enumerate([entries] if isinstance(entries, dict) else entries):
            if isinstance(entry, dict) and isinstance(entry.get("method"), str):
                where = section if isinstance(entries, dict) else f"{section}[{i + 1}]"
                options = {k: v for k, v in entry.items() if k != "method"}
                errors += method_problems(kind, entry["method"], options, where)
    if study is not None:
        scales = {o.name: o.transform for o in study.outcome}
        errors += study.rehearsal.problems(scales, len(study.period.labels))
    raise_all(errors, "the study file")
    if study is None:
        raise StudyError("the study is not valid")
    return study


def study_hash(study: Study) -> str:
    """Return the SHA-256 of the canonical study, whatever the layout of its file."""
    canonical = json.dumps(study.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _toml(path: Path) -> dict[str, Any]:
    import tomllib

    if not path.is_file():
        raise StudyError(
            "no such study file",
            where=str(path),
            code="E_NO_STUDY",
            hint="evalkit init writes one to start from",
        )
    raw = path.read_bytes()
    if len(raw) > MAX_BYTES:
        raise StudyError("the study file is larger than 1 MiB", where=str(path), code="E_SPEC_SIZE")
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise StudyError("the study file is not UTF-8", where=str(path), code="E_ENCODING") from error
    except tomllib.TOMLDecodeError as error:
        code = "E_SPEC_DUP" if "overwrite" in str(error) else "E_SPEC_SYNTAX"
        raise StudyError(f"not valid TOML: {error}", where=str(path), code=code) from error
    except RecursionError as error:
        raise StudyError("the study file is nested too deeply", where=str(path), code="E_SPEC_SIZE") from error


def _problem(error: dict[str, Any]) -> EvalkitError:
    """Turn one pydantic error into ours; the offending value is not repeated."""
    places = [f"[{p + 1}]" if isinstance(p, int) else str(p) for p in error["loc"]]
    where = ".".join(places).replace(".[", "[") or "study"
    if error["type"] == "extra_forbidden":
        known = _fields_at(error["loc"][:-1])
        return UnknownNameError(
            f"unknown key '{error['loc'][-1]}'",
            where=where,
            hint=did_you_mean(str(error["loc"][-1]), known),
            code="E_SPEC_UNKNOWN",
        )
    if error["type"] == "missing":
        return StudyError("required key is missing", where=where, code="E_SPEC_MISSING")
    return StudyError(str(error["msg"]).removeprefix("Value error, "), where=where, code="E_SPEC_VALUE")


def _fields_at(loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys that are known at one place of the study."""
    model: type[BaseModel] = Study
    for step in loc:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        inner = _model_in(field.annotation) if field else None
        model = inner or model
    return [f.alias or name for name, f in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found:
            return found
    return None
