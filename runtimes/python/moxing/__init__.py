"""`import moxing as mox`: files on OBS as if they were local (`mox.file`), with nothing but the standard library.

Endpoint and credentials come from the job's environment; see moxing/credentials.py.
"""

from moxing import file  # noqa: F401
