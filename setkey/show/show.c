// SPDX-License-Identifier: MIT
/* Dumps, with patience. */
#include "setkey/show/show.h"

#include <errno.h>
#include <string.h>

#define TRIES 10

int show_sad(struct ipsec *ip, uint8_t proto, const struct dump_options *opt, size_t *count)
{
	int err = -EINTR;

	*count = 0;
	for (unsigned int i = 0; i < TRIES && err == -EINTR && !*count; i++)
		err = dump_sad(ip, proto, opt, count);
	return err;
}

int show_spd(struct ipsec *ip, const struct dump_options *opt, size_t *count)
{
	int err = -EINTR;

	*count = 0;
	for (unsigned int i = 0; i < TRIES && err == -EINTR && !*count; i++)
		err = dump_spd(ip, opt, count);
	return err;
}

const char *show_error(int err)
{
	return err == -EINTR ? "The database changed while it was read; ask again" : strerror(-err);
}
