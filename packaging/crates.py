"""Reads the crates that the program is built from, as cargo resolves them for a build of it.

`cargo metadata` alone, which SBOM tools read, joins the features that tests need with those of the program: it lists
regex and eight other crates that are not in the binary. `cargo tree` therefore selects the crates, and the metadata
describes them.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The same crates on every target that deny.toml lists.
TARGET = os.environ.get("TARGET") or "x86_64-unknown-linux-musl"


def cargo(*words):
    """Returns the output of cargo."""
    command = ["cargo", *words, "--locked", "--manifest-path", str(ROOT / "Cargo.toml")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def names(edges):
    """Returns (name, version) of the program and of each crate that it reaches by these edges, sorted."""
    lines = cargo("tree", "--target", TARGET, "--edges", edges, "--prefix", "none", "--format", "{p}").splitlines()
    return sorted({(name, version.removeprefix("v")) for name, version, *_ in map(str.split, lines)})


def read():
    """Returns each crate's metadata, sorted by name and version, with three more fields: `linked`, whether the crate is in the
    binary or only builds it; `sha256` of its archive; `directory` of its sources."""
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))
    known = {(package["name"], package["version"]): package for package in metadata["packages"]}
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    sums = {(package["name"], package["version"]): package.get("checksum") for package in locked}
    linked = set(names("normal,no-proc-macro"))
    return [
        known[crate]
        | {"linked": crate in linked, "sha256": sums[crate], "directory": pathlib.Path(known[crate]["manifest_path"]).parent}
        for crate in names("normal,build")
    ]


def dependencies():
    """Maps (name, version) of each crate to its direct dependencies, which the depth of each line in the tree shows."""
    lines = cargo("tree", "--target", TARGET, "--edges", "normal,build", "--prefix", "depth", "--no-dedupe", "--format", " {p}")
    found, path = {}, []
    for line in lines.splitlines():
        depth, name, version, *_ = line.split()
        crate = (name, version.removeprefix("v"))
        path[int(depth) :] = [crate]
        found.setdefault(crate, set())
        if len(path) > 1:
            found[path[-2]].add(crate)
    return found


def rustc():
    """Returns the compiler's release, whose standard library is in the binary."""
    lines = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return next(line.split()[1] for line in lines if line.startswith("release:"))


def same(text):
    """Returns a digest of a licence's text, whose line breaks do not matter."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
