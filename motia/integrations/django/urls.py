"""``path("", include("motia.integrations.django.urls"))``: a route for every path that steps answer.

``reverse("motia:STEP")`` finds a step's.
"""

from __future__ import annotations

from motia.integrations.django.routes import patterns, rebuild

app_name = "motia"
rebuild()
urlpatterns = patterns
