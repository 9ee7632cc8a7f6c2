/* SPDX-License-Identifier: MIT */
/* The kernel's errno in one sentence that names what lacks. Each keeps it for ipsec_error() and returns err. */
#ifndef PFKEY_XFRM_ERROR_H
#define PFKEY_XFRM_ERROR_H

#include "pfkey/handle.h"

/* words: the kernel's own, or "". */
int xfrm_explain(struct ipsec *ip, int err, const char *words);
int xfrm_explain_open(struct ipsec *ip, int err);
int xfrm_explain_sa(struct ipsec *ip, int err, const char *words, const struct ipsec_sa *sa);
int xfrm_explain_policy(struct ipsec *ip, int err, const char *words);

#endif
