"""Rasa's seams: the host, its channel, its tracker store, its responses, and the way to the actions.

`host` starts Rasa and `actions_server` the actions. One message is one `turns.Turns.respond`: look up what is recorded, run
Rasa's processor, and store the tracker's new events and the turn in one fenced transaction.
"""
