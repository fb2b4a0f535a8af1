"""Running the whole system on one machine: what it needs before it starts, its processes, its backup."""
