"""From a company's files and interfaces to customers and events: read, check, clean, store; bad rows wait in quarantine."""
