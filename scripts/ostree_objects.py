"""Checksums of OSTree objects, computed from what a disk holds: independent of libostree and of
our own code. The formats are GVariants in big-endian integers (libostree, ostree-core.h)."""
import hashlib
import struct


def _offsets(ends, body_length):
    """Framing offsets of a GVariant container: as many bytes each as the whole needs."""
    for size, limit in ((1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF)):
        if body_length + size * len(ends) <= limit:
            return b"".join(end.to_bytes(size, "little") for end in ends)
    raise ValueError("too long")


def _array(elements):
    """An array of variable-size elements without alignment."""
    body, ends = b"", []
    for element in elements:
        body += element
        ends.append(len(body))
    return body + _offsets(ends, len(body))


def _xattrs(xattrs):
    """a(ayay): names end in NUL, values do not; in order of name."""
    pairs = []
    for name, value in sorted(xattrs.items()):
        key = name + b"\0"
        pairs.append(key + value + _offsets([len(key)], len(key) + len(value)))
    return _array(pairs)


def file_checksum(mode, uid, gid, xattrs, target=b"", content=()):
    """A file's or symbolic link's object; `mode` with its type bits, `content` in pieces."""
    head = struct.pack(">IIII", uid, gid, mode, 0) + target + b"\0"
    body = head + _xattrs(xattrs)
    header = body + _offsets([len(head)], len(body))
    digest = hashlib.sha256(struct.pack(">I", len(header)) + bytes(4) + header)
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def folder_checksum(mode, uid, gid, xattrs):
    """A folder's metadata object (dirmeta)."""
    return hashlib.sha256(struct.pack(">III", uid, gid, mode) + _xattrs(xattrs)).hexdigest()


def archive_header(mode, uid, gid, xattrs, size):
    """What stands before the deflated content in an archive repository's file object."""
    head = struct.pack(">QIIII", size, uid, gid, mode, 0) + b"\0"
    body = head + _xattrs(xattrs)
    header = body + _offsets([len(head)], len(body))
    return struct.pack(">I", len(header)) + bytes(4) + header


def _tuple(*members):
    """Members without alignment, of variable size: all but the last one's ends, last to first."""
    body = b"".join(members)
    ends = [sum(map(len, members[:n])) for n in range(1, len(members))]
    return body + _offsets(ends[::-1], len(body))


def dirtree(files, folders):
    """The names in a folder: [(name, checksum)] and [(name, tree, meta)], in the order of names."""
    def entry(name, *checksums):
        # The checksums are arrays of bytes too.
        return _tuple(name + b"\0", *map(bytes.fromhex, checksums))
    return _tuple(_array([entry(*file) for file in files]), _array([entry(*folder) for folder in folders]))


def commit(tree, meta, subject, time):
    """A commit without metadata and parent, (a{sv}aya(say)sstayay); the time is aligned to eight."""
    texts = subject + b"\0" + b"\0"
    start = (len(texts) + 7) // 8 * 8
    body = texts.ljust(start, b"\0") + struct.pack(">Q", time) + bytes.fromhex(tree) + bytes.fromhex(meta)
    ends = [0, 0, 0, len(subject) + 1, len(texts), start + 8 + 32]
    return body + _offsets(ends[::-1], len(body))
