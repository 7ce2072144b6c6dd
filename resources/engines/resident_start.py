"""Start a process that belongs to nobody: run as a program, never imported.

Started as ``python -I -S resident_start.py SOCKET COMMAND…``. The command runs in
a session of its own, and this program, its parent, ends at once. Who starts a
resident engine may be a run that somebody cancels, or that is over soon; the engine
must not go with it. Its id is on record before it has no parent any more, so that
whoever looks for orphans knows it.
"""

import os
import sys


def main(socket: str, *command: str) -> None:
    """Start the command, note its process id, and end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.close(writer)
            if os.read(reader, 1):  # nothing comes when we were killed meanwhile
                os.execv(command[0], command)  # noqa: S606
        finally:
            os._exit(127)
    # Its name is all it says. pathlib would take as long as everything here.
    os.close(os.open(f"{socket}.{child}.pid", os.O_CREAT | os.O_WRONLY, 0o600))
    os.write(writer, b"1")


if __name__ == "__main__":
    main(*sys.argv[1:])
