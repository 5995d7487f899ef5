"""A tree inside an ext file system, read by debugfs."""
import os
import re
import stat

from disks import Unclean, run


class Entry:
    """One path: what stat(2), listxattr(2) and lsattr(1) would say. `inode` finds its content."""

    def __init__(self, path, inode, mode, uid, gid, size):
        self.path, self.inode, self.mode = path, inode, mode
        self.uid, self.gid, self.size = uid, gid, size
        self.xattrs, self.target = {}, b""
        # Seconds since 1970; the inode's flags as stored; its count of names.
        self.mtime, self.flags, self.links = 0, 0, 0


class ExtTree:
    def __init__(self, image, folder):
        self.image, self.folder = image, folder

    def _ask(self, commands):
        """Runs many debugfs commands in one process; yields each one's output lines."""
        script = os.path.join(self.folder, "commands")
        with open(script, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(command + "\n" for command in commands)
        out = run("debugfs", "-f", script, self.image).stdout
        # debugfs echoes each command behind its prompt.
        answers = re.split(r"^debugfs: ", out, flags=re.M)[1:]
        if len(answers) != len(commands):
            raise Unclean(f"debugfs answered {len(answers)} of {len(commands)} commands")
        return [answer.split("\n")[1:] for answer in answers]

    def names(self, path):
        """Names in the folder at `path`."""
        return [entry.path.rsplit("/", 1)[1] for entry in self._folder(path, self._ask([f"ls -p {path}"])[0])]

    @staticmethod
    def _folder(path, lines, dots=False):
        for line in lines:
            # /inode/mode/uid/gid/name/size/
            fields = line.split("/")
            if len(fields) != 8 or fields[1] == "0" or fields[5] in (".", "..") and not dots:
                continue
            yield Entry(
                path.rstrip("/") + "/" + fields[5], int(fields[1]), int(fields[2], 8),
                int(fields[3]), int(fields[4]), int(fields[6] or 0),
            )

    def walk(self, top):
        """Every path below `top`, `top` itself included, as {path relative to top: Entry}."""
        roots = [e for e in self._folder(top, self._ask([f"ls -p {top}"])[0], dots=True)
                 if e.path.endswith("/.")]
        if not roots:
            raise Unclean(f"{top}: not on the disk")
        entries, level = {"/": roots[0]}, [("", roots[0])]
        while level:
            answers = self._ask([f"ls -p <{entry.inode}>" for _, entry in level])
            below = []
            for (prefix, _), lines in zip(level, answers):
                for entry in self._folder(prefix, lines):
                    entries[entry.path] = entry
                    if stat.S_ISDIR(entry.mode):
                        below.append((entry.path, entry))
            level = below
        self._read_inodes(list(entries.values()))
        self._read_xattrs(list(entries.values()))
        return entries

    def _read_inodes(self, entries):
        inodes = list(dict.fromkeys(entry.inode for entry in entries))
        said = dict(zip(inodes, self._ask([f"stat <{inode}>" for inode in inodes])))
        slow = {}
        for entry in entries:
            text = "\n".join(said[entry.inode])
            found = re.search(r"Flags: 0x([0-9a-f]+)\n.*?^Links: (\d+) .*?^ ?mtime: 0x([0-9a-f]+)(?::([0-9a-f]+))?",
                              text, re.M | re.S)
            if not found:
                raise Unclean(f"{entry.path}: cannot read debugfs' stat: {text}")
            entry.flags, entry.links = int(found.group(1), 16), int(found.group(2))
            low = int(found.group(3), 16)
            # 32 bits, signed; two more count epochs of 2^32 seconds.
            entry.mtime = low - ((low & 0x80000000) << 1) + ((int(found.group(4) or "0", 16) & 3) << 32)
            if stat.S_ISLNK(entry.mode):
                fast = re.search(r'^Fast link dest: "(.*)"$', text, re.M)
                if not fast and entry.inode not in slow:
                    slow[entry.inode] = run("debugfs", "-R", f"cat <{entry.inode}>", self.image,
                                            text=False).stdout.split(b"\n", 1)[1]
                entry.target = os.fsencode(fast.group(1)) if fast else slow[entry.inode]

    def _read_xattrs(self, entries):
        by_inode = {entry.inode: {} for entry in entries}
        wanted = []
        for inode, lines in zip(by_inode, self._ask([f"ea_list <{i}>" for i in by_inode])):
            for line in lines:
                found = re.match(r"  (\S+) \((\d+)\)", line)
                if found:
                    wanted.append((inode, found.group(1), int(found.group(2))))
        values = os.path.join(self.folder, "values")
        os.makedirs(values, exist_ok=True)
        self._ask([f"ea_get -f {values}/{n} <{inode}> {name}" for n, (inode, name, _) in enumerate(wanted)])
        for n, (inode, name, size) in enumerate(wanted):
            with open(f"{values}/{n}", "rb") as file:
                value = file.read()
            os.unlink(f"{values}/{n}")
            if len(value) != size:
                raise Unclean(f"xattr {name} of inode {inode}: {len(value)} of {size} bytes")
            by_inode[inode][os.fsencode(name)] = value
        for entry in entries:
            entry.xattrs = by_inode[entry.inode]

    def dump(self, entries):
        """Contents of regular files, once an inode: {inode: path of a copy}."""
        out = os.path.join(self.folder, "contents")
        os.makedirs(out, exist_ok=True)
        inodes = {e.inode for e in entries if stat.S_ISREG(e.mode)}
        self._ask([f"dump <{inode}> {out}/{inode}" for inode in sorted(inodes)])
        return {inode: f"{out}/{inode}" for inode in inodes}
