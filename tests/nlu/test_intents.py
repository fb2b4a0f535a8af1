"""The classifier, built by hand on a few examples: right, deterministic, served as it was trained, modest before the foreign."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.encoder import Encoder
from bot.errors import InputError
from bot.nlu.features import SentenceEncoder
from bot.nlu.intents import FALLBACK, EncoderIntentClassifier
from bot.nlu.model import Example, IntentModel, ModelOptions
from bot.nlu.network import Network, NetworkOptions, fit_network, join, softmax
from bot.nlu.ngrams import Tfidf, character_ngrams, word_ngrams
from bot.nlu.novelty import familiarity, ladder
from bot.nlu.stacking import stacking_weights
from bot.nlu.tokenizer import BilingualTokenizer

EXAMPLES = {
    "order_status": ["我的订单到哪了", "查一下订单", "订单什么状态", "where is my order", "order status please", "has my order shipped"],
    "return_item": ["我要退货", "怎么退货", "这个东西我想退", "I want to return this", "how do I send it back", "return my item"],
    "cancel_membership": [
        "取消会员",
        "不想要会员了",
        "把会员退了",
        "cancel my membership",
        "end my plus membership",
        "stop the membership",
    ],
    "out_of_scope": ["帮我写作业", "今天股票怎么样", "订机票", "write my homework", "book a flight", "what is the capital of France"],
}
NOTHING = cast(Any, None)


class Pipeline:
    """Tokenizer, encoder and classifier without Rasa's graph."""

    def __init__(self, folder: Path, encoder: dict[str, Any] | None = None, **options: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.storage = LocalModelStorage(folder)
        self.config = EncoderIntentClassifier.get_default_config() | {"folds": 3, "min_steps": 300} | options
        self.tokenizer = BilingualTokenizer.create(BilingualTokenizer.get_default_config(), NOTHING, Resource("t"), NOTHING)
        self.encoder_config = SentenceEncoder.get_default_config() | (encoder or {})
        self.encoder = SentenceEncoder.create(self.encoder_config, self.storage, Resource("e"), NOTHING)
        self.classifier = EncoderIntentClassifier.create(self.config, self.storage, Resource("c"), NOTHING)

    def train(self, examples: dict[str, list[str]]) -> Pipeline:
        messages = [Message({TEXT: text, INTENT: intent}) for intent, texts in examples.items() for text in texts]
        data = self.tokenizer.process_training_data(TrainingData(messages))
        self.encoder.train(data)
        data = self.encoder.process_training_data(data)
        self.classifier.train(data)
        return self

    def parse(self, text: str) -> dict[str, Any]:
        messages = self.encoder.process(self.tokenizer.process([Message({TEXT: text})]))
        return dict(self.classifier.process(messages)[0].as_dict(only_output_properties=True))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return Pipeline(tmp_path_factory.mktemp("storage")).train(EXAMPLES)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("我想退貨", "return_item"),
        ("can I return it", "return_item"),
        ("我的 order 什么 status", "order_status"),
        ("please cancel the membership", "cancel_membership"),
        ("帮我订一张机票", "out_of_scope"),
    ],
)
def test_the_intent_is_found_in_both_languages(pipeline: Pipeline, text: str, intent: str) -> None:
    assert pipeline.parse(text)[INTENT]["name"] == intent


def test_the_ranking_is_a_distribution_that_begins_with_the_intent(pipeline: Pipeline) -> None:
    parsed = pipeline.parse("我要退货")
    ranking = parsed[INTENT_RANKING_KEY]

    assert ranking[0] == parsed[INTENT]
    assert [one["confidence"] for one in ranking] == sorted((one["confidence"] for one in ranking), reverse=True)
    assert sum(one["confidence"] for one in ranking) == pytest.approx(1, abs=1e-5)


