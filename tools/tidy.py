#!/usr/bin/env python3
"""Runs clang-tidy on source files, several at once, and leaves out those that were clean before.

    tools/tidy.py [--build FOLDER] [--jobs N] FILE…

A file is left out when nothing that it was compiled from within this repository has changed since it was last clean
(the build's own list of headers says what that is), nor how it is compiled, .clang-tidy, or clang-tidy itself. What was
clean is remembered in the cache (${XDG_CACHE_HOME:-~/.cache}/whodunit/tidy). Needs a finished build in FOLDER. Exits
with 1 when a file has findings.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "whodunit" / "tidy"
FORGET = 60 * 24 * 3600  # seconds: a stamp that no run has asked for


def dependencies(build):
    """Of each object, the files of the repository that it was compiled from, as ninja noted them."""
    printed = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    of, current = {}, None
    for line in printed.splitlines():
        if line.startswith("    "):
            path = pathlib.Path(os.path.normpath(build / line.strip()))
            if path.is_relative_to(ROOT):
                current.append(path)
        elif ": #deps" in line:
            current = of.setdefault(line.split(": #deps")[0], [])
    return of


def content(path, known={}):
    if path not in known:
        known[path] = hashlib.sha256(path.read_bytes()).digest()
    return known[path]


def keys(build, files):
    """Of each file, a digest of all that clang-tidy's answer depends on; None where that is not known."""
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common = hashlib.sha256(version + (ROOT / ".clang-tidy").read_bytes())
    depends = dependencies(build)
    out = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path not in files:
            continue
        digest = common.copy()
        # Where the checkout lies does not matter.
        digest.update(entry["command"].replace(str(ROOT), "").encode())
        words = shlex.split(entry["command"])
        sources = depends.get(words[words.index("-o") + 1])
        if sources is None:
            out[path] = None  # not built: what it includes is not known
            continue
        for source in sorted(sources):
            digest.update(str(source.relative_to(ROOT)).encode() + content(source))
        out[path] = digest.hexdigest()
    return out


def check(build, path):
    # g++'s own warning flags mean nothing to clang.
    done = subprocess.run(["clang-tidy", "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option", str(path)],
                          capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout, done.stderr


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default="build")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments.add_argument("files", nargs="+")
    args = arguments.parse_args()
    build = (ROOT / args.build).resolve()
    files = {pathlib.Path(f).resolve() for f in args.files}
    stamps = keys(build, files)
    if unknown := sorted(files - stamps.keys()):
        sys.exit(f"not in {build.name}/compile_commands.json: " + ", ".join(str(f) for f in unknown))
    CACHE.mkdir(parents=True, exist_ok=True)
    waiting = []
    for path, stamp in stamps.items():
        if stamp is not None and (CACHE / stamp).exists():
            os.utime(CACHE / stamp)
        else:
            waiting.append(path)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for path, (code, out, err) in zip(waiting, pool.map(lambda p: check(build, p), waiting)):
            if code == 0:
                if stamps[path] is not None:
                    (CACHE / stamps[path]).touch()
                continue
            bad += 1
            print(out.strip() or err.strip(), flush=True)
    for stamp in CACHE.iterdir():
        if time.time() - stamp.stat().st_mtime > FORGET:
            stamp.unlink()
    print(f"clang-tidy: {len(waiting)} files read, {len(files) - len(waiting)} were clean before, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
