"""Actions of the toy project; each run is written to the file TOY_RUNS names, so that a test can count them."""

import asyncio
import os
from pathlib import Path

from rasa_sdk import Action


def record(name, tracker):
    metadata = tracker.latest_message["metadata"]
    with Path(os.environ["TOY_RUNS"]).open("a") as file:
        file.write(f"{name} {metadata['message_id']} {metadata['epoch']} {metadata['language']}\n")


class OrderStatus(Action):
    def name(self):
        return "action_order_status"

    async def run(self, dispatcher, tracker, domain):
        record(self.name(), tracker)
        await asyncio.sleep(float(os.environ.get("TOY_DELAY", "0")))
        dispatcher.utter_message(response="utter_order", number=tracker.get_slot("order_number") or "?")
        return []


class CancelOrder(Action):
    def name(self):
        return "action_cancel_order"

    def run(self, dispatcher, tracker, domain):
        record(self.name(), tracker)
        dispatcher.utter_message(response="utter_cancelled")
        return []


class Break(Action):
    def name(self):
        return "action_break"

    def run(self, dispatcher, tracker, domain):
        raise RuntimeError("customer text must not be in the log")


class Sleep(Action):
    def name(self):
        return "action_sleep"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(3)
        return []


class HandOff(Action):
    def name(self):
        return "action_hand_off"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(json_message={"hand_off": {"reason": "customer_request", "topic": "orders", "summary": "wants a human"}})
        return []


class Cards(Action):
    def name(self):
        return "action_cards"

    def run(self, dispatcher, tracker, domain):
        card = {"title": "A-1", "kind": "order", "rows": [["Total", "5"]], "buttons": [{"title": "Cancel", "payload": "/cancel_order"}]}
        dispatcher.utter_message(text="Choose one", json_message={"cards": [card], "skippable": True})
        return []
