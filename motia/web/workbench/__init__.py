"""The Workbench: a web interface to an app, served by the app. ``Workbench(...)`` says to whom, outside development.

Its parts::

    access      the switch, the host, who may what              curtain     what is hidden from whom
    serving     the routes that adapters mount                  pages       the built page
    asking      one request, and every error's shape            models      every answer's shape
    flows queues letters schedules kept traces feed overview    what each address says and does
"""

from motia.web.workbench.access import Mode, Site, User, Workbench, site_of
from motia.web.workbench.logins import BasicAuth, django_staff, flask_login

__all__ = [
    "BasicAuth",
    "Mode",
    "Site",
    "User",
    "Workbench",
    "django_staff",
    "flask_login",
    "site_of",
]
