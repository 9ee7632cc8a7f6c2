/* SPDX-License-Identifier: MIT */
/* The Attributes payload of transaction exchanges: mode config and XAUTH (draft-dukes-ike-mode-cfg-02 3.2). */
#ifndef KEYD_WIRE_ISAKMP_CFG_H
#define KEYD_WIRE_ISAKMP_CFG_H

#include "keyd/wire/isakmp_attr.h"

struct isakmp_cfg {
	uint8_t type;		/* enum isakmp_cfg_type */
	uint16_t identifier;	/* an answer repeats it */
	struct view attrs;	/* well formed, without what fills them up; read with isakmp_attr_next, types are enum isakmp_cfg_attr */
};

/* WIRE_SHORT, WIRE_LENGTH. */
RD_MUST_CHECK int isakmp_cfg_get(struct isakmp_cfg *c, struct view body);
/* attrs may be empty: then the attributes follow with isakmp_attr_put… straight behind. */
void isakmp_cfg_put(struct wr *w, const struct isakmp_cfg *c);

/* One network of UNITY_SPLIT_INCLUDE or UNITY_LOCAL_LAN: Cisco's 14 bytes, of which address and mask count. */
struct isakmp_split {
	uint8_t addr[4], mask[4];
};

/* Start with r = rd_of_view(attr.value); false at the end. */
bool isakmp_split_next(struct rd *r, struct isakmp_split *s);
void isakmp_split_put(struct wr *w, const struct isakmp_split *s);

#endif
