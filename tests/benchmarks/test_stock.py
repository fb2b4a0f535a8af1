from __future__ import annotations

from pathlib import Path

import yaml

from benchmarks.place import ROOT
from benchmarks.stock import for_stock, rules_as_stories, stock_config, write_project


def test_the_configuration_is_what_rasa_init_trains_with() -> None:
    config = stock_config()

    names = [component["name"] for component in config["pipeline"]]
    assert names == [
        "WhitespaceTokenizer",
        "RegexFeaturizer",
        "LexicalSyntacticFeaturizer",
        "CountVectorsFeaturizer",
        "CountVectorsFeaturizer",
        "DIETClassifier",
        "EntitySynonymMapper",
        "ResponseSelector",
        "FallbackClassifier",
    ]
    assert {policy["name"] for policy in config["policies"]} == {"MemoizationPolicy", "RulePolicy", "UnexpecTEDIntentPolicy", "TEDPolicy"}
    assert {part["epochs"] for part in config["pipeline"] + config["policies"] if "epochs" in part} == {100}


def test_epochs_can_be_fewer_and_nothing_else_changes() -> None:
    few, stock = stock_config(2), stock_config()

    trained = [part for part in few["pipeline"] + few["policies"] if "epochs" in part]
    assert len(trained) == 4
    for part in trained:
        part["epochs"] = 100
    assert few == stock


def test_the_stock_bot_has_a_language_to_answer_in_and_the_companys_name() -> None:
    slots = {"language": {"type": "text"}, "order": {"type": "text"}}
    domain = {"intents": ["greet"], "slots": slots, "responses": {"utter_greet": [{"text": "this is {company}, {order}"}]}}

    changed = for_stock(domain, company="Shop")

    assert changed["slots"]["language"]["initial_value"] == "zh"
    assert changed["responses"] == {"utter_greet": [{"text": "this is Shop, {order}"}]}
    assert changed["intents"] == domain["intents"]
    assert "initial_value" not in domain["slots"]["language"]


def test_rules_become_conversations_of_several_exchanges() -> None:
    rules = [{"rule": name, "steps": [{"intent": name}, {"action": f"utter_{name}"}]} for name in ("greet", "thank", "goodbye")]
    form = {"rule": "form", "steps": [{"intent": "return_item"}, {"action": "return_form"}, {"active_loop": "return_form"}]}

    stories = list(rules_as_stories([*rules, form]))

    assert len(stories) == 3
    assert all(len(story["steps"]) == 6 for story in stories)
    assert {step["intent"] for story in stories for step in story["steps"] if "intent" in step} == {"greet", "thank", "goodbye"}


def test_the_project_has_our_data_and_is_known_by_all_of_it(tmp_path: Path) -> None:
    with_stories = write_project(tmp_path / "a", root=ROOT, company="Shop", stories=True)
    without = write_project(tmp_path / "b", root=ROOT, company="Shop", stories=False)
    again = write_project(tmp_path / "c", root=ROOT, company="Shop", stories=True)

    examples = sorted(path.relative_to(ROOT / "nlu_data" / "nlu") for path in (ROOT / "nlu_data" / "nlu").rglob("*.yml"))
    copied = sorted(path.relative_to(tmp_path / "a" / "data" / "nlu") for path in (tmp_path / "a" / "data" / "nlu").rglob("*.yml"))
    assert copied == examples
    assert yaml.safe_load((tmp_path / "a" / "config.yml").read_text(encoding="utf8")) == stock_config()
    assert with_stories.fingerprint == again.fingerprint != without.fingerprint
