/* SPDX-License-Identifier: GPL-2.0 */
/* module/waiting.c needs nothing of it: see waiting.h. */
