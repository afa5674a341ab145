"""Loggers for inference code. The level is INFO, or what the variable LOG_LEVEL names; lines go to stdout."""

import logging
import os
import sys
import threading

_lock = threading.Lock()
_ready = False


def _prepare():
    global _ready
    with _lock:
        if _ready:
            return
        _ready = True
        root = logging.getLogger()
        level = logging.getLevelName(os.environ.get('LOG_LEVEL', 'INFO').upper())
        root.setLevel(level if isinstance(level, int) else logging.INFO)
        if not root.handlers:
            handler = logging.StreamHandler(sys.stdout)
            handler.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
            root.addHandler(handler)
        # Libraries that tell their life's story at INFO.
        for name in ('PIL', 'matplotlib', 'urllib3'):
            logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def getLogger(name=None):
    """A standard library logger, ready to print."""
    _prepare()
    return logging.getLogger(name)


get_logger = getLogger
