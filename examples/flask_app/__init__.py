"""A support desk: Flask with Flask-SQLAlchemy and Flask-Login, and its background work as steps."""
