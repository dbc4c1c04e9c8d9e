"""The check digit of a corporate number, digit by digit; a second implementation for tests."""


def check_digit(number: str) -> int:
    """Ministry of Finance ordinance 70 of 2014, article 2."""
    return 9 - sum(int(c) * (1 if n % 2 else 2) for n, c in enumerate(reversed(number[1:]), start=1)) % 9
