"""A tree inside an ext file system, read by debugfs."""
import os
import re
import stat

from disks import Unclean, run


class Entry:
    """One path: what stat(2) and listxattr(2) would say. `inode` finds its content."""

    def __init__(self, path, inode, mode, uid, gid, size):
        self.path, self.inode, self.mode = path, inode, mode
        self.uid, self.gid, self.size = uid, gid, size
        self.xattrs, self.target = {}, b""


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
    def _folder(path, lines):
        for line in lines:
            # /inode/mode/uid/gid/name/size/
            fields = line.split("/")
            if len(fields) != 8 or fields[5] in (".", "..") or fields[1] == "0":
                continue
            yield Entry(
                path.rstrip("/") + "/" + fields[5], int(fields[1]), int(fields[2], 8),
                int(fields[3]), int(fields[4]), int(fields[6] or 0),
            )

    def walk(self, top):
        """Every path below `top`, `top` itself included, as {path relative to top: Entry}."""
        parent, name = top.rsplit("/", 1)
        roots = [e for e in self._folder(parent or "/", self._ask([f"ls -p {parent or '/'}"])[0])
                 if e.path.rsplit("/", 1)[1] == name]
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
        self._read_targets(list(entries.values()))
        self._read_xattrs(list(entries.values()))
        return entries

    def _read_targets(self, entries):
        links = [entry for entry in entries if stat.S_ISLNK(entry.mode)]
        slow = []
        for entry, lines in zip(links, self._ask([f"stat <{e.inode}>" for e in links])):
            fast = re.search(r'^Fast link dest: "(.*)"$', "\n".join(lines), re.M)
            if fast:
                entry.target = os.fsencode(fast.group(1))
            else:
                slow.append(entry)
        for entry in slow:
            entry.target = run("debugfs", "-R", f"cat <{entry.inode}>", self.image,
                               text=False).stdout.split(b"\n", 1)[1]

    def _read_xattrs(self, entries):
        by_inode = {entry.inode: {} for entry in entries}
        wanted = []
        for inode, lines in zip(by_inode, self._ask([f"ea_list <{i}>" for i in by_inode])):
            for line in lines:
                found = re.match(r"  (\S+) \((\d+)\)", line)
                if found:
                    wanted.append((inode, found.group(1), int(found.group(2))))
        for inode, name, size in wanted:
            path = os.path.join(self.folder, "value")
            run("debugfs", "-R", f"ea_get -f {path} <{inode}> {name}", self.image)
            with open(path, "rb") as file:
                value = file.read()
            os.unlink(path)
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
