// SPDX-License-Identifier: MIT
/* Statements into calls of libpfkey, and refusals into messages. */
#include "setkey/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/convert.h"

#define SPI_FIRST 0x100u
#define SPI_LAST 0x0fffffffu
#define CPI_LAST 0xffffu

static bool looks_up(enum command command)
{
	return command == CMD_GET || command == CMD_DELETE || command == CMD_SPDDELETE;
}

static const char *refusal_text(const struct statement *st, int err)
{
	if (looks_up(st->command) && (err == -ESRCH || err == -ENOENT))
		return "No entry";
	return strerror(-err);
}

/* Tells what was refused, and why. why may be empty. what adds to the statement ("fwd"), or is NULL. */
static int refuse(struct apply *ap, const struct statement *st, int err, const char *why, const char *what)
{
	const char *text = refusal_text(st, err);
	char line[400];

	if (ap->answers)
		fprintf(ap->dump.out, "%s.\n", text);
	fflush(ap->dump.out);
	fprintf(ap->err, "setkey: %s,%u: %s: %s%s%s%s%s%s\n", ap->file, st->line, text,
		statement_format(st, line, sizeof(line)), what ? ", for " : "", what ? what : "",
		why[0] ? " (" : "", why, why[0] ? ")" : "");
	if (err == -EPERM)
		ap->forbidden = true;
	if (ap->errexit || err == -EPERM)
		ap->stop = true;
	return -1;
}

static int kernel_refuse(struct apply *ap, const struct statement *st, int err, const char *what)
{
	return refuse(ap, st, err, ipsec_error(ap->ip), what);
}

typedef int pair_fn(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		    const struct ipsec_addr *dst);

/* Every source with every destination of its family, as names may have several addresses. */
static int for_pairs(struct apply *ap, const struct statement *st, pair_fn *fn)
{
	int err = 0;

	for (unsigned int i = 0; i < st->src.naddrs; i++)
		for (unsigned int j = 0; j < st->dst.naddrs && !ap->stop; j++)
			if (st->src.addrs[i].family == st->dst.addrs[j].family)
				err |= fn(ap, st, &st->src.addrs[i], &st->dst.addrs[j]);
	return err;
}

static int sa_write(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		    const struct ipsec_addr *dst)
{
	struct ipsec_sa sa;
	char why[160];
	int err;

	err = convert_sa(st, src, dst, &sa, why, sizeof(why));
	if (err)
		return refuse(ap, st, err, why, NULL);
	err = st->command == CMD_UPDATE ? ipsec_sa_update(ap->ip, &sa) : ipsec_sa_add(ap->ip, &sa);
	explicit_bzero(&sa, sizeof(sa));
	return err ? kernel_refuse(ap, st, err, NULL) : 0;
}

static int apply_add(struct apply *ap, const struct statement *st)
{
	return for_pairs(ap, st, sa_write);
}

static int spi_alloc(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		     const struct ipsec_addr *dst)
{
	uint32_t min = st->sa->spi ? st->sa->spi : SPI_FIRST, max = st->sa->spi, spi;
	struct ipsec_sa larval;
	char why[160];
	int err;

	if (!max)
		max = st->proto == IPPROTO_COMP ? CPI_LAST : SPI_LAST;
	err = convert_sa(st, src, dst, &larval, why, sizeof(why));
	if (err)
		return refuse(ap, st, err, why, NULL);
	err = ipsec_spi_alloc(ap->ip, &larval, min, max, &spi);
	if (err)
		return kernel_refuse(ap, st, err, NULL);
	fprintf(ap->dump.out, "spi=%u(0x%08x)\n", spi, spi);
	return 0;
}

static int apply_getspi(struct apply *ap, const struct statement *st)
{
	return for_pairs(ap, st, spi_alloc);
}

static int sa_get(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		  const struct ipsec_addr *dst)
{
	struct ipsec_sa_id id;
	struct ipsec_sa sa;
	int err;

	(void)src;
	convert_sa_id(st, dst, &id);
	err = ipsec_sa_get(ap->ip, &id, &sa);
	if (err)
		return kernel_refuse(ap, st, err, NULL);
	dump_sa(&sa, 0, &ap->dump);
	explicit_bzero(&sa, sizeof(sa));
	return 0;
}

static int apply_get(struct apply *ap, const struct statement *st)
{
	return for_pairs(ap, st, sa_get);
}

static int sa_delete(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		     const struct ipsec_addr *dst)
{
	struct ipsec_sa_id id;
	int err;

	(void)src;
	convert_sa_id(st, dst, &id);
	err = ipsec_sa_delete(ap->ip, &id);
	return err ? kernel_refuse(ap, st, err, NULL) : 0;
}

static int apply_delete(struct apply *ap, const struct statement *st)
{
	return for_pairs(ap, st, sa_delete);
}

struct id_list {
	const struct statement *st;
	struct ipsec_sa_id *ids;
	size_t n, size;
};

static bool among(const struct ipsec_addr *addr, const struct endpoint *ep)
{
	for (unsigned int i = 0; i < ep->naddrs; i++)
		if (ipsec_addr_equal(addr, &ep->addrs[i]))
			return true;
	return false;
}

