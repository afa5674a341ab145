"""Files and directories, local or on OBS (`obs://bucket/key`, `s3://bucket/key`), by one set of functions."""

import builtins
import collections
import concurrent.futures
import email.utils
import glob as local_glob
import io
import os
import re
import shutil
import tempfile

from moxing import s3
from moxing.credentials import set_auth  # noqa: F401
from moxing.s3 import ObsDenied, ObsError, ObsNotFound  # noqa: F401

Stat = collections.namedtuple('Stat', 'length mtime_nsec is_directory')


def shift(old='os', new='mox'):
    """Accepted for old scripts; `open` and `os` stay as they are. Use `mox.file` for obs:// paths."""


def _remote(path):
    return str(path).startswith(('obs://', 's3://'))


def _split(path):
    return s3.split(str(path))


def _folder(key):
    return key if not key or key.endswith('/') else key + '/'


def _any_under(bucket, key):
    return next(iter(s3.listing(bucket, _folder(key), limit=1)), None) is not None


def _bucket_exists(bucket):
    try:
        _any_under(bucket, '')
        return True
    except ObsNotFound:
        return False


def exists(path):
    """Whether it is a file or a directory."""
    if not _remote(path):
        return os.path.exists(path)
    bucket, key = _split(path)
    if not key:
        return _bucket_exists(bucket)
    return (not key.endswith('/') and s3.head(bucket, key) is not None) or is_directory(path)


def is_directory(path):
    """Whether something lies under it. A key that only begins alike does not count."""
    if not _remote(path):
        return os.path.isdir(path)
    bucket, key = _split(path)
    try:
        return _bucket_exists(bucket) if not key else _any_under(bucket, key)
    except ObsNotFound:
        return False


def list_directory(path, recursive=False, only_dirs=False):
    """Names under a directory, relative to it; directories without a slash. `recursive` goes all the way down."""
    if not _remote(path):
        if not recursive:
            return [n for n in sorted(os.listdir(path)) if not only_dirs or os.path.isdir(os.path.join(path, n))]
        names = []
        for root, dirs, files in os.walk(path):
            names += [os.path.relpath(os.path.join(root, n), path) for n in (dirs if only_dirs else dirs + files)]
        return sorted(names)
    bucket, key = _split(path)
    prefix = _folder(key)
    names, folders = set(), set()
    for kind, name, _ in s3.listing(bucket, prefix, '' if recursive else '/'):
        relative = name[len(prefix):]
        parts = relative.rstrip('/').split('/')
        folders.update('/'.join(parts[:depth]) for depth in range(1, len(parts)))
        (folders if relative.endswith('/') else names).add(relative.rstrip('/'))
    found = {n for n in (folders if only_dirs else names | folders) if n}
    if not found and not names and not folders and key and not exists(path):
        raise ObsNotFound('listing', str(path), 404, 'NoSuchKey', 'the directory does not exist')
    return sorted(found)


def read(path, num=-1, binary=False):
    """Its text, or its bytes with `binary`; the first `num` of them."""
    if _remote(path):
        data = s3.get(*_split(path))
    else:
        with builtins.open(path, 'rb') as f:
            data = f.read()
    if binary:
        return data if num is None or num < 0 else data[:num]
    text = data.decode('utf-8')
    return text if num is None or num < 0 else text[:num]


def write(path, data):
    """Makes the file hold this text or these bytes."""
    data = data if isinstance(data, (bytes, bytearray, memoryview)) else str(data).encode('utf-8')
    if _remote(path):
        s3.put(*_split(path), bytes(data))
    else:
        with builtins.open(path, 'wb') as f:
            f.write(data)


write_binary = write


def append(path, data):
    """Adds to the end; an object is written anew, so keep it for small ones."""
    data = data if isinstance(data, (bytes, bytearray, memoryview)) else str(data).encode('utf-8')
    if not _remote(path):
        with builtins.open(path, 'ab') as f:
            f.write(data)
        return
    bucket, key = _split(path)
    try:
        old = s3.get(bucket, key)
    except ObsNotFound:
        old = b''
    s3.put(bucket, key, old + bytes(data))


def make_dirs(path):
    """Makes a directory; on OBS the empty object that stands for one."""
    if not _remote(path):
        os.makedirs(path, exist_ok=True)
        return
    bucket, key = _split(path)
    if key and not is_directory(path):
        s3.put(bucket, _folder(key), b'')


mk_dir = make_dirs


