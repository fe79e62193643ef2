"""Experiments whose truth is known."""

import math

import numpy as np
import pytest
from hotpathd.evidence import rates, stop
from hotpathd.evidence.quantiles import Side
from hotpathd.evidence.rule import StopRule
from hotpathd.evidence.stop import Sample
from scipy.stats import binomtest, quantile_test

EXPERIMENTS = 1000


def smooth(rng, n):
    return np.ones(n)


def bursts(rng, n):
    """Load that both sides feel, with a memory of some dozens of calls."""
    noise = rng.normal(0, 0.15, n // 10 + 1)
    for at in range(1, len(noise)):
        noise[at] += 0.7 * noise[at - 1]
    return np.exp(np.repeat(noise, 10)[:n])


def light(rng, n):
    return rng.lognormal(3, 0.5, n)


def heavy(rng, n):
    return 5 * (1 + rng.pareto(2.5, n))


SHAPES = {
    "light": (light, smooth, 0.001),
    "heavy-tailed": (heavy, smooth, 0.001),
    "autocorrelated": (light, bursts, 0.001),
    "tied": (light, smooth, 1.0),
}


def experiment(rng, shape, n=4000, share=0.2, slower=1.0):
    draw, load, step = SHAPES[shape]
    new = rng.random(n) < share
    ms = draw(rng, n) * load(rng, n) * np.where(new, slower, 1.0)
    return np.round(ms / step) * step, new


def samples(ms, new):
    at = np.arange(len(ms))
    return Sample(ms[new], at[new]), Sample(ms[~new], at[~new])


@pytest.mark.parametrize("quantile", [0.5, 0.95])
@pytest.mark.parametrize("shape", SHAPES)
def test_intervals_of_the_difference_hold_the_truth_95_times_in_100(shape, quantile):
    rng = np.random.default_rng([1, int(quantile * 100)])
    held = 0
    for _ in range(EXPERIMENTS):
        ratio = stop.compare(*samples(*experiment(rng, shape)), quantile).log_ratio(1.959964)
        held += ratio.low <= 0 <= ratio.high
    assert 0.93 <= held / EXPERIMENTS <= 0.97


def test_a_quantile_s_interval_is_scipy_s_to_a_rank_or_two():
    rng = np.random.default_rng(2)
    for quantile in (0.5, 0.9, 0.99):
        ordered = np.sort(rng.lognormal(3, 1, 3000))
        ours = Side(ordered, ordered, ordered, 0.0).interval(quantile, 1.0, 1.959964)
        theirs = quantile_test(ordered, p=quantile).confidence_interval(0.95)
        assert abs(np.searchsorted(ordered, ours.low) - np.searchsorted(ordered, theirs.low)) <= 2
        assert abs(np.searchsorted(ordered, ours.high) - np.searchsorted(ordered, theirs.high)) <= 2


def regression(ms, new):
    """Whether the rule's defaults (10 % at p95, alpha 5 %, power 90 %) call one, and the information."""
    pair = samples(ms, new)
    now = stop.look(*pair, StopRule())
    planned = stop.planned_look(*pair, StopRule(), now)
    return now.is_regression or (planned is not None and planned.is_regression), now.information


@pytest.mark.parametrize("shape", SHAPES)
def test_looking_every_hour_rolls_back_without_cause_5_times_in_100_at_most(shape):
    rng = np.random.default_rng(3)
    alarms, experiments, looks = 0, 200, 24
    for _ in range(experiments):
        ms, new = experiment(rng, shape, n=24 * 500)
        alarms += any(regression(ms[: 500 * k], new[: 500 * k])[0] for k in range(2, looks + 1))
    assert binomtest(alarms, experiments, 0.05, "greater").pvalue > 0.01


@pytest.mark.parametrize("shape", ["light", "autocorrelated"])
def test_a_p95_slower_by_a_tenth_is_caught_at_the_sample_asked_for(shape):
    rng = np.random.default_rng(4)
    caught = 0
    for _ in range(100):
        ms, new = experiment(rng, shape, n=120_000, share=0.05, slower=1.1)
        caught += is_caught(ms, new)
    assert binomtest(caught, 100, 0.9, "less").pvalue > 0.01


def is_caught(ms, new):
    """As a team would: look now and then, until the sample is what the report asks for."""
    for n in range(20_000, len(ms) + 1, 10_000):
        found, information = regression(ms[:n], new[:n])
        if found or information >= 1:
            return found
    return False


def test_none_in_n_is_at_most_three_nths():
    assert rates.upper_bound(0, 3000, 0.05) == pytest.approx(3 / 3000, rel=0.01)
    assert rates.needed(0.001, 0.05) == math.ceil(math.log(0.05) / math.log(0.999))
