"""How far the estimator is off from o200k_base, on the texts of samples.py: of the whole text, and the
middle 90 % of its slices of about 2,000 bytes. Needs build/bench/tokens and build/vocab, not tiktoken.

python3 bench/estimate.py, from the root
"""
import statistics

import samples
from ours import Ours

SIZE, SLICE = 200_000, 2_000
O200K, ESTIMATE = 0, 2  # of enum hp_encoding


def off(ours, text):
    raw = text.encode()
    return (ours.encode(ESTIMATE, raw)[1] / ours.encode(O200K, raw)[1] - 1) * 100


def slices(text):
    step = max(1, len(text) * SLICE // len(text.encode()))
    return [text[at : at + step] for at in range(0, len(text) - step, step)]


def main():
    texts = dict(samples.texts(SIZE))
    texts |= {name: samples.shuffled(name, SIZE) for name in samples.SENTENCES if name not in texts}
    ours = Ours()
    print("estimate against o200k_base, %  whole  5th and 95th of 100 slices of 2,000 bytes")
    for name, text in texts.items():
        cut = statistics.quantiles([off(ours, part) for part in slices(text)], n=20)
        print(f"{name:<30} {off(ours, text):+6.1f}  {cut[0]:+6.1f} {cut[-1]:+6.1f}", flush=True)
    ours.close()


if __name__ == "__main__":
    main()
