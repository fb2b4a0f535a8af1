"""Who is about to leave: models of eight families, compared honestly, on any churn table and on the company's own features."""
