"""What every path of a file tree is, in one form for trees on disks and in folders."""
import array
import fcntl
import hashlib
import os
import stat

from disks import Unclean, partitions, raw_copy, run
from ext_tree import ExtTree

# EXT4_INDEX_FL, EXT4_EXTENTS_FL: how ext4 stores a folder's or a file's blocks.
STORAGE_FLAGS = 0x1000 | 0x80000
FS_IOC_GETFLAGS = 0x80086601
KINDS = {stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFREG: "file"}


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(entry, content, group):
    """One path as {field: text}; `group`: the first path, in byte order, of the same file."""
    kind = KINDS.get(stat.S_IFMT(entry.mode), oct(stat.S_IFMT(entry.mode)))
    fields = {
        "type": kind, "mode": f"{stat.S_IMODE(entry.mode):04o}", "uid": entry.uid, "gid": entry.gid,
        "mtime": entry.mtime, "flags": f"{entry.flags & ~STORAGE_FLAGS:#x}", "same file as": group,
        "xattrs": " ".join(f"{os.fsdecode(k)}={v.hex()}" for k, v in sorted(entry.xattrs.items())),
    }
    if kind != "directory":
        fields["links"] = entry.links
    if kind == "symlink":
        fields["target"] = os.fsdecode(entry.target)
    if kind == "file":
        fields["size"], fields["content"] = entry.size, content
    return {name: str(value) for name, value in fields.items()}


def records(entries, content):
    """{path: record} of {path: entry}; `content` gives the checksum of an entry's bytes."""
    groups = {}
    for path in sorted(entries, key=os.fsencode):
        groups.setdefault(entries[path].inode, path)
    return {path: record(entry, content(path, entry), groups[entry.inode])
            for path, entry in entries.items()}


def ext_records(image, folder):
    """Of a whole ext file system, read by debugfs."""
    tree = ExtTree(image, folder)
    entries = tree.walk("/")
    copies = tree.dump(entries.values())
    sums = {inode: sha256(path) for inode, path in copies.items()}
    for path in copies.values():
        os.unlink(path)
    return records(entries, lambda _, entry: sums.get(entry.inode))


class HostEntry:
    """As ext_tree.Entry, of a path of this machine."""

    def __init__(self, path):
        status = os.lstat(path)
        self.inode, self.mode, self.links = (status.st_dev, status.st_ino), status.st_mode, status.st_nlink
        self.uid, self.gid, self.size = status.st_uid, status.st_gid, status.st_size
        self.mtime, self.flags, self.target = int(status.st_mtime), 0, b""
        self.xattrs = {os.fsencode(name): os.getxattr(path, name, follow_symlinks=False)
                       for name in os.listxattr(path, follow_symlinks=False)}
        if stat.S_ISLNK(self.mode):
            self.target = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(self.mode) or stat.S_ISDIR(self.mode):
            self.flags = self._flags(path)

    @staticmethod
    def _flags(path):
        flags = array.array("i", [0])
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.ioctl(fd, FS_IOC_GETFLAGS, flags)
        except OSError:
            return 0  # a file system without flags
        finally:
            os.close(fd)
        return flags[0]


def host_records(top):
    """Of a folder of this machine; other file systems mounted in it are not entered."""
    entries, pending, device = {}, [""], os.lstat(top).st_dev
    while pending:
        path = pending.pop()
        full = top + path
        entries[path or "/"] = HostEntry(full)
        if stat.S_ISDIR(entries[path or "/"].mode) and os.lstat(full).st_dev == device:
            pending += [f"{path}/{name}" for name in os.listdir(full)]
    return records(entries, lambda path, entry: sha256(top + path) if stat.S_ISREG(entry.mode) else None)


def disk_records(disk, folder):
    """[(partition's label or number, kind, {path: record})] of a disk."""
    found = []
    for number, _, kind, path in partitions(raw_copy(disk, folder), folder):
        label = run("blkid", "-p", "-o", "value", "-s", "LABEL", path).stdout.strip() or str(number)
        if kind.startswith("ext"):
            found.append((label, kind, ext_records(path, folder)))
        elif kind == "swap":
            with open(path, "rb") as file:
                page = hashlib.sha256(file.read(4096)).hexdigest()
            found.append((label, kind, {"(header)": {"content": page}}))
        elif kind == "vfat":
            # The host writes it whole, by both methods.
            found.append((label, kind, {"(bytes)": {"content": sha256(path)}}))
        elif kind:
            raise Unclean(f"partition {number}: {kind} is not known here")
        os.unlink(path)
    return found


def differences(one, other):
    """Yields (path, field, one's value, the other's) of two {path: record}."""
    for path in sorted(one.keys() | other.keys(), key=os.fsencode):
        a, b = one.get(path), other.get(path)
        if a is None or b is None:
            yield path, "existence", "there" if a else "missing", "there" if b else "missing"
            continue
        for field in sorted(a.keys() | b.keys()):
            if a.get(field) != b.get(field):
                yield path, field, a.get(field, ""), b.get(field, "")
