"""What the demo leaves to read: build/demo/demo.md."""
import os
import pathlib


def write(demo, path):
    first = demo.rows[0][2]
    lines = [
        "# make demo", "", f"{os.cpu_count()} cores ({_processor()}); times in ms.", "",
        "| phase | route | " + " | ".join(first) + " |", "|" + " --- |" * (2 + len(first)),
        *(f"| {name} | {route} | " + " | ".join(row.values()) + " |" for name, route, row in demo.rows), "",
        "From upload to chunks, p50 / p95 ms: " + "; ".join(f"{name} {took}" for name, took in demo.ready), "",
        *(f"{route}: {count['asked']} calls asked = {count['received']} received + {count['refused']} refused + {count['never_sent']} never sent  "
          for route, count in demo.counts.items()), "",
        *(f"* {what}: {text}" for what, texts in (("kept", demo.kept), ("broken", demo.broken), ("not judged", demo.unsure)) for text in texts),
    ]
    path.write_text("\n".join(lines) + "\n")


def _processor():
    names = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else os.uname().machine
