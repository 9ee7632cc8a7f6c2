/* SPDX-License-Identifier: MIT */
/* XFRM's numbers that <linux/xfrm.h> of Linux 6.1 lacks. They are the kernel's ABI; whether it has them shows at run time. */
#ifndef PFKEY_XFRM_COMPAT_H
#define PFKEY_XFRM_COMPAT_H

#include <linux/xfrm.h>

/* Names of our own: a newer header has XFRMA_* as constants of an enum, which cannot be tested for. */
#define XFRM_ATTR_SA_DIR 33		/* uint8_t, XFRM_SA_DIR_*; Linux 6.10 */
#define XFRM_ATTR_NAT_KEEPALIVE 34	/* uint32_t, seconds; Linux 6.11 */
#define XFRM_ATTR_MAX 34		/* the last one that is read */

#ifndef XFRM_OFFLOAD_PACKET		/* Linux 6.2 */
#define XFRM_OFFLOAD_PACKET 4
#endif

#endif
