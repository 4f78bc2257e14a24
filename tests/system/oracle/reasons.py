# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our xenstored answers otherwise than Debian's C one, and why. `known` gives the reason or None; a reason that begins with an
exclamation mark means that the two stores differ from then on, so the comparison starts over."""

ERROR, TX_END = 16, 7


def known(kind, payload, interfered, ours, theirs):
    """@interfered: others changed the store since the request's transaction began."""
    if ours[0] == theirs[0] == ERROR and not payload.endswith(b'\0'):
        return 'a string without its NUL: Debian answers whatever errno was left over, we EINVAL'
    if interfered and kind == TX_END and ours[2] == b'EAGAIN\0':
        return '!a path that the transaction created was created by another meanwhile: Debian overlooks it; xenstore.txt: conflict'
    if interfered and kind == TX_END and theirs[2] == b'EAGAIN\0':
        return '!another child of the same parent was made: Debian takes it for a change of the parent, we see no conflict'
    if kind == TX_END and theirs[2] == b'ENOMEM\0':
        return '!a request of the transaction failed for a quota: Debian then fails the commit with ENOMEM; that request did nothing, so we commit'
    if interfered and kind != TX_END:
        return '!xenstore.txt: reads and writes happen on the copy made at the start; Debian copies a node when it is first touched'
    return None
