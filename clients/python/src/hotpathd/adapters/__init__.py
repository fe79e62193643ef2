"""hotpathd inside of other libraries: one module for each, imported by name, with an extra of that name.

langchain, llamaindex, haystack put a route in front of a splitter or ranker of that framework;
prometheus, opentelemetry, statsd take a client's events. See docs/adapters.md.
"""
