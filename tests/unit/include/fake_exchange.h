/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets a test choose what size of an exchange is done in pieces, and see who writes the M2P. Force-included. */
#ifndef FAKE_EXCHANGE_H
#define FAKE_EXCHANGE_H

extern unsigned int fake_whole_order;
#define EXCHANGE_WHOLE_ORDER fake_whole_order
#define EXCHANGE_PATIENCE    5u

/* M8. */
void fake_m2p_point(unsigned long mfn);
#define M2P_POINT(mfn) fake_m2p_point((mfn).n)

#endif
