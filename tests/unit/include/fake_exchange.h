/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets a test choose what size of an exchange is done in pieces. Force-included. */
#ifndef FAKE_EXCHANGE_H
#define FAKE_EXCHANGE_H

extern unsigned int fake_whole_order;
#define EXCHANGE_WHOLE_ORDER fake_whole_order
#define EXCHANGE_PATIENCE    5u

#endif
