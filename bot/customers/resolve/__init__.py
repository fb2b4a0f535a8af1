"""Who is the same person: verified keys merge by themselves, what only looks alike is a suggestion for a person, and every merge can be undone."""
