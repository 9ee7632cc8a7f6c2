/* SPDX-License-Identifier: MIT */
/* The texts that setkey prints of the SAD and the SPD; other programs parse them, so their shape never changes. */
#ifndef SETKEY_SHOW_DUMP_H
#define SETKEY_SHOW_DUMP_H

#include "pfkey/backend.h"

#include <stdio.h>
#include <time.h>

struct dump_options {
	FILE *out;
	bool all;		/* -a: dead SAs too */
	bool ports;		/* -p */
	bool brief;		/* -l: one line each */
	time_t now;		/* 0: ask the clock */
};

/*
 * Prints the SAs of proto (0: all) as they come from the kernel, newest first; nothing is collected. Numbers them like
 * PF_KEY does: sadb_seq counts from 1, and the last has 0. 0 or -errno.
 */
int dump_sad(struct ipsec *ip, uint8_t proto, const struct dump_options *opt, size_t *count);
int dump_spd(struct ipsec *ip, const struct dump_options *opt, size_t *count);

/* One of them. */
void dump_sa(const struct ipsec_sa *sa, unsigned int seq, const struct dump_options *opt);
void dump_sa_brief(const struct ipsec_sa *sa, const struct dump_options *opt);
void dump_policy(const struct ipsec_policy *pol, unsigned int seq, const struct dump_options *opt);

/* "Nov 22 02:03:21 2026", or as many blanks for 0 (never). */
const char *dump_time(uint64_t when, char *buf, size_t n);
#define DUMP_TIME_LEN 32

#endif
