"""Shared by the referee scripts: a disk's partitions as files, by outside programs only."""
import json
import os
import subprocess
import tempfile

ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
# A BIOS boot partition holds no file system.
NO_FILE_SYSTEM = {"21686148-6449-6E6F-744E-656564454649"}


class Unclean(Exception):
    """What a referee found fault with; the text says what and where."""


def run(*command, text=True):
    return subprocess.run(
        command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=text, errors="surrogateescape" if text else None,
    )


def must(*command):
    done = run(*command)
    if done.returncode != 0:
        raise Unclean(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def scratch():
    return tempfile.TemporaryDirectory(prefix="builddisks-referee-", dir="/var/tmp")


def raw_copy(disk, folder):
    """A raw, sparse copy: no referee ever touches the disk itself."""
    raw = os.path.join(folder, "disk.raw")
    if not os.path.isfile(disk):
        raise Unclean(f"{disk}: no such file")
    must("qemu-img", "convert", "-O", "raw", disk, raw)
    return raw


def partitions(raw, folder):
    """Yields (number, type code, file system or '', path of a copy of the partition)."""
    table = json.loads(must("sfdisk", "--json", raw))["partitiontable"]
    sector = table.get("sectorsize", 512)
    for number, entry in enumerate(table["partitions"], 1):
        path = os.path.join(folder, f"partition-{number}")
        must(
            "dd", f"if={raw}", f"of={path}", "bs=1M", "conv=sparse", "status=none",
            "iflag=skip_bytes,count_bytes", f"skip={entry['start'] * sector}",
            f"count={entry['size'] * sector}",
        )
        # conv=sparse leaves a hole at the end out of the file's length.
        os.truncate(path, entry["size"] * sector)
        kind = run("blkid", "-p", "-o", "value", "-s", "TYPE", path).stdout.strip()
        yield number, entry["type"], kind, path
