from django.db import models


class Payment(models.Model):
    """Money for an order."""

    order = models.OneToOneField("orders.Order", on_delete=models.PROTECT)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    reference = models.CharField(max_length=100)

    def __str__(self) -> str:
        return f"{self.amount} for {self.order}"
