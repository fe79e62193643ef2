"""How far an estimate must be from its hypothesis, so that looking often does not raise false alarms.

Time is information: t = (standard error planned / standard error now)^2, 1 at the planned sample (Mehta and
Tsiatis 2001). Up to there 0.8 alpha is spent by O'Brien and Fleming's boundary for continuous looks, z / sqrt(t)
with P(max W > z) = 2 P(W(1) > z): what Lan and DeMets' (1983) spending function comes from. It holds for looks at
any times, so none needs to be planned or remembered. From there on 0.2 alpha is spent by the one-sided
normal mixture boundary (Howard, Ramdas, McAuliffe, Sekhon 2021), which never ends.
"""

from __future__ import annotations

import math

from scipy.stats import norm

_PLANNED, _AFTER = 0.8, 0.2
_MIXTURE = 8.0  # 1 / rho: narrowest a little after the planned sample


def planned_z(alpha: float) -> float:
    return float(norm.isf(_PLANNED * alpha / 2))


def boundary(alpha: float, t: float) -> float:
    """In standard errors, one-sided."""
    if t <= 1:
        return planned_z(alpha) / math.sqrt(max(t, 1e-6))
    u = _MIXTURE * t
    return math.sqrt(2 * (1 + 1 / u) * math.log(math.sqrt(u + 1) / (2 * _AFTER * alpha) + 1))


def planned_se(alpha: float, power: float, effect: float) -> float:
    """The standard error at which `effect` is seen with `power` at t = 1.

    Half of what may be missed is the test's, half is left to the standard error, which is an estimate.
    """
    return effect / (planned_z(alpha) + float(norm.isf((1 - power) / 2)))