def test_the_foreign_falls_back_with_its_ranking_kept(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    model = cast(IntentModel, pipeline.classifier._model)
    monkeypatch.setattr(model, "threshold_", 99.0)

    parsed = pipeline.parse("我要退货")

    assert parsed[INTENT]["name"] == FALLBACK
    assert parsed[INTENT_RANKING_KEY][1]["name"] == "return_item"
    assert parsed["novelty"]["familiarity"] < parsed["novelty"]["threshold"]
    assert pipeline.parse("帮我写作业")[INTENT]["name"] == "out_of_scope"


def test_our_own_words_are_more_familiar_than_noise(pipeline: Pipeline) -> None:
    own, noise = (pipeline.parse(text)["novelty"]["familiarity"] for text in ("我要退货啊", "zzkq wvvb 17"))

    assert own > noise


@pytest.mark.parametrize("text", ["", "   ", "\u200b"])
def test_nothing_said_is_a_fallback(pipeline: Pipeline, text: str) -> None:
    assert pipeline.parse(text)[INTENT] == {"name": FALLBACK, "confidence": 1.0}


def test_the_same_data_give_the_same_model(pipeline: Pipeline, tmp_path: Path) -> None:
    again = Pipeline(tmp_path).train(EXAMPLES)

    assert again.parse("退货 please") == pipeline.parse("退货 please")


def test_a_model_is_served_as_it_was_trained(pipeline: Pipeline) -> None:
    before = pipeline.parse("can I return it 吗")
    loaded = EncoderIntentClassifier.load(pipeline.config, pipeline.storage, Resource("c"), NOTHING)

    messages = pipeline.encoder.process(pipeline.tokenizer.process([Message({TEXT: "can I return it 吗"})]))
    after = loaded.process(messages)[0].as_dict(only_output_properties=True)

    assert after[INTENT]["name"] == before[INTENT]["name"]
    assert after[INTENT]["confidence"] == pytest.approx(before[INTENT]["confidence"], abs=1e-5)
    assert after["novelty"]["familiarity"] == pytest.approx(before["novelty"]["familiarity"], abs=1e-3)


def test_two_intents_are_enough_and_one_is_refused(tmp_path: Path) -> None:
    two = {name: EXAMPLES[name] for name in ("return_item", "order_status")}

    assert Pipeline(tmp_path / "two").train(two).parse("我要退货")[INTENT]["name"] == "return_item"
    with pytest.raises(InputError, match="two or more"):
        Pipeline(tmp_path / "one").train({"return_item": EXAMPLES["return_item"]})


def test_an_intent_with_one_example_does_not_stop_the_training(tmp_path: Path) -> None:
    trained = Pipeline(tmp_path).train(EXAMPLES | {"goodbye": ["再见"]})

    assert trained.parse("再见")[INTENT]["name"] in {"goodbye", FALLBACK}


def test_two_examples_in_all_do_not_stop_the_training(tmp_path: Path) -> None:
    trained = Pipeline(tmp_path).train({"goodbye": ["再见"], "return_item": ["我要退货"]})

    assert trained.parse("我要退货")[INTENT_RANKING_KEY]


def test_tfidf_equals_that_of_scikit_learn() -> None:
    texts = ["我要退货 please", "where is my order 123", "退货退货", ""]
    documents = [character_ngrams(text, 1, 3) for text in texts]
    sklearns = TfidfVectorizer(analyzer=lambda document: document, sublinear_tf=True, dtype=np.float32)

    expected = sklearns.fit_transform(documents)
    ours = Tfidf().fit(documents)

    assert ours.vocabulary_ == sklearns.vocabulary_
    np.testing.assert_allclose(ours.transform(documents).toarray(), expected.toarray(), atol=1e-6)


def test_numbers_look_alike_to_the_ngrams() -> None:
    assert character_ngrams("a1", 1, 2) == character_ngrams("a7", 1, 2)
    assert word_ngrams(["order", "12"], 1, 2) == ["order", "00", "order 00"]


def test_vectors_are_kept_by_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cache" / "encoder.sqlite3"
    first = Encoder(file).encode(["我要退货", "return it", "我要退货"])
    cached = Encoder(file)
    monkeypatch.setattr(cached, "_encode", lambda texts: pytest.fail(f"encoded {texts} again"))

    again = cached.encode(["return it", "我要退货"])

    np.testing.assert_array_equal(again, first[[1, 0]])
    assert np.linalg.norm(first, axis=1) == pytest.approx([1, 1, 1], abs=1e-3)


def test_joined_networks_answer_with_their_mean() -> None:
    generator = np.random.default_rng(1)
    shapes = ((4, 3), (3,), (3, 2), (2,))
    networks = [Network(*(generator.standard_normal(shape).astype(np.float32) for shape in shapes)) for _ in range(3)]
    points = generator.standard_normal((5, 4)).astype(np.float32)

    mean = np.mean([network.logits(points) for network in networks], axis=0)

    np.testing.assert_allclose(join(networks).logits(points), mean, atol=1e-5)


def test_a_network_learns_what_no_line_divides() -> None:
    points = np.array([[0, 0], [1, 1], [0, 1], [1, 0]] * 50, dtype=np.float32) * 2 - 1
    targets = np.array([0, 0, 1, 1] * 50)
    options = NetworkOptions(
        units=32,
        epochs=1,
        min_steps=400,
        batch=32,
        rate=0.01,
        decay=0.0,
        smoothing=0.0,
        input_dropout=0.0,
        gram_dropout=0.0,
        unit_dropout=0.0,
    )

    network = fit_network(points, targets, 2, dense=2, options=options, seed=1)

    assert (network.logits(points).argmax(axis=1) == targets).all()


def test_the_opinion_that_is_right_weighs_more() -> None:
    targets = np.arange(60) % 3
    right = np.eye(3, dtype=np.float32)[targets]
    right[::6] = np.roll(right[::6], 1, axis=1)
    noise = np.random.default_rng(1).standard_normal((60, 3)).astype(np.float32)

    weights = stacking_weights([right, noise], targets)

    assert weights[0] > 5 * weights[1]


def test_the_opinion_that_is_right_more_often_leads_although_it_errs_by_far() -> None:
    """The likelihood alone would have the bold one so small that the shy one overrules it where it is right."""
    generator = np.random.default_rng(5)
    targets = np.arange(400) % 4
    bold, shy = (np.eye(4, dtype=np.float32)[targets] for _ in range(2))
    wrong = generator.random(400) < 0.1
    bold[wrong] = 6 * np.roll(bold[wrong], 1, axis=1)
    doubtful = ~wrong & (generator.random(400) < 0.2)
    shy[doubtful] = np.roll(shy[doubtful], 2, axis=1)

    weights = stacking_weights([bold, shy], targets)

    assert ((weights[0] * bold + weights[1] * shy)[~wrong].argmax(axis=1) == targets[~wrong]).all()


def test_one_opinion_alone_is_made_as_sure_as_it_is_right() -> None:
    targets = np.arange(900) % 3
    sure = np.eye(3, dtype=np.float32)[targets]
    sure[::5] = np.roll(sure[::5], 1, axis=1)

    weight = stacking_weights([sure], targets)

    assert np.allclose(softmax(weight[0] * sure).max(axis=1), 0.8, atol=0.01)


def test_few_examples_are_dealt_to_more_folds() -> None:
    examples = [Example(f"say {number}", ["say", str(number)], vector) for number, vector in enumerate(np.eye(12, dtype=np.float32))]
    options = ModelOptions(units=4, min_steps=1, epochs=1, folds=2, few_folds=3, few=12)

    few = IntentModel(options).fit(examples[:11], ["a", "b"] * 5 + ["a"])
    many = IntentModel(options).fit(examples, ["a", "b"] * 6)

    assert [len(model.network_.bias) // 4 for model in (few, many)] == [3, 2]


def test_familiar_is_what_few_of_ours_fall_short_of_whatever_the_units() -> None:
    ours = ladder(np.tile(np.arange(5000, dtype=np.float32)[::-1, None] / 50, 3))
    signs = np.array([[50, 50, 50], [50, 5, 50], [5, 50, 50], [5, 5, 5], [-20, -90, 5], [-30, -90, 5]], dtype=np.float32)

    middle, second_low, first_low, low, lower, lowest = familiarity(signs, ours)

    assert middle > second_low > low > lower > lowest
    assert second_low == pytest.approx(first_low)
    assert familiarity(signs * [1, 1000, 1], ours * [1, 1000, 1]) == pytest.approx(familiarity(signs, ours))
