"""What a decoding process gives up before it touches a file from a stranger."""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from kadr.media.limits import MediaLimits

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_NICENESS = 5
_OPEN_FILES = 64  # the file, the pipe, and the libraries while they are loaded


def confine(limits: MediaLimits, *, parent: int) -> None:
    """Limit this process for good, and tie its life to that of the process ``parent``.

    Memory, CPU time and open files are limited; files cannot be written to, cores are not dumped,
    privileges cannot be gained. The kernel kills the process when its parent dies.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _lower(resource.RLIMIT_AS, limits.max_memory)
    # SIGXCPU at the soft limit ends the process; the hard one is for a decoder that blocks signals
    _lower(resource.RLIMIT_CPU, limits.max_cpu_seconds, limits.max_cpu_seconds + 2)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    os.nice(_NICENESS)


def _lower(kind: int, soft: int, hard: int | None = None) -> None:
    _, ceiling = resource.getrlimit(kind)
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))
