// SPDX-License-Identifier: MIT
// The table of vendor ids.
#include "keyd/wire/isakmp_vendor.h"

#include <string.h>

#define BYTES(text) ((const uint8_t *)(text))

/* Most are MD5 of a text that the comment has; a payload must begin with the first known bytes of its row. */
static const struct {
	enum isakmp_vid vid;
	uint8_t known;		/* bytes that decide */
	uint8_t len;		/* bytes that we send; 0: we never do */
	const uint8_t *bytes;
	const char *name;
} rows[] = {
	/* the last byte is a version */
	{ ISAKMP_VID_GAPLESS, 16, 16, BYTES("gapless IKEv1: 1"), "gapless" },
	/* "RFC 3947" */
	{ ISAKMP_VID_NAT_T, 16, 16, BYTES("\x4a\x13\x1c\x81\x07\x03\x58\x45\x5c\x57\x28\xf2\x0e\x95\x45\x2f"),
	  "NAT-T (RFC 3947)" },
	/* "draft-ietf-ipsec-nat-t-ike-03" */
	{ ISAKMP_VID_NAT_T_03, 16, 16, BYTES("\x7d\x94\x19\xa6\x53\x10\xca\x6f\x2c\x17\x9d\x92\x15\x52\x9d\x56"),
	  "NAT-T (draft 03)" },
	/* "draft-ietf-ipsec-nat-t-ike-02\n" */
	{ ISAKMP_VID_NAT_T_02_N, 16, 16, BYTES("\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f"),
	  "NAT-T (draft 02, with a newline)" },
	/* "draft-ietf-ipsec-nat-t-ike-02" */
	{ ISAKMP_VID_NAT_T_02, 16, 16, BYTES("\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48"),
	  "NAT-T (draft 02)" },
	/* "draft-ietf-ipsec-nat-t-ike-00", "draft-ietf-ipsec-nat-t-ike-01" */
	{ ISAKMP_VID_NAT_T_OLD, 16, 0, BYTES("\x44\x85\x15\x2d\x18\xb6\xbb\xcd\x0b\xe8\xa8\x46\x95\x79\xdd\xcc"),
	  "NAT-T (draft 00)" },
	{ ISAKMP_VID_NAT_T_OLD, 16, 0, BYTES("\x16\xf6\xca\x16\xe4\xa4\x06\x6d\x83\x82\x1a\x0f\x0a\xea\xa8\x62"),
	  "NAT-T (draft 01)" },
	/* RFC 3706 5.1; the last two bytes are a version */
	{ ISAKMP_VID_DPD, 14, 16, BYTES("\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00"),
	  "Dead Peer Detection (RFC 3706)" },
	/* "draft-ietf-ipsra-isakmp-xauth-06.txt", the first half */
	{ ISAKMP_VID_XAUTH, 8, 8, BYTES("\x09\x00\x26\x89\xdf\xd6\xb7\x12"), "XAUTH" },
	/* "CISCO-UNITY"; the last two bytes are a version */
	{ ISAKMP_VID_UNITY, 14, 16, BYTES("\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc\x01\x00"),
	  "Cisco Unity" },
	/* "FRAGMENTATION"; four bytes of flags stand behind it: main mode and aggressive mode */
	{ ISAKMP_VID_FRAGMENTATION, 16, 20,
	  BYTES("\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3\xc0\x00\x00\x00"), "FRAGMENTATION" },
	{ ISAKMP_VID_INITIAL_CONTACT, 16, 0, BYTES("\x26\x24\x4d\x38\xed\xdb\x61\xb3\x17\x2a\x36\xe3\xd0\xcf\xb8\x19"),
	  "Microsoft Initial-Contact" },
	/* "strongSwan" */
	{ ISAKMP_VID_STRONGSWAN, 16, 0, BYTES("\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb"),
	  "strongSwan" },
	/* text behind it names the version */
	{ ISAKMP_VID_LIBRESWAN, 6, 0, BYTES("\x4f\x45\x2d\x4c\x69\x62"), "libreswan" },
	/* "KAME/racoon" */
	{ ISAKMP_VID_RACOON, 16, 0, BYTES("\x70\x03\xcb\xc1\x09\x7d\xbe\x9c\x26\x00\xba\x69\x83\xbc\x8b\x35"),
	  "racoon" },
	/* "MS NT5 ISAKMPOAKLEY"; four bytes of version stand behind it */
	{ ISAKMP_VID_WINDOWS, 16, 0, BYTES("\x1e\x2b\x51\x69\x05\x99\x1c\x7d\x7c\x96\xfc\xbf\xb5\x87\xe4\x61"),
	  "Windows" },
	/* the second half is a version */
	{ ISAKMP_VID_CISCO, 8, 0, BYTES("\x1f\x07\xf7\x0e\xaa\x65\x14\xd3"), "Cisco VPN Concentrator" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

enum isakmp_vid isakmp_vendor_get(struct view body)
{
	for (size_t i = 0; i < ROWS; i++)
		if (body.n >= rows[i].known && !memcmp(body.p, rows[i].bytes, rows[i].known))
			return rows[i].vid;
	return ISAKMP_VID_UNKNOWN;
}

struct view isakmp_vendor_bytes(enum isakmp_vid vid)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].vid == vid)
			return (struct view){ rows[i].bytes, rows[i].len };
	return (struct view){ 0 };
}

const char *isakmp_vendor_name(enum isakmp_vid vid)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].vid == vid)
			return rows[i].name;
	return "unknown";
}
