"""One customer's enquiry, from the first message to its resolution: `service` tells the story, `store` keeps it."""
