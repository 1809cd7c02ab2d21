#!/usr/bin/env python3
"""The generated pages of docs/ are what the program says today."""
import os, subprocess, sys

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
failed = False
for what in ("records", "detectors"):
    page = os.path.join(root, "docs", what + ".md")
    said = subprocess.run([sys.argv[1], "reference", what], capture_output=True, text=True, check=True).stdout
    stands = open(page, encoding="utf-8").read() if os.path.exists(page) else ""
    if said != stands:
        print(f"docs/{what}.md is not what the program says: run  build/whodunit reference {what} > docs/{what}.md")
        failed = True
sys.exit(failed)
