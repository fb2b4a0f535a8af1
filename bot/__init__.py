"""Yingda 应答: bilingual customer service, from the first message to the human who resolves it."""
