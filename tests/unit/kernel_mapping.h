/* SPDX-License-Identifier: MIT */
/* The event by which models of a kernel tell that a peer sends ESP in UDP from elsewhere than an SA says. */
#ifndef TESTS_UNIT_KERNEL_MAPPING_H
#define TESTS_UNIT_KERNEL_MAPPING_H

#include "pfkey/ipsec.h"

/* The kernel takes such a packet from anywhere. False: it came from where sa says, and there is nothing to tell. */
static inline bool kernel_mapping(const struct ipsec_sa *sa, const struct ipsec_addr *src, uint16_t sport,
				  struct ipsec_event *ev)
{
	if (!sa->encap.type || (sa->encap.sport == sport && ipsec_addr_equal(&sa->src, src)))
		return false;
	*ev = (struct ipsec_event){ .type = IPSEC_EVENT_MAPPING };
	ev->mapping.id = (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi };
	ev->mapping.old_addr = sa->src;
	ev->mapping.old_port = sa->encap.sport;
	ev->mapping.new_addr = *src;
	ev->mapping.new_port = sport;
	return true;
}

#endif
