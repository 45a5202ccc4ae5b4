"""Whether a pseudonym looks like something that tells who the patient is. Pure: a text in, doubts out.

It sees forms and not people. It cannot see a nickname, initials, a single name beside a number ("Müller-12"), a
hospital number, or a name that is a word of another language; and a study number may look like a date. So a doubt is
a question to whoever types, never a refusal.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LOOKED_AT = 200
"""Characters; a pseudonym has fewer."""
FIRST_YEAR, LAST_YEAR = 1890, 2039
MASK_LENGTH = 40
FREE = {"A": str.isalpha, "9": str.isdecimal, "?": str.isalnum}
"""What stands for something in a mask: a letter, a digit, either. Everything else stands for itself."""
NEUTRAL = frozenset((
    "patient", "patientin", "pat", "proband", "probandin", "case", "cas", "caso", "fall", "study", "studie", "étude",
    "estudio", "subject", "sample", "probe", "muestra", "control", "kontrolle", "test", "donor", "spender", "series",
    "serie", "arm", "group", "gruppe", "site", "id", "no", "nr", "number", "nummer"))
TITLES = frozenset((
    "mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "hr", "fr", "mme", "mlle", "monsieur", "madame", "sig",
    "signora", "sr", "sra", "señor", "señora", "pan", "pani", "bay", "bayan"))
MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär", "mai", "okt", "dez",
    "fév", "avr", "jui", "aoû", "déc", "ene", "abr", "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott")
ENDING = re.compile(r"(?:\.ome)?\.(?=[a-z0-9]{0,4}[a-z])[a-z0-9]{1,5}\Z", re.ASCII | re.IGNORECASE)
"""Of a file's name; figures alone are none, for they may be a year."""
PARTED = re.compile(r"(?<=[^\W\d_])\.(?=[^\W\d_])")
EMAIL = re.compile(r"[^\s@]@[^\s@]")
SEPARATED = re.compile(r"(?<!\d)(\d{1,4})([-./ ])(\d{1,2})\2(\d{1,4})(?!\d)", re.ASCII)
COMPACT = re.compile(r"(?<!\d)\d{8}(?!\d)", re.ASCII)
NAMED_MONTH = re.compile(r"(?<!\d)\d{1,2}\.?[ -]?(\w{3,9})\.?[ -]?\d{4}(?!\d)")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)", re.ASCII)
PHONE = re.compile(r"(?:\+|00|\(?0)[\d ()/.-]{5,24}\d", re.ASCII)
NUMBERS = (
    re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII),  # USA
    re.compile(r"[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", re.ASCII | re.IGNORECASE),  # United Kingdom
    re.compile(r"756\.?\d{4}\.?\d{4}\.?\d{2}", re.ASCII),  # Switzerland
    re.compile(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", re.ASCII | re.IGNORECASE),  # Italy
    re.compile(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3}(?: ?\d{2})?", re.ASCII),  # France
    re.compile(r"\d{2} ?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2} ?[A-Z] ?\d{3}", re.ASCII),  # Germany, pension
    re.compile(r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A]\d{3}[\dA-Y]", re.ASCII),  # Denmark, Finland
    re.compile(r"(?:\d{2})?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[-+]\d{4}", re.ASCII),  # Sweden
    re.compile(r"\d{2}\.(?:0[1-9]|1[0-2])\.(?:0[1-9]|[12]\d|3[01])-\d{3}\.\d{2}", re.ASCII),  # Belgium
)
WORDS = {
    "e-mail": "It looks like an e-mail address.",
    "phone": "It looks like a telephone number.",
    "insurance": "It looks like an insurance or social security number.",
    "birth": "It looks like a date, which may be a date of birth.",
    "name": "It looks like a person’s name.",
}


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One thing that a text looks like; `code` is what the audit keeps, for the text itself it never does."""

    code: str
    message: str


def doubts_about(text: str) -> tuple[Doubt, ...]:
    """What the text looks like; nothing where it looks like a pseudonym."""
    plain = unicodedata.normalize("NFKC", text[:LOOKED_AT]).strip()
    number = _is_insurance(plain)
    found = {"e-mail": EMAIL.search(plain) is not None, "insurance": number,
             "phone": not number and _is_phone(plain), "birth": not number and _has_date(plain),
             "name": _has_name(plain)}
    return tuple(Doubt(code=code, message=WORDS[code]) for code, true in found.items() if true)


def doubts_about_file(name: str) -> tuple[Doubt, ...]:
    """The same of a file's or a folder's name, without the ending that says what kind of file it is.

    A dot between letters parts words there.
    """
    return doubts_about(PARTED.sub(" ", ENDING.sub("", name)))


def why_no_mask(mask: str) -> str:
    """Why this cannot be the form that pseudonyms must have, or "". No mask at all is one that everything fits."""
    if not mask:
        return ""
    if len(mask) > MASK_LENGTH or not mask.isprintable() or mask != mask.strip():
        return f"A mask has at most {MASK_LENGTH} characters and no blanks at its ends."
    if not any(one in FREE for one in mask):
        return "A mask needs at least one A (a letter), 9 (a digit) or ? (either)."
    if doubts_about(mask.translate({ord("9"): "1", ord("A"): "K", ord("?"): "1"})):
        return "What follows this mask would look like a date or a number that tells who somebody is."
    return ""


def fits(mask: str, text: str) -> bool:
    """Whether a pseudonym has the form of the mask: as long, and each character of its kind. One look at each."""
    return not mask or (len(text) == len(mask) and all(
        FREE[kind](one) if kind in FREE else kind == one for kind, one in zip(mask, text, strict=True)))


def told(mask: str) -> str:
    """The mask in words, with an example."""
    example = "".join({"A": "K", "9": "4", "?": "7"}.get(one, one) for one in mask)
    return f"A pseudonym here has the form {mask} (A a letter, 9 a digit, ? either), for example {example}."


def _is_insurance(text: str) -> bool:
    if any(one.fullmatch(text) for one in NUMBERS):
        return True
    digits = text.replace(" ", "").replace("-", "")
    return digits.isascii() and (
        _is_nhs(digits) or _is_pesel(digits) or _is_turkish(digits) or _is_dni(digits.upper())
        or _is_kvnr(digits.upper()))


def _is_nhs(text: str) -> bool:
    """England: ten digits, the last a check digit modulo 11."""
    if len(text) != 10 or not text.isdecimal():
        return False
    return (11 - sum(int(one) * (10 - place) for place, one in enumerate(text[:9])) % 11) % 11 == int(text[9])


def _is_pesel(text: str) -> bool:
    """Poland: eleven digits, the last a check digit modulo 10."""
    if len(text) != 11 or not text.isdecimal():
        return False
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    return sum(int(one) * weight for one, weight in zip(text, weights, strict=True)) % 10 == 0


def _is_turkish(text: str) -> bool:
    """Eleven digits, the last the sum of the others modulo 10, the first not 0."""
    return (len(text) == 11 and text.isdecimal() and text[0] != "0"
            and sum(int(one) for one in text[:10]) % 10 == int(text[10]))


def _is_dni(text: str) -> bool:
    """Spain: eight digits and the letter that follows from them."""
    return (len(text) == 9 and text[:8].isdecimal()
            and text[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(text[:8]) % 23])


def _is_kvnr(text: str) -> bool:
    """Germany, health: a letter and nine digits, the last a check digit."""
    if len(text) != 10 or not text[0].isalpha() or not text[1:].isdecimal():
        return False
    figures = f"{ord(text[0]) - 64:02}{text[1:9]}"
    doubled = (int(one) * (1 + place % 2) for place, one in enumerate(figures))
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == int(text[9])


def _is_phone(text: str) -> bool:
    if not PHONE.fullmatch(text):
        return False
    digits = sum(one.isdecimal() for one in text)
    return digits >= 7 and (text[0] == "+" or digits >= 9 or digits < len(text)) and not _has_date(text)


def _has_date(text: str) -> bool:
    compact = any(_is_day(one[:4], one[4:6], one[6:]) or _is_day(one[4:], one[2:4], one[:2])
                  for one in COMPACT.findall(text))
    parted = any(_is_day(first, middle, last) or _is_day(last, middle, first) or _is_day(last, first, middle)
                 for first, _, middle, last in SEPARATED.findall(text))
    named = any(word.casefold().startswith(MONTHS) for word in NAMED_MONTH.findall(text))
    return compact or parted or named


def _is_day(year: str, month: str, day: str) -> bool:
    """Two figures may be a year too."""
    if len(year) not in (2, 4) or len(day) > 2 or len(month) > 2:
        return False
    whole = len(year) == 2 or FIRST_YEAR <= int(year) <= LAST_YEAR
    return whole and 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _has_name(text: str) -> bool:
    tokens = [one for one in re.split(r"[\s,;_]+", text) if one]
    words = [one.strip(".") for one in tokens if _is_word(one.strip("."))]
    telling = [one for one in words if one.casefold() not in NEUTRAL and one.casefold() not in TITLES]
    if not telling:
        return False
    if any(one.casefold() in TITLES for one in words) or any(_is_name_without_case(one) for one in telling):
        return True
    figures = any(one.isdecimal() for one in YEAR.sub("", text))
    if len(telling) > 1:
        return not figures or all(one[0].isupper() for one in telling)
    only = telling[0]
    return not figures and len(only) > 2 and only[0].isupper() and not (only.isupper() and len(only) < 6)


def _is_word(token: str) -> bool:
    """Letters, and what joins two of them in a name. A letter before a hyphen is a study's prefix: P-apple."""
    parts = re.split(r"['’-]", token)
    prefixed = any(len(one) == 1 for one in token.split("-"))
    return not prefixed and all(part and all(unicodedata.category(one)[0] in "LM" for one in part)
                                  for part in parts)


def _is_name_without_case(word: str) -> bool:
    """Two to five signs of a script without capitals: Chinese, Japanese or Korean."""
    return 2 <= len(word) <= 5 and all(
        unicodedata.name(one, "").startswith(("CJK", "HANGUL", "HIRAGANA", "KATAKANA")) for one in word)
