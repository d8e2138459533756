"""The worker: consumes deliveries, fires schedules, renews and takes back leases, in one task group."""

from motia.worker.worker import Worker

__all__ = ["Worker"]
