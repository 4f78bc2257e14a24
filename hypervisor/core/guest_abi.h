/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures of the interface, in and out of guest memory, in the caller's layout (DESIGN 2). Handlers use
 * these for every structure that abi/ has a schema for and never see which width calls: from a 64-bit caller
 * it is one bounded copy, from a 32-bit one it goes through the codec. What is laid out alike by both is
 * copied with copy_from_guest() and copy_to_guest().
 *
 *   abi_xen_memory_reservation_t r;
 *   if (abi_read(hc, xen_memory_reservation, &r, hypercall_ptr(hc, 1)))
 *       return -EFAULT;
 *
 * They return 0 or -EFAULT, from 32-bit callers also -ENOMEM for the few structures that are too large for
 * the stack.
 */
#ifndef CORE_GUEST_ABI_H
#define CORE_GUEST_ABI_H

#include "abi/codec.h"
#include "core/hypercall.h"
#include "hv/guest.h"

/* The rare sides. */
int abi_read_32(const struct abi_codec *codec, void *dst, guest_ptr_t src) __must_check;
int abi_write_32(const struct abi_codec *codec, guest_ptr_t dst, const void *src) __must_check;

static inline __must_check int abi_read_with(bool width32, const struct abi_codec *codec, void *dst,
                                             guest_ptr_t src, size_t bytes)
{
    return likely(!width32) ? copy_from_guest(dst, src, bytes) : abi_read_32(codec, dst, src);
}

static inline __must_check int abi_write_with(bool width32, const struct abi_codec *codec, guest_ptr_t dst,
                                              const void *src, size_t bytes)
{
    return likely(!width32) ? copy_to_guest(dst, src, bytes) : abi_write_32(codec, dst, src);
}

/* Of a guest of that width, where nobody calls. */
#define abi_read_as(width32, name, dst, src)                                                                 \
    ({                                                                                                       \
        abi_##name##_t *abi_dst_ = (dst);                                                                    \
        abi_read_with(width32, &abi_codec_##name, abi_dst_, src, sizeof(*abi_dst_));                         \
    })
#define abi_write_as(width32, name, dst, src)                                                                \
    ({                                                                                                       \
        const abi_##name##_t *abi_src_ = (src);                                                              \
        abi_write_with(width32, &abi_codec_##name, dst, abi_src_, sizeof(*abi_src_));                        \
    })
#define abi_read(hc, name, dst, src)  abi_read_as(hypercall_width32(hc), name, dst, src)
#define abi_write(hc, name, dst, src) abi_write_as(hypercall_width32(hc), name, dst, src)

/* Bytes of a structure in the guest, and where a member lies in it: for arrays, and for what is written alone. */
#define abi_size_as(width32, name) ((width32) ? sizeof(struct abi32_##name) : sizeof(abi_##name##_t))
#define abi_offset_as(width32, name, member)                                                                 \
    ((width32) ? offsetof(struct abi32_##name, member) : offsetof(abi_##name##_t, member))
#define abi_size(hc, name)           abi_size_as(hypercall_width32(hc), name)
#define abi_offset(hc, name, member) abi_offset_as(hypercall_width32(hc), name, member)

/*
 * For tables of operations: what an operation's argument is. No codec: it is laid out alike by both widths.
 *   [CMD] = {perform, ABI_ARGUMENT(gnttab_setup_table)}, [OTHER] = {other, ABI_ALIKE(struct gnttab_query_size)}
 */
struct abi_argument {
    const struct abi_codec *codec;
    uint16_t bytes; /* of the decoded form */
};
#define ABI_ARGUMENT(name)                                                                                   \
    {                                                                                                        \
        &abi_codec_##name, sizeof(abi_##name##_t)                                                            \
    }
#define ABI_ALIKE(type)                                                                                      \
    {                                                                                                        \
        NULL, sizeof(type)                                                                                   \
    }

static inline __must_check int abi_read_argument(const struct hypercall *hc, const struct abi_argument *a,
                                                 void *dst, guest_ptr_t src)
{
    return abi_read_with(a->codec && hypercall_width32(hc), a->codec, dst, src, a->bytes);
}

static inline __must_check int abi_write_argument(const struct hypercall *hc, const struct abi_argument *a,
                                                  guest_ptr_t dst, const void *src)
{
    return abi_write_with(a->codec && hypercall_width32(hc), a->codec, dst, src, a->bytes);
}

/* Bytes from one to the next in an array of them. */
static inline size_t abi_argument_size(const struct hypercall *hc, const struct abi_argument *a)
{
    return unlikely(a->codec && hypercall_width32(hc)) ? a->codec->wire_size : a->bytes;
}

/* --- Lists of words in guest memory: xen_pfn_t and xen_ulong_t, 32 or 64 bits. --- */

#define GUEST_WORDS_CHUNK 16

/* Where in such a list one reads. A chunk is read ahead; each word of the list is read at most once as long as the cursor goes forward. */
struct guest_words {
    guest_ptr_t list;
    uint64_t end;   /* so many words are the list's */
    uint64_t first; /* what `chunk` holds: words [first, first + count) */
    unsigned int count;
    bool width32;
    uint64_t chunk[GUEST_WORDS_CHUNK];
};

void guest_words_start(struct guest_words *w, const struct hypercall *hc, guest_ptr_t list, uint64_t end);
/* Word `index`, less than `end`. 0 or -EFAULT: that word cannot be read. */
int guest_words_read_chunk(struct guest_words *w, uint64_t index, uint64_t *out) __must_check;
static inline __must_check int guest_words_read(struct guest_words *w, uint64_t index, uint64_t *out)
{
    if (unlikely(index - w->first >= w->count))
        return guest_words_read_chunk(w, index, out);
    *out = w->chunk[index - w->first];
    return 0;
}

/* The first `count` words at once, for lists with a bound. 0 or -EFAULT. */
int guest_words_copy(const struct hypercall *hc, uint64_t *dst, guest_ptr_t list, unsigned int count)
    __must_check;

/* One word is written. A 32-bit list takes the low half. */
int guest_word_write(const struct hypercall *hc, guest_ptr_t list, uint64_t index, uint64_t value)
    __must_check;

#endif
