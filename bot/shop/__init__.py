"""The company's back end behind one Protocol: the demo's SQL, or signed HTTP to the company's own system."""
