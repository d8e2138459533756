RATE = 3  # a folder with __init__.py
