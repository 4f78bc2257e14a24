/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doubly linked circular lists. A list head is a node that no element contains. */
#ifndef HV_LIST_H
#define HV_LIST_H

#include "hv/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)                                                                                      \
    {                                                                                                        \
        &(name), &(name)                                                                                     \
    }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Inserts `node` before `where`; with the head as `where` that is at the end. */
static inline void list_insert_before(struct list *where, struct list *node)
{
    node->next = where;
    node->prev = where->prev;
    where->prev->next = node;
    where->prev = node;
}

#define list_append(head, node)  list_insert_before(head, node)
#define list_prepend(head, node) list_insert_before((head)->next, node)

/* Takes the node out and leaves it empty, so that removing it again does nothing and list_empty() tells whether it is on a list. */
static inline void list_remove(struct list *node)
{
    node->next->prev = node->prev;
    node->prev->next = node->next;
    list_init(node);
}

#define list_entry(ptr, type, member)        container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_for_each_entry(pos, head, member)                                                               \
    for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head);                   \
         pos = list_entry(pos->member.next, __typeof__(*pos), member))

#endif
