#!/usr/bin/env python3
"""Every capture of the corpus through investigate_each: no crash, hang, or sanitizer's report, and the same verdicts and
records with any number of threads.

    tests/corpus/run.py --each build-dev/tests/corpus/investigate_each [--threads 1,2,3] [--render] [--case]
                        [--max-bytes N] [--jobs N] [--seconds N] [--every N] [--slowest N] [--log FILE] [CORPUS]

Captures are given to --jobs processes, many to each, so that its start-up (knowledge, sanitizers) is paid once. Where a
process dies, the capture at which it died is told with the sanitizer's words, and another goes on with the rest.
Exits with 77 (skipped) where there is no corpus.
"""
import argparse
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("corpus", nargs="?", default=str(ROOT / "../shared/corpus/captures"))
    p.add_argument("--each", required=True, help="the program investigate_each")
    p.add_argument("--threads", default="1")
    p.add_argument("--render", action="store_true", help="also every form of report")
    p.add_argument("--case", action="store_true", help="also write a case")
    p.add_argument("--max-bytes", type=int, default=1 << 40, help="only captures of at most this size")
    p.add_argument("--every", type=int, default=1, help="only every Nth capture")
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--seconds", type=int, default=300, help="a capture that takes longer hangs")
    p.add_argument("--slowest", type=int, default=0, help="list the N slowest")
    p.add_argument("--log", help="what investigate_each said, all of it")
    return p.parse_args()


def words(text):
    """What a sanitizer or an assertion said, with its first frames."""
    lines = [l for l in text.splitlines() if re.search(r"Sanitizer|runtime error|^\s+#\d ", l)]
    return lines[:10] or text.splitlines()[-3:]


def run(args):
    files = sorted((f for f in pathlib.Path(args.corpus).rglob("*") if f.is_file() and f.stat().st_size <= args.max_bytes),
                   key=str)[::args.every]
    # The longest first, then chunks: no process is left alone with a long one at the end.
    files.sort(key=lambda f: -f.stat().st_size)
    chunk = max(1, min(60, len(files) // (4 * args.jobs)))
    chunks = queue.Queue()
    for i in range(0, len(files), chunk):
        chunks.put(files[i:i + chunk])
    rows, failures, said, lock = [], [], [], threading.Lock()
    environment = dict(os.environ)
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")

    def worker(temporary):
        command = [args.each, "--threads", args.threads, "--seconds", str(args.seconds)]
        if args.render:
            command.append("--render")
        if args.case:
            command += ["--case", os.path.join(temporary, f"{threading.get_ident()}.case")]
        while True:
            try:
                rest = chunks.get_nowait()
            except queue.Empty:
                return
            while rest:
                done = subprocess.run(command, input="".join(f"{f}\n" for f in rest), capture_output=True, text=True,
                                      errors="replace", env=environment)
                lines = [l.split("\t") for l in done.stdout.splitlines() if l.count("\t") == 4]
                with lock:
                    rows.extend(lines)
                    said.append(done.stderr)
                    failures.extend((l[4], f"differs: {l[1]}", words(done.stderr) if "leak" in l[1] else []) for l in lines
                                    if l[1] != "ok")
                    if done.returncode in (0, 1) and len(lines) == len(rest):
                        rest = []
                    elif len(lines) == len(rest):
                        failures.append((str(rest[-1]), f"exit {done.returncode} at its end", words(done.stderr)))
                        rest = []
                    else:
                        at = rest[len(lines)]
                        why = "took too long" if done.returncode == -14 else f"exit {done.returncode}"
                        failures.append((str(at), why, words(done.stderr.rsplit("BEGIN ", 1)[-1])))
                        rest = rest[len(lines) + 1:]

    start = time.time()
    with tempfile.TemporaryDirectory() as temporary:
        workers = [threading.Thread(target=worker, args=(temporary,)) for _ in range(args.jobs)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
    if args.log:
        pathlib.Path(args.log).write_text("".join(said))
    for path, why, detail in failures:
        print(f"FAILED {path}: {why}")
        for line in detail:
            print(f"    {line.rstrip()[:300]}")
    if args.slowest:
        timed = sorted(((max(int(t) for t in r[2].split() if t.isdigit()), r[4]) for r in rows if r[2].split()[0].isdigit()),
                       reverse=True)
        for ms, path in timed[:args.slowest]:
            print(f"{ms:7d} ms {path}")
    unreadable = sum("unreadable" in r[2] for r in rows)
    print(f"{len(files)} captures, {len(failures)} failed, {unreadable} that are none; threads {args.threads}; "
          f"{time.time() - start:.0f} s")
    return 1 if failures or not files else 0


def main():
    args = parse()
    if not pathlib.Path(args.corpus).is_dir():
        print(f"skipped: no corpus at {args.corpus}")
        return 77
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
