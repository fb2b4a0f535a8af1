"""Examples are read with their exact lines; what cannot be read is told, not raised."""

from __future__ import annotations

import pytest

from bot.nlu.quality.examples import read_examples
from bot.nlu.quality.findings import Kind
from bot.nlu.quality.markup import Annotation, read_markup
from tests.nlu.quality.conftest import Project, examples


@pytest.mark.parametrize(
    ("marked", "text", "entities"),
    [
        ("我买的[耳机](product)呢", "我买的耳机呢", (Annotation(3, 5, "product"),)),
        ('[纽约]{"entity": "city", "value": "New York"}', "纽约", (Annotation(0, 2, "city", "New York"),)),
        ("a [mug](product) and a [pan](product)", "a mug and a pan", (Annotation(2, 5, "product"), Annotation(12, 15, "product"))),
        ("[NYC](city:New York)", "NYC", (Annotation(0, 3, "city", "New York"),)),
        ("谢谢[微笑]", "谢谢[微笑]", ()),
        ("not good :[", "not good :[", ()),
        ("call me (evenings)", "call me (evenings)", ()),
    ],
)
def test_markup_is_read(marked: str, text: str, entities: tuple[Annotation, ...]) -> None:
    assert read_markup(marked) == (text, entities, [])


@pytest.mark.parametrize(
    ("marked", "kind"),
    [
        ("买[耳机]（product）", Kind.BROKEN_MARKUP),
        ("买耳机](product)", Kind.BROKEN_MARKUP),
        ("买[耳机(product)", Kind.BROKEN_MARKUP),
        ("买[耳机](product", Kind.BROKEN_MARKUP),
        ("buy a [mug] (product)", Kind.BROKEN_MARKUP),
        ("[耳机]{'entity': 'product'}", Kind.BROKEN_MARKUP),
        ("[红色[耳机](product)](product)", Kind.NESTED_ENTITY),
        ('[耳机][{"entity": "product"}, {"entity": "city"}]', Kind.NESTED_ENTITY),
    ],
)
def test_broken_markup_is_told(marked: str, kind: Kind) -> None:
    assert [fault.kind for fault in read_markup(marked)[2]] == [kind]


def test_lines_are_those_of_the_file(project: Project) -> None:
    written = (
        examples("order_status", "查订单", "", "[今天](date)到吗")
        + "# a remark\n"
        + "- intent: return_item\n  examples:\n  - text: |\n      退货\n"
    )

    data = read_examples(project(zh=written))

    assert [(one.text, one.intent, one.line) for one in data.examples] == [
        ("查订单", "order_status", 5),
        ("今天到吗", "order_status", 7),
        ("退货", "return_item", 12),
    ]
    assert [(finding.kind, finding.line) for finding in data.findings] == [(Kind.EMPTY_EXAMPLE, 6)]


@pytest.mark.parametrize(
    ("line", "number"),
    [("\t- 一个制表符", 7), ("- 没有缩进", 7)],
)
def test_a_broken_file_is_one_finding_and_the_rest_is_read(project: Project, line: str, number: int) -> None:
    data = read_examples(project(zh=examples("order_status", "查订单", "订单呢") + line + "\n", en=examples("order_status", "my order")))

    assert [(finding.kind, finding.line) for finding in data.findings] == [(Kind.BROKEN_YAML, number)]
    assert {"查订单", "订单呢", "my order"} <= {one.text for one in data.examples}


def test_a_line_without_a_dash_is_told(project: Project) -> None:
    data = read_examples(project(zh=examples("order_status", "查订单") + "    订单呢\n"))

    assert [(finding.kind, finding.line, finding.text) for finding in data.findings] == [(Kind.BROKEN_MARKUP, 6, "订单呢")]
