"""An online shop: orders as a workflow of steps inside a FastAPI app."""
