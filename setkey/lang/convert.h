/* SPDX-License-Identifier: MIT */
/* From a resolved statement to the values that libpfkey takes. */
#ifndef SETKEY_LANG_CONVERT_H
#define SETKEY_LANG_CONVERT_H

#include "setkey/lang/statement.h"

/* Each that returns int: 0, or -EOPNOTSUPP or -EINVAL and a sentence in why[n]. */

/* The SA between src and dst, for add, update and getspi. */
int convert_sa(const struct statement *st, const struct ipsec_addr *src, const struct ipsec_addr *dst,
	       struct ipsec_sa *sa, char *why, size_t n);
/* What names it, for get and delete. */
void convert_sa_id(const struct statement *st, const struct ipsec_addr *dst, struct ipsec_sa_id *id);
/* The policy, in the direction that was written. Rules at level unique without a number have reqid 0. */
int convert_policy(const struct statement *st, struct ipsec_policy *pol, char *why, size_t n);
/*
 * The fwd twin of an in policy: transit traffic that arrives through a tunnel. As it always was, the first rule takes
 * any SA where the in policy wants a unique one.
 */
void convert_to_fwd(const struct statement *st, struct ipsec_policy *pol);

#endif
