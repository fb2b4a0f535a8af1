"""Invoices (发票): for which order, to whom, under which tax number."""

from __future__ import annotations

import re

from actions.cards import facts_card
from actions.context import Talk
from actions.forms import CONFIRMED, Answers, Conclusion
from actions.order_forms import DIGITS_SLOT, OrderForm
from actions.skill import Events
from actions.words import Words
from bot.errors import InputError
from bot.languages import LANGUAGES
from bot.shop.protocol import Order, OrderStatus
from bot.shop.rules import clean_tax_number, clean_title

NO_TAX_NUMBER = "-"  # the slot's value for "there is none", which is an answer too

_COMPANY = re.compile(
    r"公司|集团|厂|店|工作室|事务所|中心|学校|大学|学院|医院|银行|协会|委员会|研究院|合作社|政府|局"
    r"|\b(?:ltd|limited|inc|corp|co|llc|llp|gmbh|ag|plc|company|university|college|school|hospital|bank|group|studio|foundation)\b",
    re.I,
)
_HAN_NAME = re.compile(r"[一-鿿·]{2,6}")
_LEAD = re.compile(r"^\W*(?:发票)?(?:抬头|开给|名称)?(?:是|为|写|开|填)?\W*|^\W*(?:make it out to|title|to|for|it's|it is)\W+", re.I)
_TAX_LABEL = re.compile(
    r"(?:的?(?:税号|纳税人识别号|统一社会信用代码)(?:是|为)?|(?:and )?(?:the |our )?(?:tax|vat) (?:number|id|no\.?)(?: is)?)\W*$", re.I
)
_PERSONAL = re.compile(r".{0,4}个人.{0,4}|.{0,12}\bpersonal\b.{0,12}", re.I)
_NEVER_A_TITLE = frozenset({"complaint", "human_handoff", "stop"})
_ABOUT_THE_TITLE = re.compile(r"抬头|\btitle\b|made out", re.I)
_DATA_INTENTS = frozenset({"inform", "nlu_fallback", "out_of_scope", "find_product", "small_talk", "feedback", ""})


class InvoiceForm(OrderForm):
    form = "invoice_form"
    triggers = frozenset({"request_invoice"})
    slots = ("form_order", DIGITS_SLOT, "invoice_title", "tax_number", CONFIRMED)

    def fits(self, order: Order) -> bool:
        return order.payment_status == "paid" and order.status != OrderStatus.CANCELLED and not order.invoice_number

    def refusal(self, order: Order) -> str:
        if order.status == OrderStatus.CANCELLED:
            return "utter_refused_already_cancelled"
        return "utter_refused_invoice_issued" if order.invoice_number else "utter_refused_not_paid"

    async def take_details(self, talk: Talk, answers: Answers) -> None:
        number = talk.message.entities.get("tax_number", "")
        if number:
            answers["tax_number"] = _tax_number(talk, number)

    async def understand(self, talk: Talk, answers: Answers, slot: str) -> str | None:
        if slot == "invoice_title":
            await self.take_details(talk, answers)
            return _title(talk)
        if talk.message.intent == "deny":
            return NO_TAX_NUMBER
        number = talk.message.entities.get("tax_number") or (talk.message.text if talk.message.intent in _DATA_INTENTS else "")
        return _tax_number(talk, number) if number else None

    async def correct(self, talk: Talk, answers: Answers) -> bool:
        before = dict(answers)
        await self.take_details(talk, answers)
        title = _title(talk) if _COMPANY.search(talk.message.text) or _ABOUT_THE_TITLE.search(talk.message.text) else ""
        if title:
            answers["invoice_title"], answers["tax_number"] = title, answers["tax_number"].removeprefix(NO_TAX_NUMBER)
        return answers != before

    async def next_detail(self, talk: Talk, answers: Answers) -> str:
        if not answers["invoice_title"]:
            return "invoice_title"
        if not answers["tax_number"] and is_personal(answers["invoice_title"]):
            answers["tax_number"] = NO_TAX_NUMBER
        return "" if answers["tax_number"] else "tax_number"

    async def sum_up(self, talk: Talk, answers: Answers) -> None:
        order = await talk.order(answers["form_order"])
        facts = [
            ("order", order.number),
            ("title", answers["invoice_title"]),
            ("tax_number", answers["tax_number"].removeprefix(NO_TAX_NUMBER)),
            ("total", talk.words.money(order.total)),
        ]
        talk.say(
            "utter_confirm_invoice",
            cards=[facts_card(talk.words, "invoice", answers["invoice_title"], facts)],
            buttons=[talk.button("confirm", "affirm"), talk.button("back_out", "deny")],
        )


class ActionIssueInvoice(Conclusion):
    action_name = "action_issue_invoice"
    form_slots = InvoiceForm.slots

    async def conclude(self, talk: Talk, answers: Answers) -> Events:
        if answers[CONFIRMED] != "yes":
            talk.say("utter_no_invoice_made")
            return []
        order = await talk.order(answers["form_order"])
        invoice = await talk.services.shop.issue_invoice(
            order.number,
            title=answers["invoice_title"],
            tax_number=answers["tax_number"].removeprefix(NO_TAX_NUMBER),
            key=talk.key(self.action_name),
        )
        talk.say("utter_invoice_issued", number=invoice.number, title=invoice.title, amount=talk.words.money(invoice.amount))
        return []


def is_personal(title: str) -> bool:
    """Say whether a title is a person's, who has no tax number to give: the word itself, or a name without a company's words."""
    words = {Words.of(language, "button.personal").lower() for language in LANGUAGES}
    return title.lower() in words or (bool(_HAN_NAME.fullmatch(title)) and not _COMPANY.search(title))


def _title(talk: Talk) -> str | None:
    """Return the title in the message: a button's, a company's name, or a short answer that asks nothing."""
    message = talk.message
    if message.entities.get("invoice_title"):
        return clean_title(message.entities["invoice_title"])
    text = re.sub(re.escape(message.entities.get("tax_number") or "\0"), " ", message.text, flags=re.I)
    if _PERSONAL.fullmatch(text):
        return talk.words("button.personal")
    text = _TAX_LABEL.sub("", _LEAD.sub("", text)).strip(" ，,。.;；:：")
    names_company = bool(_COMPANY.search(text)) and message.intent not in _NEVER_A_TITLE
    if text.endswith(("?", "？", "吗", "呢")) or not (names_company or message.intent in _DATA_INTENTS):
        return None
    try:
        return clean_title(text)
    except InputError:
        talk.say("utter_invoice_title_hint")
        return ""


def _tax_number(talk: Talk, text: str) -> str:
    try:
        return clean_tax_number(text)
    except InputError:
        talk.say("utter_tax_number_hint")
        return ""
