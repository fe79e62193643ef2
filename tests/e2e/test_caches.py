"""What the daemon remembers between requests is bounded, and shows in the metrics."""
import random

import pytest


def test_the_cache_of_words_shows_and_stays_below_its_limit(daemon):
    rng = random.Random(3)
    limit = daemon.metric("hotpathd_cache_entries_limit", route="chunk")
    if limit == 0:
        pytest.skip("no vocabulary (make vocab)")
    for _ in range(8):
        words = ("".join(rng.choices("бвгджзклмнпрст", k=9)) for _ in range(8000))
        daemon.chunk(" ".join(words), chunk=None, encoding="o200k_base")
    assert 0 < daemon.metric("hotpathd_cache_entries", route="chunk") <= limit
