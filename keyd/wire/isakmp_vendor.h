/* SPDX-License-Identifier: MIT */
/* Vendor ids that mean something to us, or tell who speaks (RFC 2408 3.16). */
#ifndef KEYD_WIRE_ISAKMP_VENDOR_H
#define KEYD_WIRE_ISAKMP_VENDOR_H

#include "keyd/util/rd.h"

enum isakmp_vid {
	ISAKMP_VID_UNKNOWN,
	ISAKMP_VID_GAPLESS,		/* our like: what we do beyond the RFCs */
	ISAKMP_VID_NAT_T,		/* RFC 3947 */
	ISAKMP_VID_NAT_T_03,		/* draft-ietf-ipsec-nat-t-ike-03: as the RFC, with the draft's numbers */
	ISAKMP_VID_NAT_T_02,		/* draft-ietf-ipsec-nat-t-ike-02 */
	ISAKMP_VID_NAT_T_02_N,		/* the same, where a newline got into the hash */
	ISAKMP_VID_NAT_T_OLD,		/* 00 and 01: without the change of ports; not spoken */
	ISAKMP_VID_DPD,			/* RFC 3706 */
	ISAKMP_VID_XAUTH,		/* draft-beaulieu-ike-xauth-02 */
	ISAKMP_VID_UNITY,		/* Cisco's: mode config with split networks, banner and the like */
	ISAKMP_VID_FRAGMENTATION,	/* Cisco's, which Windows has, too: takes fragments */
	ISAKMP_VID_INITIAL_CONTACT,	/* Windows */
	ISAKMP_VID_STRONGSWAN,
	ISAKMP_VID_LIBRESWAN,
	ISAKMP_VID_RACOON,
	ISAKMP_VID_WINDOWS,
	ISAKMP_VID_CISCO,
	ISAKMP_VID_END
};

/* Which one a VID payload is; its version bytes, and what some append, are not looked at. */
enum isakmp_vid isakmp_vendor_get(struct view body);
/* The bytes to send; empty for what we never say. Static. */
struct view isakmp_vendor_bytes(enum isakmp_vid vid);
/* "NAT-T (RFC 3947)"; never NULL. */
const char *isakmp_vendor_name(enum isakmp_vid vid);

#endif
