"""0.x: a noop, for the diagram only."""

config = {
    "type": "noop",
    "name": "Approval",
    "description": "A person looks at it",
    "virtualSubscribes": ["/zero/pay"],
    "virtualEmits": [{"topic": "/zero/approved", "label": "by hand"}],
    "flows": ["zero"],
}
