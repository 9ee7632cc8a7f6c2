// SPDX-License-Identifier: MIT
/* Statements into calls of libpfkey. */
#include "setkey/apply/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/apply/change.h"
#include "setkey/lang/convert.h"
#include "setkey/show/show.h"

#define SPI_FIRST 0x100u
#define SPI_LAST 0x0fffffffu
#define CPI_LAST 0xffffu

/* A refusal that is no change's: of setkey itself, or of a question. */
static int refuse(struct apply *ap, const struct statement *st, int err, const char *why)
{
	change_settle(ap);
	if (ap->stop)
		return -1;
	change_statement_begin(ap, st);
	return change_refuse(ap, &(struct change){ .st = st }, err, why);
}

static int kernel_refuse(struct apply *ap, const struct statement *st, int err)
{
	return refuse(ap, st, err, ipsec_error(ap->ip));
}

static int put(struct apply *ap, const struct statement *st, struct ipsec_op *op)
{
	return change_put(ap, &(struct change){ .st = st }, op);
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

/* For messages, a pair is worth naming only where there are several. */
static struct change of_pair(const struct statement *st, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	bool several = st->src.naddrs > 1 || st->dst.naddrs > 1;

	return (struct change){ .st = st, .src = several ? src : NULL, .dst = several ? dst : NULL };
}

static int sa_write(struct apply *ap, const struct statement *st, const struct ipsec_addr *src,
		    const struct ipsec_addr *dst)
{
	struct ipsec_op op = { .type = st->command == CMD_UPDATE ? IPSEC_OP_SA_UPDATE : IPSEC_OP_SA_ADD };
	struct change ch = of_pair(st, src, dst);
	struct ipsec_sa sa;
	char why[160];
	int err;

	err = convert_sa(st, src, dst, &sa, why, sizeof(why));
	if (err)
		return refuse(ap, st, err, why);
	op.sa = &sa;
	err = change_put(ap, &ch, &op);
	explicit_bzero(&sa, sizeof(sa));
	return err;
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
		return refuse(ap, st, err, why);
	err = ipsec_spi_alloc(ap->ip, &larval, min, max, &spi);
	if (err)
		return kernel_refuse(ap, st, err);
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
		return kernel_refuse(ap, st, err);
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
	struct ipsec_op op = { .type = IPSEC_OP_SA_DELETE };
	struct change ch = of_pair(st, src, dst);
	struct ipsec_sa_id id;

	convert_sa_id(st, dst, &id);
	op.sa_id = &id;
	return change_put(ap, &ch, &op);
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

/* One that went by itself meanwhile is as good as deleted. */
static void note_deleted(uint64_t tag, int err, void *arg)
{
	int *worst = arg;

	(void)tag;
	if (err && err != -ESRCH && !*worst)
		*worst = err;
}

static int delete_all(struct ipsec *ip, const struct id_list *list)
{
	int worst = 0, err, end;

	err = ipsec_batch_begin(ip, note_deleted, &worst);
	if (err)
		return err;
	for (size_t i = 0; i < list->n && !err; i++)
		err = ipsec_batch_put(ip, &(struct ipsec_op){ .type = IPSEC_OP_SA_DELETE, .sa_id = &list->ids[i] });
	end = ipsec_batch_end(ip);
	return err ? err : end ? end : worst;
}

/* The kernels have no such request: the SAD is read, and what matches is deleted. */
static int apply_deleteall(struct apply *ap, const struct statement *st)
{
	struct id_list list = { .st = st };
	int err;

	err = ipsec_sa_dump(ap->ip, collect, &list);
	/* -EINTR: the SAD changed meanwhile, and what was found is deleted all the same. */
	if (!err || err == -EINTR)
		err = delete_all(ap->ip, &list);
	free(list.ids);
	return err ? kernel_refuse(ap, st, err) : 0;
}

static int apply_flush(struct apply *ap, const struct statement *st)
{
	return put(ap, st, &(struct ipsec_op){ .type = IPSEC_OP_SA_FLUSH, .proto = st->proto });
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
	int err = show_sad(ap->ip, st->proto, &ap->dump, &count);

	if (err)
		return kernel_refuse(ap, st, err);
	if (!count)
		say_empty(ap, st, "SAD");
	return 0;
}

static int apply_spddump(struct apply *ap, const struct statement *st)
{
	size_t count;
	int err = show_spd(ap->ip, &ap->dump, &count);

	if (err)
		return kernel_refuse(ap, st, err);
	if (!count)
		say_empty(ap, st, "SPD");
	return 0;
}

static int apply_spdflush(struct apply *ap, const struct statement *st)
{
	return put(ap, st, &(struct ipsec_op){ .type = IPSEC_OP_POLICY_FLUSH });
}

/* Level unique without a number: one that is nobody else's. */
static int choose_reqids(struct apply *ap, const struct statement *st, struct ipsec_policy *pol)
{
	int err = 0;

	for (unsigned int i = 0; i < pol->ntmpl && !err; i++) {
		if (st->policy->rules[i].level != LEVEL_UNIQUE || pol->tmpl[i].reqid)
			continue;
		if (!reqids_left(&ap->reqids))
			change_settle(ap);
		err = reqids_take(&ap->reqids, ap->ip, &pol->tmpl[i].reqid);
	}
	return err;
}

static int apply_policy(struct apply *ap, const struct statement *st)
{
	static const uint8_t types[COMMANDS] = {
		[CMD_SPDADD] = IPSEC_OP_POLICY_ADD,
		[CMD_SPDUPDATE] = IPSEC_OP_POLICY_UPDATE,
		[CMD_SPDDELETE] = IPSEC_OP_POLICY_DELETE,
	};
	struct ipsec_policy pol;
	struct ipsec_op op = { .type = types[st->command], .policy = &pol };
	char why[160];
	int err;

	err = convert_policy(st, &pol, why, sizeof(why));
	if (err)
		return refuse(ap, st, err, why);
	err = st->command == CMD_SPDDELETE ? 0 : choose_reqids(ap, st, &pol);
	if (err)
		return kernel_refuse(ap, st, err);
	err = put(ap, st, &op);
	if (pol.dir != IPSEC_DIR_IN || ap->kernel_mode)
		return err;
	convert_to_fwd(st, &pol);
	return change_put(ap, &(struct change){ .st = st, .fwd = true }, &op) | err;
}

/* changes: what may be gathered; the others need what is before them to be done. */
static const struct action {
	int (*fn)(struct apply *ap, const struct statement *st);
	bool changes;
} actions[COMMANDS] = {
	[CMD_ADD] = { apply_add, true },
	[CMD_UPDATE] = { apply_add, true },
	[CMD_GETSPI] = { apply_getspi, false },
	[CMD_GET] = { apply_get, false },
	[CMD_DELETE] = { apply_delete, true },
	[CMD_DELETEALL] = { apply_deleteall, false },
	[CMD_FLUSH] = { apply_flush, true },
	[CMD_DUMP] = { apply_dump, false },
	[CMD_SPDADD] = { apply_policy, true },
	[CMD_SPDUPDATE] = { apply_policy, true },
	[CMD_SPDDELETE] = { apply_policy, true },
	[CMD_SPDFLUSH] = { apply_spdflush, true },
	[CMD_SPDDUMP] = { apply_spddump, false },
};

int apply_statement(struct apply *ap, const struct statement *st)
{
	const struct action *action = &actions[st->command];
	int err;

	if (!action->changes) {
		change_settle(ap);
		if (ap->stop)
			return -1;
		change_statement_begin(ap, st);
	}
	err = action->fn(ap, st);
	if (!ap->batch)
		change_statement_end(ap);
	return err;
}

void apply_settle(struct apply *ap)
{
	change_settle(ap);
}
