"""From waiting to served: who comes first, which agent, and the queue that moves in Redis."""
