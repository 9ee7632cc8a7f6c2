/* SPDX-License-Identifier: MIT */
/* SAs and policies as statements of setkey's language: what "setkey --dump-script" prints, and how plans name changes. */
#ifndef SETKEY_LANG_WRITE_H
#define SETKEY_LANG_WRITE_H

#include "pfkey/backend.h"

#include <stdio.h>

/*
 * One statement with its ';' and newline, which read again gives the same value (what is only read back, usage and
 * state, aside). command is "add", "update", …. keys false: each key is written as "..." and the text is for people only.
 * 0, or -EOPNOTSUPP with a sentence in why[n] where the language has no words for it: nothing was written then.
 */
int write_sa(FILE *out, const char *command, const struct ipsec_sa *sa, bool keys, char *why, size_t n);
int write_policy(FILE *out, const char *command, const struct ipsec_policy *pol, char *why, size_t n);

/*
 * The SAD (sas), the SPD (policies) or both as a script that loads to the same state with "setkey -k -f". What cannot be
 * written stands there as a comment that says why, and is counted in *left_out. 0 or -errno.
 */
int write_script(struct ipsec *ip, FILE *out, bool sas, bool policies, size_t *left_out);

#endif
