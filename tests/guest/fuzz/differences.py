# SPDX-License-Identifier: GPL-2.0-or-later
"""Where our hypervisor may answer otherwise than Debian's Xen, and why. Anything else that differs is a failure.

`call` is searched in the text of the call (or `state NAME`), `xen` and `ours` must match the whole of what came after `->` (`absent` for a line
that one side does not have). With `rest_of_epoch` the lines behind it in the same epoch are not compared, since the state legitimately differs.
"""
import collections

Reason = collections.namedtuple('Reason', 'call xen ours why rest_of_epoch', defaults=(False,))

ANY = r'.*'
NOT_THERE = r' -ENOSYS'

REASONS = [
    # Who we are.
    Reason(r'^xen_version [1234a]\b', ANY, ANY, 'versions, compiler, capabilities, change set and build id tell the truth about the build'),

    # What we do not have (docs/design/hypercalls.md lists it).
    Reason(r'^unknown call (31|37|41|42) ', ANY, NOT_THERE, 'xenoprof, kexec, dm_op and hypfs are not there: -ENOSYS whatever the arguments'),
    Reason(r'^unknown call 49 ', r' -EFAULT', NOT_THERE, 'paging_domctl_cont (architecture call 1) is for tools of HVM guests with shadow paging'),
    Reason(r'^platform_op (1f|20|21|23|27|34|3[4589abcd]|31|32) ', ANY, ANY,
           'memory types, processor hotplug, core parking, frequencies, resource_op and the BIOS\'s tables are not there, or tell of a different machine'),
    Reason(r'^memory_op other 28 ', r' -E(INVAL|SRCH|OPNOTSUPP|FAULT|PERM)', r' -E(INVAL|SRCH|OPNOTSUPP|FAULT|PERM)',
           'acquire_resource of what is not there: refused by both, which of two objections comes first differs'),
    Reason(r'^(domctl|sysctl) ', ANY, NOT_THERE, 'the tools\' calls are not all there: -ENOSYS before anything is looked up'),

    # Where Xen is wrong.
    Reason(r'^physdev_op d dom=(7ff0|0) type=[03] index=18 ', r' (0|-ENODEV|-EINVAL)( ~| \+\w+=\w+)*', r' -EPERM( ~| \+\w+=\w+)*',
           'to map a new MSI to a number that has an interrupt leaks the new one (the first is 24) on Xen, and the right to it stays'),

    Reason(r'^physdev_op c ', r' 0', r' -EINVAL',
           'Xen takes a number for mapped to which it once meant to map a GSI that was refused; the EOI does nothing'),

    Reason(r'^reset: P\d+ is kept', r'', r'absent',
           'Xen keeps a reference of a table for ever whose validation as a part of another one was stopped and then failed, at times'),

    # Where ours is careful.
    Reason(r'^physdev_op 15 ', r' 0', r' -EEXIST', 'setup_gsi: a GSI that a domain is bound to keeps its trigger and polarity; on Xen it changes under that domain'),
    Reason(r'^physdev_op 15 ', r' -EEXIST', r' 0', 'so it can still be set, once, when nobody is bound to it any more'),

    # What the guest cannot make alike.
    Reason(r'^state reservation', r' -?\d+', r' -?\d+',
           'a call that fails when its work is done leaves a frame nobody has the number of; whether the allocator hands one out that has a name differs'),
]
