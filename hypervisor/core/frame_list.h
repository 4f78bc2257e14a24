/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists through struct frame, by frame numbers: a domain's pages, and those of dead domains. The list's lock is held. */
#ifndef CORE_FRAME_LIST_H
#define CORE_FRAME_LIST_H

#include "hv/frame.h"

static inline void frame_list_add(uint32_t *head, struct frame *f)
{
    uint32_t number = (uint32_t)frame_to_mfn(f).n;

    f->prev = FRAME_LIST_END;
    f->next = *head;
    if (*head != FRAME_LIST_END)
        mfn_to_frame(MFN(*head))->prev = number;
    *head = number;
    f->flags |= FRAME_ON_LIST;
}

static inline void frame_list_del(uint32_t *head, struct frame *f)
{
    if (f->prev == FRAME_LIST_END)
        *head = f->next;
    else
        mfn_to_frame(MFN(f->prev))->next = f->next;
    if (f->next != FRAME_LIST_END)
        mfn_to_frame(MFN(f->next))->prev = f->prev;
    f->flags &= (uint16_t)~FRAME_ON_LIST;
}

#endif
