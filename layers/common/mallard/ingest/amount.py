"""Parser of money amounts, rounded half-even to two places."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from unicodedata import category, decimal

MAX_REVENUE = Decimal(10) ** 10
"""The column is DECIMAL(12,2): ten digits before the point."""

MAX_AMOUNT_LENGTH = 64

_CENT = Decimal("0.01")
_ZERO = Decimal(0)
_MINUS = str.maketrans("−‒–—", "----")
_UNSEEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks of direction, which number formatters put around signs and currencies."""

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF
IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED
VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
"""Codes of ISO 4217."""

_WORDS = "kr zł kč ft fr sfr rs rp rm r lei tl лв р руб din дин dhs"
"""Words of shops in place of a symbol, without a full stop."""

_CODES_FOLDED = frozenset(_CODES.casefold().split())
_CURRENCIES = _CODES_FOLDED.union(_WORDS.split())
_LETTERS = re.compile(r"[^\W\d_]+")

_WRITTEN = re.compile(r"(?P<before>\D*?)(?P<number>(?:(?<![^\W\d_])[.,])?\d(?:.*\d)?)(?P<after>\D*)", re.DOTALL)
"""A point before the first digit belongs to a word before it, as in ``Rs.49``, else to the number."""

_NO_CENTS = re.compile(r"[.,]\s?--?")
"""``49,-`` and ``49.--``."""

_GROUPS = "|".join(rf"\d{{1,3}}(?:{mark}\d{{3}})+" for mark in (",", r"\.", " ", "['’]", "٬"))
_INDIAN = r"\d{1,2}(?:,\d\d)+,\d{3}"
_GROUPED = re.compile(rf"(?P<whole>{_GROUPS}|{_INDIAN})(?:(?P<mark>[.,٫])(?P<cents>\d+))?")
_PLAIN = re.compile(r"(?P<whole>\d*)(?:(?P<mark>[.,٫])(?P<cents>\d+))?")


def read_amount(value: object) -> Decimal | None:
    """The amount of a number or a text, with two places; None where it is none, out of range or could mean two.

    ``49.99``, ``1,299.00``, ``1.299,00 €``, ``1 299,00``, ``1'299.00`` and ``CHF 12.50`` mean one amount each.
    ``1,299`` and ``1.299`` as text may be a thousand or a little over one. A number of JSON is never ambiguous.
    """
    if isinstance(value, str):
        found = _of_text(value)
        return None if found is None else two_places(found)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return two_places(Decimal(str(value)))
    except ValueError:
        # An integer of thousands of digits.
        return None


def currency_of(text: str) -> str | None:
    """The ISO 4217 code that an amount's text names, or EUR by its sign; None where there is none, or several."""
    found = {"EUR"} if "€" in text else set()
    found |= {word.upper() for word in _LETTERS.findall(text) if word.casefold() in _CODES_FOLDED}
    return found.pop() if len(found) == 1 else None


def two_places(amount: Decimal) -> Decimal | None:
    """An amount as it is stored, half-even; None where it is no number or MAX_REVENUE and more either way."""
    if not amount.is_finite():
        return None
    try:
        rounded = amount.quantize(_CENT, ROUND_HALF_EVEN)
    except InvalidOperation:
        return None
    # Adding nothing takes the sign of a negative zero.
    return rounded + _ZERO if abs(rounded) < MAX_REVENUE else None


def _of_text(text: str) -> Decimal | None:
    found = _WRITTEN.fullmatch(_UNSEEN.sub("", _plain(text))) if len(text) <= MAX_AMOUNT_LENGTH else None
    if found is None:
        return None
    sign, digits = _sign(found["before"]), _digits(found["number"])
    if sign is None or digits is None or not _is_currency(_NO_CENTS.sub("", found["after"], count=1)):
        return None
    return sign * Decimal(digits)


def _plain(text: str) -> str:
    """ASCII digits, one kind of space, one kind of minus."""
    if text.isascii():
        return text
    return "".join(map(_plain_character, text.translate(_MINUS)))


def _plain_character(each: str) -> str:
    if each.isspace():
        return " "
    return str(decimal(each)) if each.isdecimal() else each


def _sign(before: str) -> int | None:
    """1 or -1 by what stands before the digits: a currency, a sign, or both in either order."""
    signs = [each for each in before if each in "+-"]
    if len(signs) > 1 or not _is_currency(before.replace("-", "").replace("+", "")):
        return None
    return -1 if "-" in signs else 1


def _is_currency(text: str) -> bool:
    """True where it is nothing, or currencies: symbols (``€``, ``US$``), codes of ISO 4217 or words of shops."""
    return all(map(_is_currency_word, text.split()))


def _is_currency_word(word: str) -> bool:
    if category(word[-1]) == "Sc" or category(word[0]) == "Sc":
        letters = "".join(each for each in word if category(each) != "Sc")
        return len(letters) <= 3 and (letters.isalpha() or not letters)
    return word.rstrip(".").casefold() in _CURRENCIES


def _digits(number: str) -> str | None:
    """The text that Decimal reads, None where the marks between digits could mean two amounts."""
    found = _GROUPED.fullmatch(number)
    if found is None or number.startswith("0"):
        # No group begins with a zero: 0.125 has one meaning.
        found = _PLAIN.fullmatch(number)
        return f"{found['whole'] or 0}.{found['cents'] or 0}" if found else None
    whole, mark, cents = found["whole"], found["mark"], found["cents"]
    groups = [each for each in whole if not each.isdigit()]
    if mark in groups or (mark is None and groups in ([","], ["."])):
        return None
    return f"{''.join(filter(str.isdigit, whole))}.{cents or 0}"
