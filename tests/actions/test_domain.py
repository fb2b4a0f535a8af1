"""The dialogue is complete: every intent is answered, every sentence is there in both languages, nothing is named in vain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from rasa_sdk.executor import ActionExecutor

from actions.asks import FORMS
from actions.words import intent_names, skill_of
from bot.faq import FOLDER, Faq
from bot.languages import LANGUAGES
from bot.shop.protocol import Refusal
from bot.shop.rules import RETURN_REASONS
from tests.actions.texts import ROOT, domain, intents, rules, variation

FAQ_INTENTS = [
    "delivery_time",
    "shipping_cost",
    "return_policy",
    "payment_methods",
    "membership_benefits",
    "renew_membership",
    "product_warranty",
    "reset_password",
    "delete_account",
    "opening_hours",
]
SOURCES = "\n".join(path.read_text(encoding="utf8") for path in sorted((ROOT / "actions").glob("*.py")))
HAN = re.compile(r"[一-鿿]")


def test_there_are_43_intents_and_each_has_its_rule() -> None:
    answered = {rule["steps"][0]["intent"] for rule in rules() if "intent" in rule["steps"][0]}

    assert len(intents()) == 43
    assert answered == {*intents(), "nlu_fallback"}


@pytest.mark.parametrize("response", sorted(domain()["responses"]))
def test_a_response_is_there_in_both_languages(response: str) -> None:
    zh, en = (variation(response, language) for language in LANGUAGES)

    assert len(domain()["responses"][response]) == 2
    assert response == "utter_faq" or (HAN.search(zh["text"]) and not HAN.search(en["text"]))
    assert re.findall(r"{\w+}", zh["text"]) is not None
    assert set(re.findall(r"{\w+}", en["text"])) <= {*re.findall(r"{\w+}", zh["text"]), "{company}"}
    assert [re.sub(r'"product".*|"invoice_title".*', "", button["payload"]) for button in zh.get("buttons", [])] == [
        re.sub(r'"product".*|"invoice_title".*', "", button["payload"]) for button in en.get("buttons", [])
    ]


def test_every_response_is_used_and_every_used_one_is_there() -> None:
    in_rules = {step["action"] for rule in rules() for step in rule["steps"] if str(step.get("action", "")).startswith("utter_")}
    asked = {f"utter_ask_{slot}" for form in domain()["forms"].values() for slot in form["required_slots"]}
    named = set(re.findall(r'"(utter_[a-z0-9_]+)"', SOURCES)) - {"utter_action"}
    begun = tuple(re.findall(r'f"(utter_[a-z_]+)\{', SOURCES))
    there = set(domain()["responses"])

    assert named | in_rules <= there
    assert not {one for one in there - named - in_rules - asked if not one.startswith(begun) and not one.endswith("_created")}


def test_every_action_of_the_domain_exists_and_every_action_is_in_the_domain(executor: ActionExecutor) -> None:
    assert set(executor.actions) == set(domain()["actions"])


def test_every_form_is_known_with_its_slots() -> None:
    slots = domain()["slots"]

    assert {name: set(form.slots) - {"return_kind"} for name, form in FORMS.items()} == {
        name: set(form["required_slots"]) for name, form in domain()["forms"].items()
    }
    assert all(slot in slots for form in FORMS.values() for slot in form.slots)
    assert not any(slot["influence_conversation"] for slot in slots.values())


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_has_its_sentence(refusal: Refusal) -> None:
    assert all(variation(f"utter_refused_{refusal.value}", language)["text"] for language in LANGUAGES)


def test_the_words_of_both_languages_have_the_same_keys() -> None:
    zh, en = (yaml.safe_load((ROOT / f"actions/words/{language}.yml").read_text(encoding="utf8")) for language in LANGUAGES)

    assert {group: set(words) for group, words in zh.items()} == {group: set(words) for group, words in en.items()}
    assert set(zh["return_reason"]) == set(RETURN_REASONS)


def test_every_word_that_is_used_is_there() -> None:
    zh = yaml.safe_load((ROOT / "actions/words/zh.yml").read_text(encoding="utf8"))
    used = set(re.findall(r'words\(\s*"([a-z]+(?:_[a-z]+)*\.[a-z_]+)"', SOURCES))
    used |= {f"button.{name}" for name in re.findall(r'talk\.button\(\s*"([a-z_]+)"', SOURCES)}

    assert used
    assert not {key for key in used if key.partition(".")[2] not in zh[key.partition(".")[0]]}


def test_intents_that_can_be_offered_have_names_and_skills_of_the_contract() -> None:
    for intent in intent_names("zh"):
        assert intent in intents()
        assert skill_of(intent) in {"orders", "shipping", "returns", "payments", "membership", "products", "account", "general"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("intent", FAQ_INTENTS)
def test_the_faq_answers_its_intents(intent: str, language: str) -> None:
    entry = Faq().about(intent, "", language)

    assert entry is not None
    assert bool(HAN.search(entry.answer)) == (language == "zh")


def test_the_faq_has_the_same_entries_in_both_languages() -> None:
    files = {language: sorted(path.name for path in (FOLDER / language).glob("*.yml")) for language in LANGUAGES}
    entries = {
        language: [(one["id"], one["intent"]) for name in names for one in _entries(FOLDER / language / name)]
        for language, names in files.items()
    }

    assert files["zh"] == files["en"]
    assert entries["zh"] == entries["en"]


def test_conversation_tests_begin_with_every_intent_in_both_languages() -> None:
    files = [yaml.safe_load((ROOT / f"nlu_data/tests/test_{language}.yml").read_text(encoding="utf8"))["stories"] for language in LANGUAGES]
    zh, en = ([(story["story"][4:], [step.get("action") for step in story["steps"]]) for story in stories] for stories in files)

    assert zh == en
    assert all({story["steps"][0]["intent"] for story in stories} == set(intents()) for stories in files)


def test_no_text_for_people_stands_in_python() -> None:
    allowed = {"choosing.py", "invoices.py", "order_changes.py"}  # they recognise what customers write
    for path in (ROOT / "actions").glob("*.py"):
        code = re.sub(r'"""[\s\S]*?"""|#.*', "", path.read_text(encoding="utf8"))
        assert path.name in allowed or not HAN.search(code), path.name


def _entries(path: Path) -> list[dict[str, str]]:
    return list(yaml.safe_load(path.read_text(encoding="utf8")))
