"""Entities that have a form of their own: codes, phones, amounts. The forms are data, in `nlu_data/lookups`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

import phonenumbers

from bot.errors import SettingError
from bot.nlu.numerals import number
from bot.nlu.spans import Found

# No letter or digit of a code beside the find: part of a longer code is none. Han may stand right beside it.
_BEFORE, _AFTER = r"(?<![a-z0-9@])", r"(?![a-z0-9@]|[-.]\d)"
_TIMES = {"k": 1000, "千": 1000, "thousand": 1000, "万": 10_000, "million": 1_000_000}
_MULTIPLES = re.compile(r"(?<=[\d ])(k|千|万|thousand|million)$")


class PatternFinder:
    """Finds entities by the regular expressions of `patterns.yml`, written as their rule says."""

    def __init__(self, rules: Iterable[Mapping[str, str]], currencies: Mapping[str, list[str]]) -> None:
        # The longest first, so that us$ is not taken for $.
        words = sorted(((word, code) for code, words in currencies.items() for word in words), key=lambda pair: -len(pair[0]))
        code_of = dict(words)
        self._writers: dict[str, Callable[[str], str | None]] = {
            "as_is": str,
            "upper": str.upper,
            "digits": _digits,
            "phone_cn": lambda text: _phone(text, "CN"),
            "phone_us": lambda text: _phone(text, "US"),
            "amount": lambda text: _amount(text, code_of),
        }
        self._rules = [(rule["entity"], self._compile(rule), self._writer(rule)) for rule in rules]

    def find(self, text: str) -> Iterator[Found]:
        """Yield the finds in a folded lower-case text; they may overlap."""
        for entity, pattern, write in self._rules:
            for match in pattern.finditer(text):
                group = "value" if "value" in pattern.groupindex else 0
                value = write(match[group])
                if value is not None:
                    yield Found(entity, *match.span(group), value)

    @staticmethod
    def _compile(rule: Mapping[str, str]) -> re.Pattern[str]:
        try:
            # Symbols such as ¥ may follow a letter; what begins with a letter or digit may not.
            return re.compile(rf"{_BEFORE}(?:{rule['pattern']}){_AFTER}")
        except re.error as error:
            raise SettingError(f"The pattern {rule['pattern']!r} of {rule['entity']} is not a regular expression: {error}") from error

    def _writer(self, rule: Mapping[str, str]) -> Callable[[str], str | None]:
        if rule["value"] not in self._writers:
            raise SettingError(f"The pattern of {rule['entity']} has value {rule['value']!r}; allowed are {', '.join(self._writers)}")
        return self._writers[rule["value"]]


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _phone(text: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _amount(text: str, code_of: Mapping[str, str]) -> str | None:
    """Write 1,299元 as 1299.00 CNY, 5万元 as 50000.00 CNY, 12块5 as 12.50 CNY; `code_of` a currency's word, longer words first."""
    currency = next((word for word in code_of if word in text), "")
    before, _, after = text.partition(currency) if currency else (text, "", "")
    figure = f"{before}.{after}" if before and after.isdigit() else before + after
    amount = _figure(figure.replace(",", "").strip())
    if amount is None:
        return None
    return f"{amount:.2f} {code_of[currency]}" if currency else f"{amount:.2f}"


def _figure(text: str) -> Decimal | None:
    """Read 1299.5, 1.5万, 2 million or 两百五; None for what is no number."""
    multiple = _MULTIPLES.search(text)
    times = _TIMES[multiple[1]] if multiple else 1
    figure = text[: multiple.start()].strip() if multiple else text
    spoken = number(figure)
    try:
        return Decimal(figure if spoken is None else spoken) * times
    except InvalidOperation:
        return None
