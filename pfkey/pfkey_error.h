/* SPDX-License-Identifier: MIT */
/* The kernel's errno to a PF_KEY request in one sentence. Each keeps it for ipsec_error() and returns err. */
#ifndef PFKEY_PFKEY_ERROR_H
#define PFKEY_PFKEY_ERROR_H

#include "pfkey/handle.h"

int pfkey_explain(struct ipsec *ip, int err);
int pfkey_explain_open(struct ipsec *ip, int err);
int pfkey_explain_dump(struct ipsec *ip, int err);
int pfkey_explain_sa(struct ipsec *ip, int err, const struct ipsec_sa *sa);
/* pol: NULL where none was given. */
int pfkey_explain_policy(struct ipsec *ip, int err, const struct ipsec_policy *pol);

#endif
