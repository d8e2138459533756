"""Queues: durable subscriptions and the deliveries that wait for them. They have never heard of steps."""
