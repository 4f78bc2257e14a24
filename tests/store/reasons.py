# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our xenstored answers otherwise than Debian's C one, and why. `known` gives the reason or None; a reason that begins with an
exclamation mark means that the two stores differ from then on, so the comparison starts over."""

from wire import DIRECTORY, DIRECTORY_PART, ERROR, GET_PATH, IS_INTRODUCED, MKDIR, RESET_WATCHES, RM, SET_PERMS, SET_TARGET, TX_END, UNWATCH, WATCH, WRITE


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


def names(answer):
    return answer[2].split(b'\0')


def known_ocaml(kind, payload, interfered, ours, theirs):
    """The same for oxenstored. Where it and the C daemon differ xenstore.txt decides, else the C one."""
    refused = ours[0] == theirs[0] == ERROR
    if ours[0] == theirs[0] and ours[2:] == theirs[2:] and kind in (WATCH, UNWATCH, RESET_WATCHES, GET_PATH, IS_INTRODUCED, SET_TARGET):
        return 'the answer to a request that belongs to no transaction: oxenstored says 0 for the transaction, xenstore.txt: the tx_id of the request'
    if kind == DIRECTORY_PART and theirs[2] == b'ENOSYS\0':
        return 'oxenstored does not know DIRECTORY_PART'
    if kind == DIRECTORY and sorted(names(ours)) == sorted(name for name in names(theirs) if name[:1] != b'@'):
        return 'the order of a listing (ours is that of creation, as the C one\'s), and the special nodes in it'
    if kind == UNWATCH and ours[2] == b'ENOENT\0' and theirs[2] == b'EINVAL\0':
        return 'UNWATCH of an invalid path: oxenstored EINVAL, the C one and we ENOENT'
    if kind == SET_PERMS and ours[2] == b'EPERM\0' and theirs[2] == b'EACCES\0':
        return 'the owner is changed by an unprivileged client: oxenstored says EACCES'
    if kind == MKDIR and ours[2] == b'EACCES\0' and theirs[0] == MKDIR:
        return 'MKDIR of a node that exists: oxenstored does not ask whether the client may write'
    if kind in (RM, TX_END) and ours[:3] == theirs[:3] and set(ours[3]) < set(theirs[3]):
        return 'a removal fires watches below it: with oxenstored those on nodes that did not exist, too'
    if kind == SET_PERMS and ours[2] == b'ENOSPC\0':
        return ('' if refused else '!') + 'oxenstored has no quota for permissions'
    if kind == WRITE and theirs[2] == b'E2BIG\0':
        return '!a value above the quota: E2BIG, and before access is looked at; the C one and we: ENOSPC, and domain 0 may; oxenstored leaves the new parents behind'
    if ours[2] == b'EACCES\0' and theirs[2] == b'ENOENT\0' and refused:
        return 'a missing node where the client may not look: oxenstored says that it is missing; the C one does not, nor do we'
    if kind == RM and payload == b'/\0' and ours[2] == b'EINVAL\0' and theirs[0] == RM:
        return '!the root is removed: oxenstored empties the store; the C one and we refuse'
    if kind == RM and ours[0] == ERROR and theirs[0] == RM:
        return 'a missing node without a parent, or where the client may not write: oxenstored finds its removal done'
    if len(payload.split(b'\0')[0]) > 2048:
        return ('' if refused else '!') + 'a path that is too long: oxenstored looks for it, and has no limit of its own for relative ones'
    if payload.startswith(b'@') and ours[2] == b'EINVAL\0':
        return ('' if refused else '!') + 'oxenstored takes names that begin with @ for nodes'
    if interfered and kind == TX_END:
        return '!' + ('oxenstored merges what it can at a commit' if ours[2] == b'EAGAIN\0' else 'oxenstored takes the change of a parent for a conflict')
    return None
