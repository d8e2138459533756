"""Run them with ``manage.py test``."""

from billing.models import Payment
from orders.models import Order, Product, Report
from orders.steps import daily_report

from motia.integrations.django.testing import MotiaTestCase
from motia.testing import fake_sync_context


class OrderTests(MotiaTestCase):
    @classmethod
    def setUpTestData(cls):
        Product.objects.create(sku="book", price="12.50", stock=10)

    def order(self, **more):
        body = {"customer": "ada@shop.test", "items": [{"sku": "book", "quantity": 2}], **more}
        return self.client.post("/orders", body, content_type="application/json")

    def test_an_order_is_paid_and_shipped(self):
        reply = self.order()
        assert reply.status_code == 201
        self.assert_enqueued("order.placed", {"order_id": reply.json()["id"]})
        self.drain()
        assert Order.objects.get().status == "shipped"
        assert str(Payment.objects.get().amount) == "25.00"
        assert Product.objects.get().stock == 8

    def test_a_declined_card_gives_the_stock_back(self):
        self.order(card="tok_declined")
        self.drain()
        assert Order.objects.get().status == "cancelled"
        assert Product.objects.get().stock == 10

    def test_a_provider_that_is_away_is_asked_again(self):
        self.order(card="tok_flaky")
        assert self.drain() == 1
        assert Order.objects.get().status == "placed"
        self.drain(waiting=True)
        assert Order.objects.get().status == "shipped"

    def test_what_is_not_in_stock_leaves_nothing_behind(self):
        reply = self.order(items=[{"sku": "book", "quantity": 11}])
        assert reply.status_code == 409
        assert not Order.objects.exists()
        self.assert_nothing_enqueued()

    def test_the_report(self):
        self.order()
        self.drain()
        daily_report(fake_sync_context())
        assert Report.objects.get().orders == 1
