/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps that belong to no single part. */
#ifndef DEBUG_DUMP_H
#define DEBUG_DUMP_H

void dump_domains(void);
void dump_domain0_registers(void);
void dump_all_registers(void);
void dump_events(void);
void dump_grants(void);
void dump_memory(void);
void dump_orphans(void); /* dump_orphans.c */
void dump_locks(void);   /* dump_locks.c */

#endif
