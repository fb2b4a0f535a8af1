"""Spoil a copy of the training data on purpose, as people do, and know where."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bot.languages import detect_language
from bot.nlu.quality.markup import read_markup
from bot.nlu.quality.texts import plain

FOREIGN = "out_of_scope"  # its texts are near to other intents on purpose: whether one was moved there, nobody can tell from its text
MARKED = re.compile(r"\[([^\]]+)\]\(([a-z_0-9]+)\)")
TRADITIONAL = str.maketrans("订单发货么时东买会员费发票开这个没给换退运", "訂單發貨麼時東買會員費發票開這個沒給換退運")
OTHER_WORDS = {"zh": ["一下", "现在", "麻烦", "到底", "马上", "赶紧"], "en": ["now", "please", "quickly", "today", "actually", "just"]}


@dataclass(eq=False)
class Line:
    """A line of a file; `defect` is what was done to it."""

    written: str
    intent: str = ""
    defect: str = ""

    @property
    def is_example(self) -> bool:
        return self.written.startswith("    - ") and bool(self.intent)

    @property
    def marked(self) -> str:
        return self.written[6:]

    @property
    def text(self) -> str:
        return read_markup(self.marked)[0]


@dataclass
class Spoiler:
    """The files of a copied project as lines, and the defects put in."""

    root: Path
    random: random.Random
    files: dict[str, list[Line]] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def read(self) -> Spoiler:
        for path in [self.root / "domain.yml", *sorted((self.root / "nlu_data" / "nlu").rglob("*.yml"))]:
            intent, lines = "", []
            for written in path.read_text(encoding="utf8").splitlines():
                if match := re.match(r"- intent: (\w+)", written):
                    intent = match[1]
                lines.append(Line(written, intent))
            self.files[path.relative_to(self.root).as_posix()] = lines
        return self

    def write(self) -> set[tuple[str, int, str]]:
        """Write all files; return file, line and name of each defect."""
        for name, lines in self.files.items():
            (self.root / name).write_text("\n".join(line.written for line in lines) + "\n", encoding="utf8")
        return {(name, number, line.defect) for name, lines in self.files.items() for number, line in enumerate(lines, 1) if line.defect}

    def pick(self, fits: Callable[[str, Line], bool]) -> tuple[str, Line]:
        """Return the file and line of an example that fits and that nothing was done to."""
        every = [(name, line) for name, lines in self.files.items() for line in lines if line.is_example and id(line) not in self.used]
        name, line = self.random.choice([(name, line) for name, line in every if fits(name, line)])
        self.used.add(id(line))
        return name, line

    def add_to_list(self, intent: str, language: str, marked: str, defect: str) -> None:
        """Put an example somewhere behind the middle of an intent's list, as people add."""
        for name, lines in self.files.items():
            places = [index for index, line in enumerate(lines) if line.is_example and line.intent == intent]
            if f"/{language}/" in name and places:
                place = self.random.choice(places[len(places) // 2 :])
                new = Line(f"    - {marked}", intent, defect)
                self.used.add(id(new))
                lines.insert(place + 1, new)
                return

    def another_intent(self, intent: str, language: str) -> str:
        names = {line.intent for name, lines in self.files.items() if f"/{language}/" in name for line in lines if line.is_example}
        return self.random.choice(sorted(names - {intent, FOREIGN}))


def language_of(name: str) -> str:
    return name.split("/")[2]


def is_long(name: str, line: Line) -> bool:
    """Long enough to mean something by itself, and of this shop."""
    return len(plain(line.text)) >= (8 if language_of(name) == "zh" else 18) and line.intent != FOREIGN


def moved(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(lambda name, line: is_long(name, line) and detect_language(line.text) == language_of(name))
    spoiler.files[name].remove(line)
    language = language_of(name)
    spoiler.add_to_list(spoiler.another_intent(line.intent, language), language, line.marked, "moved")


def nearly_the_same(spoiler: Spoiler) -> None:
    """Copied into another intent with one word more."""
    name, line = spoiler.pick(is_long)
    language = language_of(name)
    word = spoiler.random.choice(OTHER_WORDS[language])
    marked = f"{word}{line.marked}" if language == "zh" else f"{line.marked} {word}"
    if language == "en" and spoiler.random.random() < 0.5 and not MARKED.search(line.marked):
        words = line.marked.split(" ")
        words[spoiler.random.randrange(1, len(words))] = word
        marked = " ".join(words)
    spoiler.add_to_list(spoiler.another_intent(line.intent, language), language, marked, "nearly the same")


def respelt(spoiler: Spoiler, marked: str) -> str:
    if MARKED.search(marked):
        return spoiler.random.choice([f"{marked}!!", f"{marked}。", f"{marked} ", f"…{marked}"])
    wide = "".join(chr(ord(one) + 0xFEE0) if one.isascii() and one.isalnum() else one for one in marked)
    return spoiler.random.choice([marked.upper(), wide, marked.translate(TRADITIONAL), f"{marked}!!"])


def duplicate(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(is_long)
    lines = spoiler.files[name]
    last = max(index for index, one in enumerate(lines) if one.is_example and one.intent == line.intent)
    new = Line(f"    - {respelt(spoiler, line.marked)}", line.intent, "duplicate")
    spoiler.used.add(id(new))
    lines.insert(last + 1, new)


def duplicate_in_other_intent(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(is_long)
    intent = spoiler.another_intent(line.intent, language_of(name))
    spoiler.add_to_list(intent, language_of(name), respelt(spoiler, line.marked), "duplicate in another intent")


def shifted(spoiler: Spoiler) -> None:
    """One border of an entity taken along by a character, outwards or inwards."""
    _, line = spoiler.pick(lambda name, line: bool(re.search(r"\w\[[^\]]{2,}\]\([a-z_]+\)|\[[^\]]{2,}\]\([a-z_]+\)\w", line.marked)))
    outwards = [(r"(\w)\[([^\]]{2,})\](\([a-z_]+\))", r"[\1\2]\3"), (r"\[([^\]]{2,})\](\([a-z_]+\))(\w)", r"[\1\3]\2")]
    inwards = [(r"\[(\w)([^\]]+)\](\([a-z_]+\))", r"\1[\2]\3"), (r"\[([^\]]+)(\w)\](\([a-z_]+\))", r"[\1]\3\2")]
    usable = [(pattern, new) for pattern, new in outwards + inwards if re.search(pattern, line.marked)]
    pattern, new = spoiler.random.choice(usable)
    line.written, line.defect = f"    - {re.sub(pattern, new, line.marked, count=1)}", "shifted"


def change_markup(defect: str, *ways: Callable[[re.Match[str]], str]) -> Callable[[Spoiler], None]:
    def change(spoiler: Spoiler) -> None:
        _, line = spoiler.pick(lambda name, line: bool(MARKED.search(line.marked)))
        line.written, line.defect = f"    - {MARKED.sub(spoiler.random.choice(ways), line.marked, count=1)}", defect

    return change


def unmarked(spoiler: Spoiler) -> None:
    """An entity that is annotated everywhere else, without its markup."""
    lines = [line for some in spoiler.files.values() for line in some if line.is_example]
    often = {entity: 0 for line in lines for entity in MARKED.findall(line.marked)}
    for line in lines:
        for entity in MARKED.findall(line.marked):
            often[entity] += 1
    _, line = spoiler.pick(lambda name, line: any(often[one] >= 12 and len(one[0]) > 1 for one in MARKED.findall(line.marked)))
    usable = [one for one in MARKED.findall(line.marked) if often[one] >= 12 and len(one[0]) > 1]
    surface, entity = spoiler.random.choice(usable)
    line.written, line.defect = line.written.replace(f"[{surface}]({entity})", surface), "unmarked"


def empty(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(lambda name, line: True)
    spoiler.files[name].insert(spoiler.files[name].index(line), Line("    - ", line.intent, "empty"))


def unknown_intent(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(is_long)
    wrong = line.intent[:-2] + line.intent[-1] + line.intent[-2] if line.intent[-1] != line.intent[-2] else line.intent + "s"
    spoiler.files[name].remove(line)
    spoiler.files[name] += [Line(f"- intent: {wrong}", "", "unknown intent"), Line("  examples: |"), Line(line.written)]


def wrong_language(spoiler: Spoiler) -> None:
    def fits(name: str, line: Line) -> bool:
        return is_long(name, line) and detect_language(line.text) == language_of(name) and not re.search(r"[A-Za-z]\d", line.text)

    name, line = spoiler.pick(lambda name, line: fits(name, line) and (language_of(name) == "en" or not re.search("[A-Za-z]", line.text)))
    spoiler.files[name].remove(line)
    spoiler.add_to_list(line.intent, "en" if language_of(name) == "zh" else "zh", line.marked, "wrong language")


def missing_intent(spoiler: Spoiler) -> None:
    lines = spoiler.files["domain.yml"]
    after = next(index for index, line in enumerate(lines) if line.written.startswith("- order_status"))
    lines.insert(after, Line(f"- gift_wrapping_{spoiler.random.randrange(100)}", "", "missing intent"))


def too_few(spoiler: Spoiler) -> None:
    name, line = spoiler.pick(lambda name, line: line.intent in {"price_protection", "list_coupons", "my_profile", "payment_methods"})
    lines = spoiler.files[name]
    own = [one for one in lines if one.is_example and one.intent == line.intent and not one.defect]
    for one in own[20:]:
        lines.remove(one)
    next(one for one in lines if one.written == f"- intent: {line.intent}").defect = "too few"


def broken_yaml(spoiler: Spoiler) -> None:
    _, line = spoiler.pick(lambda name, line: "account" in name and not MARKED.search(line.marked))
    line.written, line.defect = f"\t- {line.marked}", "broken YAML"


DEFECTS: dict[Callable[[Spoiler], None], int] = {
    too_few: 1,
    moved: 9,
    nearly_the_same: 9,
    duplicate: 8,
    duplicate_in_other_intent: 8,
    shifted: 10,
    change_markup("unknown entity", lambda m: f"[{m[1]}]({m[2]}s)", lambda m: f"[{m[1]}]({m[2][:-1]})", lambda m: f"[{m[1]}](item)"): 8,
    change_markup("padded", lambda m: f"[ {m[1]}]({m[2]})", lambda m: f"[{m[1]} ]({m[2]})"): 6,
    change_markup("nested", lambda m: f"[[{m[1]}]({m[2]})]({m[2]})", lambda m: f"[x [{m[1]}]({m[2]})](product)"): 5,
    change_markup("empty entity", lambda m: f"[]({m[2]}){m[1]}", lambda m: f"[ ]({m[2]}){m[1]}"): 4,
    change_markup(
        "broken markup",
        lambda m: f"{m[1]}]({m[2]})",
        lambda m: f"[{m[1]}({m[2]})",
        lambda m: f"[{m[1]}]（{m[2]}）",
        lambda m: f"[{m[1]}] ({m[2]})",
        lambda m: f"[{m[1]}]({m[2]}",
        lambda m: f'[{m[1]}]{{"entity": {m[2]}}}',
    ): 8,
    unmarked: 8,
    empty: 4,
    wrong_language: 8,
    unknown_intent: 2,
    missing_intent: 1,
    broken_yaml: 1,
}


def spoil(root: Path, seed: int) -> set[tuple[str, int, str]]:
    """Put 100 defects into the project under `root`; return file, line and name of each."""
    spoiler = Spoiler(root, random.Random(seed)).read()
    for defect, count in DEFECTS.items():
        for _ in range(count):
            defect(spoiler)
    return spoiler.write()
