"""Names of programmes: one name over the years, without the fiscal year that titles carry in front."""

import re

from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import ERA

ERA_YEAR = ERA.replace("?P<era>", "?:").replace("?P<year>", "?:")
YEAR = rf"(?:(?:{ERA_YEAR}|(?:19|20)\d\d)\s*(?:年度|年(?!度))|[RHrh]\d{{1,2}})"
PREFIX = re.compile(rf"^[.・\s]*(?:{YEAR}(?:\([^()]*{YEAR}[^()]*\))?(?:における|の|分)?[\s_・-]*)+(?=.)")
STARTS = re.compile(r"^[.・\s]+(?=.)")


def programme_name(title: str) -> str:
    """Return a programme's title without fiscal year, width differences and white space.

    Examples
    --------
    >>> programme_name("令和３年度（令和２年度からの繰越分）農業次世代人材投資　事業")
    '農業次世代人材投資事業'
    >>> programme_name("．復興街づくりＩＣＴ基盤整備事業")
    '復興街づくりICT基盤整備事業'
    """
    text = clean(title)
    return "".join(STARTS.sub("", PREFIX.sub("", text)).split())
