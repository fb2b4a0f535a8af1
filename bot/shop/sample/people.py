"""Invented people with names, addresses and phones that look right and belong to nobody, from `people.yml`."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHINESE_SHARE = 0.65


@dataclass(frozen=True)
class Place:
    zh: str
    en: str


@dataclass(frozen=True)
class Person:
    customer_id: str
    language: str
    name: str
    phone: str
    email: str
    address: str
    city: Place
    country: str

    @property
    def domestic(self) -> bool:
        return self.country == "CN"

    @property
    def city_name(self) -> str:
        return self.city.zh if self.language == "zh" else self.city.en


@dataclass(frozen=True)
class Carrier:
    name: str
    prefix: str
    digits: int

    def tracking_number(self, index: int) -> str:
        """Return a number of the carrier's form; different indexes give different numbers, since 7919 and 10 share no factor."""
        return f"{self.prefix}{(index * 7919 + 1234567) % 10**self.digits:0{self.digits}d}"


class People:
    """Makes the people; the same number with the same random source gives the same person, except for the last digits of a phone abroad."""

    def __init__(self) -> None:
        data = yaml.safe_load((Path(__file__).parent / "people.yml").read_text(encoding="utf8"))
        self._zh, self._en = data["zh"], data["en"]
        self.warehouse = _place(data["warehouse"])
        self.hubs = {kind: [_place(hub) for hub in hubs] for kind, hubs in data["hubs"].items()}
        self.carriers = {kind: [Carrier(**carrier) for carrier in carriers] for kind, carriers in data["carriers"].items()}
        self._phones: Counter[str] = Counter()

    def make(self, rng: random.Random, number: int) -> Person:
        return self._chinese(rng, number) if rng.random() < CHINESE_SHARE else self._international(rng, number)

    def company(self, rng: random.Random, person: Person) -> str:
        """Return the name of a company in the person's city, for an invoice."""
        return person.city.zh + str(rng.choice(self._zh["companies"])) + str(rng.choice(self._zh["trades"]))

    def _chinese(self, rng: random.Random, number: int) -> Person:
        city = _weighted(rng, self._zh["cities"])
        street = f"{rng.choice(self._zh['streets'])}{rng.randint(1, 399)}号{rng.choice(self._zh['estates'])}"
        home = f"{rng.randint(1, 20)}幢{rng.randint(1, 28)}0{rng.randint(1, 4)}室"
        return Person(
            customer_id=customer_number(number),
            language="zh",
            name=rng.choice(self._zh["surnames"]) + rng.choice(self._zh["given"]),
            phone=f"+86154{(number * 791_939 + rng.randrange(7919)) % 10**8:08d}",
            email=f"c{number:06d}@example.com",
            address=f"{city['address']}{rng.choice(city['districts'])}{street}{home}",
            city=_place(city),
            country="CN",
        )

    def _international(self, rng: random.Random, number: int) -> Person:
        city = _weighted(rng, self._en["cities"])
        first, last = rng.choice(self._en["first"]), rng.choice(self._en["last"])
        return Person(
            customer_id=customer_number(number),
            language="en",
            name=f"{first} {last}",
            phone=self._phone_abroad(city),
            email=f"{first}.{last}{number}@example.com".lower(),
            address=f"{rng.randint(1, 999)} {rng.choice(self._en['streets'])}, {city['address']}",
            city=_place(city),
            country=city["country"],
        )

    def _phone_abroad(self, city: dict[str, Any]) -> str:
        prefix, size = ("+447700900", 1000) if city["country"] == "GB" else (f"+1{city['area']}55501", 100)
        self._phones[prefix] += 1
        return f"{prefix}{self._phones[prefix] % size:0{len(str(size)) - 1}d}"


def customer_number(number: int) -> str:
    return f"C{number:06d}"


def _place(values: dict[str, Any]) -> Place:
    return Place(values["zh"], values["en"])


def _weighted(rng: random.Random, cities: list[dict[str, Any]]) -> dict[str, Any]:
    return rng.choices(cities, [city["weight"] for city in cities])[0]
