from django.contrib import admin
from orders.models import Line, Order, Product, Report


class LineInline(admin.TabularInline):
    model = Line
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("id", "customer", "status", "placed_at")
    list_filter = ("status",)
    inlines = (LineInline,)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("sku", "price", "stock")


@admin.register(Report)
class ReportAdmin(admin.ModelAdmin):
    list_display = ("day", "orders", "revenue")
