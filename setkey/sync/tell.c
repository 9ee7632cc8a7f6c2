// SPDX-License-Identifier: MIT
/* What a sync says. */
#include "setkey/sync/tell.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/sync/diff.h"
#include "setkey/lang/write.h"

static const char *const diff_words[] = {
	"addresses", "mode", "reqid", "algorithm", "key", "replay window", "selector", "flags", "ports", "encapsulation",
	"output mark", "if-id", "lifetime", "offload", "direction", "keepalive", "padding", "label", "action", "priority",
	"rules", "order",
};

/* ---- what went wrong ---- */

void sync_say(struct apply *ap, const char *fmt, ...)
{
	va_list args;

	fflush(ap->dump.out);
	fprintf(ap->err, "setkey: %s: ", ap->file);
	va_start(args, fmt);
	vfprintf(ap->err, fmt, args);
	va_end(args);
	putc('\n', ap->err);
}

static void place(const struct apply *ap, const struct statement *st)
{
	fflush(ap->dump.out);
	fprintf(ap->err, "setkey: %s", ap->file);
	if (st)
		fprintf(ap->err, ",%u", st->line);
	fputs(": ", ap->err);
}

int sync_refuse(struct apply *ap, const struct statement *st, int err, const char *why, const char *what)
{
	char line[400];

	place(ap, st);
	fputs(strerror(-err), ap->err);
	if (what || st)
		fprintf(ap->err, ": %s", what ? what : statement_format(st, line, sizeof(line)));
	if (why[0])
		fprintf(ap->err, " (%s)", why);
	putc('\n', ap->err);
	ap->refused++;
	if (err == -EPERM)
		ap->forbidden = true;
	return err;
}

void sync_no_state(struct apply *ap, const struct statement *st)
{
	char line[400];

	place(ap, st);
	fprintf(ap->err, "This describes no state, which --sync and --check ask for: %s\n",
		statement_format(st, line, sizeof(line)));
}

void sync_contradiction(struct apply *ap, const struct statement *st, const struct statement *before)
{
	char line[400];

	place(ap, st);
	fprintf(ap->err, "Line %u says otherwise: %s\n", before->line, statement_format(st, line, sizeof(line)));
}

/* ---- changes as statements ---- */

static void write_delete(FILE *out, const struct ipsec_sa *sa)
{
	char src[IPSEC_ADDR_STRLEN], dst[IPSEC_ADDR_STRLEN];

	fprintf(out, "delete %s %s %s 0x%08x", ipsec_addr_format(&sa->src, src, sizeof(src)),
		ipsec_addr_format(&sa->dst, dst, sizeof(dst)), protocol_name(sa->proto), sa->spi);
	if (sa->mark.mask)
		fprintf(out, " -mark 0x%x/0x%x", sa->mark.value, sa->mark.mask);
	fputs(";\n", out);
}

static int write_sa_change(FILE *out, const struct sync_change *c, char *why, size_t n)
{
	struct ipsec_sa sa;
	int err = 0;

	if (c->op == SYNC_DELETE) {
		sync_change_old_sa(c, &sa);
		write_delete(out, &sa);
	} else {
		err = sync_change_new_sa(c, &sa);
		if (!err)
			err = write_sa(out, c->op == SYNC_ADD ? "add" : "update", &sa, false, why, n);
	}
	explicit_bzero(&sa, sizeof(sa));
	return err;
}

static int write_policy_change(FILE *out, const struct sync_change *c, char *why, size_t n)
{
	static const char *const commands[] = { [SYNC_ADD] = "spdadd", [SYNC_UPDATE] = "spdupdate", [SYNC_DELETE] = "spddelete" };
	struct ipsec_policy pol;
	int err;

	err = c->op == SYNC_DELETE ? sync_change_old_policy(c, &pol) : sync_change_new_policy(c, &pol);
	/* Indices are given by the kernel. */
	pol.index = 0;
	return err ? err : write_policy(out, commands[c->op], &pol, why, n);
}

/* The change as a statement without its newline, to be freed; NULL without memory. */
static char *change_text(const struct sync_change *c)
{
	char *text = NULL, why[200] = "";
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int err;

	if (!f)
		return NULL;
	err = c->policy ? write_policy_change(f, c, why, sizeof(why)) : write_sa_change(f, c, why, sizeof(why));
	if (err)
		fprintf(f, "# what cannot be written: %s\n", why);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	n = strcspn(text, "\n");
	text[n] = '\0';
	return text;
}