static int collect(const struct ipsec_sa *sa, void *arg)
{
	struct id_list *list = arg;
	const struct statement *st = list->st;

	if ((st->proto && sa->proto != st->proto) || !among(&sa->src, &st->src) || !among(&sa->dst, &st->dst))
		return 0;
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		struct ipsec_sa_id *ids = reallocarray(list->ids, size, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		list->ids = ids;
		list->size = size;
	}
	list->ids[list->n++] = (struct ipsec_sa_id){ sa->dst, sa->proto, sa->spi, sa->mark };
	return 0;
}

/* The kernels have no such request: the SAD is read, and what matches is deleted one by one. */
static int apply_deleteall(struct apply *ap, const struct statement *st)
{
	struct id_list list = { .st = st };
	int err;

	err = ipsec_sa_dump(ap->ip, collect, &list);
	/* -EINTR: the SAD changed meanwhile, and what was found is deleted all the same. */
	if (err && err != -EINTR)
		goto out;
	err = 0;
	for (size_t i = 0; i < list.n && !err; i++) {
		err = ipsec_sa_delete(ap->ip, &list.ids[i]);
		if (err == -ESRCH)
			err = 0;
	}
out:
	free(list.ids);
	return err ? kernel_refuse(ap, st, err, NULL) : 0;
}

static int apply_flush(struct apply *ap, const struct statement *st)
{
	int err = ipsec_sa_flush(ap->ip, st->proto);

	return err ? kernel_refuse(ap, st, err, NULL) : 0;
}

/* An empty database is worth a word, and no failure. */
static void say_empty(struct apply *ap, const struct statement *st, const char *what)
{
	if (ap->answers)
		fprintf(ap->dump.out, "No %s entries.\n", what);
	else
		fprintf(ap->err, "setkey: %s,%u: No %s entries\n", ap->file, st->line, what);
}

static int apply_dump(struct apply *ap, const struct statement *st)
{
	size_t count;
	int err = dump_sad(ap->ip, st->proto, &ap->dump, &count);

	if (err)
		return kernel_refuse(ap, st, err, NULL);
	if (!count)
		say_empty(ap, st, "SAD");
	return 0;
}

static int apply_spddump(struct apply *ap, const struct statement *st)
{
	size_t count;
	int err = dump_spd(ap->ip, &ap->dump, &count);

	if (err)
		return kernel_refuse(ap, st, err, NULL);
	if (!count)
		say_empty(ap, st, "SPD");
	return 0;
}

static int apply_spdflush(struct apply *ap, const struct statement *st)
{
	int err = ipsec_policy_flush(ap->ip);

	return err ? kernel_refuse(ap, st, err, NULL) : 0;
}

/* Level unique without a number: one that is nobody else's. */
static int choose_reqids(struct apply *ap, const struct statement *st, struct ipsec_policy *pol)
{
	int err = 0;

	for (unsigned int i = 0; i < pol->ntmpl && !err; i++)
		if (st->policy->rules[i].level == LEVEL_UNIQUE && !pol->tmpl[i].reqid)
			err = ipsec_reqid_alloc(ap->ip, &pol->tmpl[i].reqid, 1);
	return err;
}

static int policy_call(struct ipsec *ip, enum command command, const struct ipsec_policy *pol)
{
	if (command == CMD_SPDDELETE)
		return ipsec_policy_delete(ip, pol);
	return command == CMD_SPDUPDATE ? ipsec_policy_update(ip, pol) : ipsec_policy_add(ip, pol);
}

static int apply_policy(struct apply *ap, const struct statement *st)
{
	struct ipsec_policy pol;
	int err, refused = 0;
	char why[160];

	err = convert_policy(st, &pol, why, sizeof(why));
	if (err)
		return refuse(ap, st, err, why, NULL);
	err = st->command == CMD_SPDDELETE ? 0 : choose_reqids(ap, st, &pol);
	if (!err)
		err = policy_call(ap->ip, st->command, &pol);
	if (err)
		refused = kernel_refuse(ap, st, err, NULL);
	if (pol.dir != IPSEC_DIR_IN || ap->kernel_mode || ap->stop)
		return refused;
	convert_to_fwd(st, &pol);
	err = policy_call(ap->ip, st->command, &pol);
	return err ? kernel_refuse(ap, st, err, "fwd") : refused;
}

int apply_statement(struct apply *ap, const struct statement *st)
{
	static int (*const actions[COMMANDS])(struct apply *, const struct statement *) = {
		[CMD_ADD] = apply_add,
		[CMD_UPDATE] = apply_add,
		[CMD_GETSPI] = apply_getspi,
		[CMD_GET] = apply_get,
		[CMD_DELETE] = apply_delete,
		[CMD_DELETEALL] = apply_deleteall,
		[CMD_FLUSH] = apply_flush,
		[CMD_DUMP] = apply_dump,
		[CMD_SPDADD] = apply_policy,
		[CMD_SPDUPDATE] = apply_policy,
		[CMD_SPDDELETE] = apply_policy,
		[CMD_SPDFLUSH] = apply_spdflush,
		[CMD_SPDDUMP] = apply_spddump,
	};
	char line[400];
	int err;

	err = actions[st->command](ap, st);
	if (err)
		ap->refused++;
	else if (ap->verbose)
		fprintf(ap->dump.out, "%u: %s: ok\n", st->line, statement_format(st, line, sizeof(line)));
	return err;
}
