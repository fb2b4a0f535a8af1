"""Who is the same person: verified keys merge by themselves, what looks alike is a suggestion for a person, every merge can be undone."""
