"""Our mojibake repair beside ftfy's, turn by turn in one run: medians of MB/s of CPU time, right text and damaged.

python3 bench/mojibake.py, from the root; needs ftfy and build/bench/mojibake (make bench sees to both). The texts that
come out must be equal, or it ends with an error.
"""
import statistics
import struct
import subprocess
import sys
import time

import ftfy
import samples

ROUNDS, SIZE = 3, 300_000
ONLY_ENCODING = ftfy.TextFixerConfig(
    unescape_html=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False,
    fix_line_breaks=False, fix_surrogates=False, remove_terminal_escapes=False, remove_control_chars=False,
    normalization=None, explain=False,
)


class Ours:
    def __init__(self):
        self.process = subprocess.Popen(["build/bench/mojibake", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def clean(self, raw):
        self.process.stdin.write(struct.pack("=I", len(raw)) + raw)
        self.process.stdin.flush()
        ns, count = struct.unpack("=QQ", self.process.stdout.read(16))
        return ns, self.process.stdout.read(count)

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            sys.exit("build/bench/mojibake failed")


def theirs(text):
    begun = time.thread_time_ns()
    fixed = ftfy.fix_text(text, ONLY_ENCODING)
    return time.thread_time_ns() - begun, fixed.encode()


def misread(text, layers=1):
    for _ in range(layers):
        text = text.encode().decode("sloppy-windows-1252")
    return text


def texts():
    for name in samples.SENTENCES:
        yield name, samples.shuffled(name, SIZE)
    for name in ("german", "russian", "chinese"):
        yield f"{name}, misread", misread(samples.shuffled(name, SIZE // 2))
    yield "german, misread three times", misread(samples.shuffled("german", SIZE // 2), 3)
    lines = zip(samples.shuffled("russian", SIZE // 2).split("\n"), samples.shuffled("german", SIZE).split("\n"))
    yield "a part of each line misread", "\n".join(f"{right} {misread(wrong)}" for right, wrong in lines)


def row(ours, name, text):
    raw = text.encode()
    times = [], []
    for _ in range(ROUNDS):
        for each, (ns, fixed) in zip(times, (ours.clean(raw), theirs(text))):
            each.append(ns)
            result = fixed if each is times[0] else result
            if fixed != result:
                sys.exit(f"{name}: not what ftfy makes of it")
    ours_ns, ftfy_ns = (statistics.median(each) for each in times)
    print(f"{name:<28} | {len(raw) * 1e3 / ours_ns:9.1f} | {len(raw) * 1e3 / ftfy_ns:7.2f} | {ftfy_ns / ours_ns:7.0f}x", flush=True)


def main():
    ours = Ours()
    print(f"MB/s, medians of {ROUNDS} rounds\n{'':<28} | {'ours':>9} | {'ftfy':>7} | ratio")
    for name, text in texts():
        row(ours, name, text)
    ours.close()


if __name__ == "__main__":
    main()
