"""What is shown of a contact, to the customer and at the desk alike."""

from __future__ import annotations

from bot.shop.masking import mask_name, masked
from bot.shop.protocol import Contact


def test_a_name_keeps_what_is_no_name_of_one_person() -> None:
    assert [mask_name(name) for name in ("林悦", "Emma Carter", "")] == ["林*", "E. C.", ""]


def test_a_contact_is_masked() -> None:
    contact = Contact(customer_id="C1", name="林悦", phone="+8613812345678", email="lin.yue@example.com", address="上海市徐汇区湖滨路88号")

    assert masked(contact) == {"phone": "**********5678", "email": "l***@example.com", "address": "上海市徐****"}


def test_what_is_not_known_is_empty() -> None:
    assert masked(Contact(customer_id="C1", name="", phone="", email="", address="")) == {"phone": "", "email": "", "address": ""}
