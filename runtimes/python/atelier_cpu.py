"""How many cores this container may use, and thread pools of numeric libraries sized after it.

A container sees every core of the machine, so OpenMP would start one thread for each and they would fight for the one or two
cores that the container's limit grants. `atelier.pth` calls `limit_threads` when Python starts, before any library is loaded.
"""

import os

THREAD_VARIABLES = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')


def _read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except (OSError, ValueError):
        return ''


def _quota():
    """Cores granted by the cgroup's quota (version 2, then 1), or 0 when there is none."""
    first = _read('/sys/fs/cgroup/cpu.max').split()
    if len(first) == 2 and first[0].isdigit() and first[1].isdigit():
        return int(first[0]) / max(1, int(first[1]))
    for folder in ('/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'):
        quota, period = _read(folder + '/cpu.cfs_quota_us'), _read(folder + '/cpu.cfs_period_us')
        if quota.isdigit() and period.isdigit():
            return int(quota) / max(1, int(period))
    return 0


def cores():
    """Whole cores this process can keep busy, at least 1."""
    try:
        usable = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        usable = os.cpu_count() or 1
    quota = _quota()
    return max(1, min(usable, int(quota + 0.5))) if quota > 0 else max(1, usable)


def limit_threads():
    """Sets the thread variables that the user has not set. Never raises: it runs at every start of Python."""
    try:
        missing = [name for name in THREAD_VARIABLES if not os.environ.get(name)]
        if missing:
            count = os.environ.get('OMP_NUM_THREADS') or str(cores())
            for name in missing:
                os.environ[name] = count
        if _quota() > 0:
            # Threads that spin while they wait would use up the quota that the working ones need.
            os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    except Exception:  # a wrong thread count must not keep Python from starting
        pass
