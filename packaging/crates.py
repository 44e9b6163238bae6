"""The crates that the program is built from, as cargo itself resolves them for a build of it.

`cargo metadata` alone, which SBOM tools read, joins the features that tests want with those of the program: it lists
regex and eight more that are in no binary. So `cargo tree` says which, and the metadata what is known of each.
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
    """What cargo prints."""
    command = ["cargo", *words, "--locked", "--manifest-path", str(ROOT / "Cargo.toml")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def names(edges):
    """(name, version) of each crate that these edges lead to, sorted; the program itself is one."""
    lines = cargo("tree", "--target", TARGET, "--edges", edges, "--prefix", "none", "--format", "{p}").splitlines()
    return sorted({(name, version.removeprefix("v")) for name, version, *_ in map(str.split, lines)})


def read():
    """Each crate as cargo's metadata has it, with three more fields, sorted by name and version: `linked`, whether it is in
    the binary (otherwise it only builds it); `sha256` of its archive; `directory` of its sources."""
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
    """(name, version) of each crate: those that it is built from directly. From the tree's own indentation."""
    lines = cargo("tree", "--target", TARGET, "--edges", "normal,build", "--prefix", "depth", "--no-dedupe", "--format", " {p}")
    found, way = {}, []
    for line in lines.splitlines():
        depth, name, version, *_ = line.split()
        crate = (name, version.removeprefix("v"))
        way[int(depth) :] = [crate]
        found.setdefault(crate, set())
        if len(way) > 1:
            found[way[-2]].add(crate)
    return found


def rustc():
    """The compiler's release, whose standard library is in the binary."""
    lines = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return next(line.split()[1] for line in lines if line.startswith("release:"))


def same(text):
    """A licence's text without its line breaks, to compare it."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
