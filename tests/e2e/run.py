#!/usr/bin/env python3
"""Runs the small text tests of this folder: run.py PROGRAM [NAME.test …]

A test is a text file of steps; each runs in the test's own empty folder:

  # what it shows
  $ COMMAND                  run by bash, with the lines up to the next word of this list; whodunit is the program, $DATA is tests/data, $CORPUS the corpus' captures
  exit N                     the exit code of the last command (default: 0)
  out: TEXT                  its stdout holds TEXT;  !out: does not;  err: and !err: likewise for stderr
  json: EXPRESSION           true, in Python, of d, the last command's stdout as JSON
  py: EXPRESSION             true, in Python, of out, err and files (the folder's file names)
  needs: corpus              the test is skipped, and said to be, where the corpus is absent
"""
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(os.path.dirname(HERE), "data")
CORPUS = os.path.abspath(os.path.join(HERE, "../../../shared/corpus/captures"))


class Failure(Exception):
    pass


WORDS = ("$", "exit", "out:", "err:", "!out:", "!err:", "json:", "py:", "needs:", "#")


def steps(path):
    """(line number, step): a command's further lines belong to it."""
    held = None
    for n, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if held and line and line.partition(" ")[0] not in WORDS:
            held = (held[0], held[1] + "\n" + line)
            continue
        if held:
            yield held
            held = None
        if line.startswith("$ "):
            held = (n, line)
        else:
            yield n, line
    if held:
        yield held


def run_test(program, path):
    with tempfile.TemporaryDirectory() as folder:
        env = dict(os.environ, DATA=DATA, CORPUS=CORPUS, WHODUNIT_HOME=os.path.join(folder, ".home"), NO_COLOR="1",
                   PATH=os.path.dirname(program) + os.pathsep + os.environ["PATH"])
        last, expected, line_number = None, 0, 0

        def settle():
            if last is not None and last.returncode != expected:
                raise Failure(f"line {line_number}: exit {last.returncode}, not {expected}\n--- stdout\n{last.stdout[-1500:]}\n--- stderr\n{last.stderr[-1500:]}")

        pending = False
        for n, line in steps(path):
            if not line.strip() or line.startswith("#"):
                continue
            key, _, value = line.partition(" ")
            if key == "needs:":
                if value == "corpus" and not os.path.isdir(CORPUS):
                    return f"skipped: no corpus"
                if value == "root" and os.geteuid() != 0:
                    return "skipped: needs root"
                continue
            if key == "$":
                if pending:
                    settle()
                expected, line_number, pending = 0, n, True
                last = subprocess.run(["bash", "-c", value], cwd=folder, env=env, capture_output=True, timeout=240)
                last.stdout, last.stderr = last.stdout.decode("utf-8", "replace"), last.stderr.decode("utf-8", "replace")
                continue
            if key == "exit":
                expected = int(value)
                continue
            if last is None:
                raise Failure(f"line {n}: before any command")
            if pending:
                settle()
                pending = False
            stream = last.stdout if key.lstrip("!") == "out:" else last.stderr
            if key in ("out:", "err:") and value not in stream:
                raise Failure(f"line {n}: {key} lacks {value!r}\n--- it was\n{stream[-2500:]}")
            elif key in ("!out:", "!err:") and value in stream:
                raise Failure(f"line {n}: {key[1:]} holds {value!r}")
            elif key == "json:":
                d = json.loads(last.stdout)
                if not eval(value, {"d": d}):
                    raise Failure(f"line {n}: not so: {value}\n--- of\n{last.stdout[:2500]}")
            elif key == "py:":
                if not eval(value, {"out": last.stdout, "err": last.stderr, "files": sorted(os.listdir(folder)), "json": json, "os": os}):
                    raise Failure(f"line {n}: not so: {value}\n--- stdout\n{last.stdout[:1500]}\n--- stderr\n{last.stderr[:800]}")
            elif key not in ("out:", "err:", "!out:", "!err:", "json:", "py:"):
                raise Failure(f"line {n}: unknown word {key!r}")
        if pending:
            settle()
    return "passed"


def main():
    program = os.path.abspath(sys.argv[1])
    names = sys.argv[2:] or sorted(f for f in os.listdir(HERE) if f.endswith(".test"))
    failed = skipped = 0
    for name in names:
        try:
            result = run_test(program, os.path.join(HERE, name))
        except (Failure, subprocess.TimeoutExpired, ValueError) as e:
            failed += 1
            print(f"FAILED {name}: {e}")
            continue
        skipped += result.startswith("skipped")
        print(f"{result} {name}")
    print(f"{len(names) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 77 if skipped == len(names) else 0


if __name__ == "__main__":
    sys.exit(main())
