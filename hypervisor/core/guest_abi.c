/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 32-bit callers need, and lists of words. No state, no locks. */
#include "core/guest_abi.h"
#include "hv/alloc.h"
#include "hv/errno.h"

/* Structures up to this size go over the stack. Larger is vcpu_guest_context, which is read once in a vcpu's life. */
#define ON_STACK 320

static int read_large(const struct abi_codec *codec, void *dst, guest_ptr_t src)
{
    void *wire = hv_zalloc(codec->wire_size);
    int ret;

    if (!wire)
        return -ENOMEM;
    ret = copy_from_guest(wire, src, codec->wire_size);
    if (!ret)
        abi_decode(codec, dst, wire);
    hv_free(wire);
    return ret;
}

int abi_read_32(const struct abi_codec *codec, void *dst, guest_ptr_t src)
{
    uint64_t wire[ON_STACK / 8];

    if (codec->wire_size > sizeof(wire))
        return read_large(codec, dst, src);
    if (copy_from_guest(wire, src, codec->wire_size))
        return -EFAULT;
    abi_decode(codec, dst, wire);
    return 0;
}

static int write_large(const struct abi_codec *codec, guest_ptr_t dst, const void *src)
{
    void *wire = hv_zalloc(codec->wire_size);
    int ret;

    if (!wire)
        return -ENOMEM;
    abi_encode(codec, wire, src);
    ret = copy_to_guest(dst, wire, codec->wire_size);
    hv_free(wire);
    return ret;
}

int abi_write_32(const struct abi_codec *codec, guest_ptr_t dst, const void *src)
{
    uint64_t wire[ON_STACK / 8];

    if (codec->wire_size > sizeof(wire))
        return write_large(codec, dst, src);
    abi_encode(codec, wire, src);
    return copy_to_guest(dst, wire, codec->wire_size);
}

/* Words of 32 bits lie in the low half of the room and become 64 from the last on. */
static int read_words(bool width32, uint64_t *dst, guest_ptr_t list, uint64_t index, unsigned int count)
{
    size_t size = width32 ? sizeof(uint32_t) : sizeof(uint64_t);
    const uint8_t *narrow = (const uint8_t *)dst;
    guest_ptr_t at;

    if (guest_array_at(list, index, size, &at) || copy_from_guest(dst, at, count * size))
        return -EFAULT;
    for (unsigned int i = count; width32 && i-- > 0;) {
        uint32_t word;

        __builtin_memcpy(&word, narrow + i * sizeof(word), sizeof(word));
        dst[i] = word;
    }
    return 0;
}

void guest_words_start(struct guest_words *w, const struct hypercall *hc, guest_ptr_t list, uint64_t end)
{
    w->list = list;
    w->end = end;
    w->first = 0;
    w->count = 0;
    w->width32 = hypercall_width32(hc);
}

int guest_words_read_chunk(struct guest_words *w, uint64_t index, uint64_t *out)
{
    unsigned int count = (unsigned int)min(w->end - index, (uint64_t)GUEST_WORDS_CHUNK);
    int ret = read_words(w->width32, w->chunk, w->list, index, count);

    /* What lies further on may not be there; that is for whoever comes to it to find out. */
    if (ret && count > 1) {
        count = 1;
        ret = read_words(w->width32, w->chunk, w->list, index, count);
    }
    w->first = index;
    w->count = ret ? 0 : count;
    if (!ret)
        *out = w->chunk[0];
    return ret;
}

int guest_words_copy(const struct hypercall *hc, uint64_t *dst, guest_ptr_t list, unsigned int count)
{
    return read_words(hypercall_width32(hc), dst, list, 0, count);
}

int guest_word_write(const struct hypercall *hc, guest_ptr_t list, uint64_t index, uint64_t value)
{
    size_t size = hypercall_width32(hc) ? sizeof(uint32_t) : sizeof(uint64_t);
    guest_ptr_t at;

    if (guest_array_at(list, index, size, &at))
        return -EFAULT;
    return copy_to_guest(at, &value, size); /* the low bytes come first */
}
