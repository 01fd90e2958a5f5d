/* SPDX-License-Identifier: GPL-2.0 */
/* No VRF here: see toytcp.h. */
