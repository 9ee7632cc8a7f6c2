// SPDX-License-Identifier: MIT
/* The SAD and the SPD as JSON arrays that are written while they are read. */
#include "setkey/show/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 10	/* while nothing was written, a dump may begin again */

struct stream {
	const struct json_options *opt;
	uint8_t proto;
	size_t count;
};

/* Only what is whole is written. */
static int write_element(struct stream *s, json_t *element)
{
	char *text = element ? json_dumps(element, JSON_COMPACT) : NULL;

	json_decref(element);
	if (!text)
		return -ENOMEM;
	fputs(s->count++ ? ",\n" : "[\n", s->opt->out);
	fputs(text, s->opt->out);
	if (s->opt->keys)
		explicit_bzero(text, strlen(text));
	free(text);
	return ferror(s->opt->out) ? -EIO : 0;
}

static int write_sa(const struct ipsec_sa *sa, void *arg)
{
	struct stream *s = arg;

	if ((s->proto && sa->proto != s->proto) || (sa->state == IPSEC_STATE_DEAD && !s->opt->all))
		return 0;
	return write_element(s, json_sa(sa, s->opt->keys));
}

static int write_policy(const struct ipsec_policy *pol, void *arg)
{
	return write_element(arg, json_policy(pol));
}

static void write_end(const struct stream *s)
{
	fputs(s->count ? "\n]\n" : "[]\n", s->opt->out);
}

int json_dump_sad(struct ipsec *ip, uint8_t proto, const struct json_options *opt, size_t *count)
{
	struct stream s = { .opt = opt, .proto = proto };
	int err = -EINTR;

	for (unsigned int i = 0; i < TRIES && err == -EINTR && !s.count; i++)
		err = ipsec_sa_dump(ip, write_sa, &s);
	write_end(&s);
	*count = s.count;
	return err;
}

int json_dump_spd(struct ipsec *ip, const struct json_options *opt, size_t *count)
{
	struct stream s = { .opt = opt };
	int err = -EINTR;

	for (unsigned int i = 0; i < TRIES && err == -EINTR && !s.count; i++)
		err = ipsec_policy_dump(ip, write_policy, &s);
	write_end(&s);
	*count = s.count;
	return err;
}
