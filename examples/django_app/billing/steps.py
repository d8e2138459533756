"""Charging cards: another app, which knows of orders by their message alone."""

from billing import gateway
from billing.models import Payment
from orders.models import Order

from motia import QueueConfig, SyncFlowContext, queue, step

RETRIES = QueueConfig(max_retries=5, backoff_type="fixed", backoff_delay_ms=300)


@step("charge-card", triggers=[queue("order.placed", config=RETRIES)], enqueues=["order.paid", "order.declined"])
def charge_card(data: dict, ctx: SyncFlowContext) -> None:
    """Charge the card. Payment, next message and acknowledgement commit together."""
    order = Order.objects.get(pk=data["order_id"])
    try:
        reference = gateway.charge(order.card, order.total, key=ctx.delivery_id)
    except gateway.Declined as error:
        ctx.logger.warn("declined", order=order.pk, why=str(error))
        ctx.enqueue("order.declined", data)
        return
    with ctx.transaction():
        Payment.objects.create(order=order, amount=order.total, reference=reference)
        ctx.enqueue("order.paid", data)
    ctx.logger.info("paid", order=order.pk, attempt=ctx.attempt)
