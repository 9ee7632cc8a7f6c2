/* SPDX-License-Identifier: MIT */
/* Dumps that are asked for again when the database changed under them, as long as nothing of them was printed. */
#ifndef SETKEY_SHOW_SHOW_H
#define SETKEY_SHOW_SHOW_H

#include "setkey/show/dump.h"

/*
 * As dump_sad and dump_spd. -EINTR: it changed after entries were printed (or keeps changing), so that some may be
 * missing or told twice.
 */
int show_sad(struct ipsec *ip, uint8_t proto, const struct dump_options *opt, size_t *count);
int show_spd(struct ipsec *ip, const struct dump_options *opt, size_t *count);
/* What -errno of a dump means to a person. */
const char *show_error(int err);

#endif