def get_size(path, recursive=False):
    """Bytes of a file; of everything under a directory with `recursive`."""
    if recursive and is_directory(path):
        if _remote(path):
            bucket, key = _split(path)
            return sum(size for _, _, size in s3.listing(bucket, _folder(key)))
        return sum(os.path.getsize(os.path.join(root, n)) for root, _, files in os.walk(path) for n in files)
    return stat(path).length


def stat(path):
    """Length, modification time (ns) and whether it is a directory."""
    if not _remote(path):
        found = os.stat(path)
        return Stat(found.st_size, found.st_mtime_ns, os.path.isdir(path))
    bucket, key = _split(path)
    info = s3.head(bucket, key) if key and not key.endswith('/') else None
    if info is not None:
        try:
            seconds = email.utils.parsedate_to_datetime(info['modified']).timestamp()
        except (TypeError, ValueError):
            seconds = 0
        return Stat(info['size'], int(seconds * 1e9), False)
    if is_directory(path):
        return Stat(0, 0, True)
    raise ObsNotFound('looking at', str(path), 404, 'NoSuchKey', 'the object does not exist')


def remove(path, recursive=False):
    """Removes a file, or with `recursive` a directory and all under it."""
    if not _remote(path):
        if recursive and os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)
        return
    bucket, key = _split(path)
    single = bool(key) and s3.head(bucket, key) is not None
    if recursive:
        keys = [name for _, name, _ in s3.listing(bucket, _folder(key))]
        if not keys and not single:
            raise ObsNotFound('removing', str(path), 404, 'NoSuchKey', 'the object does not exist')
        _parallel(lambda name: s3.delete(bucket, name), keys, 16)
    elif not single:
        if is_directory(path):
            raise IsADirectoryError(f'{path} is a directory; pass recursive=True to remove all under it')
        raise ObsNotFound('removing', str(path), 404, 'NoSuchKey', 'the object does not exist')
    if single:
        s3.delete(bucket, key)


def _parallel(work, items, threads):
    items = list(items)
    if len(items) <= 1 or threads <= 1:
        return [work(item) for item in items]
    with concurrent.futures.ThreadPoolExecutor(min(threads, len(items))) as pool:
        return s3._all(pool, [pool.submit(work, item) for item in items])


def copy(src_url, dst_url):
    """Copies one file. A target that ends with `/`, or is a local directory, keeps the file's name."""
    src, dst = str(src_url), str(dst_url)
    if dst.endswith('/') or (not _remote(dst) and os.path.isdir(dst)):
        dst = dst.rstrip('/') + '/' + src.rstrip('/').rsplit('/', 1)[-1]
    if src.endswith('/') or (not _remote(src) and os.path.isdir(src)):
        raise IsADirectoryError(f'{src} is a directory; use mox.file.copy_parallel')
    if not _remote(dst):
        os.makedirs(os.path.dirname(os.path.abspath(dst)), exist_ok=True)
    if _remote(src) and _remote(dst):
        with tempfile.TemporaryDirectory() as folder:
            middle = os.path.join(folder, 'object')
            s3.download(*_split(src), middle)
            s3.upload(middle, *_split(dst))
    elif _remote(src):
        s3.download(*_split(src), dst)
    elif _remote(dst):
        s3.upload(src, *_split(dst))
    else:
        shutil.copyfile(src, dst)


def _inside(name):
    """Whether a relative name stays below the directory it is relative to."""
    return not name.startswith('/') and '\0' not in name and '..' not in name.split('/')


def _files_under(path):
    """Relative names of all files under a directory, and of empty directories with a trailing slash."""
    if _remote(path):
        bucket, key = _split(path)
        prefix = _folder(key)
        names = [name[len(prefix):] for _, name, _ in s3.listing(bucket, prefix)]
        bad = next((n for n in names if not _inside(n)), None)
        if bad is not None:
            raise ObsError('copying', str(path), 0, 'InvalidKey', f'the key {bad!r} would leave the target directory')
        return [n for n in names if n]
    names = []
    for root, dirs, files in os.walk(path):
        names += [os.path.relpath(os.path.join(root, n), path) for n in files]
        if not dirs and not files and root != str(path):
            names.append(os.path.relpath(root, path) + '/')
    return names


