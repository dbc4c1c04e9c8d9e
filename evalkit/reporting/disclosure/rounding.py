"""Rounded counts, and statistics from them: what stands beside a rounded count must not tell the exact one."""

from collections.abc import Sequence

from evalkit.reporting.disclosure.profiles import Profile


def to_nearest(n: int, multiple: int = 5) -> int:
    """Round a count to the nearest multiple; halves go up."""
    return (2 * n + multiple) // (2 * multiple) * multiple


def to_midpoint(n: int, width: int = 6) -> int:
    """Round a count to the middle of its interval: 1 to 6 become 3, 7 to 12 become 9; 0 stays.

    Reference
    ---------
    OpenSAFELY, midpoint 6 rounding: ceil(n / 6) 6 - 3 for n > 0.
    """
    return -(-n // width) * width - width // 2 * (n != 0)


def rounded(n: int, profile: Profile) -> int:
    """Round a count as a profile says."""
    if profile.rounding == "none":
        return n
    return to_nearest(n, profile.round_base) if profile.rounding == "nearest" else to_midpoint(n, profile.round_base)


def rounded_total(parts: Sequence[int], profile: Profile) -> int:
    """Return a total as the sum of its rounded parts, so that parts and total tell nothing of each other."""
    return sum(rounded(n, profile) for n in parts)


def rounded_share(n: int, n_all: int, profile: Profile) -> float | None:
    """Return a share from rounded counts; None where nothing is left below it."""
    below = rounded(n_all, profile)
    return rounded(n, profile) / below if below else None