int sync_refuse_change(struct apply *ap, const struct sync_change *c, int err, const char *why)
{
	const struct statement *st = c->wish ? c->wish->st : NULL;
	char *text = change_text(c);

	sync_refuse(ap, st, err, why, text);
	free(text);
	return err;
}

/* "key, lifetime" */
static void put_diff(FILE *out, unsigned int diff)
{
	const char *comma = "";

	for (unsigned int i = 0; i < sizeof(diff_words) / sizeof(diff_words[0]); i++)
		if (diff & 1u << i) {
			fprintf(out, "%s%s", comma, diff_words[i]);
			comma = ", ";
		}
}

static int tell_change(const struct sync_change *c, const struct apply *ap)
{
	static const char signs[] = { [SYNC_ADD] = '+', [SYNC_UPDATE] = '~', [SYNC_REPLACE] = '~', [SYNC_DELETE] = '-' };
	FILE *out = ap->dump.out;
	char *text = change_text(c);

	if (!text)
		return -ENOMEM;
	fprintf(out, "%c %s", signs[c->op], text);
	free(text);
	if (c->wish)
		fprintf(out, "  # %s,%u", ap->file, c->wish->st->line);
	if (c->diff) {
		fputs(c->wish ? ": " : "  # ", out);
		put_diff(out, c->diff);
	}
	if (c->op == SYNC_REPLACE)
		fputs("; packets on their way are lost", out);
	putc('\n', out);
	return 0;
}

static json_t *diff_json(unsigned int diff)
{
	json_t *words = json_array();

	for (unsigned int i = 0; i < sizeof(diff_words) / sizeof(diff_words[0]); i++)
		if (diff & 1u << i)
			json_array_append_new(words, json_string(diff_words[i]));
	return words;
}

static int tell_change_json(const struct sync_change *c, const struct apply *ap)
{
	static const char *const ops[] = {
		[SYNC_ADD] = "add", [SYNC_UPDATE] = "change", [SYNC_REPLACE] = "change", [SYNC_DELETE] = "delete",
	};
	char *text = change_text(c);
	json_t *o = json_pack("{s:s, s:s, s:s}", "op", ops[c->op], "kind", c->policy ? "policy" : "sa", "statement",
			      text ? text : "");
	int err = !text || !o ? -ENOMEM : 0;

	if (c->wish) {
		json_object_set_new(o, "file", json_string(ap->file));
		json_object_set_new(o, "line", json_integer(c->wish->st->line));
	}
	if (c->diff)
		json_object_set_new(o, "differs", diff_json(c->diff));
	if (c->op == SYNC_REPLACE)
		json_object_set_new(o, "replaced", json_true());
	if (!err && json_dumpf(o, ap->dump.out, JSON_COMPACT | JSON_PRESERVE_ORDER))
		err = -ENOMEM;
	json_decref(o);
	free(text);
	return err;
}

/* ---- the plan ---- */

typedef int tell_fn(const struct sync_change *c, const struct apply *ap);

/* In the order of the deeds, each change once. */
static int each_change(const struct sync_plan *plan, const struct apply *ap, tell_fn *tell, const char *between)
{
	bool *told = calloc(plan->n + 1, 1), first = true;
	int err = told ? 0 : -ENOMEM;

	for (size_t i = 0; i < plan->ndeeds && !err; i++) {
		uint32_t c = plan->deeds[i].change;

		if (told[c])
			continue;
		told[c] = true;
		if (!first)
			fputs(between, ap->dump.out);
		first = false;
		err = tell(&plan->changes[c], ap);
	}
	free(told);
	return err;
}

int sync_tell_plan(const struct sync_plan *plan, const struct apply *ap, bool json, bool done)
{
	FILE *out = ap->dump.out;
	int err;

	if (json) {
		fputs("{\"changes\":[", out);
		err = each_change(plan, ap, tell_change_json, ",\n");
		fprintf(out, "],\"added\":%zu,\"changed\":%zu,\"deleted\":%zu,\"kept\":%zu}\n", plan->added, plan->changed,
			plan->deleted, plan->kept);
		return err;
	}
	err = each_change(plan, ap, tell_change, "");
	if (done)
		fprintf(out, "%zu added, %zu changed, %zu deleted, %zu stayed\n", plan->added, plan->changed,
			plan->deleted, plan->kept);
	else
		fprintf(out, "%zu to add, %zu to change, %zu to delete, %zu stay\n", plan->added, plan->changed,
			plan->deleted, plan->kept);
	return err;
}
