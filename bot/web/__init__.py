"""The web app: it owns every conversation and every connection."""
