#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""read_console.py CONSOLE: what xenconsoled's socket for further readers says of it so far."""
import socket
import sys

sock = socket.socket(socket.AF_UNIX)
sock.connect('/run/xenconsoled/socket')
sock.sendall(sys.argv[1].encode() + b' once\n')
sys.stdout.buffer.write(b''.join(iter(lambda: sock.recv(65536), b'')))
