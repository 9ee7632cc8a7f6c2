/* SPDX-License-Identifier: MIT */
/*
 * Data attributes (RFC 2408 3.3) and what they say in phase 1 (RFC 2409 appendix A) and phase 2 (RFC 2407 4.5). Each is a type
 * and a value of two bytes, or a type, a length and a value.
 */
#ifndef KEYD_WIRE_ISAKMP_ATTR_H
#define KEYD_WIRE_ISAKMP_ATTR_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

struct isakmp_attr {
	uint16_t type;		/* without the format bit */
	bool basic;		/* sent as two bytes of value */
	struct view value;	/* 2 bytes if basic */
};

/* Is attrs well formed to its end? WIRE_SHORT, WIRE_LENGTH. */
RD_MUST_CHECK int isakmp_attrs_check(struct view attrs);
/* Start with r = rd_of_view(attrs); false at the end, and where it is not well formed. */
bool isakmp_attr_next(struct rd *r, struct isakmp_attr *a);
/* The value as a number: false when it is empty or larger than 2^64 - 1. */
bool isakmp_attr_number(const struct isakmp_attr *a, uint64_t *value);

/* As they stand in *a: basic needs 2 bytes of value. */
void isakmp_attr_put(struct wr *w, const struct isakmp_attr *a);
/* In the short form. */
void isakmp_attr_put_basic(struct wr *w, uint16_t type, uint16_t value);
/* A number: in the short form where it fits, else in 4 or 8 bytes. */
void isakmp_attr_put_number(struct wr *w, uint16_t type, uint64_t value);
/* Bytes, in the long form. */
void isakmp_attr_put_bytes(struct wr *w, uint16_t type, struct view value);

/* A lifetime of 0 is not stated. */
struct isakmp_life {
	uint64_t seconds, kilobytes;
};

/* What a phase 1 transform says; 0: not stated. */
struct isakmp_ike_attrs {
	uint16_t encr, hash, auth, group;	/* enum isakmp_encr, isakmp_hash, isakmp_auth; group: IANA's number */
	uint16_t key_bits, prf;
	struct isakmp_life life;
	bool unknown;		/* an attribute that we do not know, twice the same, or of another form: do not choose this one */
};

/* What an AH or ESP transform says; 0: not stated. */
struct isakmp_ipsec_attrs {
	uint16_t group, encap, auth, key_bits;	/* enum isakmp_encap, isakmp_ipsec_auth */
	uint16_t esn;		/* 1: 64-bit sequence numbers (RFC 4304) */
	struct isakmp_life life;
	bool unknown;
};

/*
 * 0, or as isakmp_attrs_check; *a is filled in as far as possible. RESPONDER-LIFETIME has nothing but a lifetime.
 */
RD_MUST_CHECK int isakmp_ike_attrs_get(struct isakmp_ike_attrs *a, struct view attrs);
RD_MUST_CHECK int isakmp_ipsec_attrs_get(struct isakmp_ipsec_attrs *a, struct view attrs);
/* What is 0 is left out. unknown is not looked at. */
void isakmp_ike_attrs_put(struct wr *w, const struct isakmp_ike_attrs *a);
void isakmp_ipsec_attrs_put(struct wr *w, const struct isakmp_ipsec_attrs *a);

#endif
