from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("board/", TemplateView.as_view(template_name="orders/board.html")),
    path("", include("motia.integrations.django.urls")),
]
