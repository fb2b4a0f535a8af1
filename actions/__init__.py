"""What Rasa may call: read the tracker, ask `bot.*`, answer. A module a skill; `context` and `forms` are what they share."""
