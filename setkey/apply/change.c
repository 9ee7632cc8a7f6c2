// SPDX-License-Identifier: MIT
/* Changes on their way to the kernel, and what came of each. */
#include "setkey/apply/change.h"

#include <errno.h>
#include <string.h>

/* A statement stands at an even address, so that a tag has room for what is told apart: the policy, or its twin. */
#define TAG_FWD 1u

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

static void print_which(const struct change *ch, FILE *out)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	if (ch->fwd)
		fputs(", for fwd", out);
	if (ch->src)
		fprintf(out, ", for %s %s", ipsec_addr_format(ch->src, src, sizeof(src)),
			ipsec_addr_format(ch->dst, dst, sizeof(dst)));
}

int change_refuse(struct apply *ap, const struct change *ch, int err, const char *why)
{
	const char *text = refusal_text(ch->st, err);
	char line[400];

	ap->failed = true;
	if (ap->answers)
		fprintf(ap->dump.out, "%s.\n", text);
	fflush(ap->dump.out);
	fprintf(ap->err, "setkey: %s,%u: %s: %s", ap->file, ch->st->line, text,
		statement_format(ch->st, line, sizeof(line)));
	print_which(ch, ap->err);
	fprintf(ap->err, "%s%s%s\n", why[0] ? " (" : "", why, why[0] ? ")" : "");
	if (err == -EPERM)
		ap->forbidden = true;
	if (ap->errexit || err == -EPERM)
		ap->stop = true;
	return -1;
}

void change_statement_end(struct apply *ap)
{
	char line[400];

	if (ap->st && ap->failed)
		ap->refused++;
	else if (ap->st && ap->verbose)
		fprintf(ap->dump.out, "%u: %s: ok\n", ap->st->line, statement_format(ap->st, line, sizeof(line)));
	ap->st = NULL;
}

void change_statement_begin(struct apply *ap, const struct statement *st)
{
	if (ap->st == st)
		return;
	change_statement_end(ap);
	ap->st = st;
	ap->failed = false;
}

/* One that comes after the end was decided upon is of no interest any more: all of them are refused alike. */
static void on_result(uint64_t tag, int err, void *arg)
{
	struct change ch = { .st = (const struct statement *)(uintptr_t)(tag & ~(uint64_t)TAG_FWD), .fwd = tag & TAG_FWD };
	struct apply *ap = arg;

	if (ap->stop)
		return;
	change_statement_begin(ap, ch.st);
	if (err)
		change_refuse(ap, &ch, err, ipsec_error(ap->ip));
}

/* The way to the kernel is broken: no statement is to blame. */
static int broken(struct apply *ap, int err)
{
	fflush(ap->dump.out);
	fprintf(ap->err, "setkey: %s: %s (%s)\n", ap->file, strerror(-err), ipsec_error(ap->ip));
	ap->stop = ap->forbidden = true;
	return -1;
}

void change_settle(struct apply *ap)
{
	int err;

	if (!ap->batch)
		return;
	ap->batch = false;
	err = ipsec_batch_end(ap->ip);
	change_statement_end(ap);
	if (err && !ap->stop)
		broken(ap, err);
}

static int put_now(struct apply *ap, const struct change *ch, const struct ipsec_op *op)
{
	int err;

	change_settle(ap);
	if (ap->stop)
		return -1;
	change_statement_begin(ap, ch->st);
	err = ipsec_do(ap->ip, op);
	return err ? change_refuse(ap, ch, err, ipsec_error(ap->ip)) : 0;
}

int change_put(struct apply *ap, const struct change *ch, struct ipsec_op *op)
{
	int err = 0;

	if (ap->stop)
		return -1;
	if (!ap->gather || ap->errexit || ch->src)
		return put_now(ap, ch, op);
	op->tag = (uintptr_t)ch->st | (ch->fwd ? TAG_FWD : 0);
	if (!ap->batch)
		err = ipsec_batch_begin(ap->ip, on_result, ap);
	ap->batch = !err;
	if (!err)
		err = ipsec_batch_put(ap->ip, op);
	return err && !ap->stop ? broken(ap, err) : 0;
}
