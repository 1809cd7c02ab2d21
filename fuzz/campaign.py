#!/usr/bin/env python3
"""Runs fuzz targets in slices until each has had its executions or finds nothing new; resumable, and tells the state.

    fuzz/campaign.py run [--jobs N] [--slice SECONDS] [--hours H] [--build FOLDER] [TARGET…]
    fuzz/campaign.py table
    fuzz/campaign.py seeds [--files N] [--bytes N] [--build FOLDER] [TARGET…]

A target is done at 2 million executions, or at a plateau: no new edge in its last 300,000 executions (and in more than
the last half of all). What a slice finds (a crash, leak, timeout, or too much memory) stands in fuzz/found/TARGET and
ends the target's turns until the file is gone: mend it, and move the input to fuzz/seeds/TARGET. Corpora and counts are
kept in the cache (${XDG_CACHE_HOME:-~/.cache}/whodunit/fuzz), so that runs add up; a target whose corpus is deleted
begins anew. Ctrl-C (or SIGTERM) ends the slices under way and counts what they did.

What a build's edges are depends on how it was compiled. So after a rebuild the number that the corpus reaches at the
start of a slice is the measure: only what comes after it is new.

`seeds` takes the kept inputs that reach most of the edges which fuzz/seeds does not reach yet, and adds them to it: so
every build replays them, and a campaign on another machine begins with them.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "whodunit" / "fuzz"
ENOUGH, PLATEAU = 2_000_000, 300_000
MOST_BYTES = {"report_document": 8192}  # of an input; others 2,048
LINE = re.compile(r"^#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)")
# Stacks of allocations and a large quarantine cost a quarter of the time. A replay of what is found has them.
ENVIRONMENT = {"ASAN_OPTIONS": "malloc_context_size=0:quarantine_size_mb=16", "WHODUNIT_FUZZ_SAMPLE": "1"}
lock = threading.Lock()
stop = threading.Event()
running = set()


def targets():
    return sorted(p.name[:-len("_fuzz.cc")] for p in (ROOT / "fuzz").glob("*_fuzz.cc"))


def load(name):
    path = CACHE / f"{name}.json"
    state = {"executions": 0, "seconds": 0.0, "edges": 0, "features": 0, "inputs": 0, "last_new": 0, "build": "",
             "rate": 0.0}
    if path.exists() and (CACHE / name).is_dir():
        state.update(json.loads(path.read_text()))
    return state


def found(name):
    folder = ROOT / "fuzz" / "found" / name
    return sorted(p for p in folder.glob("*") if not p.name.startswith("slow-unit")) if folder.is_dir() else []


def status(name, state):
    if found(name):
        return f"found {len(found(name))}"
    if state["executions"] >= ENOUGH:
        return "done"
    quiet = state["executions"] - state["last_new"]
    if quiet >= PLATEAU and quiet * 2 > state["executions"]:
        return "plateau"
    return "under way" if state["executions"] else "not run"


def nearness(name):
    """Seconds until the target is done if nothing new is found; those that did not run yet come first."""
    state = load(name)
    if not state["executions"]:
        return 0.0
    quiet = state["executions"] - state["last_new"]
    need = min(ENOUGH - state["executions"], max(PLATEAU - quiet, state["last_new"] - quiet))
    return max(0, need) / max(1.0, state["rate"] or state["executions"] / max(1.0, state["seconds"]))


def run_slice(name, build, seconds, extra):
    corpus, artifacts = CACHE / name, ROOT / "fuzz" / "found" / name
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    program = build / "fuzz" / f"{name}_fuzz"
    identity = f"{program.stat().st_size}-{program.stat().st_mtime_ns}"
    # The entropic schedule weighs each input by all of its features at every execution, which with the thousands of
    # edges of the larger targets takes three quarters of the time and finds fewer edges in the same time.
    command = [str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-entropic=0",
               "-report_slow_units=5", "-print_final_stats=1", f"-max_len={MOST_BYTES.get(name, 2048)}", "-reload=0",
               f"-artifact_prefix={artifacts}/"] + extra
    dictionary = ROOT / "fuzz" / f"{name}.dict"
    if not dictionary.exists():
        dictionary = ROOT / "fuzz" / "protocol.dict"
    command.append(f"-dict={dictionary}")
    command.append(str(corpus))
    if (ROOT / "fuzz" / "seeds" / name).is_dir():
        command.append(str(ROOT / "fuzz" / "seeds" / name))
    begin = time.time()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                             env={**ENVIRONMENT, **os.environ}, start_new_session=True)
    running.add(child)
    if stop.is_set():
        child.send_signal(signal.SIGINT)
    told = child.communicate()[1]
    running.discard(child)
    state = load(name)
    before = state["executions"]
    executed = reading = 0
    for line in told.splitlines():
        m = LINE.match(line)
        if m:
            count, edges, features, inputs = int(m[1]), int(m[3]), int(m[4]), int(m[5])
            executed = max(executed, count)
            if m[2] == "INITED":
                reading = count  # the corpus, which is no execution that could find something
                if state["build"] != identity:
                    state["edges"], state["features"], state["build"] = edges, features, identity
            if reading == 0:
                continue
            if edges > state["edges"]:
                state["edges"], state["last_new"] = edges, before + count - reading
            state["features"], state["inputs"] = max(state["features"], features), inputs
        elif line.startswith("stat::number_of_executed_units:"):
            executed = max(executed, int(line.split()[-1]))
    executed -= reading
    state["executions"] += executed
    state["seconds"] += time.time() - begin
    state["rate"] = executed / max(1.0, time.time() - begin)
    (CACHE / f"{name}.json").write_text(json.dumps(state))
    with lock:
        print(f"{time.strftime('%H:%M:%S')} {name}: {state['executions']:,} executions, {state['edges']} edges, "
              f"{executed / max(1, time.time() - begin):.0f}/s, {status(name, state)}", flush=True)
        if child.returncode != 0 and not stop.is_set():
            interesting = [l for l in told.splitlines() if re.search(r"ERROR|SUMMARY|runtime error|^\s+#\d+ ", l)]
            print("\n".join("    " + l[:220] for l in interesting[:12]), flush=True)


def run(args):
    build = ROOT / args.build
    names = args.targets or targets()
    until = time.time() + args.hours * 3600

    def end(*_):
        stop.set()
        for child in list(running):
            child.send_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    waiting = collections.deque(sorted(names, key=lambda n: load(n)["executions"]))

    def worker():
        nonlocal waiting
        while time.time() < until and not stop.is_set():
            with lock:
                name = None
                if args.nearest:
                    waiting = collections.deque(sorted(waiting, key=nearness))
                for _ in range(len(waiting)):
                    candidate = waiting.popleft()
                    if not (build / "fuzz" / f"{candidate}_fuzz").exists():
                        waiting.append(candidate)
                        continue
                    if args.force:
                        name = candidate
                        break
                    if status(candidate, load(candidate)) in ("done", "plateau") or found(candidate):
                        continue
                    name = candidate
                    break
                if name is None and not waiting:
                    return
            if name is None:
                time.sleep(10)
                continue
            run_slice(name, build, args.slice, args.extra)
            with lock:
                if not found(name):
                    waiting.append(name)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for future in [pool.submit(worker) for _ in range(args.jobs)]:
            future.result()
    return 0


def seeds(args):
    build = ROOT / args.build
    for name in args.targets or targets():
        own = ROOT / "fuzz" / "seeds" / name
        if not (CACHE / name).is_dir() or not (build / "fuzz" / f"{name}_fuzz").exists():
            continue
        own.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            merged = pathlib.Path(folder) / "merged"
            shutil.copytree(own, merged)
            have = set(merged.iterdir())
            subprocess.run([str(build / "fuzz" / f"{name}_fuzz"), "-set_cover_merge=1", "-use_counters=0",
                            f"-max_len={MOST_BYTES.get(name, 2048)}", f"-artifact_prefix={folder}/", str(merged), str(CACHE / name)],
                           env={**ENVIRONMENT, **os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           check=True)
            added = size = 0
            # They were written in the order of what they add.
            for path in sorted(set(merged.iterdir()) - have, key=lambda p: (p.stat().st_mtime_ns, p.name)):
                if added < args.files and size + path.stat().st_size <= args.bytes:
                    shutil.copy(path, own / path.name[:12])
                    added, size = added + 1, size + path.stat().st_size
            print(f"{name}: {added} seeds, {size} bytes", flush=True)
    return 0


def table(_):
    print("| Target | Executions | Edges | Features | Corpus | Minutes | State |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for name in targets():
        s = load(name)
        print(f"| {name} | {s['executions']:,} | {s['edges']:,} | {s['features']:,} | {s['inputs']:,} | "
              f"{s['seconds'] / 60:.0f} | {status(name, s)} |")
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = p.add_subparsers(required=True)
    r = verbs.add_parser("run")
    r.add_argument("targets", nargs="*")
    r.add_argument("--jobs", type=int, default=1)
    r.add_argument("--slice", type=int, default=120)
    r.add_argument("--hours", type=float, default=24)
    r.add_argument("--force", action="store_true", help="also targets that are done, or have found something")
    r.add_argument("--nearest", action="store_true", help="the targets nearest to their end first, not in turns")
    r.add_argument("--build", default="build-fuzz")
    r.add_argument("--extra", action="append", default=[], help="further arguments of libFuzzer")
    r.set_defaults(do=run)
    verbs.add_parser("table").set_defaults(do=table)
    s = verbs.add_parser("seeds")
    s.add_argument("targets", nargs="*")
    s.add_argument("--files", type=int, default=40)
    s.add_argument("--bytes", type=int, default=30_000)
    s.add_argument("--build", default="build-fuzz")
    s.set_defaults(do=seeds)
    args = p.parse_args()
    return args.do(args)


if __name__ == "__main__":
    sys.exit(main())
