"""build/bench/tokens, asked over a pipe: nanoseconds and tokens of a text."""
import pathlib
import struct
import subprocess
import sys

VOCAB = pathlib.Path("build/vocab")
COUNT_ONLY = 0x100  # of bench/tokens.c


class Ours:
    def __init__(self):
        self.process = subprocess.Popen(["build/bench/tokens", "--serve", VOCAB], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def encode(self, encoding, raw):
        self.process.stdin.write(struct.pack("=II", encoding, len(raw)) + raw)
        self.process.stdin.flush()
        return struct.unpack("=QQ", self.process.stdout.read(16))

    def close(self):
        self.process.stdin.close()
        if self.process.wait():
            sys.exit("build/bench/tokens failed")
