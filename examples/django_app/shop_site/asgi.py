import os

from django.core.asgi import get_asgi_application

from motia.integrations.django.asgi import with_motia

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_site.settings")
application = with_motia(get_asgi_application())