def copy_parallel(src_url, dst_url, file_list=None, threads=16, **_):
    """Copies all under a directory, several files at a time. `file_list` (relative names) limits it to these."""
    src, dst = str(src_url), str(dst_url)
    if not is_directory(src):
        if not exists(src):
            raise FileNotFoundError(f'copying {src} failed: it does not exist')
        copy(src, dst)
        return
    names = _files_under(src) if file_list is None else [str(n) for n in file_list]
    bad = next((n for n in names if not _inside(n)), None)
    if bad is not None:
        raise ValueError(f'{bad!r} in file_list is not a name below {src}')
    base, target = src.rstrip('/') + '/', dst.rstrip('/') + '/'
    if not _remote(dst):
        os.makedirs(target, exist_ok=True)

    def one(name):
        if name.endswith('/'):
            make_dirs(target + name)
        else:
            copy(base + name, target + name)

    _parallel(one, names, max(1, int(threads)))


def rename(src_url, dst_url):
    """Moves a file or a directory; on OBS by copying, so not at once."""
    if not _remote(src_url) and not _remote(dst_url):
        os.replace(src_url, dst_url)
        return
    folder = is_directory(src_url)
    (copy_parallel if folder else copy)(src_url, dst_url)
    remove(src_url, recursive=folder)


def walk(path):
    """Yields (directory, names of directories, names of files) from the top down, like os.walk."""
    if not _remote(path):
        yield from os.walk(path)
        return
    bucket, key = _split(path)
    prefix = _folder(key)
    folders, files = [], []
    for _, name, _ in s3.listing(bucket, prefix, '/'):
        relative = name[len(prefix):]
        if relative:
            (folders if relative.endswith('/') else files).append(relative.rstrip('/'))
    top = str(path).rstrip('/')
    yield top, folders, files
    for name in folders:
        yield from walk(f'{top}/{name}')


def _glob_expression(pattern):
    wild = {'**/': '(?:[^/]+/)*', '**': '.*', '*': '[^/]*', '?': '[^/]'}
    words = re.split(r'(\*\*/|\*\*|\*|\?|\[[^\]]+\])', pattern)
    return ''.join(wild.get(w) or (w.replace('[!', '[^') if w.startswith('[') and w.endswith(']') else re.escape(w)) for w in words)


def glob(pattern):
    """Paths that match a pattern; `*` and `?` stay within one directory, `**` does not."""
    if not _remote(pattern):
        return sorted(local_glob.glob(str(pattern), recursive=True))
    bucket, key = _split(pattern)
    scheme = str(pattern).partition('://')[0]
    fixed = re.split(r'[*?\[]', key, maxsplit=1)[0]
    matches = re.compile(_glob_expression(key), re.S).fullmatch
    found = set()
    for _, name, _ in s3.listing(bucket, fixed):
        parts = name.rstrip('/').split('/')
        for depth in range(1, len(parts) + 1):
            candidate = '/'.join(parts[:depth])
            if matches(candidate):
                found.add(f'{scheme}://{bucket}/{candidate}')
    return sorted(found)


class File:
    """An open file: `with mox.file.File('obs://bucket/key', 'w') as f: …`. An object is written when the file is closed;
    nothing is written when the `with` block ends by an exception."""

    def __init__(self, path, mode='r', encoding='utf-8', **_):
        kind = mode.replace('b', '').replace('t', '')
        if kind not in ('r', 'w', 'a'):
            raise ValueError(f'mode {mode!r} is not supported; use r, w or a, with b for bytes')
        self.path, self.mode, self.closed = str(path), mode, False
        self._upload = _remote(path) and kind != 'r'
        if not _remote(path):
            self._file = builtins.open(path, mode, encoding=None if 'b' in mode else encoding)
            return
        raw = tempfile.TemporaryFile()
        if kind != 'w':
            try:
                raw.write(s3.get(*_split(path)))
            except ObsNotFound:
                if kind == 'r':
                    raw.close()
                    raise
            if kind == 'r':
                raw.seek(0)
        self._raw = raw
        self._file = raw if 'b' in mode else io.TextIOWrapper(raw, encoding=encoding)

    def __getattr__(self, name):
        if name == '_file':
            raise AttributeError(name)
        return getattr(self._file, name)

    def __iter__(self):
        return iter(self._file)

    def size(self):
        return get_size(self.path)

    def close(self):
        """Closes it and writes the object. Raises ObsError when that fails."""
        if self.closed:
            return
        self.closed = True
        try:
            if self._upload:
                self._file.flush()
                self._raw.flush()
                s3.upload(f'/proc/self/fd/{self._raw.fileno()}', *_split(self.path))
        finally:
            self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self._upload = False
        self.close()
