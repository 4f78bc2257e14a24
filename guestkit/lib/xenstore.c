/* SPDX-License-Identifier: MIT */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/time.h>
#include <kit/xenstore.h>

#define REPLY_LIMIT (10 * KIT_S)

static volatile struct xenstore_domain_interface *page;
static uint32_t next_id;

bool kit_xs_init(void)
{
    if (!page && kit_start_info->store_mfn)
        page = kit_va_of_mfn(kit_start_info->store_mfn);
    return page != NULL;
}

volatile struct xenstore_domain_interface *kit_xs_page(void)
{
    return page;
}

void kit_xs_notify(void)
{
    kit_event_send(kit_start_info->store_evtchn);
}

bool kit_xs_put(const void *bytes, size_t length, uint64_t limit)
{
    const char *p = bytes;
    uint64_t since = kit_time_ns();
    uint32_t prod = page->req_prod;

    while (length) {
        if (prod - page->req_cons >= XENSTORE_RING_SIZE) {
            if (kit_time_ns() - since > limit)
                return false;
            continue;
        }
        page->req[MASK_XENSTORE_IDX(prod)] = *p++;
        length--;
        prod++;
        if (!length || prod - page->req_cons >= XENSTORE_RING_SIZE) {
            __atomic_store_n(&page->req_prod, prod, __ATOMIC_RELEASE);
            if (length)
                kit_xs_notify();
            since = kit_time_ns();
        }
    }
    return true;
}

bool kit_xs_take(void *bytes, size_t length, uint64_t limit)
{
    char *p = bytes;
    uint64_t since = kit_time_ns();
    uint32_t cons = page->rsp_cons;
    bool full;

    while (length) {
        if (__atomic_load_n(&page->rsp_prod, __ATOMIC_ACQUIRE) == cons) {
            if (kit_time_ns() - since > limit)
                return false;
            continue;
        }
        full = page->rsp_prod - cons >= XENSTORE_RING_SIZE;
        if (p)
            *p++ = page->rsp[MASK_XENSTORE_IDX(cons)];
        length--;
        __atomic_store_n(&page->rsp_cons, ++cons, __ATOMIC_RELEASE);
        if (full) /* the daemon waits for room */
            kit_xs_notify();
    }
    return true;
}

size_t kit_xs_drain(void)
{
    size_t n = page->rsp_prod - page->rsp_cons;

    if (n > XENSTORE_RING_SIZE)
        n = 0;
    if (n) {
        __atomic_store_n(&page->rsp_cons, page->rsp_cons + (uint32_t)n, __ATOMIC_RELEASE);
        kit_xs_notify();
    }
    return n;
}

int kit_xs_request(unsigned type, uint32_t tx, const void *payload, size_t length, void *reply, size_t max)
{
    struct xsd_sockmsg header = {type, ++next_id, tx, (uint32_t)length};
    char *out = reply;
    size_t kept;

    if (!kit_xs_put(&header, sizeof(header), REPLY_LIMIT) || !kit_xs_put(payload, length, REPLY_LIMIT))
        return -1;
    kit_xs_notify();
    do {
        if (!kit_xs_take(&header, sizeof(header), REPLY_LIMIT))
            return -1;
        kept = header.type == XS_WATCH_EVENT ? 0 : header.len < max ? header.len : max;
        if (!kit_xs_take(out, kept, REPLY_LIMIT) || !kit_xs_take(NULL, header.len - kept, REPLY_LIMIT))
            return -1;
    } while (header.type == XS_WATCH_EVENT || header.req_id != next_id);
    return header.type == XS_ERROR ? -1 : (int)header.len;
}

int kit_xs_read(const char *path, char *value, size_t max)
{
    int n = kit_xs_request(XS_READ, 0, path, strlen(path) + 1, value, max - 1);

    value[n < 0 ? 0 : n < (int)max - 1 ? n : (int)max - 1] = '\0';
    return n;
}

int kit_xs_write(const char *path, const char *value)
{
    char both[512];
    size_t p = strlen(path) + 1, v = strlen(value);

    if (p + v > sizeof(both))
        return -1;
    memcpy(both, path, p);
    memcpy(both + p, value, v);
    return kit_xs_request(XS_WRITE, 0, both, p + v, NULL, 0);
}

bool kit_xs_reconnect(uint64_t limit)
{
    uint64_t since = kit_time_ns();

    page->connection = XENSTORE_RECONNECT;
    kit_xs_notify();
    while (__atomic_load_n(&page->connection, __ATOMIC_ACQUIRE) != XENSTORE_CONNECTED)
        if (kit_time_ns() - since > limit)
            return false;
    return true;
}
